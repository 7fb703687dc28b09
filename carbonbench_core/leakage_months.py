"""Hashes of the months of driver series, by which series of towers are compared."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from . import schema

if TYPE_CHECKING:
    import pyarrow as pa

MONTH_DAYS = 5  # days with a value that a month needs to say anything


@cache
def compared() -> tuple[str, ...]:
    """Return the drivers that are compared: those that follow from date and place alone tell nothing of a tower."""
    return tuple(n for n in schema.names("driver") if schema.COLUMNS[n].source not in schema.FROM_DATE_AND_PLACE)


def days_of(table: pa.Table) -> np.ndarray:
    """Return the dates of a table, as datetime64[D] [D]."""
    return table["date"].to_numpy().astype("datetime64[D]")


def months_of(table: pa.Table) -> dict[str, np.ndarray]:
    """Return driver -> months over hashes, uint64 [2, M], of the drivers of a table that have a month with a hash."""
    found: dict[str, np.ndarray] = {}
    if not table.num_rows:
        return found
    months = _Months(days_of(table))
    held = set(table.column_names)  # the list is made anew at every look
    for name in (name for name in compared() if name in held):
        hashes = months.hashes(table[name].to_numpy().astype(np.float32))
        known = hashes != 0
        if known.any():
            found[name] = np.stack([months.number[known], hashes[known]])
    return found


def month_hashes(dates: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a hash of every whole month of every series.

    Values are rounded to 15 binary digits, about four decimal ones. A month that stands still has the hash of its
    value, whatever its length; one with fewer than `MONTH_DAYS` values has none.

    Parameters
    ----------
    dates : ndarray [D] of datetime64[D], increasing
    values : ndarray [D, F] of float32, NaN where missing

    Returns
    -------
    months : ndarray [M] of uint64, since 1970-01
    hashes : ndarray [M, F] of uint64, 0 where there is none
    """
    found = _Months(dates)
    return found.number, np.stack([found.hashes(series) for series in values.T], axis=1)


class _Months:
    """The months of a table's dates, and the hashes of series on them, one series at a time: it stays in the cache."""

    def __init__(self, dates: np.ndarray) -> None:
        month = dates.astype("datetime64[M]")
        self.starts = np.flatnonzero(np.r_[True, month[1:] != month[:-1]])
        found = month[self.starts]
        self.number = found.astype(np.uint64)
        self.days = np.diff(np.r_[self.starts, len(dates)])
        self.whole = self.days == (found + 1).astype("datetime64[D]") - found.astype("datetime64[D]")
        self.day = (dates - month).astype(np.uint64) + np.uint64(1)

    def hashes(self, series: np.ndarray) -> np.ndarray:
        """Return a hash for every month, uint64 [M], 0 where there is none; see `month_hashes`."""
        present = np.isfinite(series)
        full = present.all()
        # Adding zero makes one zero of the two.
        filled = (series if full else np.nan_to_num(series)) + np.float32(0)
        bits = (filled.view(np.uint32) + np.uint32(0x80)) >> np.uint32(8)
        mixed = _mix(bits * np.uint64(64) + self.day)
        lowest = bits if full else np.where(present, bits, np.uint32(2**31))
        highest = bits if full else np.where(present, bits, np.uint32(0))
        least, most = np.minimum.reduceat(lowest, self.starts), np.maximum.reduceat(highest, self.starts)
        with np.errstate(over="ignore"):
            moving = np.add.reduceat(mixed if full else np.where(present, mixed, np.uint64(0)), self.starts)
        hashes = np.where(least == most, _mix(most * np.uint64(64)), moving)
        enough = self.days if full else np.add.reduceat(present.astype(int), self.starts)
        told = self.whole & (enough >= MONTH_DAYS)
        return np.where(told, np.maximum(hashes, np.uint64(1)), np.uint64(0))


def _mix(z: np.ndarray) -> np.ndarray:
    """Return well-mixed bits (SplitMix64: Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195)."""
    with np.errstate(over="ignore"):
        z = (z + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z ^= z >> np.uint64(30)
        z *= np.uint64(0xBF58476D1CE4E5B9)
        z ^= z >> np.uint64(27)
        z *= np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return z
