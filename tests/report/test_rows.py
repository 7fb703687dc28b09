"""Result rows: flat, JSON, attributed, and written whole or not at all."""

from __future__ import annotations

import json
import math
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from carbonbench_core.errors import UsageError
from carbonbench_core.report import rows as module
from carbonbench_core.report.intervals import clusters_of, scores_in
from carbonbench_core.report.provenance import code_version
from carbonbench_core.report.rows import SITES, result_row, sites_to_keep, write_row
from carbonbench_core.report.score import score, site_table
from carbonbench_core.schema import TARGETS

RUN = {
    "protocol": "veg_holdout",
    "protocol_digest": "p" * 16,
    "data_digest": "d" * 16,
    "feature_set": "minimal",
    "model": "ridge",
}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Return two towers of 40 days, one of them with constant GPP."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"site_id": ["A"] * 40 + ["B"] * 40, "igbp": ["ENF"] * 40 + ["GRA"] * 40, "koppen_main": "D"})
    frame["date"] = np.tile(np.datetime64("2010-01-01") + np.arange(40), 2)
    frame[list(TARGETS)] = rng.normal(size=(80, 3))
    frame.loc[40:, "gpp"] = 1.0
    return frame


@pytest.fixture(scope="module")
def predictions(frame: pd.DataFrame) -> pd.DataFrame:
    predictions = frame[["site_id", "date", *TARGETS]].copy()
    predictions[list(TARGETS)] += np.random.default_rng(1).normal(size=(80, 3))
    return predictions


@pytest.fixture(scope="module")
def scores(frame: pd.DataFrame, predictions: pd.DataFrame) -> dict:
    return score(predictions, frame)


def test_a_row_is_flat_and_survives_json_unchanged(scores: dict) -> None:
    row = result_row(scores, **RUN, settings={"alpha": 1.0}, seed=3)
    assert not [key for key, value in row.items() if isinstance(value, dict | list)]
    assert json.loads(json.dumps(row, allow_nan=False)) == row


def test_every_score_has_its_quartiles_over_all_towers(scores: dict) -> None:
    row = result_row(scores, **RUN)
    for target in TARGETS:
        for name in scores_in(site_table(scores)):
            for q in ("q25", "q50", "q75"):
                got, expected = row[f"{target}.{name}.{q}"], scores[target][name][q]
                assert (got is None) if math.isnan(expected) else (got == pytest.approx(expected, rel=1e-5))
    assert (row["gpp.r2.n_undefined"], row["n_sites"], row["n_days"]) == (1, 2, 80)
    # Said only where a tower lacks the score.
    assert "nee.r2.n_undefined" not in row
    assert row["physics.closure.q50"] == pytest.approx(scores["physics"]["closure"]["q50"], rel=1e-5)


def test_r2_stands_by_class_and_the_main_scores_with_their_means_over_classes(scores: dict) -> None:
    row = result_row(scores, **RUN)
    assert row["nee.r2.q50.igbp=ENF"] == pytest.approx(scores["nee"]["igbp"]["ENF"]["r2"]["q50"], rel=1e-5)
    assert row["nee.n_sites.koppen_main=D"] == 2
    assert row["nee.r2.macro_igbp"] == pytest.approx(scores["nee"]["r2"]["macro_igbp"], rel=1e-5)
    assert row["nee.nnse.mean"] == pytest.approx(scores["nee"]["nnse"]["mean"], rel=1e-5)
    assert "nee.rmse_weekly.macro_igbp" not in row


def test_what_a_row_leaves_out_follows_from_the_towers_beside_it(scores: dict) -> None:
    sites = sites_to_keep(scores)
    of_class = sites[(sites["target"] == "nee") & (sites["igbp"] == "ENF") & (sites["days"] == "all")]
    expected = scores["nee"]["igbp"]["ENF"]["kge_sd"]["q25"]
    assert np.quantile(of_class["kge_sd"], 0.25) == pytest.approx(expected, rel=1e-6)


def test_days_that_were_chosen_have_their_keys_and_their_towers(frame: pd.DataFrame, predictions: pd.DataFrame) -> None:
    hot = frame["nee"].to_numpy() > 0
    scores = score(predictions, frame, masks={"hot": hot})
    row = result_row(scores, **RUN)
    assert row["gpp.n_days.days=hot"] == hot.sum()
    assert row["nee.r2.q50.days=hot"] == pytest.approx(scores["nee"]["days"]["hot"]["r2"]["q50"], rel=1e-5)
    # Two towers are too few for an interval of these.
    assert not [key for key in row if "days=hot.low" in key]
    kept = sites_to_keep(scores)
    own = kept[(kept["days"] == "hot") & (kept["site_id"] == "B") & (kept["target"] == "nee")].iloc[0]
    assert own["n"] == hot[40:].sum()
    assert own["rmse"] == pytest.approx(scores["nee"]["days"]["hot"]["sites"]["B"]["rmse"], rel=1e-6)


def test_chosen_days_of_towers_enough_have_intervals() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"site_id": np.repeat([f"S{i}" for i in range(8)], 30), "igbp": "ENF", "koppen_main": "D"})
    frame["date"] = np.tile(np.datetime64("2010-01-01") + np.arange(30), 8)
    frame[list(TARGETS)] = rng.normal(size=(240, 3))
    predictions = frame[["site_id", "date", *TARGETS]] + pd.DataFrame(rng.normal(size=(240, 3)), columns=TARGETS)
    predictions[["site_id", "date"]] = frame[["site_id", "date"]]
    row = result_row(score(predictions, frame, masks={"odd": np.arange(240) % 2 == 1}), **RUN)
    low, value, high = (row[f"gpp.r2.q50.days=odd{end}"] for end in (".low", "", ".high"))
    assert low < value < high


def test_a_row_of_real_size_is_a_small_file(tmp_path: Path) -> None:
    # 40 towers of 11 classes, 4 climates and 6 continents, three years, seven kinds of days: as measured ones are.
    rng, n, days = np.random.default_rng(0), 40, 1000
    of = np.repeat(np.arange(n), days)
    frame = pd.DataFrame({"site_id": np.array([f"AA-{i:02d}" for i in range(n)])[of]})
    for name, classes in (("igbp", 11), ("koppen_main", 4), ("continent", 6)):
        frame[name] = np.array([f"c{i}" for i in range(classes)])[of % classes]
    frame["date"] = np.tile(np.datetime64("2010-01-01") + np.arange(days), n)
    frame[list(TARGETS)] = rng.normal(size=(n * days, 3))
    predictions = frame[["site_id", "date"]].assign(**{t: 0.5 * frame[t] + rng.normal(size=n * days) for t in TARGETS})
    masks = {f"days{i}": rng.random(n * days) < 0.1 for i in range(7)}
    scores = score(predictions, frame, climatology=predictions.assign(gpp=0.0, reco=0.0, nee=0.0), masks=masks)
    path = write_row(result_row(scores, **RUN, id_test=scores), tmp_path, sites_to_keep(scores))
    assert path.stat().st_size < 45_000
    assert path.with_name(path.stem + SITES).stat().st_size < 120_000


def test_medians_have_intervals_and_of_r2_and_rmse_the_other_quartiles_too(scores: dict) -> None:
    row = result_row(scores, **RUN, id_test=scores, clusters={"A": 0, "B": 1})
    for key in ("gpp.rmse.q25", "nee.kge_sd.q50", "reco.rmse_weekly.q50", "id_test.gpp.rmse.q50"):
        assert row[f"{key}.low"] <= row[key] <= row[f"{key}.high"]
    assert {key.split(".")[1] for key in row if key.endswith(".q75.low")} == {"r2", "rmse"}
    for name in scores_in(site_table(scores)):
        assert (f"nee.{name}.q50.low" in row) == (row[f"nee.{name}.q50"] is not None)
    assert row["bootstrap"] == "2000 draws of towers, neighbours together, within igbp, seed 2024"
    assert "within koppen_main" in result_row(scores, **RUN | {"protocol": "climate_holdout"})["bootstrap"]


def test_a_preset_stands_in_the_row_and_another_one_in_another_file(scores: dict, tmp_path: Path) -> None:
    rows = [result_row(scores, **RUN), result_row(scores, **RUN, preset="published")]
    assert [row["preset"] for row in rows] == ["default", "published"]
    assert len({write_row(row, tmp_path) for row in rows}) == 2


def test_quantiles_of_a_model_have_their_scores_in_the_row(frame: pd.DataFrame, predictions: pd.DataFrame) -> None:
    wide = predictions.assign(gpp_q05=predictions["gpp"] - 2, gpp_q95=predictions["gpp"] + 2)
    scores = score(wide, frame)
    row = result_row(scores, **RUN)
    error = (frame["gpp"] - predictions["gpp"]).abs()
    inside = (error <= 2).groupby(frame["site_id"]).mean()
    assert row["gpp.coverage.q50"] == pytest.approx(inside.median())
    assert row["gpp.interval_width.q50"] == pytest.approx(4.0)
    assert row["gpp.crps.q50.low"] <= row["gpp.crps.q50"] <= row["gpp.crps.q50.high"]
    assert row["gpp.n_crossed"] == 0
    assert not [key for key in row if key.startswith(("nee.crps", "reco.pinball"))]
    assert scores["gpp"]["igbp"]["ENF"]["pinball"]["n"] == 1


def test_a_tower_that_several_folds_have_scored_is_one() -> None:
    assert clusters_of(["A in fold-1", "A in fold-2", "B", "C"], {"A": "north", "C": "north"}) == [
        "north",
        "north",
        "B",
        "north",
    ]


def test_towers_of_one_cluster_have_no_interval(scores: dict) -> None:
    row = result_row(scores, **RUN, clusters={"A": "one", "B": "one"})
    assert not [key for key in row if key.endswith((".low", ".high")) or key == "bootstrap"]


def test_a_row_is_of_a_known_kind_and_takes_more_that_is_not_its_own(scores: dict) -> None:
    row = result_row(scores, **RUN, kind="submitted", more={"link": "https://example.org"})
    assert (row["kind"], row["link"]) == ("submitted", "https://example.org")
    with pytest.raises(UsageError, match=r"kind 'guessed'.*measured, submitted, published, product"):
        result_row(scores, **RUN, kind="guessed")
    with pytest.raises(UsageError, match=r"has seed of its own"):
        result_row(scores, **RUN, more={"seed": 1})


def test_the_scores_of_every_tower_are_kept_beside_a_row(scores: dict, tmp_path: Path) -> None:
    sites = sites_to_keep(scores, {"A": "north"})
    path = write_row(result_row(scores, **RUN), tmp_path, sites)
    row, kept = json.loads(path.read_text()), pd.read_parquet(path.with_name(path.stem + SITES))
    assert len(row["sites_digest"]) == 16
    assert len(kept) == 6
    assert dict(zip(kept["site_id"], kept["cluster"], strict=True)) == {"A": "north", "B": "B"}
    own = kept[(kept["target"] == "nee") & (kept["site_id"] == "B")].iloc[0]
    assert own["rmse"] == pytest.approx(scores["nee"]["sites"]["B"]["rmse"], rel=1e-6)
    assert own["n"] == 40
    # The same scores make the same bytes.
    again = write_row(result_row(scores, **RUN), tmp_path / "again", sites)
    assert json.loads(again.read_text())["sites_digest"] == row["sites_digest"]


def test_what_is_undefined_is_null(scores: dict) -> None:
    assert math.isnan(scores["gpp"]["igbp"]["GRA"]["r2"]["q50"])
    assert result_row(scores, **RUN)["gpp.r2.q50.igbp=GRA"] is None


def test_scores_within_training_towers_stand_beside_under_their_prefix(scores: dict) -> None:
    row = result_row(scores, id_test=scores, **RUN)
    assert row["id_test.gpp.r2.q50"] == row["gpp.r2.q50"]
    assert {key.split(".")[2] for key in row if key.startswith("id_test.gpp.") and ".q50" in key} == {
        "r2",
        "rmse",
        "bias",
        "nnse",
    }
    assert not [key for key in result_row(scores, **RUN) if key.startswith("id_test.")]


def test_a_row_says_what_made_it_and_when_and_on_what(scores: dict) -> None:
    row = result_row(scores, **RUN, settings={"b": 1, "a": None}, seed=5, synthetic=True, fit_seconds=1.5)
    assert {name: row[name] for name in RUN} == RUN
    assert (row["seed"], row["synthetic"], row["fit_seconds"], row["test_predict_seconds"]) == (5, True, 1.5, None)
    assert row["settings"] == '{"a": null, "b": 1}'
    assert abs(datetime.now(UTC) - datetime.fromisoformat(row["created"])) < timedelta(minutes=1)
    assert row["lib.numpy"] == np.__version__
    assert row["cores"] >= 1
    assert row["cpu"]
    assert row["python"].startswith("3.")
    assert row["code_version"] == code_version()


def test_the_code_version_names_the_commit_of_a_checkout() -> None:
    if not (Path(module.__file__).resolve().parents[2] / ".git").exists():
        pytest.skip("not run from a checkout")
    assert "+g" in code_version()


def test_changed_code_is_told_and_new_result_rows_are_no_change_of_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code, row = tmp_path / "carbonbench_core" / "report" / "provenance.py", tmp_path / "results" / "not_run.json"
    for path in (code, row):
        path.parent.mkdir(parents=True)
        path.write_text("1\n")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *command], check=True)
    monkeypatch.setattr("carbonbench_core.report.provenance.__file__", str(code))
    row.write_text("2\n")
    assert not code_version().endswith("-dirty")
    code.write_text("2\n")
    assert code_version().endswith("-dirty")


def test_without_git_a_row_still_has_a_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "+g" not in code_version()


def test_a_row_is_written_under_its_protocol_model_and_seed(scores: dict, tmp_path: Path) -> None:
    row = result_row(scores, **RUN, seed=7)
    path = write_row(row, tmp_path / "results")
    assert path.parent == tmp_path / "results" / "veg_holdout"
    assert path.name.startswith("ridge-")
    assert path.name.endswith("-seed7.json")
    assert json.loads(path.read_text()) == row
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_the_same_run_replaces_its_row_and_no_other_does(scores: dict, tmp_path: Path) -> None:
    base = result_row(scores, **RUN)
    first = write_row(base, tmp_path)
    assert write_row(base | {"created": "later"}, tmp_path) == first
    assert json.loads(first.read_text())["created"] == "later"
    others = [{"seed": 1}, {"settings": '{"alpha": 2}'}, {"feature_set": "full"}, {"data_digest": "x"}]
    paths = {first, *(write_row(base | other, tmp_path) for other in [*others, {"protocol_digest": "x"}])}
    assert len(paths) == 6


def test_a_row_that_cannot_be_written_leaves_the_old_one_and_no_litter(scores: dict, tmp_path: Path) -> None:
    row = result_row(scores, **RUN)
    path = write_row(row, tmp_path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="JSON compliant"):
        write_row(row | {"gpp.r2.q50": math.nan}, tmp_path)
    with pytest.raises(TypeError):
        write_row(row | {"gpp.r2.q50": object()}, tmp_path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_who_reads_a_row_while_it_is_replaced_reads_the_old_one_whole(scores: dict, tmp_path: Path) -> None:
    row = result_row(scores, **RUN)
    with write_row(row, tmp_path).open() as reader:
        write_row(row | {"created": "later"}, tmp_path)
        assert json.load(reader) == row


def test_a_model_name_cannot_lead_out_of_the_folder(scores: dict, tmp_path: Path) -> None:
    path = write_row(result_row(scores, **RUN | {"model": "../../my model"}), tmp_path / "results")
    assert path.parent == tmp_path / "results" / "veg_holdout"
