"""The embedded world from outside: what it promises to whoever builds, learns or teaches with it."""

from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pandas as pd
import pytest

from carbonbench_core.covariates.koppen import classify
from carbonbench_core.errors import UsageError
from carbonbench_core.geography import continent, distances
from carbonbench_core.schema import COLUMNS, IGBP, KOPPEN_MAIN, TARGETS, arrow_schema, available_feature_sets
from carbonbench_core.synthetic import TowerSpec, tower_record, world

YEARS = 3


@pytest.fixture(scope="module")
def towers():
    return world(n_towers=60, n_years=YEARS, seed=0)


@pytest.fixture(scope="module")
def days(towers):
    """All site-days of the world as one frame, the tower's class beside them."""
    frames = []
    for spec in towers:
        frame = tower_record(spec).table.to_pandas()
        frames.append(frame.assign(site_id=spec.site_id, igbp=spec.igbp, group=spec.weather_index))
    return pd.concat(frames, ignore_index=True)


# --- who is in it


@pytest.mark.parametrize("seed", range(12))
def test_sixty_towers_span_continents_climates_and_vegetation(seed):
    towers = world(n_towers=60, seed=seed)
    assert {t.continent for t in towers} == {"Africa", "Asia", "Europe", "North America", "Oceania", "South America"}
    assert {t.koppen[0] for t in towers} == set(KOPPEN_MAIN)
    assert len({t.igbp for t in towers}) >= 10


def test_in_a_large_world_every_vegetation_class_has_towers_and_the_common_ones_are_those_of_the_networks():
    count = pd.Series([t.igbp for t in world(n_towers=567, n_years=25)]).value_counts()
    assert set(count.index) == set(IGBP)
    assert set(count.index[:5]) == {"ENF", "GRA", "DBF", "CRO", "WET"}


def test_towers_stand_on_the_continent_they_name(towers):
    latitude, longitude = (np.array([getattr(t, name) for t in towers]) for name in ("latitude", "longitude"))
    assert continent(latitude, longitude).tolist() == [t.continent for t in towers]


def test_the_class_of_the_climate_is_that_of_its_months(towers):
    for tower in towers:
        temperature, precipitation = tower.climate.monthly
        assert tower.koppen == classify(temperature, precipitation, tower.latitude).item()


def test_the_weather_of_20_years_is_of_the_main_class_the_tower_names():
    towers = world(n_towers=7, n_years=20)
    agree = 0
    for tower in towers:
        frame = tower_record(tower).table.to_pandas()
        month = pd.to_datetime(frame["date"]).dt.month
        monthly = frame.groupby(month)[["TA_F", "P_F"]].mean()
        days_of_month = [31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        code = classify(monthly["TA_F"].to_numpy(), monthly["P_F"].to_numpy() * days_of_month, tower.latitude).item()
        agree += code[0] == tower.koppen[0]
    assert agree >= 6  # of 7: a climate near a boundary may fall on its other side


def test_every_eighth_tower_has_a_neighbour_with_the_same_weather(towers):
    late = [t for t in towers if t.weather_index != t.index]
    assert len(late) == 60 // 8
    for tower in late:
        host = towers[tower.weather_index]
        assert host.weather_index == host.index < tower.index
        assert 0.4 < distances(host.latitude, host.longitude, tower.latitude, tower.longitude).item() < 15.5
    tower = late[0]
    mine, theirs = (tower_record(t).table for t in (tower, towers[tower.weather_index]))
    # not to the last digit: the sun is a few kilometres further north
    assert np.corrcoef(mine["TA_F"], theirs["TA_F"])[0, 1] > 0.999
    assert np.corrcoef(mine["gpp_true"], theirs["gpp_true"])[0, 1] < 0.9999


# --- the same seed, the same world


def test_the_same_seed_gives_the_same_world_and_another_seed_another_one():
    first, again, other = (world(n_towers=5, n_years=1, seed=s) for s in (3, 3, 4))
    assert first == again
    assert tower_record(first[4]).table.equals(tower_record(again[4]).table)
    assert not tower_record(first[4]).table.equals(tower_record(other[4]).table)


def test_a_tower_does_not_depend_on_how_many_others_there_are():
    assert world(n_towers=40, n_years=2, seed=1)[:9] == world(n_towers=9, n_years=2, seed=1)


def test_a_tower_made_in_another_process_is_the_same():
    spec = world(n_towers=8, n_years=1)[7]
    with ProcessPoolExecutor(1) as pool:
        elsewhere = pool.submit(tower_record, spec).result()
    assert elsewhere.table.equals(tower_record(spec).table)


# --- it says what it is


def test_everything_says_synthetic(towers):
    record = tower_record(towers[0])
    for text in (record.entry.product, record.entry.network, record.target_variant, record.attributes["name"]):
        assert "SYNTHETIC" in text
    assert any("SYNTHETIC" in note for note in record.notes)
    assert record.entry.format == "synthetic"
    assert record.entry.site_id == towers[0].site_id == "SY-001"
    assert "seed 0" in record.entry.product


def test_the_record_carries_what_the_tower_is(towers):
    tower = towers[11]
    attributes = tower_record(tower).attributes
    for name in ("latitude", "longitude", "igbp", "koppen"):
        assert attributes[name] == getattr(tower, name)


# --- its table


@pytest.mark.parametrize(("feature_set", "serves"), [("standard", 36), ("full", 150)])
def test_the_table_is_in_schema_order_and_serves_its_feature_set(feature_set, serves):
    table = tower_record(world(n_towers=1, n_years=1)[0], feature_set).table
    assert table.schema.equals(arrow_schema(tuple(table.column_names)), check_metadata=True)
    assert sum(COLUMNS[name].source == "ERA5-Land" for name in table.column_names) == serves
    keys = {"latitude", "longitude", "igbp", "koppen", "koppen_main"}
    assert {feature_set, "minimal", "tower", "all"} <= set(available_feature_sets({*table.column_names, *keys}))


@pytest.mark.parametrize("n_years", [1, 4, 25])
def test_a_record_is_whole_calendar_years_without_a_hole(n_years):
    tower = world(n_towers=3, n_years=n_years, seed=5)[2]
    date = tower_record(tower).table["date"].to_numpy()
    assert date[0] == np.datetime64(f"{tower.start_year}-01-01")
    assert date[-1] == np.datetime64(f"{tower.start_year + n_years - 1}-12-31")
    assert (np.diff(date) == np.timedelta64(1, "D")).all()
    assert 2000 <= tower.start_year <= 2025 - n_years


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_towers": 0}, "n_towers=0"),
        ({"n_towers": 1000}, "1 to 999"),
        ({"n_years": 26}, "n_years=26"),
        ({"seed": -1}, "negative"),
    ],
)
def test_when_a_size_is_out_of_range_then_the_error_names_the_range(wrong, message):
    with pytest.raises(UsageError, match=message):
        world(**wrong)


def test_when_the_feature_set_is_not_known_then_the_error_lists_those_that_are(towers):
    with pytest.raises(UsageError, match="full, standard"):
        tower_record(towers[0], "fulll")


# --- truth and observation


def test_nee_is_reco_minus_gpp_in_truth_and_observation(days):
    for suffix in ("", "_true"):
        gap = days[f"nee{suffix}"] - (days[f"reco{suffix}"] - days[f"gpp{suffix}"])
        assert gap.abs().max() < 1e-9


def test_truth_is_known_on_every_day_and_observations_are_missing_where_the_quality_is(days):
    assert not days[[f"{t}_true" for t in TARGETS]].isna().any().any()
    missing = days["nee_qc"].isna()
    assert 0.01 < missing.mean() < 0.08
    for target in TARGETS:
        assert (days[target].isna() == missing).all()


def test_about_half_of_the_days_are_of_perfect_quality_as_in_the_networks(days):
    # FLUXNET2015 daily data have 0.51, the published benchmark 0.42 of its days at 1
    assert 0.40 < (days["nee_qc"] == 1).mean() < 0.50
    quality = days["nee_qc"].dropna()
    assert quality.between(0, 1).all()
    assert np.allclose(quality * 48, np.round(quality * 48))


def test_observations_follow_the_truth_and_scatter_more_where_fluxes_are_large(days):
    good = days[(days["nee_qc"] == 1) & (days["gpp_true"] > 0)]
    for target in TARGETS:
        assert np.corrcoef(good[target], good[f"{target}_true"])[0, 1] > 0.9
    error = (good["nee"] - good["nee_true"]).abs()
    large = good["nee_true"].abs() > 3
    assert error[large].mean() > 2 * error[~large].mean()


def test_filled_days_scatter_more_than_measured_ones(days):
    error = (days["nee"] - days["nee_true"]).abs() / (0.2 + 0.1 * days["nee_true"].abs())
    assert error[days["nee_qc"] < 0.3].mean() > 1.2 * error[days["nee_qc"] == 1].mean()


def test_fluxes_are_of_the_size_of_real_ones(days):
    assert (days["gpp_true"] >= 0).all()
    assert (days["reco_true"] >= 0).all()
    assert days["gpp_true"].quantile(0.99) < 20
    assert 0.05 < (days["gpp"] < 0).mean() < 0.25  # night-time partitioning gives such days


# gC m-2 a-1; FLUXNET2015 site means run from 14 (SNO), 281 (OSH), 982 (GRA), 1302 (ENF) and 1492 (DBF) to 2389 (EBF)
ANNUAL_GPP = {
    "ENF": (900, 1900),
    "DBF": (1100, 2200),
    "EBF": (1900, 3600),
    "GRA": (500, 1500),
    "CRO": (800, 1900),
    "WET": (400, 1500),
    "OSH": (80, 500),
    "SNO": (0, 30),
}


def test_annual_gpp_of_a_class_is_of_the_size_of_that_class():
    means = {}
    for tower in world(n_towers=200, n_years=1, seed=2):
        if tower.igbp in ANNUAL_GPP:
            gpp = tower_record(tower).table["gpp_true"].to_numpy().sum()
            means.setdefault(tower.igbp, []).append(gpp)
    assert set(means) == set(ANNUAL_GPP)
    for igbp, (low, high) in ANNUAL_GPP.items():
        assert low <= np.mean(means[igbp]) <= high, igbp


def test_in_the_polar_night_there_is_neither_assimilation_nor_reflectance():
    spec = next(t for t in world(n_towers=300, n_years=1) if t.latitude > 68.5)
    assert isinstance(spec, TowerSpec)
    frame = tower_record(spec).table.to_pandas()
    dark = frame["surface_solar_radiation_downwards_sum"] == 0
    assert dark.sum() > 20
    assert (frame.loc[dark, "gpp_true"] == 0).all()
    assert frame.loc[dark, ["sur_refl_b01", "SolarZenith", "clouds"]].isna().all().all()
    assert frame["gpp_true"].max() > 0


# --- transfer is possible, and imperfect


def terms(days):
    """A light-use-efficiency model with free coefficients: light, leaves, warmth, water and their products [N, 8]."""
    leaves = 1 - np.exp(-0.5 * (days["leaf_area_index_high_vegetation"] + days["leaf_area_index_low_vegetation"]))
    light = days["surface_net_solar_radiation_sum"] / 1e7
    warm = np.clip((days["temperature_2m"] - 268) / 20, 0, 1)
    water = -1000 * days["total_evaporation_sum"]
    products = (leaves, light, warm, leaves * light * warm, leaves * warm, water, leaves * water)
    return np.stack([np.ones(len(days)), *products], axis=1)


def test_a_model_transfers_to_unseen_towers_but_not_perfectly(days):
    good = days[days["nee_qc"] == 1]
    unseen = good["group"] % 3 == 0  # neighbours are of one group
    train, test = good[~unseen], good[unseen]
    coefficients = np.linalg.lstsq(terms(train), train["gpp"], rcond=None)[0]
    error = (test["gpp"] - terms(test) @ coefficients) ** 2
    spread = (test["gpp"] - test.groupby("site_id")["gpp"].transform("mean")) ** 2
    skill = 1 - error.groupby(test["site_id"]).sum() / spread.groupby(test["site_id"]).sum()
    assert 0.45 < skill.median() < 0.85
    assert skill.min() < 0.2  # some towers are unlike all others
