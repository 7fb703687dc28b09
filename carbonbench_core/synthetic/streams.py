"""Random streams, one per tower and purpose, and the filters the synthetic world is made with."""

from __future__ import annotations

from math import exp, sqrt

import numpy as np

# The order is part of the world: a new stream goes to the end, so that the others keep their numbers.
STREAMS = ("place", "climate", "vegetation", "weather", "phenology", "reanalysis", "satellite", "observation")
IRRATIONAL = (0.6180339887498949, 0.5698402909980532)  # two additive recurrences of low discrepancy


def stream(seed: int, index: int, name: str) -> np.random.Generator:
    """Return the random stream of one tower and purpose; no other tower's stream touches it."""
    return np.random.default_rng([seed, index, STREAMS.index(name)])


def spread(seed: int, index: int) -> np.ndarray:
    """Return the point of a tower in the unit square: any number of them, from the first on, fills it evenly.

    Returns
    -------
    ndarray [2], in [0, 1)
    """
    return (np.random.default_rng(seed).random(2) + index * np.array(IRRATIONAL)) % 1.0


def red_noise(rng: np.random.Generator, n: int, memory: float) -> np.ndarray:
    """Return first-order autoregressive noise of mean 0 and variance 1.

    Parameters
    ----------
    rng : Generator
    n : int, number of days
    memory : float, e-folding time of the autocorrelation [d]

    Returns
    -------
    ndarray [n]
    """
    persistence = exp(-1 / memory)
    return _recursion(rng.standard_normal(n) * sqrt(1 - persistence**2), persistence, rng.standard_normal())


def smooth(x: np.ndarray, memory: float) -> np.ndarray:
    """Return the exponentially weighted mean of the days up to each day, started from the mean of the first year.

    Parameters
    ----------
    x : ndarray [D]
    memory : float, e-folding time [d]
    """
    persistence = exp(-1 / memory)
    return _recursion((1 - persistence) * x, persistence, float(x[:365].mean()))


def decay(x: np.ndarray, memory: float) -> np.ndarray:
    """Return the sum of all pulses up to each day, each fading with an e-folding time of `memory` days."""
    return _recursion(x, exp(-1 / memory), 0.0)


def ramp(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return 0 below `low`, 1 above `high`, and a straight line between them."""
    return np.clip((x - low) / (high - low), 0.0, 1.0)


def _recursion(x: np.ndarray, persistence: float, start: float) -> np.ndarray:
    """Return y with y[t] = persistence * y[t-1] + x[t] and y[-1] = start.

    By doubling: if y sums the last m days with fading weights, y[t] + persistence^m y[t-m] sums the last 2 m.
    """
    y = np.array(x, dtype=float)
    y[0] += persistence * start
    summed = 1
    while summed < len(y):
        y[summed:] += persistence**summed * y[:-summed]
        summed *= 2
    return y
