"""Area of applicability: how unlike the training data a day is, and where a model may be trusted for that reason.

The dissimilarity index of a day is the distance of its features to the nearest training day, over the mean distance
between training days; features are standardised by the training data. The index of training days, each against the
days of other towers, says what is usual: days beyond the upper whisker of these (the third quartile and one and a half
times the distance between quartiles) are outside the area of applicability.

As published but for three things: features are not weighed by their importance, so that the index is one of the data
and the same for every model; training days are a sample, evenly over all of them; a missing value stands at the
training mean.

Source
------
Meyer and Pebesma 2021, doi:10.1111/2041-210X.13650.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..errors import UsageError
from ..schema import TARGETS

if TYPE_CHECKING:
    import pandas as pd

SAMPLE = 3000  # training days
# A feature takes part if that share of the training days has it: by one that many days lack, all of these would seem
# alike, since they stand at the mean together.
KNOWN = 0.9
CLASSES = 5  # of dissimilarity, equally many days in each
_ROWS = 4096  # days at once


class Dissimilarity(NamedTuple):
    """The index of days [N], and the one beyond which a day is outside the area of applicability."""

    index: np.ndarray
    threshold: float


def dissimilarity(train: np.ndarray, towers: np.ndarray, days: np.ndarray) -> Dissimilarity:
    """Return how unlike the training data days are.

    Parameters
    ----------
    train : ndarray [M, F], features of training days, NaN where missing
    towers : ndarray [M], the tower of each
    days : ndarray [N, F]

    Raises
    ------
    UsageError : no feature that varies is known on `KNOWN` of the training days, or they are of one tower
    """
    rows = np.unique(np.linspace(0, len(train) - 1, min(SAMPLE, len(train))).astype(int))
    known = np.isfinite(train)
    with np.errstate(invalid="ignore"):
        mean, spread = (f(np.where(known, train, np.nan), axis=0) for f in (_mean, _spread))
    used = (known.mean(axis=0) >= KNOWN) & (spread > 0)
    if not used.any() or len(np.unique(towers[rows])) < 2:
        raise UsageError("No feature varies over the training days of two towers or more: nothing can be unlike them.")
    scaled = (np.nan_to_num((x[:, used] - mean[used]) / spread[used]) for x in (train[rows], days))
    sample, days = scaled
    between = _distances(sample, sample)
    typical = between.sum() / (len(sample) * (len(sample) - 1))
    between[towers[rows][:, None] == towers[rows][None]] = np.inf
    usual = between.min(axis=1) / typical
    low, high = np.quantile(usual, [0.25, 0.75])
    return Dissimilarity(_nearest(days, sample) / typical, float(min(usual.max(), high + 1.5 * (high - low))))


def _mean(x: np.ndarray, axis: int) -> np.ndarray:
    return np.nansum(x, axis=axis) / np.maximum(np.isfinite(x).sum(axis=axis), 1)


def _spread(x: np.ndarray, axis: int) -> np.ndarray:
    return np.sqrt(_mean((x - _mean(x, axis)) ** 2, axis))


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return Euclidean distances [N, M] of rows of a [N, F] and b [M, F]."""
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.sqrt(np.maximum(squares, 0))


def _nearest(days: np.ndarray, sample: np.ndarray) -> np.ndarray:
    """Return the distance [N] of each row of days [N, F] to the nearest of a sample [M, F]."""
    out, half = np.empty(len(days)), (sample**2).sum(axis=1) / 2
    for at in range(0, len(days), _ROWS):
        some = days[at : at + _ROWS]
        near = some @ sample.T
        near -= half
        out[at : at + _ROWS] = (some**2).sum(axis=1) - 2 * near.max(axis=1)
    return np.sqrt(np.maximum(out, 0))


def error_by_dissimilarity(
    index: np.ndarray, predictions: pd.DataFrame | Mapping, observed: pd.DataFrame | Mapping
) -> dict[str, float]:
    """Return the error of days that are more and more unlike the training data, as it stands in a result row.

    Parameters
    ----------
    index : ndarray [N], from `dissimilarity`
    predictions, observed : columns gpp, reco, nee [N], observed NaN where it is not scored

    Returns
    -------
    dict, ``dissimilarity.1`` the upper end of the first class of index, ``gpp.rmse.dissimilarity=1`` the root mean
        square error of all days in it, and ``gpp.dissimilarity_rank_correlation``, of index and size of error
    """
    ends = np.quantile(index, np.arange(1, CLASSES + 1) / CLASSES)
    code = np.minimum(np.searchsorted(ends, index), CLASSES - 1)
    out = {f"dissimilarity.{i + 1}": float(end) for i, end in enumerate(ends)}
    for target in TARGETS:
        error = np.abs(np.asarray(predictions[target], float) - np.asarray(observed[target], float))
        known = np.isfinite(error)
        n, squares = (np.bincount(code[known], w, CLASSES) for w in (None, error[known] ** 2))
        for i in range(CLASSES):
            out[f"{target}.rmse.dissimilarity={i + 1}"] = float(np.sqrt(squares[i] / n[i])) if n[i] else None
        out[f"{target}.dissimilarity_rank_correlation"] = _rank_correlation(index[known], error[known])
    return out


def _rank_correlation(a: np.ndarray, b: np.ndarray) -> float | None:
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    ranks = [np.argsort(np.argsort(values, kind="stable")) for values in (a, b)]
    return float(np.corrcoef(*ranks)[0, 1])
