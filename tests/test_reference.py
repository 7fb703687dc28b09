"""What predictions are read against: made once for a protocol, the same for every model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from carbonbench_core import reference
from carbonbench_core.asked import evaluation_frame
from carbonbench_core.dataset_folder import DatasetFolder
from carbonbench_core.reference import climatology_of, masks_of, with_reference
from carbonbench_core.run import run
from carbonbench_core.schema import available_feature_sets
from carbonbench_core.scoring import score_predictions, score_submission
from tests.report.submissions import write

PROTOCOL = "climate_holdout"


@pytest.fixture(scope="module")
def folder(small_folder: Path) -> DatasetFolder:
    return DatasetFolder.open(small_folder)


@pytest.fixture(scope="module")
def full(folder: DatasetFolder) -> pd.DataFrame:
    return with_reference(evaluation_frame(folder, PROTOCOL), folder, PROTOCOL, "test", "minimal")


def test_the_climatology_is_that_of_the_training_towers(folder: DatasetFolder, full: pd.DataFrame) -> None:
    from carbonbench_baselines import load_baseline

    import carbonbench

    data = carbonbench.load(PROTOCOL, str(folder), "minimal")
    model = load_baseline("climatology")
    model.fit(data["train"], data["validation"])
    days = data["test"].remove_columns(["gpp", "reco", "nee", "nee_qc"])
    expected = model.predict(days).astype({"date": "datetime64[s]"}).set_index(["site_id", "date"])
    got = climatology_of(full).set_index(["site_id", "date"])
    pd.testing.assert_frame_equal(got, expected.loc[got.index])


def test_the_climatology_has_no_skill_against_itself_and_what_knows_the_fluxes_has_all(
    folder: DatasetFolder, full: pd.DataFrame
) -> None:
    scores = score_predictions(climatology_of(full), folder, PROTOCOL)
    assert [scores[t]["skill"]["q50"] for t in ("gpp", "reco", "nee")] == [0.0] * 3
    perfect = full[["site_id", "date", "gpp", "reco", "nee"]].fillna(0.0)
    scores = score_predictions(perfect, folder, PROTOCOL)
    assert [scores[t]["skill"]["q50"] for t in ("gpp", "reco", "nee")] == [1.0] * 3


def test_days_inside_and_outside_of_the_area_of_applicability_are_all_days(full: pd.DataFrame) -> None:
    masks = masks_of(full)
    assert (masks["inside"] ^ masks["outside"]).all()
    assert full.loc[masks["outside"], "dissimilarity"].min() > full.loc[masks["inside"], "dissimilarity"].max()


def test_reco_of_its_own_is_told_from_the_sum_of_the_others() -> None:
    frame = pd.DataFrame({"reco_src": ["ONEFlux_DD", "derived_NEE_plus_GPP", None]})
    assert masks_of(frame)["own_reco"].tolist() == [True, False, False]
    # Where nothing is derived there is nothing to tell.
    assert masks_of(frame.iloc[:1]) == {}


def test_a_second_model_takes_what_the_first_one_left(
    folder: DatasetFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = evaluation_frame(folder, PROTOCOL)
    first = with_reference(frame, folder, PROTOCOL, "test", "minimal", tmp_path)
    monkeypatch.setattr(reference, "_made", lambda *_: pytest.fail("made again"))
    second = with_reference(frame, folder, PROTOCOL, "test", "minimal", tmp_path)
    pd.testing.assert_frame_equal(first, second)
    with pytest.raises(pytest.fail.Exception):
        with_reference(frame, folder, PROTOCOL, "test", "standard", tmp_path)


def test_a_row_carries_skill_ceilings_and_error_by_likeness(
    folder: DatasetFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # SYNTHETIC fluxes close to rounding; here that counts as a residual like any other.
    monkeypatch.setattr("carbonbench_core.report.ceiling.CLOSES", 0.0)
    result = run(PROTOCOL, "ridge", folder, "minimal", out=tmp_path / "runs", results=tmp_path / "results")
    (path,) = (tmp_path / "results").rglob("*.json")
    row = json.loads(path.read_text())
    for target in ("gpp", "reco", "nee"):
        assert row[f"{target}.skill.q50.low"] <= row[f"{target}.skill.q50"] <= row[f"{target}.skill.q50.high"]
        assert row[f"id_test.{target}.skill.q50"] is not None
        assert row[f"{target}.rmse.dissimilarity=1"] > 0
        assert row[f"{target}.ceiling_closure.n"] > 0
    assert row["gpp.n_days.days=inside"] + row["gpp.n_days.days=outside"] == row["gpp.n_days"]
    sites = pd.read_parquet(path.with_name(path.stem + ".sites.parquet"))
    kept = sites[(sites["days"] == "all") & (sites["target"] == "nee")]["ceiling_closure"]
    assert kept.median() == pytest.approx(row["nee.ceiling_closure.q50"], rel=1e-4)
    assert result.row["preset"] == "default"
    assert len(path.read_bytes()) < 45_000


def test_a_family_is_read_against_the_reference_of_every_fold(folder: DatasetFolder, tmp_path: Path) -> None:
    row = run("spatial_blocks_0km", "climatology", folder, "minimal", out=tmp_path / "runs", results=None).row
    assert [row[f"{t}.skill.q50"] for t in ("gpp", "reco", "nee")] == [0.0] * 3
    folds = [name for name in folder.protocols if name.startswith("spatial_blocks_0km_")]
    assert len(list((tmp_path / "runs").rglob("reference-*.parquet"))) == 2 * len(folds) > 2
    assert np.isfinite(row["dissimilarity.5"])


def test_a_submission_of_features_the_folder_lacks_is_scored_without_likeness(
    folder: DatasetFolder, full: pd.DataFrame, tmp_path: Path
) -> None:
    lacking = [name for name in ("full", "tower") if name not in available_feature_sets(folder.columns)]
    table = climatology_of(full).astype({"date": "datetime64[us]"})
    for name in (*lacking[:1], "own", "minimal"):
        place = write(tmp_path / name, table, protocol=PROTOCOL, feature_set=name)
        score_submission(place, folder, tmp_path / "results" / name)
        (path,) = (tmp_path / "results" / name).rglob("*.json")
        row = json.loads(path.read_text())
        assert (row["kind"], row["gpp.skill.q50"]) == ("submitted", 0.0)
        assert ("dissimilarity.1" in row) == (name == "minimal")
