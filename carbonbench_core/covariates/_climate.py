"""A tower's own monthly climate, from the temperature and precipitation of its days."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

# Temperature and precipitation, what makes them degC and mm d-1, the longest and most even record first.
PAIRS = (
    ("TA_ERA", 0.0, "P_ERA", 1.0),
    ("temperature_2m", -273.15, "total_precipitation_sum", 1000.0),
    ("TA_F", 0.0, "P_F", 1.0),
)
ENOUGH_DAYS = 60  # of each month of the year: more than two years, so that one odd year does not make a climate
DAYS_IN_MONTH = np.array([31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


@dataclass(frozen=True)
class Climate:
    """The climate of a place as far as one record shows it.

    Parameters
    ----------
    temperature : ndarray [12], monthly means, January to December [degC]
    precipitation : ndarray [12], monthly sums [mm month-1]
    origin : str, the columns and years behind it
    """

    temperature: np.ndarray
    precipitation: np.ndarray
    origin: str


def own_climate(table: pa.Table) -> Climate | None:
    """Return the climate of a tower, None where no month-by-month record of temperature and precipitation is there.

    Parameters
    ----------
    table : pyarrow.Table [D, C], `date` and any of the columns of `PAIRS`
    """
    if table["date"].null_count:
        return None
    date = table["date"].to_numpy().astype("datetime64[D]")
    month = date.astype("datetime64[M]").astype(np.int64) % 12
    for warm, offset, wet, factor in PAIRS:
        if not {warm, wet}.issubset(table.column_names):
            continue
        t, p = (table[name].to_numpy().astype(float) for name in (warm, wet))
        both = np.isfinite(t) & np.isfinite(p)
        count = np.bincount(month[both], minlength=12)
        if count.min() < ENOUGH_DAYS:
            continue
        means = (np.bincount(month[both], values[both], 12) / count for values in (t, p))
        temperature, rate = next(means) + offset, next(means) * factor
        years = date[both].min().astype("datetime64[Y]"), date[both].max().astype("datetime64[Y]")
        origin = f"computed from {warm} and {wet}, {years[0]} to {years[1]}"
        return Climate(temperature, np.maximum(rate, 0.0) * DAYS_IN_MONTH, origin)
    return None
