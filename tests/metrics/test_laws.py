"""Laws of the scores of a site: order, units, shifts, the mean predictor, precision."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from carbonbench_metrics.stratified_skill.scores import SCORES
from carbonbench_metrics.stratified_skill.stratified_skill import stratified_skill
from hypothesis import given, settings
from hypothesis import strategies as st

from .frames import only

# Flux-like numbers with few digits, so that sums are exact enough to compare laws tightly.
fluxes = st.integers(-2000, 2000).map(lambda v: v / 100)
site_days = st.lists(st.tuples(fluxes, fluxes, st.sampled_from(["A", "B", "C"])), min_size=1, max_size=40)


def same_scores(got: dict, expected: dict, names=tuple(SCORES)) -> bool:
    return all(
        got["sites"][site][name] == pytest.approx(expected["sites"][site][name], rel=1e-9, abs=1e-9, nan_ok=True)
        for site in expected["sites"]
        for name in names
    )


class TestLaws:
    @given(site_days, st.randoms(use_true_random=False))
    @settings(deadline=None)
    def test_the_order_of_rows_does_not_matter(self, rows, random):
        shuffled = random.sample(rows, len(rows))
        assert same_scores(stratified_skill(*zip(*shuffled, strict=True)), stratified_skill(*zip(*rows, strict=True)))

    @given(site_days, st.integers(-8, 8).filter(bool).map(float))
    @settings(deadline=None)
    def test_another_unit_scales_errors_and_leaves_ratios(self, rows, unit):
        p, y, site = (np.array(column) for column in zip(*rows, strict=True))
        base, scaled = stratified_skill(p, y, site), stratified_skill(p * unit, y * unit, site)
        assert same_scores(scaled, base, ("r2", "rae", "nmae", "nnse", "mae_sd", "kge", "kge_sd"))
        for name in base["sites"]:
            assert scaled["sites"][name]["rmse"] == pytest.approx(base["sites"][name]["rmse"] * abs(unit))
            assert scaled["sites"][name]["mae"] == pytest.approx(base["sites"][name]["mae"] * abs(unit))
            assert scaled["sites"][name]["bias"] == pytest.approx(base["sites"][name]["bias"] * unit)

    @given(site_days, st.sampled_from([-1e3, 7.5, 2.0**20]))
    @settings(deadline=None)
    def test_shifting_both_by_a_constant_changes_nothing_but_what_is_relative_to_the_mean(self, rows, shift):
        p, y, site = (np.array(column) for column in zip(*rows, strict=True))
        names = ("r2", "rmse", "mae", "rae", "bias", "nnse", "mae_sd", "kge_sd")
        base, shifted = stratified_skill(p, y, site), stratified_skill(p + shift, y + shift, site)
        for name in base["sites"]:
            # The inputs are rounded at the size of the shift, 1e6 * 1e-16, before the metric sees them.
            got = [shifted["sites"][name][score] for score in names]
            expected = [base["sites"][name][score] for score in names]
            assert got == pytest.approx(expected, rel=1e-5, abs=1e-8, nan_ok=True)

    @given(site_days, fluxes)
    @settings(deadline=None)
    def test_a_constant_added_to_the_predictions_adds_to_the_bias(self, rows, shift):
        p, y, site = (np.array(column) for column in zip(*rows, strict=True))
        base, shifted = stratified_skill(p, y, site), stratified_skill(p + shift, y, site)
        for name in base["sites"]:
            assert shifted["sites"][name]["bias"] == pytest.approx(base["sites"][name]["bias"] + shift, abs=1e-9)

    @given(site_days)
    @settings(deadline=None)
    def test_predicting_each_sites_mean_has_an_r2_of_zero_and_an_rae_of_one(self, rows):
        _, y, site = (np.array(column) for column in zip(*rows, strict=True))
        p = pd.Series(y).groupby(site).transform("mean")
        for scores in stratified_skill(p, y, site)["sites"].values():
            # No correlation, no variability, no bias: 1 - sqrt(1 + 1).
            assert math.isnan(scores["kge_sd"]) or scores["kge_sd"] == pytest.approx(1 - math.sqrt(2))
            undefined = [math.isnan(scores["r2"]), math.isnan(scores["rae"])]
            assert undefined in ([True, True], [False, False])
            assert undefined[0] or (scores["r2"], scores["rae"]) == pytest.approx((0.0, 1.0), abs=1e-9)

    @given(site_days)
    @settings(deadline=None)
    def test_a_perfect_prediction_has_no_error(self, rows):
        _, y, site = zip(*rows, strict=True)
        for scores in stratified_skill(y, y, site)["sites"].values():
            assert (scores["rmse"], scores["mae"], scores["bias"]) == (0.0, 0.0, 0.0)
            for name in ("r2", "nnse", "kge", "kge_sd"):
                assert scores[name] == pytest.approx(1.0, abs=1e-7) or math.isnan(scores[name])

    def test_a_mean_between_two_floating_point_numbers_does_not_cost_digits(self):
        # Near 2^52 only whole numbers exist: the mean 2^52 + 1/3 is rounded to 2^52, yet the spread is exact.
        # y - m = -1/3 -1/3 2/3: sum of squares 2/3, p - y = 0 0 1 -> r2 = 1 - 1/(2/3) = -0.5, rae = 1/(4/3) = 0.75.
        y = 2.0**52 + np.array([0.0, 0.0, 1.0])
        scores = only(stratified_skill(y + np.array([0, 0, 1]), y, ["S"] * 3))
        assert (scores["r2"], scores["rae"]) == pytest.approx((-0.5, 0.75), abs=1e-12)

    def test_a_large_offset_does_not_cost_digits(self):
        # y = 2^40 + (0 .. 999) / 1024 is exact in a double; a one-pass sum of squares would lose all of it.
        small = np.arange(1000) / 1024
        error = np.where(np.arange(1000) % 2, 0.25, -0.5)
        base = only(stratified_skill(small + error, small, ["S"] * 1000))
        far = only(stratified_skill(small + 2.0**40 + error, small + 2.0**40, ["S"] * 1000))
        assert [far[name] for name in ("r2", "rmse", "mae", "rae", "bias")] == pytest.approx(
            [base[name] for name in ("r2", "rmse", "mae", "rae", "bias")], rel=1e-12
        )
