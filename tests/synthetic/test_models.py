"""The models inside the embedded world against textbook numbers and conservation laws."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from carbonbench_core.geography import continent
from carbonbench_core.schema import IGBP, KOPPEN
from carbonbench_core.synthetic.astronomy import daylight, overpass_sun
from carbonbench_core.synthetic.climate import Climate
from carbonbench_core.synthetic.fluxes import Fluxes, lloyd_taylor, true_fluxes
from carbonbench_core.synthetic.observation import draw_quality, observe
from carbonbench_core.synthetic.phenology import Canopy, draw_canopy, leaf_out
from carbonbench_core.synthetic.regions import RAIN_REGIMES, REGIONS
from carbonbench_core.synthetic.streams import decay, red_noise, smooth, spread, stream
from carbonbench_core.synthetic.vegetation import BIOMES, TRAITS, biome, igbp_of
from carbonbench_core.synthetic.water import bucket, evaporative_demand, snowpack
from carbonbench_core.synthetic.weather import _markov, draw_weather, saturation_pressure

TEMPERATE = Climate(9.0, 11.0, 205.0, 800.0, 0.3, 200.0, 0.3)
DATE = np.arange("2001-01-01", "2005-01-01", dtype="datetime64[D]")


@pytest.fixture(scope="module")
def weather():
    return draw_weather(TEMPERATE, 45.0, 200.0, DATE, np.random.default_rng(0))


# --- the sun


def test_radiation_and_day_length_are_those_of_the_fao_examples():
    # FAO Paper 56, examples 8 and 9: 20 degrees south on 3 September (day 246), 32.2 MJ m-2 d-1 and 11.7 h, with a
    # solar constant of 0.0820 MJ m-2 min-1 = 1366.7 W m-2 and a simpler orbit, within 2 % of the series here
    radiation, hours = daylight(-20.0, np.array([246.0]))
    assert radiation[0] == pytest.approx(32.2 * 1361 / 1366.7, rel=0.02)
    assert hours[0] == pytest.approx(11.7, abs=0.1)


def test_the_sun_stays_up_or_down_at_the_pole():
    radiation, hours = daylight(85.0, np.array([172.0, 355.0]))
    assert hours.tolist() == [24.0, 0.0]
    assert radiation[0] > 40
    assert radiation[1] == 0


@given(st.floats(-89, 89), st.integers(1, 365))
def test_the_sun_is_never_negative_and_the_day_never_longer_than_a_day(latitude, day):
    radiation, hours = daylight(latitude, np.array([float(day)]))
    assert 0 <= radiation[0] < 50
    assert 0 <= hours[0] <= 24


def test_at_the_overpass_the_sun_stands_in_the_morning_sky():
    # equinox (declination 0) on the equator, 1.5 h before noon: 22.5 degrees from the zenith, due east
    zenith, azimuth = overpass_sun(0.0, np.array([81.0]))
    assert zenith[0] == pytest.approx(22.5, abs=0.3)
    assert azimuth[0] == pytest.approx(90.0, abs=1.0)
    assert 90 < overpass_sun(45.0, np.array([172.0]))[1][0] < 180  # south-east
    assert 0 < overpass_sun(-45.0, np.array([172.0]))[1][0] < 90  # north-east


# --- filters and streams


@given(arrays(float, st.integers(1, 300), elements=st.floats(-100, 100)), st.floats(0.5, 60))
def test_pulses_by_doubling_fade_as_day_by_day(x, memory):
    expected, y = [], 0.0
    for value in x:
        y = y * np.exp(-1 / memory) + value
        expected.append(y)
    assert decay(x, memory) == pytest.approx(np.array(expected), abs=1e-6)


@given(st.floats(-50, 50), st.integers(1, 1000), st.floats(0.5, 200))
def test_a_constant_stays_what_it_is_when_smoothed(value, n, memory):
    assert smooth(np.full(n, value), memory) == pytest.approx(np.full(n, value), abs=1e-9)


def test_red_noise_has_variance_one_and_its_memory():
    x = red_noise(np.random.default_rng(1), 200_000, 5.0)
    assert x.std() == pytest.approx(1.0, abs=0.02)
    assert np.corrcoef(x[:-5], x[5:])[0, 1] == pytest.approx(np.exp(-1), abs=0.02)


def test_streams_differ_by_seed_tower_and_purpose():
    draws = {
        stream(*key).random() for key in [(0, 1, "weather"), (1, 0, "weather"), (0, 1, "place"), (0, 2, "weather")]
    }
    assert len(draws) == 4


def test_any_number_of_towers_is_spread_evenly():
    first = np.array([spread(7, i)[0] for i in range(60)])
    # a golden-ratio sequence leaves no gap wider than about 2.6 / n; by chance the widest of 60 would be near 4.7 / 60
    assert np.diff(np.sort(first)).max() < 2.7 / 60


# --- climate and places


def test_the_rain_of_a_mean_year_adds_up():
    assert TEMPERATE.rain_rate(np.arange(0, 365.25, 0.25)).mean() * 365.25 == pytest.approx(800.0)
    assert TEMPERATE.monthly[1].sum() == pytest.approx(800.0, rel=0.002)
    assert TEMPERATE.monthly[0].mean() == pytest.approx(9.0, abs=0.1)
    assert TEMPERATE.monthly[0].argmax() == 6


@pytest.mark.parametrize("region", REGIONS, ids=lambda r: r.name)
def test_a_region_is_a_box_on_its_continent(region):
    assert region.south < region.north
    assert region.west < region.east
    assert region.regime in RAIN_REGIMES
    corners = [(y, x) for y in (region.south, region.north) for x in (region.west, region.east)]
    assert set(continent(*np.transpose(corners))) == {region.continent}


def test_every_vegetation_class_has_traits_and_every_climate_a_biome():
    assert set(TRAITS) == set(IGBP)
    assert {igbp for weights in BIOMES.values() for igbp in weights} == set(IGBP)
    assert {biome(code, coldest) for code in KOPPEN for coldest in (-40.0, -5.0)} == set(BIOMES)
    assert igbp_of("EF", TEMPERATE, 0.999) == "SNO"


# --- weather


def test_wet_days_by_forward_filling_are_the_markov_chain_day_by_day():
    rng = np.random.default_rng(2)
    u, after_dry, after_wet = rng.random(500), rng.uniform(0, 0.5, 500), rng.uniform(0.5, 1, 500)
    wet = [u[0] < after_dry[0]]
    for day in range(1, 500):
        wet.append(u[day] < (after_wet if wet[-1] else after_dry)[day])
    assert _markov(u, after_dry, after_wet).tolist() == wet


def test_weather_keeps_the_order_of_temperatures_and_the_mean_of_its_climate(weather):
    assert (weather.dewpoint <= weather.coldest).all()
    assert (weather.coldest <= weather.temperature).all()
    assert (weather.temperature <= weather.warmest).all()
    assert weather.temperature.mean() == pytest.approx(TEMPERATE.mean, abs=1.5)
    assert weather.rain.sum() / 4 == pytest.approx(TEMPERATE.rain, rel=0.3)
    assert (weather.solar * 0.0864 <= 0.85 * weather.toa + 1e-9).all()
    assert (weather.vpd >= 0).all()


def test_saturation_pressure_is_that_of_the_fao_example():
    # FAO Paper 56, example 3: 3.075 kPa at 24.5 degC, 1.705 kPa at 15 degC
    assert saturation_pressure(np.array([24.5, 15.0])) == pytest.approx([30.75, 17.05], abs=0.01)


# --- water


def test_a_wet_surface_evaporates_as_priestley_and_taylor_say(weather):
    # 20 degC, 101.3 kPa: slope 0.1447, gamma 0.0674 kPa K-1; 1.26 x 0.6823 x 100 W m-2 x 0.0864 / 2.45 = 3.03 mm
    n = len(DATE)
    air = replace(weather, temperature=np.full(n, 20.0), pressure=np.full(n, 101_300.0))
    assert evaporative_demand(air, np.full(n, 100.0))[0] == pytest.approx(3.03, abs=0.01)
    assert evaporative_demand(air, np.full(n, -50.0))[0] == 0


def test_snow_that_fell_lies_or_has_melted(weather):
    cold = replace(weather, temperature=weather.temperature - 12.0)
    snow = snowpack(cold)
    assert snow.fall.sum() > 500
    assert np.cumsum(snow.fall - snow.melt) == pytest.approx(snow.water, abs=1e-6)
    assert snow.depth == pytest.approx(snow.water / snow.density)
    assert (snow.melt[cold.temperature <= 0] == 0).all()


@given(
    arrays(float, 200, elements=st.floats(0, 80)),
    arrays(float, 200, elements=st.floats(0, 10)),
    st.floats(20, 900),
    st.floats(0, 1),
)
def test_the_bucket_loses_no_water(supply, demand, capacity, start):
    soil = bucket(supply, demand, capacity, start)
    lost = soil.evaporation + soil.surface_runoff + soil.deep_runoff
    assert np.cumsum(supply - lost) + start * capacity == pytest.approx(soil.water * capacity, abs=1e-6)
    assert (soil.evaporation <= demand + 1e-12).all()
    assert (soil.water >= 0).all()
    assert (soil.water <= 1).all()


# --- leaves and fluxes


def test_a_deciduous_forest_has_leaves_in_summer_on_both_hemispheres(weather):
    month = DATE.astype("datetime64[M]").astype(int) % 12
    month[:365] = -1  # in which degree days find their state
    north = leaf_out(TRAITS["DBF"], TEMPERATE, weather)
    southern = replace(TEMPERATE, warmest_day=TEMPERATE.warmest_day - 182.6)
    south = leaf_out(TRAITS["DBF"], southern, draw_weather(southern, -45.0, 200.0, DATE, np.random.default_rng(0)))
    for leaves, summer, winter in ((north, 6, 0), (south, 0, 6)):
        assert leaves[month == summer].min() > 0.85
        assert leaves[month == winter].max() < 0.1


def test_a_crop_is_sown_and_harvested_once_a_year(weather):
    canopy = draw_canopy(TRAITS["CRO"], TEMPERATE, weather, np.ones(len(DATE)), np.random.default_rng(0))
    tall = canopy.leaf_area > 0.5 * TRAITS["CRO"].leaf_area
    assert (np.diff(tall.astype(int)) == 1).sum() == 4
    assert 60 < tall.sum() / 4 < 150
    assert (canopy.fpar >= 0).all()
    assert (canopy.fpar < 0.95).all()


def test_without_light_leaves_or_warmth_nothing_is_assimilated(weather):
    n = len(DATE)
    canopy = Canopy(np.full(n, 4.0), np.ones(n))
    bare = Canopy(np.zeros(n), np.ones(n))
    frost = replace(weather, coldest=np.full(n, -20.0))
    dark = replace(weather, solar=np.zeros(n))
    for air, leaves in ((weather, bare), (frost, canopy), (dark, canopy)):
        assert (true_fluxes(TRAITS["ENF"], air, leaves, np.ones(n), air.temperature).gpp == 0).all()
    assert true_fluxes(TRAITS["ENF"], weather, canopy, np.ones(n), weather.temperature).gpp.max() > 5


def test_respiration_is_the_share_of_gpp_that_the_tower_has(weather):
    n = len(DATE)
    truth = true_fluxes(TRAITS["ENF"], weather, Canopy(np.full(n, 4.0), np.ones(n)), np.ones(n), weather.temperature)
    assert truth.reco.mean() / truth.gpp.mean() == pytest.approx(TRAITS["ENF"].balance)


def test_respiration_warms_as_lloyd_and_taylor_found():
    # E0 = 308.56 K: R(20) / R(10) = exp(308.56 x (1 / 56.02 - 1 / 66.02)) = exp(0.8343) = 2.303
    assert lloyd_taylor(np.array([15.0]), 308.56)[0] == 1
    rate = lloyd_taylor(np.array([10.0, 20.0]), 308.56)
    assert rate[1] / rate[0] == pytest.approx(2.303, abs=0.001)


# --- observation


def test_gaps_come_in_bursts_and_outages_leave_nothing():
    quality = draw_quality(9000, np.random.default_rng(4))
    missing = np.isnan(quality)
    runs = np.diff(np.flatnonzero(np.diff(np.r_[0, missing.astype(int), 0])))[::2]
    assert 0.005 < missing.mean() < 0.12
    assert runs.mean() > 10


def test_the_error_of_nee_grows_with_the_flux():
    small, large = (Fluxes(np.full(20_000, g), np.full(20_000, 2.0)) for g in (2.0, 12.0))
    errors = []
    for truth in (small, large):
        seen = observe(truth, np.random.default_rng(5))
        errors.append(np.nanstd((seen.nee - truth.nee)[seen.quality == 1]))
    assert errors[1] > 2.5 * errors[0]
