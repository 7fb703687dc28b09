"""Satellite observations brought onto a tower's calendar: short gaps interpolated, long ones left empty."""

from __future__ import annotations

import numpy as np

LONGEST = 16  # days without an observation that are interpolated over: a repeat cycle of Terra


def interpolated(observed: np.ndarray, values: np.ndarray, days: np.ndarray, longest: int = LONGEST) -> np.ndarray:
    """Return values on a calendar, linear between observations that are not too far apart.

    Parameters
    ----------
    observed : ndarray [O] datetime64[D], in order, each once; they may lie outside the calendar
    values : ndarray [O], NaN where a day's observation is not usable
    days : ndarray [D] datetime64[D], the calendar
    longest : int, days between two observations that are filled; longer gaps stay NaN, and so do the ends

    Returns
    -------
    ndarray [D] float64
    """
    usable = np.isfinite(values)
    knots, y = observed[usable].astype(np.int64), values[usable]
    x = days.astype(np.int64)
    if not len(knots):
        return np.full(len(x), np.nan)
    after = np.searchsorted(knots, x)
    before = np.searchsorted(knots, x, side="right") - 1
    inside = (before >= 0) & (after < len(knots))
    left, right = knots[np.maximum(before, 0)], knots[np.minimum(after, len(knots) - 1)]
    near = inside & (right - left - 1 <= longest)
    return np.where(near, np.interp(x, knots, y), np.nan)


def interpolated_angle(observed: np.ndarray, angle: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Return an azimuth [degree] in (-180, 180] on a calendar, interpolated as sine and cosine; see `interpolated`."""
    x = np.radians(angle)
    sine, cosine = (interpolated(observed, f(x), days) for f in (np.sin, np.cos))
    return np.degrees(np.arctan2(sine, cosine))


def days_since(observed: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Return the days since the last observation [d], ndarray [D] float64: 0 on its day, NaN before the first.

    Parameters
    ----------
    observed : ndarray [O] datetime64[D], in order
    days : ndarray [D] datetime64[D]
    """
    before = np.searchsorted(observed, days, side="right") - 1
    if not len(observed):
        return np.full(len(days), np.nan)
    since = (days - observed[np.maximum(before, 0)]).astype(float)
    return np.where(before >= 0, since, np.nan)
