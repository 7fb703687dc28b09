"""What ridge and the trees share: the input matrix, the rows to learn from, the score that choices are made by."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from carbonbench_core.rows import choose_features
from carbonbench_core.tabular import to_tabular

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

COORDINATES = ("latitude", "longitude")
HISTORY_LAGS = (1,)  # days back
HISTORY_MEANS = (7, 30)  # days averaged up to the day


def input_columns(table: pa.Table, settings: dict[str, Any]) -> list[str]:
    """Return the columns a tabular model asks for; latitude is one where the season day needs the hemisphere."""
    chosen = choose_features(table, settings["features"])
    if settings["features"] is None and not settings["coordinates"]:
        chosen = [c for c in chosen if c not in COORDINATES]
    return [*chosen, "latitude"] if settings["day_of_year"] and "latitude" not in chosen else chosen


@dataclass(frozen=True)
class Design:
    """Inputs of a tabular model.

    Parameters
    ----------
    x : ndarray [N, F] float32, NaN where missing
    names : tuple of str [F]
    y : ndarray [N, 3] or None [gC m-2 d-1]
    weight : ndarray [N] or None, nee_qc [0-1], 0 where missing
    site : ndarray [N] int, towers numbered
    """

    x: np.ndarray
    names: tuple[str, ...]
    y: np.ndarray | None
    weight: np.ndarray | None
    site: np.ndarray

    def labelled(self, target: int) -> np.ndarray:
        """Return the rows that have a target of a quality above 0, ndarray of int."""
        return np.flatnonzero(np.isfinite(self.y[:, target]) & (self.weight > 0))


def design(table: pa.Table, columns: Sequence[str], settings: dict[str, Any]) -> Design:
    """Build the inputs of a tabular model.

    Parameters
    ----------
    table : pyarrow.Table
    columns : sequence of str, from `input_columns`
    settings : dict, features, coordinates, lags, day_of_year
    """
    asked = settings["features"]
    hidden = not settings["coordinates"] if asked is None else "latitude" not in asked
    history = {"lags": HISTORY_LAGS, "means": HISTORY_MEANS} if settings["lags"] else {}
    features = [c for c in columns if not (hidden and c == "latitude")]
    rows = to_tabular(table, features, day_of_year=settings["day_of_year"], **history)
    weight = None if rows.qc is None else np.nan_to_num(rows.qc, nan=0.0)
    return Design(rows.x, rows.names, rows.y, weight, np.unique(rows.site_id.astype(str), return_inverse=True)[1])


def validation_design(
    table: pa.Table | None, columns: Sequence[str], settings: dict[str, Any], qc_threshold: float
) -> Design | None:
    """Build the rows that choices are made on, None without any: those that the benchmark scores weigh, others do not.

    Where it would score none of them, all weigh as they are.

    Parameters
    ----------
    table, columns, settings : as in `design`
    qc_threshold : float, nee_qc from which a day is scored
    """
    if table is None:
        return None
    rows = design(table, columns, settings)
    weight = np.where(rows.weight >= qc_threshold, rows.weight, 0.0)
    some = (np.isfinite(rows.y).any(axis=1) & (weight > 0)).any()
    return replace(rows, weight=weight) if some else rows


def median_site_r2(y: np.ndarray, predicted: np.ndarray, site: np.ndarray) -> float:
    """Return the median over towers of R2 = 1 - sum (y - p)^2 / sum (y - mean)^2, NaN if no tower has a spread.

    Parameters
    ----------
    y, predicted : ndarray [N], fluxes [gC m-2 d-1], finite
    site : ndarray [N] int
    """
    n = np.bincount(site)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.bincount(site, y) / n
        r2 = 1 - np.bincount(site, (y - predicted) ** 2) / np.bincount(site, (y - mean[site]) ** 2)
    usable = np.isfinite(r2) & (n >= 2)
    return float(np.median(r2[usable])) if usable.any() else float("nan")


def best(candidates: Iterator[tuple[Any, float]]) -> tuple[Any, float]:
    """Return the candidate of the highest score and the score; the first one where none is a number."""
    tried = list(candidates)
    return max(tried, key=lambda c: -np.inf if np.isnan(c[1]) else c[1])
