"""Days on which vegetation is under stress, told from features alone, the same days for every model.

Each is defined against the tower's own record, at the same time of the year (all days within 15 days of that place in
the calendar, in all years of the record):

- heat: the air temperature is above nine tenths of these days, in the warm half of the year.
- cold: it is below nine tenths of them, at any time of the year.
- drought: the water that is there is below nine tenths of them. Water is the first of these that the tower has: soil
  water of the upper metre, precipitation of 90 days, and the want of vapour pressure deficit over 30 days.
- shoulder: the mean course of the temperature is on its way between cold and warm season, between a quarter and three
  quarters of its range. Where the range is below 10 K there is no such season.

A tower with fewer than three years of a feature has no such days: it takes no part in what is said of them.

Source
------
Zhang et al. 2011, doi:10.1002/wcc.147 (percentiles of the calendar day); McKee et al. 1993, 8th Conference on Applied
Climatology, 179-184 (precipitation over months as a measure of drought); Grossiord et al. 2020, doi:10.1111/nph.16485
(vapour pressure deficit).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

STRESS = ("drought", "heat", "cold", "shoulder")
TEMPERATURE = ("temperature_2m", "TA_F", "TA_ERA")  # a difference in K is one in degC
SOIL_WATER = {"volumetric_soil_water_layer_1": 0.07, "volumetric_soil_water_layer_2": 0.21}
SOIL_WATER |= {"volumetric_soil_water_layer_3": 0.72}  # thickness of the layers [m]
PRECIPITATION = ("total_precipitation_sum", "P_F", "P_ERA")
VAPOUR_DEFICIT = ("VPD_F", "VPD_ERA")
COLUMNS = (*TEMPERATURE, *SOIL_WATER, *PRECIPITATION, *VAPOUR_DEFICIT)

EXTREME = 0.1  # share of the days at either end
LEAST_DAYS = 3 * 365
LEAST_RANGE = 10.0  # K, between the coldest and the warmest time of the mean year
_HALF_WINDOW = 15  # days
_STEP = 6  # days between the places of the calendar where thresholds are taken
_SLOTS = 366


def stress_days(record: pd.DataFrame) -> pd.DataFrame:
    """Return on which days of towers there is stress.

    Parameters
    ----------
    record : DataFrame [N rows], site_id, date and any of `COLUMNS`; whole records, tower by tower in date order

    Returns
    -------
    DataFrame [N rows], site_id, date and a column of bool for each of `STRESS`
    """
    found = {name: np.zeros(len(record), bool) for name in STRESS}
    for rows in record.groupby("site_id", sort=False, observed=True).indices.values():
        for name, days in _of_tower(record.iloc[rows]).items():
            found[name][rows] = days
    return record[["site_id", "date"]].assign(**found)


def _of_tower(record: pd.DataFrame) -> dict[str, np.ndarray]:
    date = record["date"].to_numpy().astype("datetime64[D]")
    out = {}
    temperature = _first_known(record, TEMPERATURE)
    if temperature is not None:
        low, mean, high = _calendar(temperature, date)
        middle, spread = (mean.max() + mean.min()) / 2, mean.max() - mean.min()
        out["heat"] = (temperature > high) & (mean > middle)
        out["cold"] = temperature < low
        out["shoulder"] = (np.abs(mean - middle) <= spread / 4) & (spread >= LEAST_RANGE)
    water = _water(record)
    if water is not None:
        out["drought"] = water < _calendar(water, date)[0]
    return out


def _water(record: pd.DataFrame) -> np.ndarray | None:
    """Return what is low in a drought [D], None where nothing of it is known."""
    if all(name in record for name in SOIL_WATER):
        soil = sum(record[name].to_numpy(float) * thickness for name, thickness in SOIL_WATER.items())
        if _enough(soil):
            return soil
    rain = _first_known(record, PRECIPITATION)
    if rain is not None:
        return _running_mean(rain, 90)
    deficit = _first_known(record, VAPOUR_DEFICIT)
    return None if deficit is None else -_running_mean(deficit, 30)


def _first_known(record: pd.DataFrame, names: tuple[str, ...]) -> np.ndarray | None:
    given = (record[name].to_numpy(float) for name in names if name in record)
    return next((values for values in given if _enough(values)), None)


def _enough(values: np.ndarray) -> bool:
    return int(np.isfinite(values).sum()) >= LEAST_DAYS


def _running_mean(values: np.ndarray, n: int) -> np.ndarray:
    """Return the mean over the last n days, NaN where more than a tenth of them is missing."""
    known = np.isfinite(values)
    total, count = (
        np.cumsum(np.concatenate([np.zeros(n), each])) for each in (np.where(known, values, 0), known.astype(float))
    )
    total, count = (each[n:] - each[:-n] for each in (total, count))
    return np.where(count >= 0.9 * n, total / np.maximum(count, 1), np.nan)


def _calendar(values: np.ndarray, date: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return low threshold, mean and high threshold of each day's place in the calendar, [D] each."""
    year = date.astype("datetime64[Y]")
    slot = (date - year.astype("datetime64[D]")).astype(int)
    years = (year - year.min()).astype(int)
    table = np.full((years.max() + 1, _SLOTS), np.nan)
    table[years, slot] = values
    ring = np.pad(table, ((0, 0), (_HALF_WINDOW, _HALF_WINDOW)), mode="wrap")
    near = np.lib.stride_tricks.sliding_window_view(ring, 2 * _HALF_WINDOW + 1, axis=1)[:, ::_STEP]
    near = np.sort(near.transpose(1, 0, 2).reshape(near.shape[1], -1), axis=1)  # what is missing stands last
    n = np.isfinite(near).sum(axis=1)
    low, high = (_quantile(near, n, level) for level in (EXTREME, 1 - EXTREME))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.nansum(near, axis=1) / n
    place = slot // _STEP
    return low[place], np.where(np.isnan(mean), np.nanmean(mean), mean)[place], high[place]


def _quantile(ordered: np.ndarray, n: np.ndarray, level: float) -> np.ndarray:
    """Return a quantile of the first n of each row, NaN where n is 0."""
    place = np.round(level * np.maximum(n - 1, 0)).astype(int)
    return np.where(n > 0, np.take_along_axis(ordered, place[:, None], axis=1)[:, 0], np.nan)
