"""The ERA5-Land columns of a synthetic tower: another model's view of the same weather.

The reanalysis sees the true weather with errors that have memory and a bias per place, and runs its own snow and soil
on them, with a fixed root zone and a leaf area that is the same every year. Units and signs are those of the daily
aggregates: kelvin, metres of water, J m-2; downward fluxes positive, so that evaporation is negative.

Source
------
Munoz-Sabater et al. 2021, doi:10.5194/essd-13-4349-2021; sign convention of the IFS (Cy45r1).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .climate import Climate
from .streams import red_noise, smooth
from .vegetation import Traits
from .water import Snow, Soil, bucket, evaporative_demand, net_radiation, snowpack, soil_temperature
from .weather import MJ_PER_DAY, STEFAN_BOLTZMANN, Weather, thermal_down

KELVIN = 273.15
JOULES = 86400.0  # [J m-2] of one day per [W m-2]
LATENT = 2.45e9  # [J m-2] per metre of water
GROUND = 4.0  # heat into the ground per degree that the skin is warmer than it was [W m-2 K-1]
ROOT_ZONE = 180.0  # [mm]
WILTING, SATURATED = 0.12, 0.45  # soil water [m3 m-3]
LAYER_MEMORY = (2.0, 12.0, 40.0, 150.0)  # [d] of soil water in the four layers
LAYER_LAG = (2.0, 6.0, 25.0, 90.0)  # [d] of soil temperature


@dataclass
class Reanalysis:
    """What the reanalysis holds of a place: ndarrays [D] unless said otherwise.

    Parameters
    ----------
    weather : Weather, with errors
    snow, soil : Snow, Soil, by its own models
    albedo : 0-1
    skin : skin temperature [degC]
    net : net radiation [W m-2]
    demand, evaporation : [mm d-1], upward positive
    layers : ndarray [4, D], soil temperature [degC]
    leaf_high, leaf_low : leaf area of high and low vegetation [m2 m-2]
    """

    weather: Weather
    snow: Snow
    soil: Soil
    albedo: np.ndarray
    skin: np.ndarray
    net: np.ndarray
    demand: np.ndarray
    evaporation: np.ndarray
    layers: np.ndarray
    leaf_high: np.ndarray
    leaf_low: np.ndarray


def reanalyse(
    climate: Climate, traits: Traits, weather: Weather, leaf_area: np.ndarray, rng: np.random.Generator
) -> Reanalysis:
    """Draw the reanalysis of a place from its true weather and leaf area [D] [m2 m-2]."""
    seen = _with_errors(weather, rng)
    leaf_high, leaf_low = _leaf_climatology(traits, seen.day, leaf_area, rng)
    snow = snowpack(seen)
    albedo = 0.17 + 0.06 * climate.dryness + (0.62 - 0.3 * traits.tall) * snow.cover
    skin = seen.temperature + 0.02 * net_radiation(seen, albedo, seen.temperature)  # 2 K per 100 W m-2
    skin = np.where(snow.cover > 0.5, np.minimum(skin, 0.0), skin)
    net = net_radiation(seen, albedo, skin)
    demand = evaporative_demand(seen, net)
    cover = 1 - np.exp(-0.5 * (leaf_high + leaf_low))
    soil = bucket(seen.rain - snow.fall + snow.melt, demand * (0.35 + 0.65 * cover), ROOT_ZONE, 1 - climate.dryness)
    layers = np.array([soil_temperature(seen.temperature, snow, lag) for lag in LAYER_LAG])
    return Reanalysis(seen, snow, soil, albedo, skin, net, demand, soil.evaporation, layers, leaf_high, leaf_low)


def standard_columns(place: Reanalysis) -> dict[str, np.ndarray]:
    """Return the 36 columns of the standard feature set [D]."""
    return {**_state_columns(place), **_flux_columns(place), **_water_columns(place)}


def _with_errors(weather: Weather, rng: np.random.Generator) -> Weather:
    n = len(weather.day)
    warm = 0.7 * rng.standard_normal() + 0.8 * red_noise(rng, n, 2.0)
    temperature = weather.temperature + warm
    spread = (weather.warmest - weather.coldest) / 2 * np.exp(0.12 * rng.standard_normal())
    moist = 0.6 * rng.standard_normal() + 0.7 * red_noise(rng, n, 3.0)
    dewpoint = np.minimum(weather.dewpoint + warm + moist, temperature - 0.2 * spread - 0.05)
    bright = np.clip(1 + 0.03 * rng.standard_normal() + 0.10 * red_noise(rng, n, 1.2), 0.6, 1.4)
    solar = np.minimum(weather.solar * bright, 0.8 * weather.toa / MJ_PER_DAY)
    drizzle = 0.25 * weather.cloud**2 * rng.gamma(0.5, 2.0, n) * (weather.rain.mean() / 2.5)
    rain = weather.rain * np.exp(0.4 * rng.standard_normal(n) - 0.08) * (rng.random(n) > 0.08) + drizzle
    return replace(
        weather,
        temperature=temperature,
        coldest=temperature - spread,
        warmest=temperature + spread,
        dewpoint=dewpoint,
        solar=solar,
        thermal=thermal_down(temperature, dewpoint, weather.cloud),
        rain=rain,
        wind_u=weather.wind_u + 0.5 * rng.standard_normal(n),
        wind_v=weather.wind_v + 0.5 * rng.standard_normal(n),
    )


def _leaf_climatology(
    traits: Traits, day: np.ndarray, leaf_area: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return leaf area of high and low vegetation [D]: the mean year of a coarse cell, every year."""
    slot = (day.astype(int) - 1) // 10
    mean = np.bincount(slot, leaf_area) / np.bincount(slot)
    year = np.interp(day, 10.0 * np.arange(len(mean)) + 5.5, mean, period=365.25)
    scale = np.exp(0.2 * rng.standard_normal(2))
    high = traits.tall > 0.5
    other = 0.3 + 0.35 * year  # the rest of the cell
    return (scale[0] * (year if high else other), scale[1] * (other if high else year))


def _state_columns(place: Reanalysis) -> dict[str, np.ndarray]:
    weather, snow = place.weather, place.snow
    age = smooth(snow.fall > 0.5, 8.0)
    columns = {
        "temperature_2m": weather.temperature + KELVIN,
        "leaf_area_index_high_vegetation": place.leaf_high,
        "leaf_area_index_low_vegetation": place.leaf_low,
        "dewpoint_temperature_2m": weather.dewpoint + KELVIN,
        "skin_temperature": place.skin + KELVIN,
        "u_component_of_wind_10m": weather.wind_u,
        "v_component_of_wind_10m": weather.wind_v,
        "surface_pressure": weather.pressure,
        "snow_albedo": np.where(snow.water > 0, 0.55 + 0.3 * np.minimum(2 * age, 1.0), 0.85),
        "snow_cover": 100 * snow.cover,
        "snow_density": snow.density,
        "snow_depth": snow.depth,
        "snow_depth_water_equivalent": snow.water / 1000,
        "forecast_albedo": place.albedo,
    }
    for number, layer in enumerate(place.layers, start=1):
        columns[f"soil_temperature_level_{number}"] = layer + KELVIN
    for number, memory in enumerate(LAYER_MEMORY, start=1):
        wet = smooth(place.soil.water, memory)
        columns[f"volumetric_soil_water_layer_{number}"] = WILTING + (SATURATED - WILTING) * wet
    return columns


def _flux_columns(place: Reanalysis) -> dict[str, np.ndarray]:
    """Return the energy fluxes [J m-2 d-1], downward positive; what they leave goes into the ground."""
    weather = place.weather
    thermal = weather.thermal - STEFAN_BOLTZMANN * (place.skin + KELVIN) ** 4
    latent = place.evaporation / 1000 * LATENT
    ground = GROUND * (1 - 0.8 * place.snow.cover) * (place.skin - smooth(place.skin, LAYER_LAG[1]))
    return {
        "surface_net_solar_radiation_sum": weather.solar * (1 - place.albedo) * JOULES,
        "surface_solar_radiation_downwards_sum": weather.solar * JOULES,
        "surface_thermal_radiation_downwards_sum": weather.thermal * JOULES,
        "surface_net_thermal_radiation_sum": thermal * JOULES,
        "surface_latent_heat_flux_sum": -latent,
        "surface_sensible_heat_flux_sum": latent - (place.net - ground) * JOULES,
    }


def _water_columns(place: Reanalysis) -> dict[str, np.ndarray]:
    """Return the water fluxes [m d-1] and the water on leaves [m]."""
    soil = place.soil
    parts = evaporation_parts(place)
    return {
        "total_precipitation_sum": place.weather.rain / 1000,
        "total_evaporation_sum": -place.evaporation / 1000,
        "evaporation_from_the_top_of_canopy_sum": parts["canopy"],
        "evaporation_from_vegetation_transpiration_sum": parts["transpiration"],
        "evaporation_from_bare_soil_sum": parts["soil"],
        "potential_evaporation_sum": -np.maximum(place.demand * 1.1, place.evaporation) / 1000,
        "runoff_sum": (soil.surface_runoff + soil.deep_runoff) / 1000,
        "skin_reservoir_content": 0.5 * _rain_on_leaves(place) / 1000,
    }


def evaporation_parts(place: Reanalysis) -> dict[str, np.ndarray]:
    """Return the parts that add up to total evaporation [m d-1]: snow first, then wet leaves, leaves and soil."""
    cover = 1 - np.exp(-0.5 * (place.leaf_high + place.leaf_low))
    snow = place.evaporation * place.snow.cover
    canopy = np.minimum(_rain_on_leaves(place), place.evaporation - snow)
    rest = place.evaporation - snow - canopy
    parts = {"snow": snow, "canopy": canopy, "transpiration": rest * cover, "soil": rest * (1 - cover)}
    return {name: -part / 1000 for name, part in parts.items()}


def _rain_on_leaves(place: Reanalysis) -> np.ndarray:
    return np.minimum(0.2 * (place.leaf_high + place.leaf_low), place.weather.rain)
