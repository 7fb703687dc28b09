"""Scores of predicted quantiles.

The predictive distribution is the one that the quantiles leave open the least: its distribution function is linear
between neighbouring quantiles, and what lies outside them, the levels below the first and above the last, is a point
mass at the first and at the last. Rows whose quantiles cross are put in order for it, and counted.

Source
------
Gneiting and Raftery 2007, doi:10.1198/016214506000001437 (CRPS, interval score); Koenker and Bassett 1978,
doi:10.2307/1913643 (pinball loss); Chernozhukov et al. 2010, doi:10.3982/ECTA7880 (quantiles that cross put in order).
"""

from __future__ import annotations

import numpy as np

from .site_days import SiteDays


class QuantileDays:
    """The days of every site with predicted quantiles.

    Parameters
    ----------
    y : ndarray [N], observed flux, the days of a site next to each other
    quantiles : ndarray [N, Q], predicted, a column per level
    levels : ndarray [Q], ascending, between 0 and 1
    interval : tuple of int, the columns that bound the interval
    starts : ndarray [S] of int, the first row of each site
    """

    def __init__(
        self, y: np.ndarray, quantiles: np.ndarray, levels: np.ndarray, interval: tuple[int, int], starts: np.ndarray
    ) -> None:
        self.y, self.given, self.levels, self.interval = y, quantiles, levels, interval
        self.days = SiteDays(y, quantiles[:, 0], starts)
        self.crossed = np.any(np.diff(quantiles, axis=1) < 0, axis=1)
        self.ordered = np.sort(quantiles, axis=1) if self.crossed.any() else quantiles

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper end of the interval, [N] each."""
        lower, upper = self.interval
        return self.ordered[:, lower], self.ordered[:, upper]


def crps(q: QuantileDays) -> np.ndarray:
    """Continuous ranked probability score: mean of the integral of (F(x) - 1{x >= y})^2 over x."""
    y, first, last = q.y, q.ordered[:, 0], q.ordered[:, -1]
    out = np.maximum(first - y, 0) + np.maximum(y - last, 0)
    for i in range(len(q.levels) - 1):
        out += _of_piece(y, q.ordered[:, i], q.ordered[:, i + 1], *q.levels[i : i + 2])
    return q.days.mean(out)


def _of_piece(y: np.ndarray, left: np.ndarray, right: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return the integral between two quantiles, where F rises from `low` to `high`; y may lie anywhere."""
    width = right - left
    at = np.clip(y, left, right)
    share = np.divide(at - left, width, out=np.zeros_like(width), where=width > 0)
    middle = low + (high - low) * share  # F at y
    # The integral of a squared line from a to b over a width w is w (a^2 + a b + b^2) / 3.
    below = (at - left) * (low * low + low * middle + middle * middle) / 3
    a, b = 1 - middle, 1 - high
    return below + (right - at) * (a * a + a * b + b * b) / 3


def pinball(q: QuantileDays) -> np.ndarray:
    """Pinball loss of the quantiles as given: mean over levels t and days of (y-q) (t - 1{y < q})."""
    loss = np.zeros(len(q.y))
    for level, quantile in zip(q.levels, q.given.T, strict=True):
        short = q.y - quantile
        loss += np.maximum(level * short, (level - 1) * short)
    return q.days.mean(loss / len(q.levels))


def coverage(q: QuantileDays) -> np.ndarray:
    """Share of days on which y lies in the interval, its ends included."""
    lower, upper = q.bounds
    return q.days.mean(((q.y >= lower) & (q.y <= upper)).astype(float))


def interval_width(q: QuantileDays) -> np.ndarray:
    """Mean width of the interval: mean (upper - lower)."""
    lower, upper = q.bounds
    return q.days.mean(upper - lower)


def interval_score(q: QuantileDays) -> np.ndarray:
    """Interval score: mean width plus 2/a times the distance of y from the interval, a being the share it omits."""
    lower, upper = q.bounds
    omitted = 1 - (q.levels[q.interval[1]] - q.levels[q.interval[0]])
    outside = np.maximum(lower - q.y, 0) + np.maximum(q.y - upper, 0)
    return q.days.mean(upper - lower + 2 / omitted * outside)


WITH_QUANTILES = {
    "crps": crps,
    "pinball": pinball,
    "coverage": coverage,
    "interval_width": interval_width,
    "interval_score": interval_score,
}
