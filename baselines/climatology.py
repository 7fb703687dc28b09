"""Climatology: the mean season of a class of towers, the reference of every skill score."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa

from carbonbench_core import schema
from carbonbench_core.errors import UsageError
from carbonbench_core.rows import class_codes, dates, numeric, quality, sites, targets
from carbonbench_core.tabular import season_day

from . import Baseline
from ._saved import read_arrays, write_arrays

if TYPE_CHECKING:
    from collections.abc import Sequence

BINS = 365
# What the flux is averaged over, and where to look next for a class that training towers do not show.
LEVELS = {"igbp": ("igbp", "koppen_main", None), "koppen_main": ("koppen_main", None), "mean": ()}
WEIGHTS = "climatology.npz"


class Climatology(Baseline):
    """Mean flux of a class on a season day, smoothed over neighbouring days.

    Days weigh by nee_qc and every tower as much as any other, whatever the length of its record.
    The season is shifted by half a year south of the equator. A class or a season that training towers do not show
    takes the next level: IGBP, then Koppen main class, then all towers.

    Settings
    --------
    by : str, "igbp", "koppen_main" or "mean" (one constant, the training mean)
    half_width : int, days on either side that a season day is averaged over [days]
    """

    name = "climatology"
    defaults: ClassVar[dict[str, Any]] = {"by": "igbp", "half_width": 15}

    def __init__(self, seed: int = 0, **settings: Any) -> None:
        super().__init__(seed, **settings)
        if self.settings["by"] not in LEVELS:
            raise UsageError(f"Got by={self.settings['by']!r}, expected one of {', '.join(map(repr, LEVELS))}.")
        if not 0 <= self.settings["half_width"] <= BINS // 2:
            raise UsageError(f"Got half_width={self.settings['half_width']}, expected 0 to {BINS // 2} days.")
        if self.settings["features"] is not None:
            raise UsageError("A climatology takes no features: it is a function of class and season day.")

    def _choose(self, table: pa.Table) -> list[str]:
        classes = [c for c in LEVELS[self.settings["by"]] if c]
        return [*classes, "latitude"] if classes else []

    def _fit(self, train: pa.Table, validation: pa.Table | None) -> None:
        y = targets(train)
        weight = _weights(train, np.isfinite(y).any(axis=1))
        bins = _season_bin(train) if self.features else np.zeros(train.num_rows, dtype=np.int64)
        # From the last resort to the finest level: each one fills what it knows.
        table = np.broadcast_to(_mean(y, weight), (*self._shape(), len(schema.TARGETS))).copy()
        for level in reversed(LEVELS[self.settings["by"]]):
            code, n = (class_codes(train, level), len(schema.VOCABULARIES[level])) if level else (0 * bins, 1)
            season = _seasons(y, weight, code, bins, n, self.settings["half_width"])
            known = self._spread(season, level)
            table = np.where(np.isfinite(known), known, table)
        self._table = table

    def _predict(self, table: pa.Table) -> np.ndarray:
        if not self.features:
            return np.broadcast_to(self._table[0, 0, 0], (table.num_rows, len(schema.TARGETS)))
        code = [class_codes(table, c) if c in self.features else 0 for c in ("igbp", "koppen_main")]
        return self._table[code[0], code[1], _season_bin(table)]

    def _save(self, folder: Path) -> list[str]:
        write_arrays(folder / WEIGHTS, table=self._table)
        return [WEIGHTS]

    def _load(self, folder: Path, state: dict[str, Any]) -> None:
        shape = (*self._shape(), len(schema.TARGETS))
        self._table = read_arrays(folder / WEIGHTS, table=shape)["table"]

    def _shape(self) -> tuple[int, int, int]:
        """Return classes of igbp, classes of koppen_main (each with the unknown) and season days, 1 where unused."""
        levels = LEVELS[self.settings["by"]]
        n = [len(schema.VOCABULARIES[c]) + 1 if c in levels else 1 for c in ("igbp", "koppen_main")]
        return n[0], n[1], BINS if levels else 1

    def _spread(self, season: np.ndarray, level: str | None) -> np.ndarray:
        """Return the seasons of one level [K, 365, 3] on the axes of the table; an unknown class stays unknown."""
        axis = {"igbp": 0, "koppen_main": 1, None: None}[level]
        if axis is None:
            return season[0]
        unknown = np.full((1, *season.shape[1:]), np.nan)
        return np.expand_dims(np.concatenate([season, unknown]), 1 - axis)


def _season_bin(table: pa.Table) -> np.ndarray:
    return (season_day(dates(table), numeric(table, "latitude", pa.float64())) * BINS).astype(np.int64)


def _weights(table: pa.Table, labelled: np.ndarray) -> np.ndarray:
    """Return nee_qc divided by its sum over the days of the tower with a target, ndarray [N]."""
    qc = np.nan_to_num(quality(table), nan=0.0) * labelled
    tower = np.unique(sites(table).astype(str), return_inverse=True)[1]
    total = np.bincount(tower, qc)
    return qc / np.where(total > 0, total, 1.0)[tower]


def _mean(y: np.ndarray, weight: np.ndarray) -> np.ndarray:
    there = np.isfinite(y) * weight[:, None]
    return (np.nan_to_num(y) * there).sum(axis=0) / there.sum(axis=0)


def _seasons(
    y: np.ndarray, weight: np.ndarray, code: np.ndarray, bins: np.ndarray, n: int, half_width: int
) -> np.ndarray:
    """Return the smoothed mean season of every class, ndarray [n, 365, 3], NaN where no day is near."""
    out = np.full((n, BINS, y.shape[1]), np.nan)
    for j in range(y.shape[1]):
        rows = np.flatnonzero(np.isfinite(y[:, j]) & (weight > 0) & (code < n))
        cell = code[rows] * BINS + bins[rows]
        total, count = (
            _around(np.bincount(cell, w, n * BINS).reshape(n, BINS), half_width)
            for w in (weight[rows] * y[rows, j], weight[rows])
        )
        np.divide(total, count, out=out[..., j], where=count > 0)
    return out


def _around(x: np.ndarray, half_width: int) -> np.ndarray:
    """Return the sum over the days around each one, the year closed to a circle."""
    days: Sequence[int] = range(-half_width, half_width + 1)
    return np.sum([np.roll(x, k, axis=1) for k in days], axis=0)
