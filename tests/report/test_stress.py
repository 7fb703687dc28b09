"""Stress days: hand-made records whose heat, cold, drought and shoulder days are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from carbonbench_core.report.stress import STRESS, stress_days

YEARS = 10


def record(**columns: np.ndarray) -> pd.DataFrame:
    """Return ten years of one tower; its temperature has a season of 20 K and the columns are added to it."""
    date = np.arange("2001-01-01", "2011-01-01", dtype="M8[D]")
    return pd.DataFrame({"site_id": "A", "date": date, "TA_F": season(date)} | columns)


def season(date: np.ndarray) -> np.ndarray:
    of_year = (date - date.astype("M8[Y]").astype("M8[D]")).astype(int)
    return 10 - 10 * np.cos(2 * np.pi * (of_year - 15) / 365.25)


def noisy(seed: int = 0) -> pd.DataFrame:
    made = record()
    return made.assign(TA_F=made["TA_F"] + 3 * np.random.default_rng(seed).normal(size=len(made)))


def test_a_tenth_of_the_days_of_every_month_is_cold_and_of_the_warm_months_hot() -> None:
    made = noisy()
    found = stress_days(made)
    month = made["date"].dt.month
    cold, heat = (found[name].groupby(month).mean() for name in ("cold", "heat"))
    # 310 days a month: a share of 0.1 has a standard error of 0.017.
    assert cold.between(0.04, 0.16).all()
    assert heat[[6, 7, 8]].between(0.04, 0.16).all()
    # In the cold half of the year a warm day is no stress.
    assert heat[[12, 1, 2]].tolist() == [0.0] * 3


def test_a_heat_wave_and_a_cold_spell_are_found_on_their_days() -> None:
    made = noisy()
    wave = made["date"].between("2005-07-10", "2005-07-20")
    spell = made["date"].between("2007-01-10", "2007-01-20")
    made.loc[wave, "TA_F"] += 15
    made.loc[spell, "TA_F"] -= 15
    found = stress_days(made)
    assert found.loc[wave, "heat"].all()
    assert found.loc[spell, "cold"].all()
    assert not found.loc[wave, "cold"].any()


def test_the_shoulder_is_where_the_mean_course_is_half_way() -> None:
    made = record()
    found = stress_days(made)
    # 10 - 10 cos: within a quarter of the range (5 K) of the middle while |cos| < 1/2: two sixths of the year.
    assert found["shoulder"].mean() == pytest.approx(1 / 3, abs=0.03)
    assert set(made["date"].dt.month[found["shoulder"]]) == {3, 4, 5, 9, 10, 11}
    # Where the seasons are 8 K apart there is none.
    mild = made.assign(TA_F=0.4 * made["TA_F"])
    assert not stress_days(mild)["shoulder"].any()


def test_a_dry_year_is_a_drought_by_soil_water_by_rain_and_by_vapour_pressure_deficit() -> None:
    rng, made = np.random.default_rng(0), record()
    dry = (made["date"].dt.year == 2005).to_numpy()
    slow = np.convolve(rng.normal(size=len(made) + 99), np.ones(100) / 10, "valid")
    soil = {f"volumetric_soil_water_layer_{i}": 0.3 + 0.02 * slow - 0.15 * dry for i in (1, 2, 3)}
    rain = {"total_precipitation_sum": rng.exponential(2e-3, len(made)) * np.where(dry, 0.2, 1)}
    deficit = {"VPD_F": 8 + slow + 6 * dry}
    # After as many days as the sum goes back.
    later = dry & (made["date"].dt.day_of_year > 90).to_numpy()
    for columns in (soil, rain, deficit, soil | rain, rain | deficit):
        found = stress_days(made.assign(**columns))["drought"].to_numpy()
        assert found[later].mean() > 0.9
        assert found[~dry].mean() < 0.1


def test_soil_water_is_asked_before_rain_and_rain_before_the_air() -> None:
    rng, made = np.random.default_rng(1), record()
    soil = {f"volumetric_soil_water_layer_{i}": rng.normal(0.3, 0.02, len(made)) for i in (1, 2, 3)}
    rain, deficit = {"P_F": rng.exponential(2, len(made))}, {"VPD_F": rng.normal(8, 2, len(made))}

    def drought(columns: dict) -> list[bool]:
        return stress_days(made.assign(**columns))["drought"].tolist()

    assert drought(soil | rain | deficit) == drought(soil)
    assert drought(rain | deficit) == drought(rain)
    # Rain that was measured for a year only is not known.
    short = {"P_F": np.where(np.arange(len(made)) < 365, rain["P_F"], np.nan)}
    assert drought(short | deficit) == drought(deficit)


def test_a_short_record_or_one_without_features_has_no_stress_days() -> None:
    short = noisy().iloc[: 3 * 365 - 1]
    bare = noisy().drop(columns="TA_F")
    assert not stress_days(short)[list(STRESS)].to_numpy().any()
    assert not stress_days(bare)[list(STRESS)].to_numpy().any()


def test_a_tower_is_compared_with_itself_alone_and_missing_days_are_no_stress() -> None:
    a, b = noisy(), noisy(1).assign(site_id="B")
    b["TA_F"] += 20
    b.loc[b.index % 7 == 0, "TA_F"] = np.nan
    both = stress_days(pd.concat([a, b], ignore_index=True))
    pd.testing.assert_frame_equal(both.iloc[: len(a)], stress_days(a))
    pd.testing.assert_frame_equal(both.iloc[len(a) :].reset_index(drop=True), stress_days(b))
    assert not both.iloc[len(a) :][["heat", "cold"]].to_numpy()[(b.index % 7 == 0)].any()


def test_kelvin_and_degrees_make_no_difference() -> None:
    made = noisy()
    kelvin = made.rename(columns={"TA_F": "temperature_2m"}).assign(temperature_2m=made["TA_F"] + 273.15)
    pd.testing.assert_frame_equal(stress_days(made), stress_days(kelvin))
