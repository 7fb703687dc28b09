"""Few-shot runs: the days that are given of test towers reach every model, and the row says how many there were."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

import carbonbench
from carbonbench_core.dataset_folder import DatasetFolder
from carbonbench_core.protocols import SUPPORT_DAYS
from carbonbench_core.report.leaderboard import leaderboard
from carbonbench_core.report.text import NOTE_FEW_SHOT
from carbonbench_core.run import run

SPY = """
import json
from pathlib import Path

NOTES = Path(__file__).with_suffix(".json")


def note(**what):
    known = json.loads(NOTES.read_text()) if NOTES.is_file() else {}
    NOTES.write_text(json.dumps(known | what))


class Spy:
    def fit(self, train, validation):
        frame = train.to_pandas()
        self.mean = frame[["gpp", "reco", "nee"]].mean()
        note(trained={site: len(rows) for site, rows in frame.groupby("site_id")})
        return self

    def predict(self, data%s):
        note(support=%s)
        return data.select_columns(["site_id", "date"]).to_pandas().assign(**self.mean)
"""
TAKES = (", support=None", "support and {site: len(rows) for site, rows in support.to_pandas().groupby('site_id')}")
DOES_NOT_TAKE = ("", '"never asked for"')


def ran(folder: Path, place: Path, protocol: str, takes: tuple[str, str] = TAKES) -> tuple[dict, dict, str]:
    """Return what the model saw, the result row and what `run` says."""
    (place / "spy.py").write_text(SPY % takes)
    found = run(
        protocol, f"{place / 'spy.py'}:Spy", DatasetFolder.open(folder), out=place / "runs", results=place / "res"
    )
    return json.loads((place / "spy.json").read_text()), found.row, found.describe()


@pytest.mark.parametrize("takes", [TAKES, DOES_NOT_TAKE])
def test_the_days_given_are_trained_on_by_every_model_and_handed_to_one_that_asks(
    small_folder: Path, tmp_path: Path, takes: tuple[str, str]
) -> None:
    folder = DatasetFolder.open(small_folder)
    test = folder.protocols["veg_holdout"].sites("test")
    saw, row, said = ran(small_folder, tmp_path, "veg_holdout_few_30", takes)
    assert {site: saw["trained"].get(site) for site in test} == dict.fromkeys(test, 30)
    assert set(saw["trained"]) == {*folder.protocols["veg_holdout"].sites("train"), *test}
    # It was handed the last time for id_test, whose towers are those of training: nothing is given of them.
    assert saw["support"] == (None if takes is TAKES else "never asked for")
    assert row["support_days"] == 30
    assert "few-shot, k = 30" in said


def test_support_is_handed_for_the_test_towers(small_folder: Path, tmp_path: Path) -> None:
    folder = DatasetFolder.open(small_folder)
    once = (TAKES[0], f"{TAKES[1]} or json.loads(NOTES.read_text()).get('support')")
    saw, _, _ = ran(small_folder, tmp_path, "veg_holdout_few_7", once)
    assert saw["support"] == dict.fromkeys(folder.protocols["veg_holdout"].sites("test"), 7)


def test_without_days_nothing_is_given_and_the_score_is_labelled_as_no_headline_score(
    small_folder: Path, tmp_path: Path
) -> None:
    saw, row, said = ran(small_folder, tmp_path, "veg_holdout_few_0")
    assert saw["support"] is None
    assert set(saw["trained"]) == set(DatasetFolder.open(small_folder).protocols["veg_holdout"].sites("train"))
    assert row["support_days"] == 0
    assert "no day of a test tower was given" in said
    assert NOTE_FEW_SHOT in said
    assert NOTE_FEW_SHOT in leaderboard(tmp_path / "res").markdown()


def test_every_number_of_days_is_scored_on_the_same_site_days(small_folder: Path) -> None:
    first, *others = (carbonbench.evaluation_index(f"veg_holdout_few_{k}", small_folder) for k in SUPPORT_DAYS)
    for other in others:
        pd.testing.assert_frame_equal(first, other)
    assert 0 < len(first) < len(carbonbench.evaluation_index("veg_holdout", small_folder))


def test_a_family_is_run_with_days_of_support_in_every_fold(small_folder: Path, tmp_path: Path) -> None:
    folder = DatasetFolder.open(small_folder)
    folds = folder.folds("spatial_blocks_0km_few_7")
    assert folds == [f"{name}_few_7" for name in folder.folds("spatial_blocks_0km")]
    _, row, _ = ran(small_folder, tmp_path, "spatial_blocks_0km_few_7")
    assert (row["protocol"], row["support_days"]) == ("spatial_blocks_0km_few_7", 7)


def test_a_protocol_without_support_has_a_gap_and_says_nothing_of_days(small_folder: Path, tmp_path: Path) -> None:
    _, row, said = ran(small_folder, tmp_path, "veg_holdout")
    assert "support_days" not in row
    for target in ("gpp", "reco", "nee"):
        key = f"{target}.r2.q50"
        assert row[f"gap.{key}"] == pytest.approx(row[f"id_test.{key}"] - row[key], abs=1e-5)
    assert "transfer gap, median R2" in said
    assert f"{row['gap.gpp.r2.q50']:.3f}" in said
