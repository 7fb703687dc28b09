"""Towers drawn again: what a draw is, quantiles of draws against independent ones, intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm
from scipy.stats.mstats import hdquantiles

from carbonbench_core.errors import UsageError
from carbonbench_core.report.bootstrap import (
    Interval,
    quantile_intervals,
    quantile_of_draws,
    smooth_quantile_of_draws,
    tower_draws,
)

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def test_every_draw_takes_each_class_at_its_size_and_neighbours_together() -> None:
    # ENF: six clusters, one of them two towers; GRA: five towers.
    clusters = ["a", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"]
    strata = ["ENF"] * 7 + ["GRA"] * 5
    draws = tower_draws(clusters, strata, n_draws=500)
    assert draws.shape == (500, 12)
    assert np.array_equal(draws[:, 0], draws[:, 1])
    # 5 of 6 clusters drawn, 6/5 each; 4 of 5, 5/4 each.
    assert np.allclose(draws[:, 1:7].sum(axis=1), 6)
    assert np.allclose(draws[:, 7:].sum(axis=1), 5)
    assert np.allclose(np.unique(draws[:, 7:]) / (5 / 4) % 1, 0)
    # On average every tower counts once; a share of draws has a standard error of 0.06.
    assert draws.mean(axis=0) == pytest.approx(1, abs=0.25)


def test_the_spread_of_a_mean_over_draws_is_that_of_statistics() -> None:
    # The mean of n values has the variance s^2 / n with s^2 over n - 1; drawing n of n would give (n - 1) / n of it.
    values = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    drawn = tower_draws(range(5), n_draws=200_000) @ values / 5
    assert drawn.var() == pytest.approx(values.var(ddof=1) / 5, rel=0.02)


def test_classes_of_few_clusters_are_drawn_together() -> None:
    strata = ["ENF"] * 8 + ["GRA"] * 3 + ["CRO"] * 2
    draws = tower_draws(range(13), strata, n_draws=200)
    assert np.allclose(draws[:, :8].sum(axis=1), 8)
    assert np.allclose(draws[:, 8:].sum(axis=1), 5)
    assert len(np.unique(draws[:, 8:11].sum(axis=1))) > 1
    # Three in all are too few for a pool: they join the largest class.
    joined = tower_draws(range(16), ["ENF"] * 8 + ["DBF"] * 5 + ["GRA"] * 2 + ["CRO"], n_draws=200)
    assert np.allclose(joined[:, [*range(8), 13, 14, 15]].sum(axis=1), 11)


def test_the_same_seed_gives_the_same_draws_and_another_one_others() -> None:
    first = tower_draws(range(20))
    assert np.array_equal(first, tower_draws(range(20)))
    assert not np.array_equal(first, tower_draws(range(20), seed=1))


def test_a_cluster_of_two_classes_belongs_to_that_of_most_of_its_towers() -> None:
    strata = ["ENF"] * 6 + ["GRA", "GRA", "ENF"] + ["GRA"] * 5
    clusters = [*range(6), "x", "x", "x", *range(6, 11)]
    draws = tower_draws(clusters, strata, n_draws=50)
    assert np.allclose(draws[:, :6].sum(axis=1), 6)
    assert np.allclose(draws[:, 8] + draws[:, 9:].sum(axis=1), 6)


@pytest.mark.parametrize("clusters", [[], ["a"], ["a", "a", "a"]])
def test_one_cluster_cannot_be_drawn_again(clusters: list) -> None:
    with pytest.raises(UsageError, match=r"Got [01] clusters of towers, expected two or more"):
        tower_draws(clusters)


some = arrays(np.float64, st.integers(1, 12), elements=st.floats(-1e3, 1e3) | st.just(np.nan))


@given(some, st.integers(0, 2**16))
def test_quantiles_of_a_draw_are_those_of_the_towers_repeated(values: np.ndarray, seed: int) -> None:
    counts = np.random.default_rng(seed).integers(0, 4, size=(6, len(values))).astype(float)
    found = quantile_of_draws(values, counts, QUANTILES)
    for draw, got in zip(counts.astype(int), found.T, strict=True):
        repeated = np.repeat(values, draw)
        repeated = repeated[~np.isnan(repeated)]
        expected = np.quantile(repeated, QUANTILES) if len(repeated) else np.full(5, np.nan)
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9)


@given(st.integers(0, 2**16), st.sampled_from([0.25, 0.5, 0.75]), st.integers(40, 100))
def test_the_smooth_quantile_is_that_of_harrell_and_davis_in_scipy(seed: int, q: float, n: int) -> None:
    values = np.random.default_rng(seed).normal(size=n)
    got = smooth_quantile_of_draws(values, np.ones((1, n)), q, sharpness=1.0)
    # Their distribution function stands on a grid here: steps of 1/4096, error below 1e-4 of the spread.
    assert got[0] == pytest.approx(float(hdquantiles(values, [q])[0]), abs=1e-4)


def test_a_tower_that_is_not_drawn_or_has_no_score_does_not_count() -> None:
    values = np.array([1.0, np.nan, 3.0, 1e9])
    draws = np.array([[1.0, 1.0, 1.0, 0.0]])
    assert quantile_of_draws(values, draws, [0.5])[0, 0] == 2.0
    assert smooth_quantile_of_draws(np.array([2.0, np.nan, 2.0, 1e9]), draws)[0] == pytest.approx(2.0)
    nothing = np.full(4, np.nan)
    assert math.isnan(quantile_of_draws(nothing, draws, [0.5])[0, 0])
    assert math.isnan(smooth_quantile_of_draws(nothing, draws)[0])


def test_one_tower_far_out_hardly_moves_the_smooth_median() -> None:
    values = np.linspace(0, 1, 20)
    far = np.where(values == 0, -85.0, values)
    draws = tower_draws(range(20), n_draws=500)
    moved = smooth_quantile_of_draws(far, draws) - smooth_quantile_of_draws(values, draws)
    # Drawn in to the tenth of the towers, it is 0.1 lower than without being far out, with a small weight.
    assert np.abs(moved).max() < 0.02


def test_the_interval_of_a_median_is_near_the_one_of_theory() -> None:
    # Of n normal values the median has the standard error sqrt(pi / 2 / n): 0.125 at 100.
    values = norm.ppf((np.arange(100) + 0.5) / 100)
    (found,) = quantile_intervals(values, tower_draws(range(100)), [0.5])
    assert found.value == pytest.approx(0.0, abs=1e-12)
    assert (found.high - found.low) / (2 * 1.96) == pytest.approx(math.sqrt(math.pi / 2 / 100), rel=0.15)


def test_intervals_hold_their_values_and_rise_with_the_quantile() -> None:
    values = np.random.default_rng(0).gamma(2, size=80)
    found = quantile_intervals(values, tower_draws(range(80)), QUANTILES)
    assert all(each.low <= each.value <= each.high for each in found)
    for ends in zip(*found, strict=True):
        assert list(ends) == sorted(ends)


def test_seeds_are_averaged_and_widen_the_interval() -> None:
    rng = np.random.default_rng(0)
    towers, draws = rng.normal(size=100), tower_draws(range(100))
    (alone,) = quantile_intervals(towers, draws, [0.5])
    (same,) = quantile_intervals(np.stack([towers] * 3), draws, [0.5])
    assert same == pytest.approx(alone)
    (apart,) = quantile_intervals(np.stack([towers - 1, towers, towers + 1]), draws, [0.5])
    assert apart.value == pytest.approx(alone.value)
    # Three seeds of levels -1 0 1: their mean, drawn again, has a standard deviation of sqrt(2/3 / 3) = 0.47.
    assert apart.high - apart.low > 1.5


def test_a_score_that_no_tower_has_is_undefined() -> None:
    (found,) = quantile_intervals(np.full(10, np.nan), tower_draws(range(10)), [0.5])
    assert isinstance(found, Interval)
    assert all(map(math.isnan, found))
