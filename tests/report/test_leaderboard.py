"""The leaderboard: what compares stands together, what does not stands apart, and strangers are named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from carbonbench_core.errors import UsageError
from carbonbench_core.report.leaderboard import Leaderboard, leaderboard
from carbonbench_core.report.rows import write_row


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
    assert header == ["model", "seed", "R2 GPP", "R2 RECO", "R2 NEE", "RMSE GPP", "RMSE RECO", "RMSE NEE", "towers"]
    assert line == ["ridge", "0", "0.500", "0.400", "0.200", "1.800", "1.200", "1.100", "92"]


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
    assert "| a\\|b | 0 | 0.500 |" in text
    # every line of a table has the nine columns of its header
    lines = [line.replace("\\|", "") for line in text.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in lines} == {10}


def test_text_columns_line_up(tmp_path: Path) -> None:
    table = str(board(tmp_path, row("short", -12.5), row("a-much-longer-name"))).split("\n\n")[0].splitlines()[1:]
    assert len({len(line) for line in table}) == 1
