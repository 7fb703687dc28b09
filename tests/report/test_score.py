"""Scores of predictions: the metric per target, on that target's own index."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from carbonbench_core.errors import PredictionError
from carbonbench_core.report.intervals import higher_is_better, scores_in
from carbonbench_core.report.score import METRIC, metric, score, site_table
from carbonbench_core.schema import TARGETS


@pytest.fixture
def frame() -> pd.DataFrame:
    """Return two towers of two days; RECO of the second tower is not scored, nor NEE on one of its days."""
    return pd.DataFrame(
        {
            "site_id": ["DE-Hai", "DE-Hai", "US-Ha1", "US-Ha1"],
            "date": pd.to_datetime(["2010-06-01", "2010-06-02"] * 2),
            "igbp": ["DBF", "DBF", "MF", "MF"],
            "koppen_main": ["C", "C", None, None],
            "gpp": [0.0, 2.0, 0.0, 2.0],
            "reco": [1.0, 3.0, np.nan, np.nan],
            "nee": [1.0, 1.0, 2.0, np.nan],
        }
    )


def predicted(frame: pd.DataFrame, error: list[float]) -> pd.DataFrame:
    out = frame[["site_id", "date", *TARGETS]].fillna(0.0)
    out[list(TARGETS)] += np.array(error)[:, None]
    return out


def test_each_target_is_scored_on_its_own_index(frame: pd.DataFrame) -> None:
    # GPP: y = 0 2, errors e e -> r2 = 1 - 2 e^2 / 2 = 1 - e^2: 1 at DE-Hai, -3 at US-Ha1; the median is -1.
    scores = score(predicted(frame, [0, 0, 2, 2]), frame)
    assert scores["gpp"]["r2"]["q50"] == -1.0
    assert (scores["reco"]["n_sites"], scores["reco"]["n_sites_dropped"], scores["reco"]["r2"]["q50"]) == (1, 1, 1.0)
    assert (scores["nee"]["n_days"], scores["nee"]["n_dropped"]) == (3, 1)


def test_scores_stand_by_class_and_by_tower(frame: pd.DataFrame) -> None:
    scores = score(predicted(frame, [0, 0, 2, 2]), frame)
    assert scores["gpp"]["igbp"]["MF"]["r2"]["q50"] == -3.0
    assert set(scores["gpp"]["koppen_main"]) == {"C", "unknown"}
    tower = scores["gpp"]["sites"]["US-Ha1"]
    assert (tower["igbp"], tower["n"], tower["short"], tower["bias"]) == ("MF", 2, 1, 2.0)
    table = site_table(scores)
    assert len(table) == 3 * 2
    assert table.set_index(["target", "site_id"]).loc[("gpp", "US-Ha1"), "r2"] == -3.0
    assert math.isnan(table.set_index(["target", "site_id"]).loc[("reco", "US-Ha1"), "r2"])


def test_a_frame_without_classes_is_scored_over_all_towers_alone(frame: pd.DataFrame) -> None:
    scores = score(predicted(frame, [0, 0, 0, 0]), frame.drop(columns=["igbp", "koppen_main"]))
    assert "igbp" not in scores["gpp"]
    assert scores["gpp"]["r2"]["q50"] == 1.0


def test_a_climatology_gives_skill_and_chosen_days_their_own_scores(frame: pd.DataFrame) -> None:
    worse = predicted(frame, [2, 2, 2, 2])
    scores = score(predicted(frame, [1, 1, 1, 1]), frame, climatology=worse, masks={"first": [True, False] * 2})
    # Errors of 1 against errors of 2: 1 - 1/4.
    assert scores["gpp"]["skill"]["q50"] == pytest.approx(0.75)
    assert scores["gpp"]["days"]["first"]["n_days"] == 2


def test_a_continent_in_the_frame_is_one_more_stratum(frame: pd.DataFrame) -> None:
    scores = score(predicted(frame, [0, 0, 2, 2]), frame.assign(continent=["Europe"] * 2 + ["North America"] * 2))
    assert scores["gpp"]["continent"]["North America"]["r2"]["q50"] == -3.0
    assert scores["gpp"]["sites"]["DE-Hai"]["continent"] == "Europe"


def test_closure_of_the_three_fluxes_stands_beside_them(frame: pd.DataFrame) -> None:
    # At US-Ha1 every flux is predicted 2 too high; RECO, which is not observed there, as 2.
    scores = score(predicted(frame, [0, 0, 2, 2]), frame)
    # DE-Hai: |1 - (1 - 0)| = 0 and |1 - (3 - 2)| = 0. US-Ha1: |4 - (2 - 2)| = 4 and |2 - (2 - 4)| = 4.
    assert scores["physics"]["sites"]["DE-Hai"]["closure"] == 0.0
    assert scores["physics"]["sites"]["US-Ha1"]["closure"] == 4.0


def test_a_score_is_called_better_upwards_here_as_in_the_metric(frame: pd.DataFrame) -> None:
    from carbonbench_metrics.stratified_skill import over_sites

    scores = score(predicted(frame, [0, 0, 2, 2]), frame, climatology=predicted(frame, [1, 1, 1, 1]))
    names = scores_in(site_table(scores))
    assert len(names) > 20
    assert [name for name in names if higher_is_better(name) != over_sites.higher_is_better(name)] == []


def test_rows_that_are_not_aligned_are_refused(frame: pd.DataFrame) -> None:
    given = predicted(frame, [0, 0, 0, 0])
    for wrong in (given.iloc[::-1], given.iloc[:2], given.assign(site_id=given["site_id"][::-1].to_numpy())):
        with pytest.raises(PredictionError, match=r"Predictions do not stand.*validate_predictions"):
            score(wrong, frame)
        with pytest.raises(PredictionError, match="Predictions of the climatology do not stand"):
            score(given, frame, climatology=wrong)


def test_the_metric_is_the_one_that_evaluate_loads_from_its_folder() -> None:
    assert metric().name == "stratified_skill"
    assert (METRIC / "stratified_skill.py").is_file()
    assert METRIC.is_absolute()
