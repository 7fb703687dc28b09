"""Snow, evaporative demand and the soil water bucket of one place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .streams import smooth
from .weather import MJ_PER_DAY, STEFAN_BOLTZMANN, Weather

VAPORISATION = 2.45  # latent heat [MJ kg-1]
PRIESTLEY_TAYLOR = 1.26  # doi:10.1175/1520-0493(1972)100<0081:OTAOSH>2.3.CO;2
DEGREE_DAY = 3.5  # snow melt [mm K-1 d-1]
GLACIER = 10_000.0  # [mm] of water, the deepest snow there is; ice flow carries the rest away
INSULATION = 0.7  # share of frost that full snow cover keeps from the soil
DRAINED = 0.7  # relative soil water above which it seeps away
STRESS_FREE = 0.5  # relative soil water above which evaporation meets demand


@dataclass
class Snow:
    """Snow of the days, ndarrays [D]: water equivalent, melt, fall [mm], cover (0-1), depth [m], density [kg m-3]."""

    water: np.ndarray
    melt: np.ndarray
    fall: np.ndarray
    cover: np.ndarray
    depth: np.ndarray
    density: np.ndarray


@dataclass
class Soil:
    """Soil water of the days, ndarrays [D]: relative content (0-1), evaporation, surface and deep runoff [mm d-1]."""

    water: np.ndarray
    evaporation: np.ndarray
    surface_runoff: np.ndarray
    deep_runoff: np.ndarray


def snowpack(weather: Weather) -> Snow:
    """Return the snow of a place: falls below 2 degC (all of it below -1), melts with the degrees above 0 degC."""
    fall = weather.rain * np.clip((2.0 - weather.temperature) / 3.0, 0.0, 1.0)
    potential = DEGREE_DAY * np.maximum(weather.temperature, 0.0)
    water, melt = [], []
    store = 0.0
    for new, warm in zip(fall.tolist(), potential.tolist(), strict=True):
        store += new
        lost = warm if warm < store else store
        store -= lost
        if store > GLACIER:
            store = GLACIER
        water.append(store)
        melt.append(lost)
    water = np.array(water)
    density = 100.0 + 250.0 * smooth((water > 0).astype(float), 40.0) * (water > 0)
    return Snow(water, np.array(melt), fall, np.clip(water / 15.0, 0.0, 1.0), water / density, density)


def net_radiation(weather: Weather, albedo: np.ndarray, surface: np.ndarray) -> np.ndarray:
    """Return net radiation [W m-2] of a surface with an albedo (0-1) and a temperature [degC]."""
    return weather.solar * (1 - albedo) + weather.thermal - STEFAN_BOLTZMANN * (surface + 273.15) ** 4


def evaporative_demand(weather: Weather, net: np.ndarray) -> np.ndarray:
    """Return the evaporation of a wet surface under net radiation [W m-2] (Priestley and Taylor 1972) [mm d-1]."""
    slope = 4098 * 0.6108 * np.exp(17.27 * weather.temperature / (weather.temperature + 237.3))
    slope /= (weather.temperature + 237.3) ** 2
    gamma = 0.665e-6 * weather.pressure  # [kPa K-1], FAO Paper 56, equation 8
    return PRIESTLEY_TAYLOR * slope / (slope + gamma) * np.maximum(net, 0.0) * MJ_PER_DAY / VAPORISATION


def bucket(supply: np.ndarray, demand: np.ndarray, capacity: float, start: float) -> Soil:
    """Fill a bucket with rain and melt and empty it by evaporation and drainage.

    Parameters
    ----------
    supply, demand : ndarray [D], water reaching the soil, evaporation of a wet soil [mm d-1]
    capacity : float, water the roots can reach [mm]
    start : float, relative content on the first day (0-1)
    """
    store, limit, full = start * capacity, STRESS_FREE * capacity, DRAINED * capacity
    columns = ([], [], [], [])
    water, evaporation, surface, deep = columns
    for gain, want in zip(supply.tolist(), demand.tolist(), strict=True):
        store += gain
        over = store - capacity if store > capacity else 0.0
        store -= over
        want = want if store > limit else want * store / limit
        lost = want if want < store else store
        store -= lost
        seep = 0.03 * (store - full) if store > full else 0.0
        store -= seep
        water.append(store / capacity)
        evaporation.append(lost)
        surface.append(over)
        deep.append(seep)
    return Soil(*(np.array(column) for column in columns))


def soil_temperature(air: np.ndarray, snow: Snow, memory: float) -> np.ndarray:
    """Return soil temperature [degC]: the air's, damped and late by `memory` days, snow keeping the frost out."""
    forcing = np.where(air < 0, air * (1 - INSULATION * snow.cover), air)
    return smooth(forcing, memory)
