"""Site-days as a matrix [N, F]: class encoding, lags within a record, season day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from . import schema
from .encoding import Encoder, Scaler
from .errors import UsageError
from .rows import as_table, choose_features, dates, is_static, numeric, quality, records, sites, targets
from .sun import season_day

if TYPE_CHECKING:
    import datasets
    import pandas as pd

    Data = datasets.Dataset | pd.DataFrame | pa.Table

__all__ = ["TARGETS", "Encoder", "History", "Scaler", "Tabular", "as_table", "records", "season_day", "to_tabular"]

TARGETS = schema.TARGETS
SEASON_NAMES = ("season_sin", "season_cos")


@dataclass(frozen=True)
class Tabular:
    """Site-days as arrays, one row per row of the data.

    Parameters
    ----------
    x : ndarray [N, F] float32, features, NaN where missing
    names : tuple of str [F], e.g. "TA_F", "igbp=ENF", "TA_F_lag7", "TA_F_mean30", "season_sin"
    y : ndarray [N, 3] float64 or None, gpp, reco, nee [gC m-2 d-1], NaN where missing; None without target columns
    qc : ndarray [N] float64 or None, nee_qc [0-1], NaN where missing
    site_id : ndarray [N] object
    date : ndarray [N] datetime64[D]
    """

    x: np.ndarray
    names: tuple[str, ...]
    y: np.ndarray | None
    qc: np.ndarray | None
    site_id: np.ndarray
    date: np.ndarray


def to_tabular(
    data: Data,
    features: Sequence[str] | None = None,
    lags: Sequence[int] = (),
    day_of_year: bool = False,
    means: Sequence[int] = (),
) -> Tabular:
    """Turn site-days into a feature matrix with one row per site-day.

    Parameters
    ----------
    data : datasets.Dataset, pandas.DataFrame or pyarrow.Table, rows tower by tower in date order
    features : sequence of str, optional, columns to use; None takes every feature column the data have
    lags : sequence of int, the value so many days earlier [days] of every driver, NaN before the record starts
    day_of_year : bool, add sine and cosine of the season day (shifted by half a year south of the equator)
    means : sequence of int, the mean over so many days [days] up to this one of every driver, gaps left out

    Raises
    ------
    FeatureError : a column is missing or of the wrong type
    UsageError : rows out of order, a day twice, a lag below one day
    """
    table = as_table(data)
    encoder = Encoder(choose_features(table, features))
    blocks, names = [encoder.transform(table)], list(encoder.names)
    if lags or means:
        drivers = [c for c in encoder.columns if not is_static(c)]
        at = [encoder.names.index(c) for c in drivers]
        history = History(records(table))
        for days in _positive("lags", lags):
            blocks.append(history.lag(blocks[0][:, at], days))
            names += [f"{c}_lag{days}" for c in drivers]
        for days in _positive("means", means):
            blocks.append(history.trailing_mean(blocks[0][:, at], days))
            names += [f"{c}_mean{days}" for c in drivers]
    if day_of_year:
        blocks.append(season(table))
        names += SEASON_NAMES
    x = np.concatenate(blocks, axis=1) if len(blocks) > 1 else blocks[0]
    y, qc = targets(table), quality(table)
    return Tabular(x, tuple(names), y, qc, sites(table), dates(table))


def _positive(what: str, values: Sequence[int]) -> list[int]:
    if any(int(v) != v or v < 1 for v in values):
        raise UsageError(f"Got {what}={tuple(values)}, expected whole days of at least 1.")
    return [int(v) for v in values]


def season(table: pa.Table) -> np.ndarray:
    """Return sine and cosine of the season day, ndarray [N, 2] float32."""
    angle = 2 * np.pi * season_day(dates(table), numeric(table, "latitude", pa.float64()))
    return np.stack([np.sin(angle), np.cos(angle)], axis=1).astype(np.float32)


class History:
    """Looks back within records, never across their start.

    Parameters
    ----------
    offsets : ndarray [R + 1] int64, from `records`
    """

    def __init__(self, offsets: np.ndarray) -> None:
        self.row = np.arange(offsets[-1])
        self.start = np.repeat(offsets[:-1], np.diff(offsets))

    def lag(self, x: np.ndarray, days: int) -> np.ndarray:
        """Return the values of `days` earlier, ndarray [N, F] float32, NaN before the record starts."""
        out = np.full(x.shape, np.nan, dtype=np.float32)
        inside = np.flatnonzero(self.row - days >= self.start)
        out[inside] = x[inside - days]
        return out

    def trailing_mean(self, x: np.ndarray, days: int) -> np.ndarray:
        """Return the mean of the last `days` days, ndarray [N, F] float32, NaN where none of them has a value."""
        first = np.maximum(self.row - days + 1, self.start)
        out = np.full(x.shape, np.nan, dtype=np.float32)
        for j in range(x.shape[1]):
            there = np.isfinite(x[:, j])
            total = np.r_[0.0, np.cumsum(np.where(there, x[:, j], 0.0), dtype=np.float64)]
            count = np.r_[0, np.cumsum(there)]
            n = count[self.row + 1] - count[first]
            np.divide(total[self.row + 1] - total[first], n, out=out[:, j], where=n > 0, casting="same_kind")
        return out
