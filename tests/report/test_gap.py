"""The transfer gap: held-out years of known towers less unseen towers."""

from __future__ import annotations

import numpy as np
import pytest

from carbonbench_core.report.gap import gap_keys
from carbonbench_core.schema import TARGETS


def scores(r2: np.ndarray, name: str = "XX") -> dict:
    sites = {f"{name}-{i:03d}": {"igbp": "ENF", "n": 100, "r2": v, "rmse": 1 - v} for i, v in enumerate(r2)}
    return {target: {"sites": sites} for target in TARGETS}


def test_it_is_what_unseen_towers_lose_in_r2_and_gain_in_error() -> None:
    # medians 0.4 and 0.7; the error is 1 - R2: 0.6 and 0.3
    found = gap_keys(scores(np.linspace(0.2, 0.6, 41)), scores(np.linspace(0.5, 0.9, 41), "YY"), "veg_holdout")
    assert found["gap.gpp.r2.q50"] == pytest.approx(0.3)
    assert found["gap.nee.rmse.q50"] == pytest.approx(0.3)
    assert found["gap.gpp.r2.q50.low"] < 0.3 < found["gap.gpp.r2.q50.high"]
    # Medians of 41 towers spread over 0.4: each has a standard error near 0.4 / (2 x sqrt(41)) = 0.031, the two 0.044.
    width = found["gap.gpp.r2.q50.high"] - found["gap.gpp.r2.q50.low"]
    assert 0.5 < width / (2 * 1.96 * 0.044) < 1.5


def test_undefined_scores_take_no_part() -> None:
    r2 = np.array([np.nan, 0.4, 0.4, 0.4, np.nan, 0.4])
    found = gap_keys(scores(r2), scores(np.full(6, 0.6), "YY"), "veg_holdout")
    assert found["gap.gpp.r2.q50"] == pytest.approx(0.2)
    assert found["gap.gpp.r2.q50.low"] == pytest.approx(0.2)


def test_towers_that_all_stand_together_give_no_interval() -> None:
    found = gap_keys(
        scores(np.array([0.1, 0.2])), scores(np.array([0.3, 0.4]), "YY"), "veg_holdout", {"XX-001": "XX-000"}
    )
    assert found["gap.gpp.r2.q50"] == pytest.approx(0.2)
    assert "gap.gpp.r2.q50.low" not in found
