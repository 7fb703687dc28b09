"""True carbon fluxes of a synthetic tower: light-use efficiency and respiration that follows assimilation.

GPP = efficiency x vigour x fPAR x PAR x f(cold) x f(dry air) x f(dry soil) x f(light)

in the form of MOD17 (Running et al. 2004, doi:10.1641/0006-3568(2004)054[0547:ACSMOG]2.0.CO;2), with the saturation
in light and the slow recovery from cold of Makela et al. 2008 (doi:10.1111/j.1365-2486.2007.01463.x).

RECO = scale x Lloyd-Taylor(T) x f(dry soil) x (base + recent GPP) + background x Lloyd-Taylor(T)

after Lloyd and Taylor 1994 (doi:10.2307/2389824) and, for the link to recent GPP, Migliavacca et al. 2011
(doi:10.1111/j.1365-2486.2010.02243.x); `scale` gives the tower its long-run share of GPP that is respired.
NEE = RECO - GPP, negative is uptake. All fluxes in gC m-2 d-1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .phenology import Canopy
from .streams import ramp, smooth
from .vegetation import Traits
from .weather import MJ_PER_DAY, Weather

PAR_SHARE = 0.45  # photosynthetically active share of solar radiation
HALF_LIGHT = 14.0  # PAR at which efficiency has halved [MJ m-2 d-1]
LLOYD_TAYLOR_T0 = -46.02  # [degC]
REFERENCE = 15.0  # [degC]
FRESH = 0.5  # share of respiration that follows the GPP of the last fortnight
MEMORY = 12.0  # [d] of that GPP


@dataclass
class Fluxes:
    """Daily fluxes, ndarrays [D] [gC m-2 d-1]."""

    gpp: np.ndarray
    reco: np.ndarray

    @property
    def nee(self) -> np.ndarray:
        """Net ecosystem exchange, RECO - GPP."""
        return self.reco - self.gpp


def true_fluxes(
    traits: Traits, weather: Weather, canopy: Canopy, soil_water: np.ndarray, soil_warmth: np.ndarray
) -> Fluxes:
    """Return the true fluxes of the days.

    Parameters
    ----------
    traits, weather, canopy : of this tower
    soil_water : ndarray [D], relative content of the root zone (0-1)
    soil_warmth : ndarray [D], temperature of the upper soil [degC]
    """
    gpp = _gpp(traits, weather, canopy, soil_water)
    return Fluxes(gpp, _reco(traits, weather, gpp, soil_water, soil_warmth))


def _gpp(traits: Traits, weather: Weather, canopy: Canopy, soil_water: np.ndarray) -> np.ndarray:
    par = PAR_SHARE * weather.solar * MJ_PER_DAY
    cold = ramp(weather.coldest, -7.0, traits.warm_night) * ramp(smooth(weather.temperature, 7.0), -4.0, 7.0)
    heat = 1 - ramp(weather.warmest, 36.0, 50.0)
    air = 1 - ramp(weather.vpd_day, 8.0, traits.dry_air)
    water = 0.08 + 0.92 * ramp(soil_water, 0.02, 0.4)
    light = HALF_LIGHT / (HALF_LIGHT + par)
    return traits.efficiency * canopy.vigour * canopy.fpar * par * cold * heat * air * water * light


def lloyd_taylor(temperature: np.ndarray, warm_response: float) -> np.ndarray:
    """Return respiration relative to that at 15 degC; `warm_response` is E0 [K]."""
    above = np.maximum(temperature, -40.0) - LLOYD_TAYLOR_T0
    return np.exp(warm_response * (1 / (REFERENCE - LLOYD_TAYLOR_T0) - 1 / above))


def _reco(
    traits: Traits, weather: Weather, gpp: np.ndarray, soil_water: np.ndarray, soil_warmth: np.ndarray
) -> np.ndarray:
    response = lloyd_taylor(0.5 * weather.temperature + 0.5 * soil_warmth, traits.warm_response)
    mean = gpp.mean()
    if mean == 0:
        return traits.background * response
    supply = 1 - FRESH + FRESH * smooth(gpp, MEMORY) / mean
    shape = response * (0.25 + 0.75 * ramp(soil_water, 0.02, 0.5)) * supply
    return traits.balance * mean * shape / shape.mean() + traits.background * response
