"""ERA5-Land: daily aggregates of the land reanalysis at the tower's cell, 0.1 degree.

The daily aggregates are of UTC days, while the days of the fluxes are of the tower's local standard time: they overlap
by 24 hours less the tower's distance from Greenwich in hours. From hourly rows the aggregates are made of local days
instead: the offset from UTC is the longitude / 15 rounded to whole hours, a rate or state at an hour belongs to the day
it falls into, what was accumulated over the hour before a stamp to the day of that hour, and a day counts with all its
24 hours. Which it is stands in the sites table, `reanalysis_day`.

Numbers are those of the product: K, Pa, m of water, J m-2 accumulated over the day. A column whose median cannot be in
that unit is refused.

Source
------
Munoz-Sabater et al. 2021, doi:10.5194/essd-13-4349-2021; the collections ECMWF/ERA5_LAND/DAILY_AGGR and
ECMWF/ERA5_LAND/HOURLY of Earth Engine, whose names are used.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa

from .. import schema
from ..errors import FeatureError
from ._daily import day_of, numbers, one_a_day, without_copies
from ._earth_engine import Collection

SOURCE = "ERA5-Land"
DAY = "UTC"
CITATION = "Munoz-Sabater et al. 2021, doi:10.5194/essd-13-4349-2021"

COLUMNS = tuple(c.name for c in schema.COLUMNS.values() if c.source == SOURCE)
EARTH_ENGINE = Collection("ECMWF/ERA5_LAND/DAILY_AGGR", COLUMNS, box=0, scale=11132, years=5)
HOURLY = "_hourly"  # ends the name of what was accumulated over the hour before a stamp
# What the median of a column of a tower must be within, and the unit that this is in.
PLAUSIBLE = {
    "temperature": (180.0, 340.0, "K"),
    "pressure": (3e4, 1.1e5, "Pa"),
    "precipitation_sum": (0.0, 0.2, "m"),
    "evaporation_sum": (-0.1, 0.1, "m"),
}
# A sum over a day in J m-2 is 86,400 times the mean in W m-2; no tower has an annual mean of less than 1 W m-2 of sun.
LEAST_RADIATION = 86_400.0
RADIATION = ("surface_net_solar_radiation_sum", "surface_solar_radiation_downwards_sum")


def recognise(names: list[str]) -> dict[str, str] | None:
    """Return column -> our name for a file with ERA5-Land, None for another; see the contract in `covariates`."""
    known = {name: name for name in names if name in COLUMNS}
    hourly = {n: n for n in names if n.endswith(HOURLY) and n.replace(HOURLY, "_sum") in COLUMNS}
    return known | hourly or None


def join(rows: pa.Table, days: np.ndarray, longitude: float, counts: Counter) -> dict[str, np.ndarray]:
    """Return the ERA5-Land columns on a tower's calendar; see the contract in `covariates`.

    Raises
    ------
    FeatureError : a column that cannot be in the product's unit
    """
    if is_hourly(rows):
        held, columns = local_days(without_copies(rows, SOURCE, counts), longitude, counts)
    else:
        rows = one_a_day(rows, SOURCE, counts)
        held, columns = day_of(rows), {n: numbers(rows, n) for n in rows.column_names if n in COLUMNS}
    for name, values in columns.items():
        _refuse_other_units(name, values)
    return {name: _on(days, held, values) for name, values in columns.items()}


def day_convention(rows: pa.Table) -> str:
    """Return what the days of the columns made from `rows` are: "local" from hourly rows, else as `DAY`."""
    return "local" if is_hourly(rows) else DAY


def is_hourly(rows: pa.Table) -> bool:
    """Whether rows are of hours: one stands at another hour than the others."""
    hours = np.unique(rows["time"].to_numpy().astype("datetime64[h]").astype(np.int64) % 24)
    return len(hours) > 1


def local_days(rows: pa.Table, longitude: float, counts: Counter) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the aggregates of hourly rows over days of local standard time.

    Parameters
    ----------
    rows : pyarrow.Table [N, C], `time` (UTC) and hourly variables
    longitude : float [degree]
    counts : Counter, gains the days left out for want of hours

    Returns
    -------
    days : ndarray [D] datetime64[D]
    columns : dict of ndarray [D], means or sums, `_min` and `_max`, NaN on days without 24 hours
    """
    offset = np.timedelta64(round(longitude / 15), "h")
    stamp = rows["time"].to_numpy().astype("datetime64[h]") + offset
    order = np.argsort(stamp, kind="stable")
    stamp, first = np.unique(stamp[order], return_index=True)
    order = order[first]
    if spare := rows.num_rows - len(order):
        counts[f"{SOURCE}: further rows of an hour, the first is used"] += spare
    first_day, last_day = (stamp[0] - np.timedelta64(1, "h")).astype("datetime64[D]"), stamp[-1].astype("datetime64[D]")
    days, columns = np.arange(first_day, last_day + 1), {}
    for name in (n for n in rows.column_names if n.endswith(HOURLY) or n in COLUMNS):
        over = name.endswith(HOURLY)
        at = (stamp - np.timedelta64(int(over), "h")).astype("datetime64[D]")
        columns |= _aggregates(name, numbers(rows, name)[order], (at - first_day).astype(np.int64), len(days))
    short = sum(np.isnan(next(iter(columns.values())))) if columns else 0
    counts[f"{SOURCE}: days without all their hours"] += int(short)
    return days, columns


def _aggregates(name: str, values: np.ndarray, day: np.ndarray, n: int) -> dict[str, np.ndarray]:
    """Return one variable's daily mean or sum, least and greatest value [n], NaN where the day lacks an hour."""
    there = np.isfinite(values)
    whole = np.bincount(day[there], minlength=n) == 24
    total = np.bincount(day[there], values[there], n)
    least, most = np.full(n, np.inf), np.full(n, -np.inf)
    np.minimum.at(least, day[there], values[there])
    np.maximum.at(most, day[there], values[there])
    base = name.removesuffix(HOURLY)
    made = {f"{base}_sum": total} if name.endswith(HOURLY) else {name: total / 24}
    made |= {f"{base}_min": least, f"{base}_max": most}
    return {column: np.where(whole, made[column], np.nan) for column in made if column in COLUMNS}


def _on(days: np.ndarray, held: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the values of the days of a calendar, NaN where there is none."""
    at = np.minimum(np.searchsorted(held, days), len(held) - 1)
    return np.where(held[at] == days, values[at], np.nan)


def _refuse_other_units(name: str, values: np.ndarray) -> None:
    there = values[np.isfinite(values)]
    if not len(there):
        return
    middle = float(np.median(there))
    for part, (low, high, unit) in PLAUSIBLE.items():
        if part in name and not low <= middle <= high:
            raise FeatureError(
                f"{name} has a median of {middle:.4g}, which is none in {unit}. "
                "Give ERA5-Land in the product's own units."
            )
    if name in RADIATION and len(there) >= 365 and np.abs(there).mean() < LEAST_RADIATION:
        raise FeatureError(
            f"{name} has a mean of {there.mean():.4g}, which is none in J m-2 over a day. "
            "Is it in W m-2? Multiply by 86400."
        )
