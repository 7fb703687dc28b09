"""ERA5-Land: days as they are, local days from hours, units."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from carbonbench_core import covariates
from carbonbench_core.covariates import _files, era5_land
from carbonbench_core.errors import ArchiveError, FeatureError

from . import make


def joined(frame: pd.DataFrame, tmp_path: Path, longitude: float = 10.0, name: str = "ERA5.parquet") -> tuple:
    (file,) = covariates.gather([make.write(tmp_path / name, frame)]).tables
    rows, _ = _files.rows(file, list(file.places))
    counts: Counter = Counter()
    return era5_land.join(rows, make.DAYS, longitude, counts), +counts, era5_land.day_convention(rows)


@pytest.mark.parametrize("name", ["ERA5.parquet", "export.csv"])
def test_daily_rows_are_taken_as_they_stand_and_are_of_utc_days(tmp_path: Path, name: str) -> None:
    columns, counts, day = joined(make.era5(), tmp_path, name=name)
    np.testing.assert_allclose(columns["temperature_2m"], 280 + 0.1 * np.arange(60))
    assert set(columns) == {"temperature_2m", "total_precipitation_sum", "surface_net_solar_radiation_sum"}
    assert (day, counts) == ("UTC", {})


def test_missing_days_stay_empty_since_reanalysis_has_no_gaps(tmp_path: Path) -> None:
    columns, _, _ = joined(make.era5().drop(index=[3, 4]), tmp_path)
    assert np.flatnonzero(np.isnan(columns["temperature_2m"])).tolist() == [3, 4]


@pytest.mark.parametrize(("longitude", "offset"), [(0.0, 0), (10.0, 1), (-122.0, -8), (139.0, 9), (7.4, 0), (7.6, 1)])
def test_hours_become_days_of_local_standard_time(tmp_path: Path, longitude: float, offset: int) -> None:
    columns, counts, day = joined(make.hourly(), tmp_path, longitude)
    whole = slice(2, 58)
    assert day == "local"
    # Any 24 hours in a row have each UTC hour once: mean 280 + 11.5, rain in 12 of them.
    np.testing.assert_allclose(columns["temperature_2m"][whole], 291.5)
    np.testing.assert_allclose(columns["total_precipitation_sum"][whole], 0.012)
    assert (columns["temperature_2m_min"][whole] == 280).all()
    assert (columns["temperature_2m_max"][whole] == 303).all()
    short = [0] if offset > 0 else [59] if offset < 0 else []
    assert np.flatnonzero(np.isnan(columns["temperature_2m"])).tolist() == short
    assert counts["ERA5-Land: days without all their hours"] == (2 if offset else 1)


def test_what_fell_in_the_hour_before_midnight_belongs_to_the_day_that_ends(tmp_path: Path) -> None:
    frame = make.hourly()
    frame["total_precipitation_hourly"] = np.where(frame["time"] == pd.Timestamp("2003-01-11 00:00"), 0.024, 0.0)
    columns, _, _ = joined(frame, tmp_path, 0.0)
    assert np.flatnonzero(columns["total_precipitation_sum"] > 0).tolist() == [9]  # 10 January


def test_a_day_that_lacks_an_hour_is_no_day(tmp_path: Path) -> None:
    columns, _, _ = joined(make.hourly().drop(index=[24 * 5 + 7]), tmp_path, 0.0)
    assert np.flatnonzero(np.isnan(columns["temperature_2m"])).tolist() == [5]


@pytest.mark.parametrize(
    ("column", "factor", "offset", "words"),
    [
        ("temperature_2m", 1, -273.15, "none in K"),
        ("total_precipitation_sum", 1000, 0, "none in m"),
    ],
)
def test_other_units_are_refused(tmp_path: Path, column: str, factor: float, offset: float, words: str) -> None:
    frame = make.era5()
    frame[column] = frame[column] * factor + offset
    with pytest.raises(FeatureError, match=f"{column} has a median of .*{words}"):
        joined(frame, tmp_path)


def test_radiation_in_watts_is_refused(tmp_path: Path) -> None:
    frame = make.era5(np.arange("2003-01-01", "2004-02-01", dtype="datetime64[D]"))
    frame["surface_net_solar_radiation_sum"] /= 86400
    with pytest.raises(FeatureError, match="Is it in W m-2"):
        joined(frame, tmp_path)


def test_a_day_twice_counts_once(tmp_path: Path) -> None:
    frame = make.era5()
    other = frame.head(2).assign(temperature_2m=250.0)
    columns, counts, _ = joined(pd.concat([frame, frame.tail(3), other]), tmp_path)
    np.testing.assert_allclose(columns["temperature_2m"], 280 + 0.1 * np.arange(60))
    assert counts == {
        "ERA5-Land: rows that stand twice": 3,
        "ERA5-Land: further rows of a day, the first is used": 2,
    }


@pytest.mark.parametrize(
    "time", ["2003-01-05", "20030105", "2003-01-05T00:00:00", "2003-01-05T00:00:00Z", "2003_01_05", "1041724800000"]
)
def test_time_is_understood_in_every_form(tmp_path: Path, time: str) -> None:
    frame = pd.DataFrame({"site": ["A"], "time": [time], "temperature_2m": [280.0]})
    (file,) = covariates.gather([make.write(tmp_path / "t.csv", frame)]).tables
    rows, _ = _files.rows(file, ["A"])
    assert rows["time"].to_numpy().astype("datetime64[D]").tolist() == [pd.Timestamp("2003-01-05").date()]


def test_what_is_no_time_and_no_number_is_named(tmp_path: Path) -> None:
    bad_time = make.era5().astype({"date": str}).replace({"date": {"2003-01-03": "soon"}})
    with pytest.raises(ArchiveError, match=r"t.csv: date 'soon' is no time"):
        covariates.gather([make.write(tmp_path / "t.csv", bad_time)])
    bad_number = make.era5().astype({"temperature_2m": str})
    bad_number.loc[4, "temperature_2m"] = "warm"
    with pytest.raises(ArchiveError, match=r"n.csv: column temperature_2m in line 6: expected a number, got 'warm'"):
        covariates.gather([make.write(tmp_path / "n.csv", bad_number)])
