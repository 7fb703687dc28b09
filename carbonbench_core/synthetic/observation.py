"""What an eddy-covariance tower would have reported of the true fluxes: noise, partitioning error, gaps, quality.

The random error of NEE grows with the flux (Hollinger and Richardson 2005, doi:10.1093/treephys/25.7.873); RECO is an
error-prone estimate with memory, as from night-time data, and GPP is what closes the balance, so that
NEE = RECO - GPP holds for observations and GPP may be a little negative. The quality flag is the share of half-hours
measured or well gap-filled; where it is low, the value is filled and its error larger; long outages have no value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .fluxes import Fluxes
from .streams import red_noise

HALF_HOURS = 48
PERFECT = 0.56  # share of days without any gap, outside of the long ones
GAP_SHARE, GAP_LENGTH = 0.15, 7.0  # share of days in gaps of some days, their mean length [d]
OUTAGE_SHARE, OUTAGE_LENGTH = 0.035, 45.0  # the same for outages, which leave no value


@dataclass
class Observation:
    """Observed daily fluxes [gC m-2 d-1] and quality (0-1), ndarrays [D], NaN where there is none."""

    gpp: np.ndarray
    reco: np.ndarray
    nee: np.ndarray
    quality: np.ndarray


def observe(truth: Fluxes, rng: np.random.Generator) -> Observation:
    """Draw the observation of true fluxes."""
    n = len(truth.gpp)
    quality = draw_quality(n, rng)
    skill = np.exp(0.25 * rng.standard_normal())  # some towers are noisier than others
    size = skill * (0.10 + 0.10 * np.abs(truth.nee) + 0.02 * (truth.gpp + truth.reco))
    filled = 1 + 1.0 * (1 - np.nan_to_num(quality))
    footprint = 0.035 * (truth.gpp + truth.reco) * red_noise(rng, n, 5.0)
    nee = truth.nee + filled * size * _heavy_tailed(n, rng) + footprint
    partition = 1 + 0.05 * rng.standard_normal() + 0.10 * red_noise(rng, n, 10.0)
    reco = truth.reco * partition + 0.6 * size * rng.standard_normal(n)
    missing = np.isnan(quality)
    return Observation(*(np.where(missing, np.nan, x) for x in (reco - nee, reco, nee, quality)))


def draw_quality(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return the quality of n days: 1 on about half of them, multiples of 1/48, NaN in long outages."""
    care = np.clip(PERFECT + 0.12 * rng.standard_normal(), 0.15, 0.9)
    lost = np.minimum(rng.geometric(0.22, n), 30)
    quality = np.where(rng.random(n) < care, 1.0, 1 - lost / HALF_HOURS)
    bad = np.maximum(np.round(HALF_HOURS * (0.75 * rng.random(n) - 0.2)), 0.0) / HALF_HOURS
    quality = np.where(_bursts(n, GAP_SHARE, GAP_LENGTH, rng), bad, quality)
    return np.where(_bursts(n, OUTAGE_SHARE, OUTAGE_LENGTH, rng), np.nan, quality)


def _bursts(n: int, share: float, length: float, rng: np.random.Generator) -> np.ndarray:
    """Return days inside bursts of geometric length that cover a share of all days, more or less."""
    starts = rng.random(n) < -np.log1p(-share) / length
    ends = np.where(starts, np.arange(n) + rng.geometric(1 / length, n), 0)
    return np.arange(n) < np.maximum.accumulate(ends)


def _heavy_tailed(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return noise of variance 1 with the Laplace distribution that flux errors have."""
    return rng.laplace(scale=np.sqrt(0.5), size=n)
