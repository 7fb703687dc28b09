"""What is said over sites: quantiles, classes, the worst of them, means across sites, given strata and chosen days."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from carbonbench_metrics.stratified_skill.over_sites import across_sites, higher_is_better, quantiles
from carbonbench_metrics.stratified_skill.stratified_skill import SCORES, site_scores, stratified_skill
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import spearmanr
from sklearn.metrics import r2_score

from .frames import columns, only, random_days, same


def sites_with_r2(r2: list[float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return p, y and site of two days per site: y = 0 2, p = y + e gives r2 = 1 - e^2."""
    y = np.tile([0.0, 2.0], len(r2))
    return y + np.repeat(np.sqrt(1 - np.array(r2)), 2), y, np.repeat([f"S{i:02d}" for i in range(len(r2))], 2)


@given(
    arrays(np.float64, st.tuples(st.integers(1, 9), st.integers(1, 4)), elements=st.floats(-1e6, 1e6) | st.just(np.nan))
)
def test_quantiles_of_many_columns_are_those_of_numpy_to_the_last_digit(values: np.ndarray) -> None:
    levels = (0.05, 0.25, 0.5, 0.75, 0.95)
    got = quantiles(values, levels)
    for column, found in zip(values.T, got.T, strict=True):
        defined = column[~np.isnan(column)]
        expected = np.quantile(defined, levels) if len(defined) else np.full(5, np.nan)
        np.testing.assert_array_equal(found, expected)


def test_macro_is_the_mean_over_classes_of_their_medians_without_the_unknown() -> None:
    p, y, site = sites_with_r2([1.0, 0.0, -3.0, -8.0])
    igbp = np.repeat(["ENF", "ENF", "GRA", ""], 2)
    # Medians: ENF 0.5, GRA -3; mean -1.25.
    assert stratified_skill(p, y, site, igbp=igbp)["r2"]["macro_igbp"] == pytest.approx(-1.25)


def test_the_worst_group_is_the_lowest_median_among_classes_of_five_with_small_ones_pooled() -> None:
    # ENF: five sites of 0.5. GRA: six of 0.2. Five classes of one site: median of 0.9 0.8 0.1 -1 -2 is 0.1.
    p, y, site = sites_with_r2([0.5] * 5 + [0.2] * 6 + [0.9, 0.8, 0.1, -1.0, -2.0])
    igbp = np.repeat(["ENF"] * 5 + ["GRA"] * 6 + ["CRO", "CSH", "EBF", "WAT", "WET"], 2)
    assert stratified_skill(p, y, site, igbp=igbp)["r2"]["worst_igbp"] == pytest.approx(0.1)
    # Four rare sites are too few for a group of their own.
    few = site < "S15"
    assert stratified_skill(p[few], y[few], site[few], igbp=igbp[few])["r2"]["worst_igbp"] == pytest.approx(0.2)


def test_of_errors_the_worst_group_is_that_of_the_largest_and_of_bias_the_farthest_from_zero() -> None:
    y = np.tile([0.0, 2.0], 10)
    error = np.repeat([0.5] * 5 + [-1.5] * 5, 2)
    igbp = np.repeat(["ENF"] * 5 + ["GRA"] * 5, 2)
    result = stratified_skill(y + error, y, np.repeat([f"S{i}" for i in range(10)], 2), igbp=igbp)
    assert result["rmse"]["worst_igbp"] == pytest.approx(1.5)
    assert result["bias"]["worst_igbp"] == pytest.approx(-1.5)
    assert result["nnse"]["worst_igbp"] == pytest.approx(1 / (2 - (1 - 1.5**2)))
    assert {name for name in SCORES if higher_is_better(name)} == {"r2", "nnse", "kge", "kge_sd"}


def test_without_a_class_of_five_sites_there_is_no_worst_group() -> None:
    p, y, site = sites_with_r2([0.5, 0.2])
    assert math.isnan(stratified_skill(p, y, site, igbp=["ENF"] * 2 + ["GRA"] * 2)["r2"]["worst_igbp"])


def test_the_worst_tenth_is_the_mean_of_the_lowest_tenth_of_sites() -> None:
    r2 = np.linspace(-1, 0.9, 20)
    result = stratified_skill(*sites_with_r2(r2.tolist()))["nnse"]
    nnse = 1 / (2 - r2)
    assert result["worst_tenth"] == pytest.approx(nnse[:2].mean())
    assert result["mean"] == pytest.approx(nnse.mean())
    # A tenth of 21 sites are three: it is rounded up, so that there is always one.
    assert stratified_skill(*sites_with_r2([-2.0, *r2.tolist()]))["nnse"]["worst_tenth"] == pytest.approx(
        (0.25 + nnse[0] + nnse[1]) / 3
    )


def test_a_median_by_area_counts_every_class_as_much_as_it_covers() -> None:
    # ENF three sites of 0.9 0.8 0.7 and an area of 1, GRA one of 0.1 and 3: weights 1 1 1 9. From below the sites stand
    # in the middle of their weights at 4.5 (0.1), 9.5 (0.7), 10.5, 11.5; half of 12 is 6: 0.1 + 1.5 / 5 * 0.6 = 0.28.
    p, y, site = sites_with_r2([0.9, 0.8, 0.7, 0.1, -5.0])
    igbp = np.repeat(["ENF", "ENF", "ENF", "GRA", "WAT"], 2)
    result = stratified_skill(p, y, site, igbp=igbp, areas={"igbp": {"ENF": 1.0, "GRA": 3.0, "CRO": 7.0}})
    assert result["r2"]["area_igbp"] == pytest.approx(0.28)
    assert math.isnan(stratified_skill(p, y, site, igbp=igbp, areas={"igbp": {"CRO": 1.0}})["r2"]["area_igbp"])


@given(st.lists(st.integers(-20, 20), min_size=1, max_size=12))
def test_areas_in_proportion_to_sites_leave_the_median_as_it_is(values: list[int]) -> None:
    r2 = [v / 20 for v in values]
    p, y, site = sites_with_r2(r2)
    igbp = np.repeat(np.array(["ENF", "GRA"])[np.arange(len(r2)) % 2], 2)
    areas = {"ENF": float((len(r2) + 1) // 2), "GRA": float(max(len(r2) // 2, 1))}
    result = stratified_skill(p, y, site, igbp=igbp, areas={"igbp": areas})["r2"]
    assert result["area_igbp"] == pytest.approx(result["q50"], abs=1e-12)


@pytest.mark.parametrize(
    ("areas", "message"),
    [({"biome": {"a": 1.0}}, "areas of biome, which is no stratum here: igbp"), ({"igbp": {"ENF": 0.0}}, "ENF=0.0")],
)
def test_areas_that_cannot_be_used_are_refused(areas: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        stratified_skill([1.0], [1.0], ["S"], igbp=["ENF"], areas=areas)


@pytest.mark.parametrize("decimals", [1, 9])
def test_means_across_sites_agree_with_scikit_learn_and_scipy_ties_included(decimals: int) -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=50).round(decimals)
    p = (0.5 * y + rng.normal(size=50)).round(decimals)
    found = across_sites(y, p)
    assert found["r2"] == pytest.approx(r2_score(y, p), rel=1e-9)
    assert found["spearman"] == pytest.approx(spearmanr(y, p).statistic, rel=1e-9)
    assert found["n"] == 50


def test_the_result_carries_the_means_of_sites_and_their_agreement() -> None:
    frame = random_days()
    result = stratified_skill(**columns(frame))
    means = frame.groupby("site_id")[["references", "predictions"]].mean()
    assert result["across"]["r2"] == pytest.approx(r2_score(means["references"], means["predictions"]), rel=1e-9)
    for site, row in means.iterrows():
        assert only(result, site)["observed_mean"] == pytest.approx(row["references"], rel=1e-12)
        assert only(result, site)["predicted_mean"] == pytest.approx(row["predictions"], rel=1e-12)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_means_that_do_not_vary_have_no_agreement(n: int) -> None:
    found = across_sites(np.full(n, 0.1), np.arange(float(n)))
    assert math.isnan(found["r2"])
    assert math.isnan(found["spearman"])


def test_any_stratum_can_be_given_beside_the_two() -> None:
    frame = random_days()
    continent = np.where(frame["site_id"] < "AA-006", "Europe", "Asia")
    result = stratified_skill(**columns(frame), strata={"continent": continent})
    assert set(result["continent"]) == {"Europe", "Asia"}
    assert result["continent"]["Asia"]["n_sites"] == 6
    assert not math.isnan(result["r2"]["macro_continent"])
    table = site_scores(frame["predictions"], frame["references"], frame["site_id"], strata={"continent": continent})
    assert table["continent"].tolist() == ["Europe"] * 6 + ["Asia"] * 6
    with pytest.raises(ValueError, match=r"more than one continent class"):
        stratified_skill(**columns(frame), strata={"continent": frame["date"].dt.day_name()})


@pytest.mark.parametrize("name", ["r2", "sites", "n", "site_id", "across", "closure"])
def test_a_stratum_cannot_take_the_name_of_a_key(name: str) -> None:
    with pytest.raises(ValueError, match=f"cannot be called {name}"):
        stratified_skill([1.0], [1.0], ["S"], strata={name: ["a"]})


def test_chosen_days_are_scored_as_if_there_were_no_others() -> None:
    frame = random_days()
    hot = (frame["references"] > 4).to_numpy()
    result = stratified_skill(**columns(frame), masks={"hot": hot, "none": np.zeros(len(frame), bool)})
    alone = stratified_skill(*(frame.loc[hot, name] for name in ("predictions", "references", "site_id")))
    days = result["days"]["hot"]
    assert days["n_days"] == hot.sum()
    for score in SCORES:
        assert same(days[score], alone[score])
    assert (result["days"]["none"]["n_sites"], result["days"]["none"]["r2"]["n"]) == (0, 0)
    # The other scores do not know of the mask.
    assert same(result["r2"], stratified_skill(**columns(frame))["r2"])


@pytest.mark.parametrize("mask", [[True], [1, 0]])
def test_a_mask_of_another_length_or_kind_is_refused(mask: list) -> None:
    with pytest.raises(ValueError, match=r"Mask hot has . values of .*; expected 2 of bool"):
        stratified_skill([1.0, 2.0], [1.0, 2.0], ["S", "S"], masks={"hot": mask})


def test_a_prediction_may_be_missing_outside_of_what_is_scored() -> None:
    y = pd.Series([1.0, 3.0, np.nan])
    result = stratified_skill([1.0, 2.0, np.nan], y, ["S"] * 3, masks={"first": [True, False, True]})
    assert result["days"]["first"]["rmse"]["q50"] == 0.0
    assert result["days"]["first"]["n_dropped"] == 2
