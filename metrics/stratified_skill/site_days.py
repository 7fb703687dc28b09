"""The days of every site, grouped by site, and the sums that scores are made of, each taken once."""

from __future__ import annotations

from functools import cached_property

import numpy as np


class SiteDays:
    """The days of every site and their sums.

    Parameters
    ----------
    y, p : ndarray [N], observed and predicted flux, the days of a site next to each other
    starts : ndarray [S] of int, the first row of each site
    day : ndarray [N] of int, optional, days since 1970, ascending within a site
    climatology : ndarray [N], optional, what a climatology predicts

    Attributes
    ----------
    n : ndarray [S] of int, days per site
    """

    def __init__(
        self,
        y: np.ndarray,
        p: np.ndarray,
        starts: np.ndarray,
        day: np.ndarray | None = None,
        climatology: np.ndarray | None = None,
    ) -> None:
        self.y, self.p, self.starts = y, p, starts
        self.day, self.climatology = day, climatology
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

    def centred(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return daily values [N] less their site's mean, and these means [S]."""
        # Twice: the first mean is rounded at the size of the values, the second at the size of their spread; where they
        # are constant, the first leaves one rounding error on every day, and the second removes it exactly.
        rough_mean = self.mean(values)
        rough = values - self.daily(rough_mean)
        rest = self.mean(rough)
        return rough - self.daily(rest), rough_mean + rest

    @cached_property
    def site(self) -> np.ndarray:
        """The number of each day's site, [N]."""
        return self.daily(np.arange(len(self.n)))

    @cached_property
    def _y(self) -> tuple[np.ndarray, np.ndarray]:
        return self.centred(self.y)

    @cached_property
    def _p(self) -> tuple[np.ndarray, np.ndarray]:
        return self.centred(self.p)

    @property
    def y_centred(self) -> np.ndarray:
        """Observed departure from the site's mean, [N]."""
        return self._y[0]

    @property
    def y_mean(self) -> np.ndarray:
        """Mean of the observations, [S]."""
        return self._y[1]

    @property
    def p_centred(self) -> np.ndarray:
        """Predicted departure from the site's mean prediction, [N]."""
        return self._p[0]

    @property
    def p_mean(self) -> np.ndarray:
        """Mean of the predictions, [S]."""
        return self._p[1]

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
    def ssp(self) -> np.ndarray:
        """Sum of squared departures of the predictions from their mean, [S]."""
        return self.total(self.p_centred**2)

    @cached_property
    def sat(self) -> np.ndarray:
        """Sum of absolute departures of the observations from their mean, [S]."""
        return self.total(np.abs(self.y_centred))


def ratio(numerator: np.ndarray, denominator: np.ndarray, zero: float | np.ndarray = 0.0) -> np.ndarray:
    """Return numerator / denominator, NaN where the denominator is not above `zero`."""
    out = np.full(len(denominator), np.nan)
    return np.divide(numerator, denominator, out=out, where=denominator > zero)
