"""Mean seasons of classes of towers: what stands in for a tower nobody has measured.

A class or a season day that training towers do not show takes the next level (`LEVELS`): IGBP, then Koppen main class,
then all towers. The season is shifted by half a year south of the equator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from carbonbench_core.rows import class_codes, dates, numeric, sites
from carbonbench_core.schema import VOCABULARIES
from carbonbench_core.tabular import season_day

if TYPE_CHECKING:
    from collections.abc import Sequence

BINS = 365
AXES = ("igbp", "koppen_main")  # of every table of classes: [IGBP, Koppen main class, ...], each with the unknown
LEVELS = (*AXES, None)  # where to look first, second and last; None is all towers


def table_shape(levels: Sequence[str | None]) -> tuple[int, int]:
    """Return the classes on each axis of a table, the unknown with them; 1 for an axis that is no level."""
    n = [len(VOCABULARIES[c]) + 1 if c in levels else 1 for c in AXES]
    return n[0], n[1]


def places(table: pa.Table, levels: Sequence[str | None]) -> tuple[np.ndarray | int, np.ndarray | int]:
    """Return where in a table of classes each row looks, ndarray [N] int per axis, 0 for an axis that is no level."""
    code = [class_codes(table, c) if c in levels else 0 for c in AXES]
    return code[0], code[1]


def season_bin(table: pa.Table) -> np.ndarray:
    """Return the season day of every row, ndarray [N] int in 0-364."""
    return (season_day(dates(table), numeric(table, "latitude", pa.float64())) * BINS).astype(np.int64)


def tower_weights(table: pa.Table, weight: np.ndarray) -> np.ndarray:
    """Return weights divided by their sum over the tower, so that every tower counts alike, ndarray [N]."""
    tower = np.unique(sites(table).astype(str), return_inverse=True)[1]
    total = np.bincount(tower, weight, minlength=1)
    return weight / np.where(total > 0, total, 1.0)[tower]


def class_seasons(
    table: pa.Table, values: np.ndarray, weight: np.ndarray, levels: Sequence[str | None], half_width: int
) -> np.ndarray:
    """Return the mean season of every class, filled from the coarser levels.

    Parameters
    ----------
    table : pyarrow.Table, with the classes of `levels`, and date and latitude where there is any
    values, weight : ndarray [N, K], NaN where missing, and [N]; each column has a value of a weight above 0
    levels : sequence, of `LEVELS`; none leaves the mean
    half_width : int, days on either side that a season day is averaged over [days]

    Returns
    -------
    seasons : ndarray [I, J, 365, K], finite; [I, J, 1, K] without levels
    """
    bins = season_bin(table) if levels else np.zeros(len(values), dtype=np.int64)
    shape = (*table_shape(levels), BINS if levels else 1, values.shape[1])
    # From the last resort to the finest level: each one fills what it knows.
    seasons = np.broadcast_to(weighted_mean(values, weight), shape).copy()
    for level in reversed(levels):
        code, n = (class_codes(table, level), len(VOCABULARIES[level])) if level else (0 * bins, 1)
        known = _spread(_seasons(values, weight, code, bins, n, half_width), level)
        seasons = np.where(np.isfinite(known), known, seasons)
    return seasons


def weighted_mean(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the mean of each column over the rows that have it, ndarray [K], NaN where none has."""
    there = np.isfinite(values) * weight[:, None]
    total = there.sum(axis=0)
    return np.where(total > 0, (np.nan_to_num(values) * there).sum(axis=0) / np.where(total > 0, total, 1.0), np.nan)


def _spread(season: np.ndarray, level: str | None) -> np.ndarray:
    """Return the seasons of one level [C, 365, K] on the axes of the table; an unknown class stays unknown."""
    if level is None:
        return season[0]
    unknown = np.full((1, *season.shape[1:]), np.nan)
    return np.expand_dims(np.concatenate([season, unknown]), 1 - AXES.index(level))


def _seasons(
    values: np.ndarray, weight: np.ndarray, code: np.ndarray, bins: np.ndarray, n: int, half_width: int
) -> np.ndarray:
    """Return the smoothed mean season of every class, ndarray [n, 365, K], NaN where no day is near."""
    out = np.full((n, BINS, values.shape[1]), np.nan)
    for j in range(values.shape[1]):
        rows = np.flatnonzero(np.isfinite(values[:, j]) & (weight > 0) & (code < n))
        cell = code[rows] * BINS + bins[rows]
        total, count = (
            _around(np.bincount(cell, w, n * BINS).reshape(n, BINS), half_width)
            for w in (weight[rows] * values[rows, j], weight[rows])
        )
        np.divide(total, count, out=out[..., j], where=count > 0)
    return out


def _around(x: np.ndarray, half_width: int) -> np.ndarray:
    """Return the sum over the days around each one, the year closed to a circle."""
    return np.sum([np.roll(x, k, axis=1) for k in range(-half_width, half_width + 1)], axis=0)
