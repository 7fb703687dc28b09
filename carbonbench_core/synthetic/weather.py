"""Daily weather of a synthetic tower: the climate's two curves, and noise with memory around them.

Rain days are a two-state Markov chain with gamma amounts (Richardson 1981, doi:10.1029/WR017i001p00182), radiation is
Angstrom's, humidity follows the morning minimum (Allen et al. 1998, FAO Paper 56), thermal radiation is Brutsaert's
emissivity with clouds (Crawford and Duchon 1999, doi:10.1175/1520-0450(1999)038<0474:AIPFEE>2.0.CO;2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .astronomy import MJ_PER_DAY, daylight
from .climate import YEAR, Climate
from .streams import ramp, red_noise, smooth

STEFAN_BOLTZMANN = 5.670e-8  # [W m-2 K-4]
RAIN_SHAPE = 0.75  # of the gamma distribution of wet-day amounts
WET_SPELL = 0.35  # day-to-day correlation of rain occurrence
WARMING = 0.03  # [K a-1]
WARMING_FROM = np.datetime64("2012-07-01")


@dataclass
class Weather:
    """Daily weather; every field is an ndarray [D].

    Parameters
    ----------
    date : datetime64[D]
    day : day of year
    toa : extraterrestrial radiation [MJ m-2 d-1]
    daylength : [h]
    cloud : 0-1
    solar, thermal : downward radiation, mean of the day [W m-2]
    temperature, coldest, warmest, dewpoint : mean, minimum, maximum, dew point of the air [degC]
    rain : precipitation, rain and snow [mm d-1]
    wind_u, wind_v : eastward, northward wind [m s-1]
    pressure : [Pa]
    """

    date: np.ndarray
    day: np.ndarray
    toa: np.ndarray
    daylength: np.ndarray
    cloud: np.ndarray
    solar: np.ndarray
    thermal: np.ndarray
    temperature: np.ndarray
    coldest: np.ndarray
    warmest: np.ndarray
    dewpoint: np.ndarray
    rain: np.ndarray
    wind_u: np.ndarray
    wind_v: np.ndarray
    pressure: np.ndarray

    @property
    def daytime(self) -> np.ndarray:
        """Mean temperature of the daylight hours [degC], a quarter of the daily range above the mean."""
        return self.temperature + 0.25 * (self.warmest - self.coldest)

    @property
    def vpd(self) -> np.ndarray:
        """Mean vapour pressure deficit of the day [hPa]."""
        mean = (saturation_pressure(self.coldest) + saturation_pressure(self.warmest)) / 2
        return np.maximum(mean - saturation_pressure(self.dewpoint), 0.0)

    @property
    def vpd_day(self) -> np.ndarray:
        """Vapour pressure deficit of the daylight hours [hPa]."""
        return np.maximum(saturation_pressure(self.daytime) - saturation_pressure(self.dewpoint), 0.0)


def saturation_pressure(temperature: np.ndarray) -> np.ndarray:
    """Return the saturation vapour pressure over water [hPa] at a temperature [degC] (FAO Paper 56, equation 11)."""
    return 6.108 * np.exp(17.27 * temperature / (temperature + 237.3))


def draw_weather(
    climate: Climate, latitude: float, elevation: float, date: np.ndarray, rng: np.random.Generator
) -> Weather:
    """Draw the weather of the days `date` (datetime64[D], [D]) at a place."""
    day = (date - date.astype("datetime64[Y]")).astype(int) + 1.0
    toa, daylength = daylight(latitude, day)
    wet, rain, chance = _rain(climate, day, rng)
    cloud = _cloud(wet, chance, rng)
    clear = 0.23 + 0.52 * (1 - cloud**1.3) + 2e-5 * elevation
    solar = np.minimum(clear, 0.85) * toa / MJ_PER_DAY
    temperature = _temperature(climate, date, day, cloud, toa, rng)
    dry = _dryness(climate, day, rain)
    spread = (3.0 + 11.0 * dry) * (1 - 0.55 * cloud) * (0.4 + 0.6 * ramp(toa, 0, 35)) / 2
    dewpoint = temperature - spread - _depression(temperature, dry, wet, rng)
    u, v = _wind(latitude, climate, day, rng)
    return Weather(
        date=date,
        day=day,
        toa=toa,
        daylength=daylength,
        cloud=cloud,
        solar=solar,
        thermal=thermal_down(temperature, dewpoint, cloud),
        temperature=temperature,
        coldest=temperature - spread,
        warmest=temperature + spread,
        dewpoint=dewpoint,
        rain=rain,
        wind_u=u,
        wind_v=v,
        pressure=101325.0 * (1 - 2.2558e-5 * elevation) ** 5.2559 + 500 * red_noise(rng, len(date), 3.0),
    )


def thermal_down(temperature: np.ndarray, dewpoint: np.ndarray, cloud: np.ndarray) -> np.ndarray:
    """Return downward thermal radiation [W m-2] of an air of given temperature, dew point [degC] and cloud cover."""
    kelvin = temperature + 273.15
    clear = np.clip(1.24 * (saturation_pressure(dewpoint) / kelvin) ** (1 / 7), 0.55, 1.0)
    cover = 0.6 * cloud
    return (cover + (1 - cover) * clear) * STEFAN_BOLTZMANN * kelvin**4


def _rain(climate: Climate, day: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Return whether it rains [D], how much [mm d-1] and how often it rains at this time of the year (0-1)."""
    n = len(day)
    rate = climate.rain_rate(day)
    chance = np.clip(0.3 * rate**0.45, 0.004, 0.8)
    wet = _markov(rng.random(n), chance * (1 - WET_SPELL), chance + WET_SPELL * (1 - chance))
    drought = np.exp(0.35 * red_noise(rng, n, 50.0) - 0.35**2 / 2)
    amount = rng.gamma(RAIN_SHAPE, 1 / RAIN_SHAPE, n) * rate / chance * drought
    return wet, np.where(wet, amount, 0.0), chance


def _markov(u: np.ndarray, after_dry: np.ndarray, after_wet: np.ndarray) -> np.ndarray:
    """Return the states of a two-state chain without walking through the days.

    Where u < after_dry <= after_wet the day is wet whatever was before, where u >= after_wet it is dry whatever was
    before; between them it repeats the last day, which is the state of the last day that did not repeat.
    """
    decided = (u < after_dry) | (u >= after_wet)
    decided[0] = True
    last = np.maximum.accumulate(np.where(decided, np.arange(len(u)), 0))
    return (u < after_dry)[last]


def _cloud(wet: np.ndarray, chance: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    usual = 0.15 + 1.3 * chance * (1 - 0.5 * chance)
    odds = np.log(usual / (1 - usual)) + 2.2 * (wet - chance) + 1.1 * red_noise(rng, len(wet), 1.5)
    return 1 / (1 + np.exp(-odds))


def _temperature(
    climate: Climate, date: np.ndarray, day: np.ndarray, cloud: np.ndarray, toa: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    n = len(day)
    winter = -np.cos(2 * np.pi * (day - climate.warmest_day) / YEAR)  # +1 in mid-winter
    size = (1.0 + 3.6 * (1 - np.exp(-climate.half_range / 14))) * (1 + 0.35 * winter * min(1.0, climate.half_range / 8))
    noise = 0.88 * red_noise(rng, n, 4.0) + 0.48 * red_noise(rng, n, 40.0)  # variance 0.77 + 0.23
    sunshine = -3.0 * (cloud - cloud.mean()) * (toa / 41.0 - 0.45)  # clear days warm the summer, cool the winter
    trend = WARMING * (date - WARMING_FROM).astype(float) / YEAR
    return climate.temperature(day) + size * noise + sunshine + trend


def _dryness(climate: Climate, day: np.ndarray, rain: np.ndarray) -> np.ndarray:
    """Return how dry the last weeks were (0-1): demand over demand plus rain."""
    season = np.maximum(climate.temperature(day) + 8.0, 2.0)
    demand = climate.demand / YEAR * season / season.mean()
    recent = 0.5 * smooth(rain, 25.0) + 0.5 * climate.rain_rate(day)
    return demand / (demand + recent)


def _depression(temperature: np.ndarray, dry: np.ndarray, wet: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return how far the dew point lies below the daily minimum [K]: little but in warm dry air."""
    typical = 0.3 + 13.0 * dry**2 * ramp(temperature, -15, 22) * (1 - 0.6 * wet)
    return typical * np.exp(0.35 * red_noise(rng, len(dry), 3.0))


def _wind(
    latitude: float, climate: Climate, day: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    n = len(day)
    prevailing = 0.0 if abs(latitude) > 30 else np.pi  # westerlies, trades
    direction = prevailing + 1.0 * red_noise(rng, n, 2.5)
    winter = -np.cos(2 * np.pi * (day - climate.warmest_day) / YEAR)
    speed = (2.8 + 0.4 * winter) * np.exp(0.4 * red_noise(rng, n, 2.0))
    return speed * np.cos(direction), speed * np.sin(direction)
