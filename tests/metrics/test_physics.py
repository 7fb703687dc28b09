"""Three fluxes together: each is scored by itself, and whether they are possible beside one another."""

from __future__ import annotations

import math

import numpy as np
import pytest
from carbonbench_metrics.stratified_skill.stratified_skill import WITH_VECTORS, stratified_skill, vector_skill
from hypothesis import given, settings
from hypothesis import strategies as st

from .frames import same

NAN = np.nan


def test_closure_and_signs_are_those_worked_out_by_hand() -> None:
    # gpp, reco, nee; |nee - (reco - gpp)|: day 1 |-2 - (1 - 3)| = 0, day 2 |1 - (2 - -1)| = 2.
    predicted = [[3.0, 1.0, -2.0], [-1.0, 2.0, 1.0]]
    observed = [[2.0, 1.0, -1.5], [4.0, -1.0, -5.0]]  # |-1.5 + 1| = 0.5 and |-5 + 5| = 0
    sites = vector_skill(predicted, observed, ["S", "S"])["physics"]["sites"]
    got = {name: sites["S"][name] for name in WITH_VECTORS}
    assert got == {
        "closure": 1.0,
        "closure_observed": 0.25,
        "negative_gpp": 0.5,
        "negative_gpp_observed": 0.0,
        "negative_reco": 0.0,
        "negative_reco_observed": 0.5,
    }


def test_a_flux_that_is_not_observed_leaves_the_others_their_days() -> None:
    predicted = [[3.0, 1.0, -2.0], [NAN, 2.0, NAN], [1.0, 1.0, 1.0]]
    observed = [[2.0, 1.0, -1.0], [NAN, 1.0, NAN], [NAN, NAN, NAN]]
    result = vector_skill(predicted, observed, ["A", "A", "B"])
    physics = result["physics"]
    # Day 2 has no predicted GPP: closure and its sign are of day 1. Site B has no observation at all.
    assert physics["sites"]["A"]["closure"] == 0.0
    assert physics["sites"]["A"]["n"] == 2
    assert math.isnan(physics["sites"]["B"]["closure"])
    assert (physics["n_sites"], physics["closure"]["n"]) == (1, 1)
    assert (result["gpp"]["n_days"], result["reco"]["n_days"]) == (1, 2)


def test_every_flux_is_scored_as_by_itself() -> None:
    rng = np.random.default_rng(0)
    y, p, c = rng.normal(size=(3, 90, 3))
    y[rng.random(y.shape) < 0.2] = NAN
    site = np.repeat(["A", "B", "C"], 30)
    date = np.tile(np.datetime64("2010-01-01") + np.arange(30), 3)
    options = {"igbp": np.repeat(["ENF", "GRA", "GRA"], 30), "date": date, "strata": {"continent": site}}
    result = vector_skill(p, y, site, climatology=c, **options)
    for i, flux in enumerate(("gpp", "reco", "nee")):
        alone = stratified_skill(p[:, i], y[:, i], site, climatology=c[:, i], **options)
        assert same(result[flux], alone)
    assert set(result["physics"]["continent"]) == {"A", "B", "C"}
    assert not math.isnan(result["physics"]["closure"]["macro_igbp"])


@given(st.integers(0, 2**16), st.floats(-10, 10))
@settings(deadline=None)
def test_fluxes_that_close_have_no_residual_and_one_that_misses_by_d_has_d(seed: int, d: float) -> None:
    gpp, reco = np.random.default_rng(seed).normal(size=(2, 20))
    y = np.stack([gpp, reco, reco - gpp], axis=1)
    sites = vector_skill(y + np.array([0, 0, d]), y, ["S"] * 20)["physics"]["sites"]
    assert sites["S"]["closure_observed"] == 0.0
    assert sites["S"]["closure"] == pytest.approx(abs(d), abs=1e-12)


@pytest.mark.parametrize("wrong", [[[1.0, 2.0]], [1.0], [["a", "b", "c"]]])
def test_what_is_no_vector_of_three_is_refused(wrong: list) -> None:
    with pytest.raises(ValueError, match=r"predictions .* 3 numbers per row"):
        vector_skill(wrong, [[1.0, 2.0, 3.0]], ["S"])
