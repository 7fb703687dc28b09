"""The rest of the 150 ERA5-Land columns: lakes, snow and runoff terms, and the hourly extremes of every variable.

Hours are not simulated. A state swings around its daily mean by a stated share of the day's temperature range (or not
at all); an accumulated flux has the hourly minimum and maximum of a curve that belongs to its kind: a half sine in
daylight, a few hours of rain, or a mild wave.
"""

from __future__ import annotations

import numpy as np

from .era5_land import KELVIN, Reanalysis, evaporation_parts, standard_columns
from .streams import smooth

# Temperatures: half of the hourly range over half of that of the air.
SWING = {
    "temperature_2m": 1.0,
    "skin_temperature": 1.5,
    "dewpoint_temperature_2m": 0.15,
    "soil_temperature_level_1": 0.5,
    "soil_temperature_level_2": 0.08,
    "lake_mix_layer_temperature": 0.05,
}
WIND = ("u_component_of_wind_10m", "v_component_of_wind_10m")
SUNLIT = (
    "surface_net_solar_radiation",
    "surface_solar_radiation_downwards",
    "surface_latent_heat_flux",
    "surface_sensible_heat_flux",
    "total_evaporation",
    "potential_evaporation",
    "evaporation_from_bare_soil",
    "evaporation_from_vegetation_transpiration",
    "snow_evaporation",
    "snowmelt",
)
SHOWERS = ("total_precipitation", "snowfall", "evaporation_from_the_top_of_canopy", "runoff", "surface_runoff")
RAIN_HOURS = 5.0


def full_columns(place: Reanalysis) -> dict[str, np.ndarray]:
    """Return all 150 ERA5-Land columns [D]."""
    columns = {**standard_columns(place), **_lakes(place), **_snow_and_runoff(place)}
    for name in tuple(columns):
        stem = name.removesuffix("_sum")
        columns[f"{stem}_min"], columns[f"{stem}_max"] = _extremes(stem, columns[name], name.endswith("_sum"), place)
    return columns


def _lakes(place: Reanalysis) -> dict[str, np.ndarray]:
    air = place.weather.temperature
    surface, mean = np.maximum(smooth(air, 15.0), 0.0), np.maximum(smooth(air, 40.0), 1.0)
    ice = 0.02 * np.maximum(-smooth(air, 50.0), 0.0)
    return {
        "lake_bottom_temperature": np.clip(smooth(air, 120.0), 2.0, 25.0) + KELVIN,
        "lake_ice_depth": ice,
        "lake_ice_temperature": np.where(ice > 0, np.minimum(smooth(air, 10.0), 0.0), 0.0) + KELVIN,
        "lake_mix_layer_depth": 2.0 + 6.0 / (1 + np.maximum(surface - mean, 0.0)),
        "lake_mix_layer_temperature": surface + KELVIN,
        "lake_shape_factor": np.clip(0.65 - 0.005 * (surface - 10.0), 0.5, 0.8),
        "lake_total_layer_temperature": mean + KELVIN,
    }


def _snow_and_runoff(place: Reanalysis) -> dict[str, np.ndarray]:
    snow, soil = place.snow, place.soil
    return {
        "snowfall_sum": snow.fall / 1000,
        "snowmelt_sum": snow.melt / 1000,
        "temperature_of_snow_layer": np.minimum(smooth(place.weather.temperature, 3.0), 0.0) + KELVIN,
        "evaporation_from_open_water_surfaces_excluding_oceans_sum": np.zeros(len(snow.fall)),
        "snow_evaporation_sum": evaporation_parts(place)["snow"],
        "sub_surface_runoff_sum": soil.deep_runoff / 1000,
        "surface_runoff_sum": soil.surface_runoff / 1000,
    }


def _extremes(stem: str, daily: np.ndarray, is_sum: bool, place: Reanalysis) -> tuple[np.ndarray, np.ndarray]:
    """Return the hourly minimum and maximum of a variable: around its mean, or of its hourly sums."""
    weather = place.weather
    if not is_sum:
        half = (weather.warmest - weather.coldest) / 2 * SWING.get(stem, 0.0) + 1.5 * (stem in WIND)
        return daily - half, daily + half
    hourly = daily / 24
    if stem in SUNLIT:
        peak = daily * np.pi / 2 / np.clip(weather.daylength, 1.0, 24.0)  # of a half sine over the daylight hours
        return np.minimum(peak, 0.0), np.maximum(peak, 0.0)
    if stem in SHOWERS:
        burst = daily / RAIN_HOURS
        return np.minimum(burst, 0.0), np.maximum(burst, 0.0)
    return hourly - 0.3 * np.abs(hourly), hourly + 0.3 * np.abs(hourly)
