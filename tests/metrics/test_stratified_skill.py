"""The scores of every site: worked out by hand, independent implementations as witnesses, and laws."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from carbonbench_metrics.stratified_skill.scores import SCORES
from carbonbench_metrics.stratified_skill.stratified_skill import site_scores, stratified_skill
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from .frames import columns, only, random_days, same


class TestHandDerived:
    def test_the_scores_of_a_three_day_site_are_those_worked_out_by_hand(self):
        # y = 1 2 3, m = 2, p = 1 2 5: errors 0 0 2.
        # sum e^2 = 4, sum (y-m)^2 = 2 -> r2 = 1 - 2 = -1; rmse = sqrt(4/3); mae = 2/3; nmae = (2/3)/2 = 1/3;
        # rae = 2/2 = 1; bias = 2/3; nnse = 1/(2+1); sd = sqrt(2/3), mae_sd = (2/3)/sd = sd.
        # p - mean = -5/3 -2/3 7/3, sum of squares 26/3: r = 4/sqrt(2 * 26/3), sd_p/sd_y = sqrt(13/3), m_p/m_y = 4/3,
        # (m_p - m_y)/sd = sd.
        got = only(stratified_skill([1, 2, 5], [1, 2, 3], ["S"] * 3))
        r, a, sd = 4 / math.sqrt(52 / 3), math.sqrt(13 / 3), math.sqrt(2 / 3)
        expected = {"r2": -1.0, "rmse": math.sqrt(4 / 3), "mae": 2 / 3, "nmae": 1 / 3, "rae": 1.0, "bias": 2 / 3}
        expected |= {"nnse": 1 / 3, "mae_sd": sd}
        expected["kge"] = 1 - math.sqrt((r - 1) ** 2 + (a - 1) ** 2 + (1 / 3) ** 2)
        expected["kge_sd"] = 1 - math.sqrt((r - 1) ** 2 + (a - 1) ** 2 + sd**2)
        assert {name: got[name] for name in SCORES} == pytest.approx(expected, abs=1e-15)

    def test_bias_is_predicted_minus_observed(self):
        # p - y = -1, -3: mean -2.
        assert only(stratified_skill([1, 1], [2, 4], ["S", "S"]))["bias"] == -2.0

    def test_quantiles_over_sites_interpolate_linearly(self):
        # Five sites of two days, y = 0 2 (m = 1, sum (y-m)^2 = 2), p = y + e: r2 = 1 - 2 e^2 / 2 = 1 - e^2.
        # e = 0 1 2 3 4 -> r2 = 1 0 -3 -8 -15; sorted -15 -8 -3 0 1: q25 = -8, q50 = -3, q75 = 0.
        e = np.repeat([0, 1, 2, 3, 4], 2)
        y = np.tile([0.0, 2.0], 5)
        result = stratified_skill(y + e, y, np.repeat(list("ABCDE"), 2))
        # Positions 0.2 and 3.8 of 0 .. 4: q05 = -15 + 0.2 * 7 = -13.6, q95 = 0 + 0.8 * 1 = 0.8.
        quantiles = {"q05": -13.6, "q25": -8.0, "q50": -3.0, "q75": 0.0, "q95": 0.8}
        assert result["r2"] == pytest.approx(quantiles | {"n": 5, "n_undefined": 0}, abs=1e-12)
        # Four sites: r2 = 1 0 -3 -8; q50 lies half way between -3 and 0.
        assert stratified_skill((y + e)[:8], y[:8], np.repeat(list("ABCD"), 2))["r2"]["q50"] == -1.5

    def test_classes_are_summarised_over_their_own_sites(self):
        # As above: r2 is 1 (A), 0 (B), -3 (C).
        e = np.repeat([0, 1, 2], 2)
        y = np.tile([0.0, 2.0], 3)
        igbp = ["ENF", "ENF", "ENF", "ENF", "GRA", "GRA"]
        result = stratified_skill(y + e, y, np.repeat(list("ABC"), 2), igbp=igbp, koppen_main=["D"] * 6)
        assert result["igbp"]["ENF"]["r2"]["q50"] == 0.5
        assert result["igbp"]["GRA"]["r2"]["q50"] == -3.0
        assert (result["igbp"]["ENF"]["n_sites"], result["igbp"]["ENF"]["n_days"]) == (2, 4)
        whole = result["r2"]
        assert result["koppen_main"]["D"]["r2"] == {name: whole[name] for name in result["koppen_main"]["D"]["r2"]}

    def test_a_site_without_a_class_goes_into_the_stratum_unknown(self):
        igbp = [None, None, "", "", np.nan, np.nan, "ENF", "ENF"]
        result = stratified_skill([1.0, 2] * 4, [1.0, 2] * 4, np.repeat(list("ABCD"), 2), igbp=igbp)
        assert {name: stratum["n_sites"] for name, stratum in result["igbp"].items()} == {"ENF": 1, "unknown": 3}

    def test_sites_with_fewer_than_thirty_days_are_scored_and_flagged(self):
        y = np.arange(59.0)
        result = stratified_skill(y, y, ["short"] * 29 + ["long"] * 30)
        assert result["n_short"] == 1
        assert (only(result, "short")["short"], only(result, "long")["short"]) == (1, 0)
        assert only(result, "short")["r2"] == 1.0


def test_every_kind_of_column_gives_the_same_result() -> None:
    frame = random_days()
    expected = stratified_skill(**{name: values.to_numpy() for name, values in columns(frame).items()})
    for dtype in ("str", "object", "category"):
        changed = frame.astype({"site_id": dtype, "igbp": dtype})
        assert same(stratified_skill(**columns(changed)), expected)
    assert same(stratified_skill(**{name: values.tolist() for name, values in columns(frame).items()}), expected)


@pytest.mark.parametrize("dtype", ["str", "object", "category"])
def test_a_missing_class_in_a_pandas_column_is_unknown_and_a_missing_site_is_refused(dtype: str) -> None:
    igbp = pd.Series(["ENF", None, " "], dtype=dtype, index=[5, 5, 7])
    result = stratified_skill([1.0] * 3, [1.0] * 3, ["A", "B", "C"], igbp=igbp)
    assert {name: of_class["n_sites"] for name, of_class in result["igbp"].items()} == {"ENF": 1, "unknown": 2}
    with pytest.raises(ValueError, match="site_id is missing in row 1"):
        stratified_skill([1.0] * 3, [1.0] * 3, igbp)


class TestUndefined:
    @pytest.mark.parametrize("n", [2, 3, 1000, 2431])
    @pytest.mark.parametrize("level", [0.0, 0.1, 1e9 / 3])
    def test_a_constant_site_has_no_r2_and_no_rae_and_is_counted(self, level, n):
        # The mean of equal values is rounded: a sum of squares above zero must not pass for variance.
        y = np.full(n, level)
        result = stratified_skill(y + 1, y, ["S"] * n)
        assert math.isnan(only(result)["r2"])
        assert math.isnan(only(result)["rae"])
        assert only(result)["rmse"] == pytest.approx(1.0, abs=1e-6)
        assert (result["r2"]["n"], result["r2"]["n_undefined"]) == (0, 1)
        assert math.isnan(result["r2"]["q50"])

    def test_a_site_of_one_day_has_no_r2_but_has_an_error(self):
        result = stratified_skill([3.0], [1.0], ["S"])
        assert math.isnan(only(result)["r2"])
        assert (only(result)["rmse"], only(result)["bias"]) == (2.0, 2.0)

    def test_an_undefined_site_does_not_touch_the_quantiles_of_the_others(self):
        y = [0.0, 2.0, 5.0, 5.0]
        result = stratified_skill([0.0, 2.0, 5.0, 5.0], y, ["A", "A", "B", "B"])
        every = dict.fromkeys(("q05", "q25", "q50", "q75", "q95"), 1.0)
        assert result["r2"] == every | {"n": 1, "n_undefined": 1}

    def test_nmae_is_undefined_where_the_mean_is_zero_but_for_rounding(self):
        # 0.1 + 0.2 - 0.3 = 5.6e-17 in floating point: nmae would be 1e16.
        result = stratified_skill([1.0, 1.0, 1.0], [0.1, 0.2, -0.3], ["S"] * 3)
        assert math.isnan(only(result)["nmae"])
        assert result["nmae"]["n_undefined"] == 1

    @given(
        st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=12),
        st.integers(0, 2**32 - 1),
    )
    @settings(max_examples=200, deadline=None)
    def test_no_score_is_ever_infinite(self, y, seed):
        rng = np.random.default_rng(seed)
        y = np.array(y)
        y = np.where(np.abs(y) < 1e100, y, 1e99)
        p = rng.choice([0.0, 1e-300, 1e99, -1e99, 1.0], len(y))
        result = stratified_skill(p, y, rng.choice(["A", "B"], len(y)))
        assert not any(math.isinf(v) for site in result["sites"].values() for v in site.values())
        assert not any(math.isinf(v) for name in SCORES for v in result[name].values())


class TestMissing:
    def test_rows_without_a_reference_are_dropped_and_counted(self):
        result = stratified_skill([1.0, 2.0, 9.0, np.nan], [1.0, 3.0, np.nan, np.nan], ["A", "A", "A", "B"])
        assert (result["n_days"], result["n_dropped"]) == (2, 2)
        assert (result["n_sites"], result["n_sites_dropped"]) == (1, 1)
        # y = 1 3, p = 1 2: sum e^2 = 1, sum (y-m)^2 = 2.
        assert only(result, "A")["r2"] == 0.5
        assert only(result, "B")["n"] == 0
        assert math.isnan(only(result, "B")["r2"])
        assert result["r2"]["n_undefined"] == 0

    def test_a_target_that_is_observed_nowhere_gives_no_sites_rather_than_an_error(self):
        result = stratified_skill([1.0, 2.0], [np.nan, np.nan], ["A", "B"], igbp=["ENF", "ENF"])
        assert (result["n_sites"], result["igbp"]) == (0, {})
        assert math.isnan(result["rmse"]["q50"])

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_a_prediction_that_is_no_number_where_one_is_scored_is_refused_by_site_and_date(self, value):
        days = ["2010-01-01", "2010-01-02", "2010-01-03"]
        with pytest.raises(ValueError, match=r"predictions.*1 missing or infinite.*DE-Hai on 2010-01-02"):
            stratified_skill([1.0, value, 1.0], [1.0, 2.0, 3.0], ["DE-Hai"] * 3, date=days)

    def test_an_infinite_reference_is_refused(self):
        with pytest.raises(ValueError, match=r"references has 1 missing or infinite"):
            stratified_skill([1.0], [np.inf], ["A"])

    @pytest.mark.parametrize("missing", [None, "", np.nan])
    def test_a_row_without_a_site_is_refused(self, missing):
        with pytest.raises(ValueError, match=r"site_id is missing in row 1"):
            stratified_skill([1.0, 1.0], [1.0, 1.0], np.array(["A", missing], object))

    def test_a_site_with_two_classes_is_refused_by_name(self):
        with pytest.raises(ValueError, match=r"Site B has more than one igbp class: ENF and GRA"):
            stratified_skill([1.0] * 4, [1.0] * 4, ["A", "B", "B", "A"], igbp=["ENF", "GRA", "ENF", "ENF"])

    def test_inputs_of_different_length_are_refused(self):
        with pytest.raises(ValueError, match=r"differ in length.*'references': 2, 'predictions': 1"):
            stratified_skill([1.0], [1.0, 2.0], ["A", "A"])

    def test_no_rows_are_refused(self):
        with pytest.raises(ValueError, match=r"no rows"):
            stratified_skill([], [], [])

    def test_text_among_the_predictions_is_refused(self):
        with pytest.raises(ValueError, match=r"predictions cannot be read as numbers"):
            stratified_skill(["a"], [1.0], ["A"])

    def test_a_matrix_of_predictions_is_refused(self):
        with pytest.raises(ValueError, match=r"predictions has the shape \(1, 1\)"):
            stratified_skill([[1.0]], [1.0], ["A"])


class TestAgainstIndependentImplementations:
    def test_every_site_agrees_with_scikit_learn_to_nine_digits(self):
        frame = random_days(n_sites=40)
        table = site_scores(frame["predictions"], frame["references"], frame["site_id"])
        for row, site in enumerate(table["site_id"]):
            days = frame[frame["site_id"] == site]
            y, p = days["references"], days["predictions"]
            assert table["n"][row] == len(days)
            assert table["r2"][row] == pytest.approx(r2_score(y, p), rel=1e-9)
            assert table["rmse"][row] == pytest.approx(math.sqrt(mean_squared_error(y, p)), rel=1e-9)
            assert table["mae"][row] == pytest.approx(mean_absolute_error(y, p), rel=1e-9)
            assert table["nmae"][row] == pytest.approx(mean_absolute_error(y, p) / abs(y.mean()), rel=1e-9)
            assert table["rae"][row] == pytest.approx((y - p).abs().sum() / (y - y.mean()).abs().sum(), rel=1e-9)
            assert table["bias"][row] == pytest.approx(p.mean() - y.mean(), rel=1e-9, abs=1e-12)

    def test_efficiencies_agree_with_plain_loops_to_nine_digits(self):
        frame = random_days(n_sites=40)
        table = site_scores(frame["predictions"], frame["references"], frame["site_id"])
        for row, site in enumerate(table["site_id"]):
            days = frame[frame["site_id"] == site]
            y, p = days["references"].to_numpy(), days["predictions"].to_numpy()
            r, a = np.corrcoef(y, p)[0, 1], np.std(p) / np.std(y)
            bias, bias_sd = np.mean(p) / np.mean(y) - 1, (np.mean(p) - np.mean(y)) / np.std(y)
            expected = {
                "nnse": 1 / (2 - r2_score(y, p)),
                "mae_sd": mean_absolute_error(y, p) / np.std(y),
                "kge": 1 - math.dist((r, a, bias), (1, 1, 0)),
                "kge_sd": 1 - math.dist((r, a, bias_sd), (1, 1, 0)),
            }
            assert {name: table[name][row] for name in expected} == pytest.approx(expected, rel=1e-9)

    def test_skill_agrees_with_the_ratio_of_mean_square_errors(self):
        frame = random_days(n_sites=40).assign(climatology=3.0)
        table = site_scores(
            frame["predictions"], frame["references"], frame["site_id"], climatology=frame["climatology"]
        )
        for row, site in enumerate(table["site_id"]):
            days = frame[frame["site_id"] == site]
            errors = [mean_squared_error(days["references"], days[p]) for p in ("predictions", "climatology")]
            assert table["skill"][row] == pytest.approx(1 - errors[0] / errors[1], rel=1e-9, abs=1e-9)

    def test_strata_agree_with_quantiles_of_the_sites_of_each_class(self):
        frame = random_days(n_sites=40)
        result = stratified_skill(**columns(frame))
        sites = pd.DataFrame(result["sites"]).T.join(frame.groupby("site_id")[["igbp", "koppen_main"]].first())
        for stratum in ("igbp", "koppen_main"):
            for name, group in sites.groupby(stratum):
                for score in SCORES:
                    got = [result[stratum][name][score][q] for q in ("q05", "q25", "q50", "q75", "q95")]
                    expected = group[score].quantile([0.05, 0.25, 0.5, 0.75, 0.95]).tolist()
                    assert got == pytest.approx(expected, rel=1e-9, abs=1e-9)

    def test_real_towers_agree_with_scikit_learn(self, shared_data):
        frame = pd.read_parquet(shared_data / "site_days.parquet", columns=["site", "IGBP", "GPP", "GPP_DT"])
        frame = frame.dropna(subset=["GPP", "GPP_DT"]).astype({"GPP": float, "GPP_DT": float})
        result = stratified_skill(frame["GPP_DT"], frame["GPP"], frame["site"], igbp=frame["IGBP"])
        days = dict(list(frame.groupby("site", observed=True)))
        expected = {site: r2_score(d["GPP"], d["GPP_DT"]) for site, d in days.items()}
        assert {site: scores["r2"] for site, scores in result["sites"].items()} == pytest.approx(expected, rel=1e-9)
        # Two partitionings of one flux agree at most towers.
        assert result["r2"]["q50"] > 0.8
