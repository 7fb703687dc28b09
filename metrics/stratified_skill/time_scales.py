"""Scores by time scale: season, anomaly, weeks, months, years; observed and predicted on the same days.

A site's days are split as y_t = m + c_t + a_t: the site's mean, the mean seasonal cycle (at day t the mean of y over
all days of the record within 15 days of t's place in the year, less the mean of these over the record) and the anomaly
that is left; p likewise. With d for predicted minus observed this gives, exactly,

    MSE = bias^2 + mean (dc)^2 + mean (da)^2 + 2 mean (dc da)

since c and a have zero means. The cross term is not zero, because the cycle is smoothed: the mean of single days of the
year would, in a record of a few years with gaps, take most of the anomaly for season.

A period counts where enough of its days are scored: weeks (Monday to Sunday) 4, months 15, years 183. A season needs
two calendar years of 30 scored days. Interannual variability is that of the annual means of the anomaly, which days
missing in one season touch less than the means themselves; it needs three years.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from .scores import bias, r2, rmse
from .site_days import SiteDays

DAYS_OF = {"weekly": 4, "monthly": 15, "annual": 183}  # least scored days of a period
SEASON_YEARS, SEASON_DAYS = 2, 30  # a mean seasonal cycle needs so many years of so many scored days
VARIABILITY_YEARS = 3
HALF_WINDOW = 15  # days on either side over which the cycle is averaged
YEAR = 365.25  # days
_SLOTS = 366
_FIRST_SLOT = np.array([0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335])  # of each month in a leap year
_NO_SPREAD = 1e-20  # of the variance: a component below this is rounding error


class Coarse:
    """Means over periods, for the sites that have any.

    Parameters
    ----------
    means : SiteDays, whose days are periods
    site : ndarray [K] of int, the sites these are
    spread : ndarray [S], the sum of squared departures of every site's days
    """

    def __init__(self, means: SiteDays, site: np.ndarray, spread: np.ndarray) -> None:
        self.means, self.site, self._spread = means, site, spread

    def score(self, score: Callable[[SiteDays], np.ndarray]) -> np.ndarray:
        """Return a score of the means for every site [S], NaN at those without any."""
        out = np.full(len(self._spread), np.nan)
        out[self.site] = score(self.means)
        return out

    def r2(self, least: int = 2) -> np.ndarray:
        """Return R2 of the means for every site [S], NaN at those with fewer than `least` or where they do not vary."""
        varies = (self.means.n >= least) & (self.means.sst > _NO_SPREAD * self._spread[self.site])
        return self.score(lambda means: np.where(varies, r2(means), np.nan))


class TimeScales:
    """The time scales of the days of every site.

    Parameters
    ----------
    s : SiteDays, with `day`
    """

    def __init__(self, s: SiteDays) -> None:
        self.s = s
        self._date = s.day.astype("datetime64[D]")
        month = self._date.astype("datetime64[M]")
        self.year = self._date.astype("datetime64[Y]").astype(np.int64)
        self.month = month.astype(np.int64)
        self.week = (s.day + 3) // 7  # 1970-01-01 was a Thursday

    def coarse(self, scale: str) -> Coarse:
        """Return the means over the weeks, months or years that have days enough."""
        return self._coarse[scale]

    @cached_property
    def _coarse(self) -> dict[str, Coarse]:
        periods = {"weekly": self.week, "monthly": self.month, "annual": self.year}
        return {name: self._means(self.s, periods[name], least) for name, least in DAYS_OF.items()}

    @cached_property
    def interannual(self) -> Coarse:
        """Annual means of the anomaly, less their mean."""
        years = self._means(self.anomaly, self.year, DAYS_OF["annual"])
        means = SiteDays(years.means.y_centred, years.means.p_centred, years.means.starts)
        return Coarse(means, years.site, self.s.sst)

    @cached_property
    def has_season(self) -> np.ndarray:
        """Which sites have days enough for a mean seasonal cycle, [S]."""
        years = self._means(self.s, self.year, SEASON_DAYS)
        return np.bincount(years.site, years.means.n, minlength=len(self.s.n)) >= SEASON_YEARS

    @cached_property
    def season(self) -> SiteDays:
        """The mean seasonal cycles, day by day, less their mean."""
        s = self.s
        first = _FIRST_SLOT[self.month % 12]
        slot = first + (self._date - self._date.astype("datetime64[M]")).astype(np.int64)
        index = s.site * _SLOTS + slot
        n = _around(np.bincount(index, minlength=len(s.n) * _SLOTS))
        cycles = (
            _around(np.bincount(index, values, len(s.n) * _SLOTS))[index] / n[index]
            for values in (s.y_centred, s.p_centred)
        )
        return SiteDays(*(s.centred(c)[0] for c in cycles), s.starts)

    @cached_property
    def anomaly(self) -> SiteDays:
        """What is left of the days without site mean and season."""
        s = self.s
        return SiteDays(s.y_centred - self.season.y, s.p_centred - self.season.p, s.starts)

    def r2_of(self, part: SiteDays) -> np.ndarray:
        """Return R2 of a component, undefined without a season or where the component does not vary."""
        return np.where(self.has_season & (part.sst > _NO_SPREAD * self.s.sst), r2(part), np.nan)

    def if_season(self, values: np.ndarray) -> np.ndarray:
        """Return values [S], NaN at sites without a season."""
        return np.where(self.has_season, values, np.nan)

    def _means(self, s: SiteDays, period: np.ndarray, least: int) -> Coarse:
        new = np.concatenate([np.ones(min(1, len(period)), bool), period[1:] != period[:-1]])
        new[s.starts] = True
        each = SiteDays(s.y, s.p, np.flatnonzero(new))
        enough = each.n >= least
        site = self.s.site[each.starts][enough]
        starts = np.flatnonzero(np.concatenate([np.ones(min(1, len(site)), bool), site[1:] != site[:-1]]))
        # Of the departures: means of a constant, over fewer or more days, must not differ by rounding.
        y, p = each.mean(s.y_centred)[enough] + s.y_mean[site], each.mean(s.p_centred)[enough] + s.p_mean[site]
        return Coarse(SiteDays(y, p, starts), site[starts], s.sst)


def _around(sums: np.ndarray) -> np.ndarray:
    """Return sums by site and day of year [S * 366], each over the days around it, the year as a ring."""
    ring = np.pad(sums.reshape(-1, _SLOTS), ((0, 0), (HALF_WINDOW, HALF_WINDOW)), mode="wrap")
    running = np.pad(np.cumsum(ring, axis=1), ((0, 0), (1, 0)))
    return (running[:, 2 * HALF_WINDOW + 1 :] - running[:, : -2 * HALF_WINDOW - 1]).ravel()


def annual_bias(t: TimeScales) -> np.ndarray:
    """Error of the annual budget: 365.25 times the mean of the errors of annual means [flux unit x days per year]."""
    return YEAR * t.coarse("annual").score(bias)


def annual_mae(t: TimeScales) -> np.ndarray:
    """Size of the error of annual budgets: 365.25 times the mean of |error of annual means|."""
    return YEAR * t.coarse("annual").score(lambda means: means.sae / means.n)


def mse_bias(t: TimeScales) -> np.ndarray:
    """Part of the MSE that is the site's bias: bias^2."""
    return t.if_season(bias(t.s) ** 2)


def mse_seasonal(t: TimeScales) -> np.ndarray:
    """Part of the MSE that is the error of the mean seasonal cycle: mean (dc)^2."""
    return t.if_season(t.season.sse / t.s.n)


def mse_anomaly(t: TimeScales) -> np.ndarray:
    """Part of the MSE that is the error of the anomaly: mean (da)^2."""
    return t.if_season(t.anomaly.sse / t.s.n)


def mse_cross(t: TimeScales) -> np.ndarray:
    """Part of the MSE that season and anomaly share: 2 mean (dc da)."""
    return t.if_season(2 * t.s.mean(t.season.error * t.anomaly.error))


WITH_DATES = {
    "r2_seasonal": lambda t: t.r2_of(t.season),
    "r2_anomaly": lambda t: t.r2_of(t.anomaly),
    "r2_weekly": lambda t: t.coarse("weekly").r2(),
    "r2_monthly": lambda t: t.coarse("monthly").r2(),
    "r2_annual": lambda t: t.coarse("annual").r2(),
    "r2_interannual": lambda t: t.if_season(t.interannual.r2(VARIABILITY_YEARS)),
    "rmse_weekly": lambda t: t.coarse("weekly").score(rmse),
    "rmse_monthly": lambda t: t.coarse("monthly").score(rmse),
    "rmse_annual": lambda t: t.coarse("annual").score(rmse),
    "mse_bias": mse_bias,
    "mse_seasonal": mse_seasonal,
    "mse_anomaly": mse_anomaly,
    "mse_cross": mse_cross,
    "annual_bias": annual_bias,
    "annual_mae": annual_mae,
}
