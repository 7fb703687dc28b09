"""Rows of one place brought to one row a day: means, mean directions, and rows that stand twice."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa


def numbers(rows: pa.Table, name: str) -> np.ndarray:
    """Return a column as ndarray [N] float64, NaN where missing or where the rows lack it."""
    if name not in rows.column_names:
        return np.full(rows.num_rows, np.nan)
    return rows[name].cast(pa.float64()).to_numpy()


def day_of(rows: pa.Table) -> np.ndarray:
    """Return the day of each row, ndarray [N] datetime64[D]."""
    return rows["time"].to_numpy().astype("datetime64[D]")


def without_copies(rows: pa.Table, source: str, counts: Counter) -> pa.Table:
    """Return the rows without those that stand twice, word for word, which are counted."""
    twice = rows.to_pandas().duplicated().to_numpy()
    if not twice.any():
        return rows
    counts[f"{source}: rows that stand twice"] += int(twice.sum())
    return rows.filter(pa.array(~twice))


def one_a_day(rows: pa.Table, source: str, counts: Counter) -> pa.Table:
    """Return the first row of each day, in date order; further rows of a day are counted."""
    rows = without_copies(rows, source, counts)
    _, first = np.unique(day_of(rows), return_index=True)
    if spare := rows.num_rows - len(first):
        counts[f"{source}: further rows of a day, the first is used"] += spare
    return rows.take(pa.array(first))


def mean_by(group: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """Return the mean of each group [n], NaN where it has no value.

    Parameters
    ----------
    group : ndarray [N] int64 in [0, n)
    values : ndarray [N], NaN where missing
    """
    there = np.isfinite(values)
    total = np.bincount(group[there], values[there], n)
    count = np.bincount(group[there], minlength=n)
    return np.divide(total, count, out=np.full(n, np.nan), where=count > 0)


def mean_direction_by(group: np.ndarray, angle: np.ndarray, n: int) -> np.ndarray:
    """Return the mean direction [degree] of each group [n] in (-180, 180]: that of the mean sine and cosine."""
    x = np.radians(angle)
    return np.degrees(np.arctan2(mean_by(group, np.sin(x), n), mean_by(group, np.cos(x), n)))
