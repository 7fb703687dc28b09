"""The climate of a synthetic tower: two curves over the year, from latitude, elevation, continentality and regime.

The zonal curves are drawn by hand through what land stations show (sea level: 27 degC at the equator, 22 at 30, 11 at
45, -2 at 60 degrees; half the annual range 6 K on a western coast at 50 degrees, 14 K in Moscow, 29 K in Yakutsk).
They are a plausible world, not a reanalysis.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import radians, sin

import numpy as np

from ..covariates.koppen import classify
from .regions import RAIN_REGIMES, Region

YEAR = 365.25  # [d]
LAPSE_RATE = 5.5e-3  # [K m-1] of station climates, less than that of free air
MIDSUMMER = {"north": 172.0, "south": 355.0}  # day of year of the solstice
MONTH_OF_DAY = np.repeat(np.arange(12), [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])  # [365]


@dataclass(frozen=True)
class Climate:
    """The mean course of temperature and precipitation over the year.

    Parameters
    ----------
    mean : float, annual mean temperature [degC]
    half_range : float, half the annual range of temperature [K]
    warmest_day, wettest_day : float, day of year
    rain : float, annual precipitation [mm]
    seasonality : float, concentration of the von Mises curve of rain, 0 is even
    continentality : float, 0-1
    """

    mean: float
    half_range: float
    warmest_day: float
    rain: float
    seasonality: float
    wettest_day: float
    continentality: float

    def temperature(self, day: np.ndarray) -> np.ndarray:
        """Return the mean temperature of days of the year [degC]."""
        return self.mean + self.half_range * np.cos(2 * np.pi * (day - self.warmest_day) / YEAR)

    def rain_rate(self, day: np.ndarray) -> np.ndarray:
        """Return the mean precipitation of days of the year [mm d-1]; its annual sum is `rain`."""
        curve = np.exp(self.seasonality * np.cos(2 * np.pi * (day - self.wettest_day) / YEAR))
        return self.rain / YEAR * curve / np.i0(self.seasonality)

    @cached_property
    def monthly(self) -> tuple[np.ndarray, np.ndarray]:
        """Monthly mean temperature [12] [degC] and precipitation [12] [mm month-1]."""
        day = np.arange(1, 366)
        days = np.bincount(MONTH_OF_DAY)
        temperature = np.bincount(MONTH_OF_DAY, self.temperature(day)) / days
        return temperature, np.bincount(MONTH_OF_DAY, self.rain_rate(day))

    @property
    def coldest_month(self) -> float:
        """Mean temperature of the coldest month [degC]."""
        return float(self.monthly[0].min())

    @property
    def demand(self) -> float:
        """A coarse annual evaporative demand [mm], 350 in the cold and 42 more per degree above 0 degC."""
        return 350.0 + 42.0 * max(self.mean, 0.0)

    @property
    def dryness(self) -> float:
        """Demand over demand plus rain, 0.35 in a rain forest, 0.5 in a temperate forest, 0.95 in a desert."""
        return self.demand / (self.demand + self.rain)

    def koppen(self, latitude: float) -> str:
        """Return the Koppen-Geiger class of this climate."""
        return str(classify(*self.monthly, latitude).item())


def draw_climate(region: Region, latitude: float, elevation: float, rng: np.random.Generator) -> Climate:
    """Draw the climate of a place in a region: zonal curves, the region's own departure, and a place's chance."""
    polar = abs(sin(radians(latitude)))
    continentality = max(0.0, region.continentality + 0.05 * rng.standard_normal())
    mean = 27.5 - 46.0 * polar**3 + region.warmth - LAPSE_RATE * elevation + 0.9 * rng.standard_normal()
    midsummer = MIDSUMMER["north" if latitude >= 0 else "south"]
    seasonality, shift = RAIN_REGIMES[region.regime]
    low, high = region.rain
    return Climate(
        mean=mean,
        half_range=1.0 + polar * (6.0 + 26.0 * continentality),
        warmest_day=midsummer + 40.0 - 15.0 * min(continentality, 1.0),
        rain=low + (high - low) * rng.random(),
        seasonality=seasonality * rng.uniform(0.85, 1.15),
        wettest_day=midsummer + 30.4 * shift + 8.0 * rng.standard_normal(),
        continentality=continentality,
    )
