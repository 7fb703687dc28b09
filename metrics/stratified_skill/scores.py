"""The scores of a site: one function of its days each, and the table that lists them.

To add a score, write one function of `SiteDays` and enter it in `SCORES`; sums that several scores share are properties
of `SiteDays`. Formulas: y observed, p predicted, m the mean of y over the site's n days.

Source
------
Nash and Sutcliffe 1970, doi:10.1016/0022-1694(70)90255-6 (R2 as used here, not a squared correlation).
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

_ZERO_MEAN = 1e-12  # of the mean of |y|: a mean below this is rounding error


class SiteDays:
    """The days of every site, grouped by site, and the sums that scores are made of, each taken once.

    Parameters
    ----------
    y, p : ndarray [N], observed and predicted flux, the days of a site next to each other
    starts : ndarray [S] of int, the first row of each site

    Attributes
    ----------
    n : ndarray [S] of int, days per site
    """

    def __init__(self, y: np.ndarray, p: np.ndarray, starts: np.ndarray) -> None:
        self.y, self.p, self.starts = y, p, starts
        self.n = np.diff(starts, append=len(y))

    def total(self, values: np.ndarray) -> np.ndarray:
        """Return the sum of daily values [N] over each site's days [S]."""
        return np.add.reduceat(values, self.starts) if len(values) else np.zeros(0)

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Return the mean of daily values [N] over each site's days [S]."""
        return self.total(values) / self.n

    def daily(self, values: np.ndarray) -> np.ndarray:
        """Repeat one value per site [S] on each of its days [N]."""
        return np.repeat(values, self.n)

    @cached_property
    def _centred(self) -> tuple[np.ndarray, np.ndarray]:
        # Twice: the first mean is rounded at the size of y, the second at the size of y's spread; where y is constant,
        # what the first leaves is one rounding error on every day, and the second removes it exactly.
        rough_mean = self.mean(self.y)
        rough = self.y - self.daily(rough_mean)
        rest = self.mean(rough)
        return rough - self.daily(rest), rough_mean + rest

    @property
    def y_centred(self) -> np.ndarray:
        """Observed departure from the site's mean, [N]."""
        return self._centred[0]

    @property
    def y_mean(self) -> np.ndarray:
        """Mean of the observations, [S]."""
        return self._centred[1]

    @cached_property
    def error(self) -> np.ndarray:
        """Predicted minus observed, [N]."""
        return self.p - self.y

    @cached_property
    def sse(self) -> np.ndarray:
        """Sum of squared errors, [S]."""
        return self.total(self.error**2)

    @cached_property
    def sae(self) -> np.ndarray:
        """Sum of absolute errors, [S]."""
        return self.total(np.abs(self.error))

    @cached_property
    def sst(self) -> np.ndarray:
        """Sum of squared departures of the observations from their mean, [S]."""
        return self.total(self.y_centred**2)

    @cached_property
    def sat(self) -> np.ndarray:
        """Sum of absolute departures of the observations from their mean, [S]."""
        return self.total(np.abs(self.y_centred))


def _ratio(numerator: np.ndarray, denominator: np.ndarray, zero: float | np.ndarray = 0.0) -> np.ndarray:
    out = np.full(len(denominator), np.nan)
    return np.divide(numerator, denominator, out=out, where=denominator > zero)


def r2(s: SiteDays) -> np.ndarray:
    """Nash-Sutcliffe efficiency: 1 - sum (y-p)^2 / sum (y-m)^2; undefined where y does not vary."""
    return 1 - _ratio(s.sse, s.sst)


def rmse(s: SiteDays) -> np.ndarray:
    """Root mean square error: sqrt(mean (p-y)^2)."""
    return np.sqrt(s.sse / s.n)


def mae(s: SiteDays) -> np.ndarray:
    """Mean absolute error: mean |p-y|."""
    return s.sae / s.n


def nmae(s: SiteDays) -> np.ndarray:
    """Mean absolute error over the size of the observed mean: MAE / |m|; undefined where m is zero."""
    size = np.abs(s.y_mean)
    return _ratio(mae(s), size, zero=_ZERO_MEAN * s.mean(np.abs(s.y)))


def rae(s: SiteDays) -> np.ndarray:
    """Relative absolute error: sum |y-p| / sum |y-m|; undefined where y does not vary."""
    return _ratio(s.sae, s.sat)


def bias(s: SiteDays) -> np.ndarray:
    """Mean error: mean (p-y)."""
    return s.mean(s.error)


SCORES = {"r2": r2, "rmse": rmse, "mae": mae, "nmae": nmae, "rae": rae, "bias": bias}
