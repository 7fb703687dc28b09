"""Checks of time: seasons of radiation against the sun, and days shifted against another series.

Daily values see whole days, seasons and hemispheres. They do not see a time zone that is off by a few hours: the light
of a day is the same wherever in the night the day begins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..sun import daylight
from ._days import REANALYSIS, Days, Flag, correlation

SEASONAL = 0.15  # relative spread of the sun's radiation over a year, below which there is no season to see (tropics)
FIT = 0.8  # correlation of bright days with the sun, from which a shift can be told
OFF_BY = 25  # days
BETTER = 0.02  # of correlation, at the best shift
LAGS = (-3, -2, -1, 1, 2, 3)  # days
FOLLOWS = 0.3  # correlation of day-to-day changes that says two series belong together
AHEAD = 0.15  # of it, over that without a shift
SMOOTH = 15  # days, taken off before series are compared
BINS = 73


def sun(days: Days) -> list[Flag]:
    """Flag radiation whose brightest days are of another season than the sun's at the tower's latitude."""
    light = days.values.get("SW_IN_F")
    if light is None or days.latitude is None:
        return []
    bins = np.minimum((days.day_of_year - 1) // 5, BINS - 1)
    top = daylight(days.latitude, np.arange(BINS) * 5 + 3)[0]
    bright = np.array([_bright(light[bins == b]) for b in range(BINS)])
    if np.isnan(bright).any() or top.std() < SEASONAL * top.mean():
        return []
    fits = np.array([np.corrcoef(np.roll(top, shift), bright)[0, 1] for shift in range(BINS)])
    best = int(fits.argmax())
    shift = 5 * (best if best <= BINS // 2 else best - BINS)
    if abs(shift) <= OFF_BY or fits[best] < FIT or fits[best] - fits[0] < BETTER:
        return []
    text = f"seasons of radiation are {abs(shift)} days {'late' if shift > 0 else 'early'}"
    if abs(shift) > 150:
        text += ": the other hemisphere, or the sign of the latitude?"
    return days.flag("sun", "SW_IN_F", np.isfinite(light), text)


def _bright(values: np.ndarray) -> float:
    held = values[np.isfinite(values)]
    return float(np.percentile(held, 80)) if len(held) >= 5 else np.nan


def lags(days: Days) -> list[Flag]:
    """Flag fluxes that follow another day's light, and radiation that follows another day's reanalysis."""
    light = days.values.get("SW_IN_F")
    if light is None:
        return []
    pairs = [(n.upper(), days.values[n], "targets", "radiation", light) for n in ("nee", "gpp") if n in days.values][:1]
    pairs += [("radiation", light, "SW_IN_F", n, days.values[n]) for n in REANALYSIS if n in days.values][:1]
    found = []
    for name, series, column, other, clock in pairs:
        if step := shifted(series, clock):
            found += days.flag("lag", column, np.isfinite(series), f"{name} {step.when} against {other} {step.fit}")
    return found


@dataclass(frozen=True)
class Step:
    """By how many days a series comes late against another, none if in step, and the correlations that say so."""

    lag: int
    shifted: float
    as_told: float

    @property
    def mirrored(self) -> Step:
        """The same of the other series against this one."""
        return Step(-self.lag, self.shifted, self.as_told)

    @property
    def when(self) -> str:
        """The lag in words."""
        many = "1 day" if abs(self.lag) == 1 else f"{abs(self.lag)} days"
        return f"{many} {'late' if self.lag > 0 else 'early'}"

    @property
    def fit(self) -> str:
        """The correlations in words."""
        return f"(r {self.shifted:.2f} if moved, {self.as_told:.2f} as it is)"


def shifted(series: np.ndarray, other: np.ndarray) -> Step | None:
    """Return the step between two series on the same days [D], None where they are in step or do not belong together.

    Whole days are found, also of radiation whose day begins half a day off.
    """
    step = compared(series, other)
    return step if step and step.lag else None


def compared(series: np.ndarray, other: np.ndarray) -> Step | None:
    """Return the step between two series on the same days [D], lag 0 if in step, None if they do not belong."""
    a, b = anomalies(series), anomalies(other)
    as_told = abs(correlation(a, b))
    fits = {lag: abs(correlation(a[lag:], b[:-lag]) if lag > 0 else correlation(a[:lag], b[-lag:])) for lag in LAGS}
    lag = max(fits, key=lambda k: -1.0 if np.isnan(fits[k]) else fits[k])
    if fits[lag] > FOLLOWS and fits[lag] > as_told + AHEAD:
        return Step(lag, fits[lag], as_told)
    return Step(0, as_told, as_told) if as_told > FOLLOWS else None


def anomalies(values: np.ndarray) -> np.ndarray:
    """Return what changes from day to day: values less their running mean."""
    import pandas as pd

    return values - pd.Series(values).rolling(SMOOTH, center=True, min_periods=SMOOTH // 2).mean().to_numpy()
