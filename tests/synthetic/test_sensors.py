"""What satellite and reanalysis see of the embedded world: units, ranges and the physics between columns."""

import numpy as np
import pandas as pd
import pytest

from carbonbench_core.schema import COLUMNS
from carbonbench_core.synthetic import tower_record, world
from carbonbench_core.synthetic.modis import BANDS

TOWERS = world(n_towers=24, n_years=2, seed=0)


@pytest.fixture(scope="module")
def days():
    frames = [tower_record(t, "full").table.to_pandas().assign(site_id=t.site_id, igbp=t.igbp) for t in TOWERS]
    return pd.concat(frames, ignore_index=True)


# unit -> lowest and highest credible value
RANGES = {
    "0-1": (0, 1),
    "1": (0, 1),
    "%": (0, 100),
    "degree": (-180, 180),
    "K": (190, 335),
    "degC": (-80, 60),
    "m3 m-3": (0, 0.6),
    "m2 m-2": (0, 12),
    "kg m-3": (90, 450),
    "Pa": (45_000, 108_000),
    "kPa": (45, 108),
    "hPa": (0, 90),
    "m s-1": (-45, 45),
    "W m-2": (0, 560),
    "mm d-1": (0, 450),
    "J m-2": (-6e7, 6e7),
}
METRES = {"snow_depth": 40, "snow_depth_water_equivalent": 10, "lake_mix_layer_depth": 20, "lake_ice_depth": 3}


def test_every_feature_lies_in_the_range_of_its_unit(days):
    drivers = [c for c in days.columns if c in COLUMNS and COLUMNS[c].role == "driver"]
    assert len(drivers) == 12 + 150 + 11
    for name in drivers:
        unit, values = COLUMNS[name].unit, days[name].dropna()
        stem = name.removesuffix("_min").removesuffix("_max")
        low, high = (-0.05, METRES.get(stem, 0.6)) if unit == "m" else RANGES[unit]
        assert values.between(low, high).all(), f"{name}: {values.min()} to {values.max()} {unit}"
        assert np.isfinite(values).all(), name


def test_reanalysis_and_tower_meteorology_have_no_gap(days):
    gapless = [c for c in days.columns if c in COLUMNS and COLUMNS[c].source in ("ERA5-Land", "tower")]
    assert not days[gapless].isna().any().any()


# --- reanalysis


def test_temperatures_keep_their_order(days):
    assert (days["dewpoint_temperature_2m"] <= days["temperature_2m"]).all()
    for name in ("temperature_2m", "skin_temperature", "soil_temperature_level_1", "surface_pressure"):
        assert (days[f"{name}_min"] <= days[name]).all()
        assert (days[name] <= days[f"{name}_max"]).all()


def test_hourly_extremes_of_sums_enclose_their_mean(days):
    for name in [c for c in days.columns if c.endswith("_sum")]:
        stem = name.removesuffix("_sum")
        slack = 1e-5 * days[name].abs().max()
        assert (24 * days[f"{stem}_min"] <= days[name] + slack).all(), stem
        assert (24 * days[f"{stem}_max"] >= days[name] - slack).all(), stem


def test_net_radiation_follows_from_albedo_and_thermal_balance(days):
    absorbed = days["surface_solar_radiation_downwards_sum"] * (1 - days["forecast_albedo"])
    assert np.allclose(days["surface_net_solar_radiation_sum"], absorbed, rtol=1e-5, atol=10)
    emitted = 5.670e-8 * days["skin_temperature"].astype(float) ** 4 * 86400
    net = days["surface_thermal_radiation_downwards_sum"] - emitted
    assert np.allclose(days["surface_net_thermal_radiation_sum"], net, rtol=1e-4, atol=2000)


def test_energy_balance_closes_over_the_years_but_for_the_ground(days):
    terms = ["net_solar_radiation", "net_thermal_radiation", "latent_heat_flux", "sensible_heat_flux"]
    ground = sum(days[f"surface_{name}_sum"] for name in terms) / 86400  # W m-2
    assert ground.groupby(days["site_id"]).mean().abs().max() < 3
    warming = days["skin_temperature"] - days.groupby("site_id")["skin_temperature"].shift(6)
    bare = days["snow_cover"] == 0
    assert warming[bare].corr(ground[bare]) > 0.7
    assert ground.std() < 15


def test_evaporation_is_negative_and_its_parts_add_up(days):
    parts = [
        "evaporation_from_bare_soil_sum",
        "evaporation_from_the_top_of_canopy_sum",
        "evaporation_from_vegetation_transpiration_sum",
        "snow_evaporation_sum",
        "evaporation_from_open_water_surfaces_excluding_oceans_sum",
    ]
    assert (days[[*parts, "total_evaporation_sum"]] <= 0).all().all()
    assert np.allclose(days[parts].sum(axis=1), days["total_evaporation_sum"], atol=1e-8)
    # 2.45 MJ kg-1 x 1000 kg m-3
    assert np.allclose(days["surface_latent_heat_flux_sum"], 2.45e9 * days["total_evaporation_sum"], rtol=1e-4, atol=5)
    assert (days["potential_evaporation_sum"] <= days["total_evaporation_sum"]).all()


def test_snow_lies_when_it_is_cold_and_brightens_the_ground(days):
    snowy = days["snow_depth_water_equivalent"] > 0.02
    assert days.loc[snowy, "temperature_2m"].mean() < 272
    assert days.loc[days["temperature_2m"] > 290, "snow_cover"].mean() < 1
    assert days.loc[snowy, "forecast_albedo"].mean() > days.loc[~snowy, "forecast_albedo"].mean() + 0.1
    depth = 1000 * days["snow_depth_water_equivalent"] / days["snow_density"]
    assert np.allclose(days["snow_depth"], depth, rtol=1e-4, atol=1e-6)


def test_runoff_is_surface_and_deep_runoff(days):
    assert np.allclose(days["runoff_sum"], days["surface_runoff_sum"] + days["sub_surface_runoff_sum"], atol=1e-8)


def test_soil_temperature_is_damped_and_late_with_depth(days):
    spread = [days.groupby("site_id")[f"soil_temperature_level_{n}"].std().mean() for n in (1, 2, 3, 4)]
    assert spread == sorted(spread, reverse=True)
    tower = days[days["site_id"] == "SY-005"]  # 42 degrees north
    warmest = [tower[f"soil_temperature_level_{n}"].rolling(31, center=True).mean()[:365].argmax() for n in (1, 3, 4)]
    assert warmest[0] < warmest[1] < warmest[2]


def test_leaf_area_of_the_reanalysis_is_the_same_every_year(days):
    for _, tower in days.groupby("site_id"):
        day = pd.to_datetime(tower["date"]).dt.day_of_year
        years = tower.groupby([pd.to_datetime(tower["date"]).dt.year, day])["leaf_area_index_low_vegetation"].first()
        one, two = (years.xs(year) for year in years.index.levels[0])
        assert np.allclose(one[:365], two[:365])


# --- satellite


def test_clouds_make_short_and_long_gaps_in_reflectance(days):
    gap = days["sur_refl_b01"].isna()
    assert 0.3 < gap.mean() < 0.6
    lengths = gap.groupby((gap != gap.shift()).cumsum()).agg(["first", "size"]).query("first")["size"]
    assert (lengths == 1).any()
    assert (lengths > 10).any()
    assert not days.loc[days["clouds"] > 0.7, list(BANDS)].notna().any().any()
    assert (days[list(BANDS)].isna().nunique(axis=1) == 1).all()


def test_before_the_first_day_of_modis_there_is_nothing():
    tower = next(t for t in world(n_towers=40, n_years=2) if t.start_year == 2000)
    frame = tower_record(tower).table.to_pandas()
    early = pd.to_datetime(frame["date"]) < "2000-02-24"
    assert early.sum() == 31 + 23
    assert frame.loc[early, [*BANDS, "clouds", "SensorZenith"]].isna().all().all()
    assert frame.loc[~early, "clouds"].notna().any()


def test_leaves_are_dark_in_red_and_snow_is_bright(days):
    ndvi = (days["sur_refl_b02"] - days["sur_refl_b01"]) / (days["sur_refl_b02"] + days["sur_refl_b01"])
    forest = (days["igbp"] == "DBF") & ndvi.notna() & (days["snow_cover"] == 0)
    assert np.corrcoef(ndvi[forest], days.loc[forest, "gpp_true"])[0, 1] > 0.7
    assert ndvi[forest].max() > 0.75
    white = days["snow_cover"] == 100
    assert ndvi[white].mean() < 0.3
    assert days.loc[white, "sur_refl_b04"].mean() > 3 * days.loc[~white, "sur_refl_b04"].mean()


def test_angles_are_those_of_a_morning_orbit(days):
    assert days["SensorZenith"].dropna().between(0, 70).all()
    assert days["SolarZenith"].dropna().between(15, 85).all()
    north = days[days["site_id"] == "SY-005"]
    assert north["SolarAzimuth"].dropna().between(90, 180).all()  # the sun in the south-east
