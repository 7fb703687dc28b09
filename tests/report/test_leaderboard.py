"""The leaderboard: what compares stands together, what does not stands apart, and strangers are named."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from carbonbench_core.errors import UsageError
from carbonbench_core.report import leaderboard as leaderboard_module
from carbonbench_core.report.leaderboard import Leaderboard, leaderboard
from carbonbench_core.report.rows import SITES, write_row
from carbonbench_core.report.views import cells_by, comparison_cells


def row(model: str, gpp: float | None = 0.5, **changes: object) -> dict:
    return {
        "protocol": "veg_holdout",
        "protocol_digest": "0123456789abcdef",
        "data_digest": "fedcba9876543210",
        "feature_set": "minimal",
        "model": model,
        "settings": "{}",
        "seed": 0,
        "synthetic": False,
        "n_sites": 92,
        "gpp.r2.q50": gpp,
        "reco.r2.q50": 0.4,
        "nee.r2.q50": 0.2,
        "gpp.rmse.q50": 1.8,
        "reco.rmse.q50": 1.2,
        "nee.rmse.q50": 1.1,
    } | changes


def board(folder: Path, *rows: dict) -> Leaderboard:
    for one in rows:
        write_row(one, folder)
    return leaderboard(folder)


def models(found: Leaderboard) -> list[list[str]]:
    return [[line[0] for line in table.cells()[1:]] for table in found.tables]


def test_models_are_sorted_by_the_median_r2_of_gpp_and_the_undefined_stand_last(tmp_path: Path) -> None:
    found = board(tmp_path, row("low", 0.1), row("none", None), row("high", 0.7), row("below", -3.0))
    assert models(found) == [["high", "low", "below", "none"]]
    assert found.tables[0].cells()[-1][2] == "-"


def test_it_shows_r2_and_rmse_of_every_flux_and_the_towers(tmp_path: Path) -> None:
    header, line = board(tmp_path, row("ridge")).tables[0].cells()
    assert header == ["model", "seeds", "R2 GPP", "R2 RECO", "R2 NEE", "RMSE GPP", "RMSE RECO", "RMSE NEE", "towers"]
    assert line == ["ridge", "1", "0.500", "0.400", "0.200", "1.800", "1.200", "1.100", "92"]


@pytest.mark.parametrize(
    "change",
    [{"protocol_digest": "x"}, {"data_digest": "x"}, {"feature_set": "full"}, {"protocol": "climate_holdout"}],
)
def test_rows_of_other_data_protocol_or_features_stand_in_a_table_of_their_own(tmp_path: Path, change: dict) -> None:
    found = board(tmp_path, row("a"), row("b", 0.9, **change), row("c"))
    assert sorted(models(found)) == [["a", "c"], ["b"]]
    assert len({table.title for table in found.tables}) == 2


def test_what_comes_from_made_up_data_is_marked_in_its_title_alone(tmp_path: Path) -> None:
    found = board(tmp_path, row("a"), row("b", data_digest="x", synthetic=True))
    titles = [table.title for table in found.tables]
    assert [title.startswith("SYNTHETIC ") for title in titles] == [False, True]
    assert str(found).count("SYNTHETIC") == 1


def test_settings_are_shown_where_rows_of_a_model_differ_in_them(tmp_path: Path) -> None:
    found = board(
        tmp_path,
        row("climatology", 0.3, settings=json.dumps({"by": "igbp", "width": 10})),
        row("climatology", 0.2, settings=json.dumps({"by": "mean", "width": 10})),
        row("ridge", 0.1, settings=json.dumps({"alpha": 1.0})),
    )
    assert models(found) == [["climatology (by=igbp)", "climatology (by=mean)", "ridge"]]


def test_files_that_are_no_result_rows_are_named_and_counted_and_the_rest_is_shown(tmp_path: Path) -> None:
    write_row(row("ridge"), tmp_path)
    (tmp_path / "broken.json").write_text('{"protocol": ')
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "foreign.json").write_text('{"name": "package"}')
    (tmp_path / "veg_holdout" / "old.json").write_text(
        json.dumps({k: v for k, v in row("x").items() if k != "nee.r2.q50"})
    )
    (tmp_path / "veg_holdout" / "text.json").write_text(json.dumps(row("x", "much")))
    (tmp_path / "notes.txt").write_text("not looked at")
    found = leaderboard(tmp_path)
    assert models(found) == [["ridge"]]
    assert found.skipped == {
        "binary.json": "unreadable: UnicodeDecodeError",
        "broken.json": "unreadable: JSONDecodeError",
        "foreign.json": "no protocol",
        "list.json": "not a JSON object",
        "veg_holdout/old.json": "no nee.r2.q50",
        "veg_holdout/text.json": "no gpp.r2.q50",
    }
    assert "Skipped 6 files that are no result rows: binary.json (unreadable: UnicodeDecodeError)" in str(found)


def test_a_row_of_an_unknown_kind_is_named(tmp_path: Path) -> None:
    write_row(row("ridge"), tmp_path)
    (tmp_path / "x.json").write_text(json.dumps(row("x", kind="guessed")))
    assert leaderboard(tmp_path).skipped == {
        "x.json": "kind 'guessed' is none of measured, submitted, published, product"
    }


def test_seeds_of_a_model_stand_in_one_line_with_their_mean(tmp_path: Path) -> None:
    found = board(tmp_path, row("b", 0.2), row("a", 0.3), row("a", 0.5, seed=1), row("a", None, seed=2))
    assert [line[:3] for line in found.tables[0].cells()[1:]] == [["a", "3", "0.400"], ["b", "1", "0.200"]]
    assert len(found.rows) == 4


def towers(r2: np.ndarray, **changes: object) -> pd.DataFrame:
    """Return the towers of a row: the same R2 and RMSE for every target."""
    table = pd.DataFrame({"site_id": [f"AA-{i:02d}" for i in range(len(r2))], "r2": r2, "rmse": 1 - r2})
    table = table.assign(cluster=table["site_id"], igbp="ENF", koppen_main="D", n=40, **changes)
    return pd.concat([table.assign(target=target) for target in ("gpp", "reco", "nee")], ignore_index=True)


def test_intervals_stand_beside_the_medians_and_ties_with_the_best_are_marked(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(0.5, 0.2, 60)
    for model, r2 in (("good", base), ("near", base + rng.normal(-0.001, 0.1, 60)), ("poor", base - 0.2)):
        write_row(row(model, float(np.median(r2))), tmp_path, towers(r2))
    write_row(row("old", 0.1), tmp_path)
    table = leaderboard(tmp_path).tables[0]
    cells = {line[0]: line[2] for line in table.cells()[1:]}
    assert all(re.fullmatch(r"\d\.\d{3} \[0\.\d\d, 0\.\d\d\]( =)?", cells[m]) for m in ("good", "near", "poor"))
    assert [m for m, cell in cells.items() if cell.endswith("=")] == ["good", "near"]
    # A row from before towers were kept still stands, without an interval.
    assert cells["old"] == "0.100"
    assert set(table.compare("gpp").models) == {"good", "near", "poor"}
    assert table.compare("gpp", "rmse").models[0] in ("good", "near")


def test_ranks_differences_and_wins_beside_the_best_stand_below_with_their_intervals(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(0.5, 0.2, 60)
    for model, r2 in (("good", base), ("near", base + rng.normal(-0.001, 0.1, 60)), ("poor", base - 0.2)):
        write_row(row(model, float(np.median(r2))), tmp_path, towers(r2))
    write_row(row("old", 0.1), tmp_path)
    found = leaderboard(tmp_path)
    header, *lines = comparison_cells(found.tables[0])
    assert header[:4] == ["model", "rank GPP", "to the best GPP", "towers won GPP"]
    by = {line[0]: line[1:4] for line in lines}
    best = min(by, key=lambda model: by[model][0])
    assert by[best][1:] == ["best", "-"]
    # Worse by 0.2, twice the spread between the others: third in every draw, seldom better.
    assert by["poor"][0] == "3 [3, 3]"
    assert int(by["poor"][2].split(" %")[0]) < 10
    assert re.fullmatch(r"-0\.\d{3} \[-0\.\d\d, -0\.\d\d\]", by["poor"][1])
    # A row without towers cannot be compared.
    assert "old" not in by
    assert "beside the best" in found.markdown()
    assert "at how many towers" in str(found)


def test_one_model_alone_is_beside_nothing(tmp_path: Path) -> None:
    write_row(row("a"), tmp_path, towers(np.linspace(0, 1, 30)))
    assert comparison_cells(leaderboard(tmp_path).tables[0]) == []
    assert "beside the best" not in str(leaderboard(tmp_path))


def test_medians_by_class_and_by_days_are_a_view_of_their_own(tmp_path: Path) -> None:
    keys = {"gpp.r2.q50.igbp=ENF": 0.6, "gpp.r2.q50.igbp=GRA": 0.1}
    keys |= {"gpp.n_sites.igbp=ENF": 12, "gpp.n_sites.igbp=GRA": 7}
    keys |= {"nee.r2.q50.days=heat": -0.2, "nee.r2.q50.days=heat.low": -0.9, "nee.n_sites.days=heat": 30}
    found = board(tmp_path, row("a", 0.9, **keys), row("b", 0.1))
    assert cells_by(found.tables[0], "igbp") == [["model", "ENF (12)", "GRA (7)"], ["a", "0.600", "0.100"]]
    assert cells_by(found.tables[0], "days", "nee") == [["model", "heat (30)"], ["a", "-0.200"]]
    assert "r2 of gpp by igbp (towers)" in found.by("igbp")
    with pytest.raises(UsageError, match=r"No row has scores by continent.*carbonbench run"):
        found.by("continent")
    with pytest.raises(UsageError, match="Got by='soil', expected one of igbp"):
        found.by("soil")


def test_a_preset_is_named_beside_the_model_and_its_settings_are_not_told_from_the_default(tmp_path: Path) -> None:
    found = board(
        tmp_path,
        row("lstm", 0.5, preset="default", settings=json.dumps({"hidden": 64})),
        row("lstm", 0.4, preset="published", settings=json.dumps({"hidden": 256})),
        row("lstm", 0.3, preset="published", settings=json.dumps({"hidden": 128})),
    )
    assert models(found) == [["lstm", "lstm (published, hidden=256)", "lstm (published, hidden=128)"]]


def test_seeds_with_towers_are_compared_as_one_model(tmp_path: Path) -> None:
    base = np.random.default_rng(0).normal(0.5, 0.2, 60)
    for seed in range(3):
        write_row(row("a", seed=seed), tmp_path, towers(base + 0.1 * seed))
    write_row(row("b"), tmp_path, towers(base))
    found = leaderboard(tmp_path).tables[0].compare("gpp")
    assert found.models == ["a", "b"]
    assert found.value[0].value == pytest.approx(np.median(base) + 0.1, abs=1e-6)


def test_towers_that_are_not_those_of_the_row_are_named_and_not_used(tmp_path: Path) -> None:
    path = write_row(row("a"), tmp_path, towers(np.linspace(0, 1, 30)))
    beside = path.with_name(path.stem + SITES)
    other = write_row(row("b"), tmp_path, towers(np.linspace(0, 0.5, 30)))
    beside.write_bytes(other.with_name(other.stem + SITES).read_bytes())
    found = leaderboard(tmp_path)
    assert found.skipped == {f"veg_holdout/{beside.name}": "not the towers of the row beside it"}
    assert found.tables[0].compare("gpp").models == ["b"]


def test_neighbouring_towers_count_together(tmp_path: Path) -> None:
    r2 = np.repeat(np.random.default_rng(0).normal(0.5, 0.2, 20), 3)
    pairs = towers(r2).assign(cluster=np.tile(np.repeat(np.arange(20), 3), 3).astype(str))
    widths = []
    for i, table in enumerate((towers(r2), pairs)):
        write_row(row("a"), tmp_path / str(i), table)
        found = leaderboard(tmp_path / str(i)).tables[0].intervals("gpp", "r2")["a"]
        widths.append(found.high - found.low)
    # Sixty towers that are twenty in truth: an interval wider by about the square root of three.
    assert 1.3 < widths[1] / widths[0] < 2.4


def published(folder: Path, protocol: str = "veg_holdout", feature_set: str = "minimal") -> None:
    folder.mkdir(exist_ok=True)
    (folder / "as_published.csv").write_text(
        "# where from\nkind,source,version,protocol,feature_set,model,n_sites,gpp.r2.q50,nee.r2.q50\n"
        f"published,arXiv:1,474-site,{protocol},{feature_set},lstm,96,0.9,0.8\n"
        f"product,arXiv:1,567-site,{protocol},product,inversion,117,,0.7\n"
    )


def test_figures_of_others_stand_last_marked_and_unranked(tmp_path: Path) -> None:
    published(tmp_path)
    found = board(tmp_path, row("low", 0.1), row("none", None))
    lines = found.tables[0].cells()[1:]
    assert [line[0] for line in lines] == ["low", "none", "lstm (as published)", "inversion (product)"]
    assert lines[2][2:5] == ["0.900", "-", "0.800"]
    assert [entry.label for entry in found.tables[0].ranked] == ["low", "none"]
    assert "not ranked" in str(found)
    assert [r["data_digest"] for r in found.rows] == ["fedcba9876543210"] * 2 + ["474-site", "567-site"]


def test_figures_of_others_stand_only_in_tables_of_their_protocol_and_features(tmp_path: Path) -> None:
    published(tmp_path, "climate_holdout")
    assert models(board(tmp_path, row("low"))) == [["low"]]
    published(tmp_path, feature_set="full")
    found = leaderboard(tmp_path)
    assert models(found) == [["low", "inversion (product)"]]


def test_the_transcribed_figures_are_read_as_they_are_published() -> None:
    rows = leaderboard_module._published(Path(__file__).resolve().parents[2] / "results" / "as_published.csv")
    by = {(r["protocol"], r["feature_set"], r["model"]): r for r in rows}
    # The best published medians.
    assert by["published_climate", "minimal", "ctlstm"]["gpp.r2.q50"] == pytest.approx(0.648, abs=5e-4)
    assert by["published_climate", "minimal", "ctlstm"]["nee.r2.q50"] == pytest.approx(0.296, abs=5e-4)
    assert by["published_climate", "minimal", "tam-rl"]["reco.r2.q50"] == pytest.approx(0.593, abs=5e-4)
    assert by["published_veg", "minimal", "lgbm"]["nee.r2.q50"] == pytest.approx(0.219, abs=5e-4)
    assert {r["kind"] for r in rows} == {"published", "product"}
    assert {r["source"] for r in rows} == {"arXiv:2603.09868"}


def test_submitted_rows_are_ranked_unless_they_have_seen_the_test_towers(tmp_path: Path) -> None:
    found = board(
        tmp_path,
        row("mine", 0.5),
        row("yours", 0.9, kind="submitted"),
        row("peeked", 0.99, kind="submitted", test_towers_seen=True),
    )
    assert models(found) == [["yours (submitted)", "mine", "peeked (submitted) (has seen test towers)"]]
    assert [entry.label for entry in found.tables[0].ranked] == ["yours (submitted)", "mine"]


def test_a_model_of_which_one_seed_has_seen_the_test_towers_is_not_ranked(tmp_path: Path) -> None:
    found = board(tmp_path, row("peeked", 0.9), row("peeked", 0.9, seed=1, test_towers_seen=True), row("mine", 0.5))
    assert models(found) == [["mine", "peeked (has seen test towers)"]]


def test_noise_ceilings_that_rows_carry_stand_below(tmp_path: Path) -> None:
    ceiling = {"gpp.ceiling_partitioning.q50": 0.95, "nee.ceiling_random.q50": 0.8}
    found = board(tmp_path, row("a", **ceiling), row("b"))
    assert [line[:5] for line in found.tables[0].cells()[3:]] == [
        ["noise ceiling: partitioning", "", "0.950", "-", "-"],
        ["noise ceiling: random", "", "-", "-", "0.800"],
    ]


def test_an_empty_folder_is_wrong_use_and_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"No result row.*no \.json file.*carbonbench run"):
        leaderboard(tmp_path)
    with pytest.raises(UsageError, match=r"No folder .*absent.*carbonbench run"):
        leaderboard(tmp_path / "absent")
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(UsageError, match=r"No result row.*Skipped 1 files.*a\.json \(no protocol\)"):
        leaderboard(tmp_path)


def test_the_tables_depend_on_the_rows_alone_not_on_names_or_order_of_files(tmp_path: Path) -> None:
    rows = [row("a", 0.5), row("b", 0.5), row("b", 0.5, seed=1), row("c", 0.6, feature_set="full")]
    first = board(tmp_path / "one", *rows)
    for i, one in enumerate(reversed(rows)):
        path = tmp_path / "two" / "anywhere" / f"{i}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(one))
    assert str(leaderboard(tmp_path / "two")) == str(first)
    assert leaderboard(tmp_path / "two").rows == first.rows


def test_markdown_has_a_heading_and_a_table_per_group(tmp_path: Path) -> None:
    text = board(tmp_path, row("a|b"), row("c", feature_set="full")).markdown()
    assert text.count("### veg_holdout, feature set ") == 2
    assert "| a\\|b | 1 | 0.500 |" in text
    # every line of a table has the nine columns of its header
    lines = [line.replace("\\|", "") for line in text.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in lines} == {10}


def test_text_columns_line_up(tmp_path: Path) -> None:
    table = str(board(tmp_path, row("short", -12.5), row("a-much-longer-name"))).split("\n\n")[0].splitlines()[1:]
    assert len({len(line) for line in table}) == 1
