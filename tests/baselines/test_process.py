"""MOD17, the P-model and Lloyd-Taylor respiration: cases computed by hand, calibration by class, what is filled."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from carbonbench_baselines import baseline_class, load_baseline
from carbonbench_baselines._pooling import by_class, non_negative
from carbonbench_baselines._process import lloyd_taylor
from carbonbench_baselines._seasons import LEVELS, table_shape
from carbonbench_baselines.mod17 import BIOMES, limits
from carbonbench_baselines.pmodel import CO2, light_use
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import nnls

from carbonbench_core.errors import FeatureError, UsageError
from carbonbench_core.schema import IGBP, KOPPEN_MAIN

PROCESS = ["mod17", "pmodel"]


def tower(site: str, igbp: str | None, koppen: str | None = "D", days: int = 400, seed: int = 0) -> pd.DataFrame:
    """Return a tower of everything a process model asks for, without fluxes."""
    rng = np.random.default_rng([seed, *site.encode()])
    warmth = -np.cos(2 * np.pi * np.arange(days) / 365)
    return pd.DataFrame(
        {
            "site_id": site,
            "date": pd.date_range("2010-01-01", periods=days),
            "latitude": 50.0,
            "igbp": igbp,
            "koppen_main": koppen,
            "nee_qc": rng.choice([0.5, 1.0], days),
            "TA_F": 8 + 10 * warmth + rng.normal(0, 2, days),
            "TA_F_DAY": 9 + 10 * warmth,
            "TA_MIN": 4 + 10 * warmth,
            "SW_IN_F": 150 + 100 * warmth + rng.normal(0, 10, days),
            "VPD_F_DAY": 8 + 5 * warmth,
            "FAPAR": 0.5 + 0.3 * warmth,
        }
    )


def with_fluxes(frame: pd.DataFrame, gpp: np.ndarray | float, reco: np.ndarray | float) -> pd.DataFrame:
    return frame.assign(gpp=gpp, reco=reco, nee=reco - gpp)


def potential(name: str, frame: pd.DataFrame) -> np.ndarray:
    """Return GPP at an efficiency of one, from the model's own published form at a known efficiency."""
    model = load_baseline(name, efficiency="published").fit(with_fluxes(frame, 1.0, 1.0))
    efficiency = model._efficiency[list(IGBP).index(frame["igbp"].iloc[0]), 0]
    return model.predict(frame)["gpp"].to_numpy() / efficiency


# --- equations


def test_mod17_is_what_a_hand_computes() -> None:
    # DBF: f = (1.97 + 6) / (9.94 + 6) = 0.5; g = (2900 - 1775) / (2900 - 650) = 0.5;
    # PAR = 0.45 x 200 W m-2 x 0.0864 = 7.776 MJ m-2 d-1; GPP = 1.526 x 0.5 x 0.5 x 0.5 x 7.776 = 1.4833 gC m-2 d-1
    day = {"TA_MIN": 1.97, "VPD_F_DAY": 17.75, "SW_IN_F": 200.0, "FAPAR": 0.5}
    frame = with_fluxes(tower("A", "DBF").assign(**day), 1.0, 1.0)
    model = load_baseline("mod17", efficiency="published").fit(frame)
    np.testing.assert_allclose(model.predict(frame)["gpp"], 1.4833, rtol=1e-4)


@pytest.mark.parametrize(("change", "share"), [({"TA_MIN": -6.0}, 0), ({"VPD_F_DAY": 29.0}, 0), ({"FAPAR": 0.0}, 0)])
def test_mod17_stops_at_its_limits(change: dict, share: float) -> None:
    frame = with_fluxes(tower("A", "DBF"), 1.0, 1.0)
    model = load_baseline("mod17", efficiency="published").fit(frame)
    np.testing.assert_allclose(model.predict(frame.assign(**change))["gpp"], share, atol=1e-6)
    easy = {"TA_MIN": 9.94, "VPD_F_DAY": 6.5, "FAPAR": 1.0, "SW_IN_F": 100.0}
    full = model.predict(frame.assign(**easy))["gpp"]
    np.testing.assert_allclose(full, 1.526 * 0.45 * 8.64, rtol=1e-6)
    np.testing.assert_allclose(model.predict(frame.assign(**(easy | {"TA_MIN": 25.0, "VPD_F_DAY": 1.0})))["gpp"], full)


def test_classes_that_mod17_does_not_know_have_the_mean_of_its_limits() -> None:
    table = limits()
    for unknown in ("WET", "URB", "WAT"):
        np.testing.assert_allclose(table[list(IGBP).index(unknown)], np.mean(list(BIOMES.values()), axis=0))
    np.testing.assert_allclose(table[-1], table[list(IGBP).index("WET")])


def test_the_p_model_is_what_its_equations_give() -> None:
    # Wang et al. 2017 and Stocker et al. 2020 at 20 degC, 1000 Pa, 400 ppm and 101325 Pa, from their constants:
    # Arrhenius from 25 degC with 37.83 (photorespiration), 79.43 (CO2) and 36.38 kJ mol-1 (O2); beta = 146, c* = 0.41.
    kelvin, r = 293.15, 8.3145

    def arrhenius(at_25: float, energy: float) -> float:
        return at_25 * np.exp(energy * (kelvin - 298.15) / (298.15 * r * kelvin))

    ca, oxygen = 400e-6 * 101_325, 0.209476 * 101_325
    star = arrhenius(4.332, 37_830.0)
    k = arrhenius(39.97, 79_430.0) * (1 + oxygen / arrhenius(27_480.0, 36_380.0))
    viscosity = 1.0016 / 0.8900  # of water at 20 over that at 25 degC [mPa s]
    xi = np.sqrt(146 * (k + star) / (1.6 * viscosity))
    ci = star + (ca - star) * xi / (xi + np.sqrt(1000.0))
    m = (ci - star) / (ci + 2 * star)
    jmax = np.sqrt(1 - (0.41 / m) ** (2 / 3))
    warmth = 0.352 + 0.022 * 20 - 0.00034 * 400  # Bernacchi et al. 2003
    one = [np.array([x]) for x in (20.0, 1000.0, 400.0, 101_325.0)]
    assert light_use(*one)[0] == pytest.approx(warmth * m * jmax * 12.0107, rel=0.01)


def test_light_use_rises_with_co2_and_falls_with_dryness() -> None:
    two = np.array([300.0, 500.0])
    same = [np.full(2, x) for x in (20.0, 1000.0, 400.0, 101_325.0)]
    assert np.diff(light_use(same[0], same[1], two, same[3]))[0] > 0
    assert np.diff(light_use(same[0], two * 4, same[2], same[3]))[0] < 0
    assert np.isfinite(light_use(np.array([-60.0, 45.0]), np.array([0.0, 9999.0]), two, same[3])).all()


def test_the_p_model_has_an_answer_wherever_a_tower_may_stand() -> None:
    grid = np.meshgrid(np.arange(-40, 61, 5.0), np.arange(0, 10_001, 500.0), [340.0, 420.0], [55_000.0, 101_325.0])
    temperature, dryness, co2, pressure = (axis.ravel() for axis in grid)
    use = light_use(temperature, dryness, co2, pressure)
    assert np.isfinite(use).all()
    assert (use >= 0).all()
    assert (use[(temperature >= 50) & (dryness >= 8_000)] == 0).all()


def test_co2_in_the_air_rises() -> None:
    assert (np.diff(list(CO2.values())) > 0).all()


def test_respiration_warms_as_lloyd_and_taylor_found() -> None:
    # E0 = 308.56 K: R(20) / R(10) = exp(308.56 x (1 / 56.02 - 1 / 66.02)) = exp(0.8343) = 2.303
    np.testing.assert_allclose(lloyd_taylor(np.array([10.0, 20.0]), 308.56), [1, 2.303], rtol=1e-3)
    assert np.isfinite(lloyd_taylor(np.array([-90.0]), 308.56)).all()


# --- calibration


@pytest.mark.parametrize("name", PROCESS)
def test_what_a_model_of_its_own_kind_made_is_found_again(name: str) -> None:
    efficiency, base, share = 0.9, 1.2, 0.3
    frame = tower("A", "ENF")
    gpp = efficiency * potential(name, frame)
    recent = pd.Series(gpp).rolling(30, min_periods=1).mean()
    reco = (base + share * recent.to_numpy()) * lloyd_taylor(frame["TA_F"].to_numpy(), 150.0)
    frame = with_fluxes(frame, gpp, reco)
    model = load_baseline(name, pooling=0.0).fit(frame)
    at = list(IGBP).index("ENF"), list(KOPPEN_MAIN).index("D")
    assert model._efficiency[at] == pytest.approx(efficiency, rel=1e-5)
    np.testing.assert_allclose(model._respiration[at], [base, share], rtol=1e-4)
    np.testing.assert_allclose(model.predict(frame)[["gpp", "reco", "nee"]], frame[["gpp", "reco", "nee"]], atol=1e-3)


@pytest.mark.parametrize("name", PROCESS)
def test_an_unseen_class_takes_its_climate_and_then_all_towers(name: str) -> None:
    of = {("A", "ENF", "D"): 1.0, ("B", "GRA", "D"): 3.0, ("C", "EBF", "A"): 5.0}
    parts = [(tower(*key), e) for key, e in of.items()]
    train = pd.concat([with_fluxes(frame, e * potential(name, frame), 1.0) for frame, e in parts])
    model = load_baseline(name, pooling=0.0).fit(train)

    def efficiency(igbp: str, koppen: str | None) -> float:
        row = list(IGBP).index(igbp)
        return model._efficiency[row, list(KOPPEN_MAIN).index(koppen) if koppen else -1]

    assert efficiency("ENF", "D") == pytest.approx(1.0)
    assert efficiency("ENF", "A") == pytest.approx(1.0)  # the class rules, whatever the climate
    assert efficiency("WET", "A") == pytest.approx(5.0)
    assert 1 < efficiency("WET", "D") < 3  # between the two towers of the climate
    assert 1 < efficiency("WET", "E") < 5  # unseen climate too: between all
    assert efficiency("WET", "E") == pytest.approx(efficiency("WET", None))


def test_a_class_of_few_towers_leans_on_its_climate() -> None:
    # Two towers of x = 1 a day in one climate, y = 1 for the class and 4 for the other: with pooling of p towers,
    # climate mean y = 2.5, and the class has (1 + 2.5 p) / (1 + p).
    shape = table_shape(LEVELS)
    codes = [np.repeat([0, 1], 10), np.zeros(20, dtype=int)]
    y, weight = np.repeat([1.0, 4.0], 10), np.full(20, 0.1)
    for pooling, expected in ((0.0, 1.0), (1.0, 1.75), (1e9, 2.5)):
        found = by_class(np.ones((20, 1)), y, weight, codes, pooling)
        assert found.shape == (*shape, 1)
        assert found[0, 0, 0] == pytest.approx(expected)


def test_long_records_weigh_no_more_than_short_ones() -> None:
    long, short = tower("A", "ENF", days=730), tower("B", "ENF", days=365)
    train = pd.concat([with_fluxes(f, e * potential("mod17", f), 1.0) for f, e in ((long, 1.0), (short, 3.0))])
    model = load_baseline("mod17", pooling=0.0).fit(train.assign(nee_qc=1.0))
    assert model._efficiency[0, 3] == pytest.approx(2.0, abs=0.05)


@given(st.integers(0, 10_000), st.integers(1, 3))
def test_coefficients_of_at_least_zero_are_those_of_scipy(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(12, n)), rng.normal(size=12)
    np.testing.assert_allclose(non_negative(x.T @ x, x.T @ y), nnls(x, y)[0], atol=1e-8)


# --- what is missing


@pytest.mark.parametrize("name", PROCESS)
def test_a_tower_without_fpar_has_the_season_of_its_class_and_it_is_said(name: str, tmp_path: Path) -> None:
    full, bare = tower("A", "GRA"), tower("B", "GRA").assign(FAPAR=np.nan)
    train = pd.concat([with_fluxes(f, 2.0, 1.0) for f in (full, bare)])
    model = load_baseline(name).fit(train)
    with pytest.warns(UserWarning, match=r"no fraction of absorbed .* \(1 towers\) on any day"):
        got = model.predict(bare)
    season = full["FAPAR"].rolling(31, center=True, min_periods=16).mean().to_numpy()
    expected = model.predict(bare.assign(FAPAR=season))
    np.testing.assert_allclose(got["gpp"][40:320], expected["gpp"][40:320], rtol=0.03)
    model.save_pretrained(tmp_path)
    state = json.loads((tmp_path / "config.json").read_text())["state"]
    assert state["training_days_by_source"]["fpar"] == {"FAPAR": 400, "season of the class": 400}


@pytest.mark.parametrize("name", PROCESS)
def test_what_is_missing_is_named_before_the_fit(name: str) -> None:
    frame = with_fluxes(tower("A", "GRA"), 2.0, 1.0)
    with pytest.raises(
        FeatureError, match=r"lacks incoming short-wave radiation \(SW_IN_F, or SW_IN_ERA, or surface_solar"
    ):
        load_baseline(name).fit(frame.drop(columns=["SW_IN_F"]))
    with pytest.raises(FeatureError, match="no training day has incoming short-wave radiation"):
        load_baseline(name).fit(frame.assign(SW_IN_F=np.nan))
    with pytest.raises(FeatureError, match="fraction of absorbed"):
        load_baseline(name, features=["TA_F", "SW_IN_F", "VPD_F_DAY"]).fit(frame)


@pytest.mark.parametrize("name", PROCESS)
@pytest.mark.parametrize("settings", [{"pooling": -1.0}, {"e0": float("nan")}, {"efficiency": "mine"}])
def test_settings_that_make_no_model_are_refused(name: str, settings: dict) -> None:
    with pytest.raises(UsageError, match="expected"):
        load_baseline(name, **settings)


@pytest.mark.parametrize("name", PROCESS)
def test_the_published_setting_knows_no_flux_of_gpp(name: str) -> None:
    published = baseline_class(name).presets["published"]
    frame = tower("A", "DBF")
    a, b = (load_baseline(name, **published).fit(with_fluxes(frame, g, 1.0)).predict(frame)["gpp"] for g in (1.0, 9.0))
    pd.testing.assert_series_equal(a, b)


@pytest.mark.parametrize("name", PROCESS)
def test_the_carbon_balance_closes(name: str) -> None:
    frame = with_fluxes(tower("A", "DBF"), 2.0, 1.5)
    got = load_baseline(name).fit(frame).predict(frame)
    np.testing.assert_allclose(got["nee"], got["reco"] - got["gpp"], atol=1e-12)
