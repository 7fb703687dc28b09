"""Leaf area of a synthetic tower: leaf-out by growing degree days, leaf fall by day length and cold, drought, harvest.

After the growing season index of Jolly et al. 2005 (doi:10.1111/j.1365-2486.2005.00930.x): ramps of temperature, day
length and water multiply; leaf-out waits for growing degree days as in thermal-time models.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .climate import YEAR, Climate
from .streams import decay, ramp, red_noise, smooth
from .vegetation import Traits
from .weather import Weather

BASE = 5.0  # [degC] of growing degree days
WINTER_SOWN, SUMMER_SOWN = 5.0, 12.0  # [degC] at which the season of the two crop types begins
COOL_SUMMER = 16.0  # [degC] warmest day of the mean year below which no summer crop ripens
REGROWTH = 20.0  # [d] after a cut


@dataclass
class Canopy:
    """Leaves of the days.

    Parameters
    ----------
    leaf_area : ndarray [D] [m2 m-2]
    vigour : ndarray [D], factor on light-use efficiency that no leaf shows (nutrients, age, crop type)
    """

    leaf_area: np.ndarray
    vigour: np.ndarray

    @property
    def fpar(self) -> np.ndarray:
        """Fraction of light absorbed by green leaves, Beer's law with an extinction of 0.5."""
        return 0.95 * (1 - np.exp(-0.5 * self.leaf_area))


def leaf_out(traits: Traits, climate: Climate, weather: Weather) -> np.ndarray:
    """Return how far temperature and day length let the leaves out (0-1) [D]."""
    mild = smooth(weather.temperature, 20.0)
    warmth = ramp(smooth(weather.temperature, 12.0), 0.0, 9.0)
    if not traits.flush:
        return warmth
    degree_days = _since_midwinter(np.maximum(weather.temperature - BASE, 0.0), climate, weather)
    flush = 1 / (1 + np.exp(-(degree_days - traits.flush) / (0.22 * traits.flush)))
    autumn = ramp(weather.daylength, 9.0, 10.8) if traits.tall else 1.0
    return np.maximum(flush, ramp(mild, 9.0, 15.0)) * warmth * autumn


def draw_canopy(
    traits: Traits, climate: Climate, weather: Weather, soil_water: np.ndarray, rng: np.random.Generator
) -> Canopy:
    """Return the canopy that cold, drought, farmers and chance allow."""
    n = len(weather.day)
    moist = ramp(smooth(soil_water, 10.0), 0.08, 0.5)
    cold = leaf_out(traits, climate, weather)
    natural = (traits.evergreen + (1 - traits.evergreen) * cold) * (1 - traits.thirst * (1 - moist))
    natural = natural * _after_cuts(traits, cold, rng) * np.exp(0.07 * red_noise(rng, n, 150.0))
    green, vigour = _crops(climate, weather, rng) if traits.crop else (0.0, 1.0)
    fallow = traits.evergreen + 0.1 * cold
    sown = np.maximum(green, fallow)
    area = traits.leaf_area * (traits.crop * sown + (1 - traits.crop) * natural)
    drift = np.exp(0.08 * red_noise(rng, n, 200.0))
    return Canopy(area, drift * (1 + traits.crop * (vigour - 1)))


def _since_midwinter(x: np.ndarray, climate: Climate, weather: Weather) -> np.ndarray:
    """Return the sum of x since the coldest day of the mean year."""
    total = np.cumsum(x)
    year = _year_from(weather, climate.warmest_day - YEAR / 2)
    first = np.r_[True, year[1:] != year[:-1]]
    before = np.where(first, total - x, 0.0)
    return total - np.maximum.accumulate(before)


def _year_from(weather: Weather, day: float) -> np.ndarray:
    """Return the number of the year of each day, years beginning at a day of the year [d]."""
    return np.floor((weather.date.astype(float) - day) / YEAR).astype(int)


def _after_cuts(traits: Traits, cold: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the share of leaves that mowing and grazing leave; cuts fall into the growing season."""
    cut = rng.random(len(cold)) < traits.cuts / 150.0 * (cold > 0.9)
    return np.exp(-1.2 * np.minimum(decay(cut.astype(float), REGROWTH), 1.0))


def _crops(climate: Climate, weather: Weather, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return green leaves (0-1) and vigour [D] of one crop a year: winter or summer type, by a rotation of chance."""
    likes_summer = rng.uniform(0.15, 0.9) * (climate.mean + climate.half_range > COOL_SUMMER)
    early, late = (_season_start(climate, threshold) for threshold in (WINTER_SOWN, SUMMER_SOWN))
    year = _year_from(weather, early - 60.0)
    year -= year[0]
    years = year[-1] + 1
    summer = rng.random(years) < likes_summer
    gap = (late - early) % YEAR
    sown = 60.0 + np.where(summer, gap if gap < 120 else 0.0, 0.0) + 7.0 * rng.standard_normal(years)
    length = np.where(summer, 130.0, 120.0) + 8.0 * rng.standard_normal(years)
    height = np.clip(1.0 + 0.13 * rng.standard_normal(years), 0.5, 1.3)
    age = (weather.date.astype(float) - (early - 60.0)) % YEAR - sown[year]
    green = height[year] / (1 + np.exp(-(age - 38) / 7)) / (1 + np.exp(-(length[year] - age) / 5))
    return green, np.where(summer, 1.1, 0.9)[year]


def _season_start(climate: Climate, threshold: float) -> float:
    """Return the day of the year the mean temperature rises through a threshold, or that starts the rains."""
    reach = (threshold - climate.mean) / climate.half_range
    if reach <= -1:  # always warm enough: the rains decide
        return climate.wettest_day - 45.0
    return climate.warmest_day - np.arccos(min(reach, 0.95)) / (2 * np.pi) * YEAR
