"""Scores of predicted quantiles: numerical integration and scikit-learn as witnesses, hand-derived cases, laws."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from carbonbench_metrics.stratified_skill.stratified_skill import WITH_QUANTILES, quantile_skill
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from sklearn.metrics import mean_pinball_loss

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def random_quantiles(n: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return observations, some far outside, and quantiles in order, some of them equal."""
    rng = np.random.default_rng(seed)
    q = np.sort(rng.normal(size=(n, len(LEVELS))), axis=1)
    q[::7, 2] = q[::7, 1]
    return rng.normal(size=n) * 2, q


def distribution(x: float, q: np.ndarray) -> float:
    """Return F(x), linear between quantiles, 0 before the first and 1 from the last on."""
    return 0.0 if x < q[0] else 1.0 if x >= q[-1] else float(np.interp(x, q, LEVELS))


def test_crps_agrees_with_numerical_integration() -> None:
    y, q = random_quantiles()
    got = quantile_skill(q, y, [f"S{i:02d}" for i in range(len(y))])["sites"]
    for i in range(len(y)):
        edges = np.unique([*q[i], y[i]])
        pieces = [
            quad(lambda x, i=i: (distribution(x, q[i]) - (x >= y[i])) ** 2, a, b, epsabs=1e-13, epsrel=1e-13)[0]
            for a, b in pairwise(edges)
        ]
        assert got[f"S{i:02d}"]["crps"] == pytest.approx(sum(pieces), rel=1e-9)


def test_pinball_agrees_with_scikit_learn() -> None:
    y, q = random_quantiles()
    got = quantile_skill(q, y, ["S"] * len(y))["sites"]["S"]["pinball"]
    each = [mean_pinball_loss(y, q[:, i], alpha=level) for i, level in enumerate(LEVELS)]
    assert got == pytest.approx(np.mean(each), rel=1e-9)


def test_the_scores_of_one_day_are_those_worked_out_by_hand() -> None:
    # Quantiles 1 and 3 at 0.05 and 0.95, y = 4: one above the upper end.
    # crps: below 1 nothing; from 1 to 3 F rises from 0.05 to 0.95: 2 (0.05^2 + 0.05 * 0.95 + 0.95^2) / 3 = 0.635;
    # from 3 to 4 F = 1: 1. pinball: (0.05 * 3 + 0.95 * 1) / 2. Interval omits 0.1: 2 + 2/0.1 * 1 = 22.
    got = quantile_skill([[1.0, 3.0]], [4.0], ["S"], levels=(0.05, 0.95))["sites"]["S"]
    expected = {"crps": 1.635, "pinball": 0.55, "coverage": 0.0, "interval_width": 2.0, "interval_score": 22.0}
    assert {name: got[name] for name in WITH_QUANTILES} == pytest.approx(expected, rel=1e-12)


def test_an_observation_on_the_end_of_the_interval_is_covered() -> None:
    got = quantile_skill([[1.0, 3.0]] * 2, [1.0, 3.0], ["S"] * 2, levels=(0.05, 0.95))["sites"]["S"]
    assert (got["coverage"], got["interval_score"]) == (1.0, pytest.approx(2.0))


def test_a_certain_prediction_has_the_absolute_error_as_crps() -> None:
    y = np.array([0.0, 1.0, 5.0])
    got = quantile_skill(np.full((3, 5), 2.0), y, ["S"] * 3)["sites"]["S"]
    # |0 - 2|, |1 - 2|, |5 - 2|: mean 2. Pinball of equal quantiles whose levels average to one half: half of it.
    assert (got["crps"], got["pinball"]) == (pytest.approx(2.0), pytest.approx(1.0))


def test_quantiles_out_of_order_are_counted_and_put_in_order() -> None:
    y, q = random_quantiles()
    crossed = q.copy()
    crossed[:10] = crossed[:10, ::-1]
    base, got = (quantile_skill(each, y, ["S"] * len(y)) for each in (q, crossed))
    assert (base["n_crossed"], got["n_crossed"]) == (0, 10)
    for name in ("crps", "coverage", "interval_width", "interval_score"):
        assert got["sites"]["S"][name] == pytest.approx(base["sites"]["S"][name], rel=1e-12)
    assert got["sites"]["S"]["pinball"] > base["sites"]["S"]["pinball"]


def test_the_coverage_of_true_quantiles_is_nominal() -> None:
    rng = np.random.default_rng(0)
    y = rng.uniform(size=20_000)
    got = quantile_skill(np.tile(LEVELS, (len(y), 1)), y, ["S"] * len(y))["sites"]["S"]
    # A binomial share of 0.9 of 20,000 has a standard deviation of 0.002.
    assert got["coverage"] == pytest.approx(0.9, abs=0.01)
    # E of (F - 1{x >= y})^2 is F (1 - F), in all 1/6; below the first level the forecast has 0 for F, which adds x^2
    # from 0 to 0.05, and as much above the last: 2 * 0.05^3 / 3 < 1e-4. One day's CRPS varies by less than 0.3.
    assert got["crps"] == pytest.approx(1 / 6, abs=0.005)


@given(st.integers(0, 2**16), st.floats(0.1, 100), st.floats(-100, 100))
@settings(deadline=None)
def test_unit_scales_and_shift_leaves(seed: int, unit: float, shift: float) -> None:
    y, q = random_quantiles(20, seed)
    base, got = (
        quantile_skill(each, obs, ["S"] * 20)["sites"]["S"]
        for each, obs in ((q, y), (unit * q + shift, unit * y + shift))
    )
    for name in WITH_QUANTILES:
        expected = base[name] if name == "coverage" else base[name] * unit
        assert got[name] == pytest.approx(expected, rel=1e-6, abs=1e-9)


@given(st.integers(0, 2**16), st.floats(-3, 3))
@settings(deadline=None)
def test_no_other_constant_quantiles_beat_those_of_the_observations(seed: int, shift: float) -> None:
    # Proper scores: over days, the empirical quantiles are the best constants for pinball loss and interval score.
    y = np.random.default_rng(seed).normal(size=200)
    best = np.quantile(y, LEVELS, method="inverted_cdf")
    first, other = (quantile_skill(np.tile(q, (200, 1)), y, ["S"] * 200)["sites"]["S"] for q in (best, best + shift))
    assert first["pinball"] <= other["pinball"] + 1e-12
    assert first["interval_score"] <= other["interval_score"] + 1e-12


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"levels": (0.1, 0.9)}, r"levels \[0.1, 0.9\] for 5 quantiles"),
        ({"levels": (0.05, 0.5, 0.25, 0.75, 0.95)}, r"ascending"),
        ({"levels": (0.0, 0.25, 0.5, 0.75, 1.0)}, r"between 0 and 1"),
        ({"interval": (0.1, 0.9)}, r"interval=\(0.1, 0.9\) is no pair of the levels"),
        ({"interval": (0.95, 0.05)}, r"is no pair"),
    ],
)
def test_levels_that_do_not_fit_are_refused(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        quantile_skill([[1.0, 2.0, 3.0, 4.0, 5.0]], [1.0], ["S"], **options)


def test_a_quantile_that_is_no_number_where_one_is_scored_is_refused_by_site_and_date() -> None:
    q = [[1.0, 2.0], [1.0, np.nan]]
    with pytest.raises(ValueError, match=r"predictions has 1 missing .* DE-Hai on 2010-01-02"):
        quantile_skill(q, [1.0, 1.0], ["DE-Hai"] * 2, date=["2010-01-01", "2010-01-02"], levels=(0.05, 0.95))
    result = quantile_skill(q, [1.0, np.nan], ["DE-Hai"] * 2, levels=(0.05, 0.95))
    assert (result["n_days"], result["n_dropped"]) == (1, 1)


def test_without_observations_there_are_no_scores_rather_than_an_error() -> None:
    result = quantile_skill([[1.0, 2.0]], [np.nan], ["S"], levels=(0.05, 0.95))
    assert result["n_sites"] == 0
    assert math.isnan(result["crps"]["q50"])
