"""The twelve MOD09GA columns of a synthetic tower: a mixture of leaves, floor and snow seen through angles and clouds.

Band spectra are rounded values for the seven land bands (645, 858, 469, 555, 1240, 1640, 2130 nm) as in spectral
libraries; red and near-infrared of full canopies give NDVI near 0.85. Reflectance is null under cloud, in the polar
night, between the swaths near the equator, in outages and before the first day of the product.
"""

from __future__ import annotations

import numpy as np

from .astronomy import overpass_sun
from .phenology import Canopy
from .streams import red_noise, smooth
from .vegetation import Traits
from .water import Snow
from .weather import Weather

BANDS = tuple(f"sur_refl_b0{b}" for b in range(1, 8))
LEAVES = {
    "broad": (0.030, 0.40, 0.018, 0.055, 0.37, 0.19, 0.075),
    "needle": (0.024, 0.25, 0.014, 0.036, 0.22, 0.105, 0.045),
    "grass": (0.050, 0.37, 0.028, 0.075, 0.36, 0.22, 0.105),
}
FLOORS = {
    "soil": (0.20, 0.28, 0.095, 0.145, 0.35, 0.38, 0.31),
    "moss": (0.085, 0.19, 0.042, 0.070, 0.24, 0.20, 0.12),
    "water": (0.060, 0.12, 0.040, 0.060, 0.11, 0.08, 0.05),
    "ice": (0.62, 0.52, 0.66, 0.66, 0.20, 0.03, 0.03),
    "city": (0.14, 0.19, 0.10, 0.12, 0.23, 0.23, 0.19),
}
LITTER = (0.13, 0.25, 0.060, 0.095, 0.31, 0.28, 0.19)
SNOW = (0.86, 0.80, 0.88, 0.88, 0.46, 0.10, 0.06)
HAZE = (0.3, 0.1, 1.0, 0.5, 0.04, 0.02, 0.01)  # of a unit of leftover aerosol
FIRST_DAY = np.datetime64("2000-02-24")
OUTAGES = (("2000-08-06", "2000-08-17"), ("2001-06-15", "2001-07-02"), ("2002-03-20", "2002-03-28"))
TOO_CLOUDY = 0.62  # cloud fraction of the box from which no pixel is kept
NIGHT = 85.0  # solar zenith from which there is no retrieval [degree]
REPEAT = 16  # days after which the orbit repeats
WIDEST = 62.0  # view zenith at the edge of the swath [degree]


def modis_columns(
    latitude: float, traits: Traits, weather: Weather, canopy: Canopy, snow: Snow, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Return the twelve columns [D], NaN where there is no retrieval: reflectance 0-1, angles [degree], clouds 0-1."""
    n = len(weather.day)
    sun, sun_azimuth = overpass_sun(latitude, weather.day)
    view, east = _view(weather, latitude, rng)
    clouds = np.clip(weather.cloud + 0.12 * rng.standard_normal(n), 0.0, 1.0)
    seen = (sun < NIGHT) & _acquired(weather.date, latitude, rng)
    clear = seen & (clouds < TOO_CLOUDY)
    surface = _surface(traits, weather, canopy, snow, rng)
    haze = 0.012 * rng.gamma(1.5, 1.0, n) + 0.03 * np.maximum(clouds - 0.3, 0.0)
    glint = 1 + 0.12 * (view / WIDEST) ** 2 * np.where(east, 1.0, -0.5) + 0.05 * ((sun - 40) / 45)
    speckle = 1 + 0.025 * rng.standard_normal((7, n))
    reflectance = np.clip(surface * glint * speckle + haze * np.array(HAZE)[:, None], 0.0, 1.0)
    columns = {name: np.where(clear, band, np.nan) for name, band in zip(BANDS, reflectance, strict=True)}
    heading = np.where(east, 98.0, -82.0) + 4.0 * rng.standard_normal(n)
    angles = {"SensorZenith": view, "SensorAzimuth": heading, "SolarZenith": sun, "SolarAzimuth": sun_azimuth}
    for name, values in {**angles, "clouds": clouds}.items():
        columns[name] = np.where(seen, values, np.nan)
    return columns


def _view(weather: Weather, latitude: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the view zenith [degree] and whether the sensor looks from the east: a pattern of sixteen days."""
    turn = (weather.date.astype(int) * 7 / REPEAT + rng.random()) % 1.0
    across = (2 * turn - 1) * WIDEST * (0.6 + 0.4 * np.cos(np.radians(latitude)))
    return np.abs(across + 1.5 * rng.standard_normal(len(turn))), across > 0


def _acquired(date: np.ndarray, latitude: float, rng: np.random.Generator) -> np.ndarray:
    """Return whether the satellite saw the place: it was there, worked, and near the equator did not miss it."""
    missed = 0.12 * max(0.0, 1 - abs(latitude) / 30) + 0.01
    seen = (date >= FIRST_DAY) & (rng.random(len(date)) >= missed)
    for first, last in OUTAGES:
        seen &= (date < np.datetime64(first)) | (date > np.datetime64(last))
    return seen


def _surface(traits: Traits, weather: Weather, canopy: Canopy, snow: Snow, rng: np.random.Generator) -> np.ndarray:
    """Return the reflectance of the surface [7, D]: leaves, floor darkened by rain, litter of fallen leaves, snow."""
    green = canopy.fpar / 0.95
    wetness = np.minimum(smooth(weather.rain, 3.0) / 8.0, 1.0)
    brightness = np.exp(0.18 * rng.standard_normal()) * (1 - 0.25 * wetness)
    floor = np.array(FLOORS[traits.floor])[:, None] * brightness
    fallen = min(0.85, traits.leaf_area / 5) * (traits.floor in ("soil", "moss"))
    below = fallen * np.array(LITTER)[:, None] + (1 - fallen) * floor
    leaves = np.array(LEAVES[traits.leaf])[:, None] * np.exp(0.08 * rng.standard_normal((7, 1)))
    bare = green * leaves + (1 - green) * below
    hidden = 0.75 * traits.tall * min(1.0, traits.leaf_area / 3) * (0.6 + 0.4 * traits.evergreen)
    white = snow.cover * (1 - hidden) * np.clip(0.95 + 0.05 * red_noise(rng, len(green), 8.0), 0.5, 1.0)
    return white * np.array(SNOW)[:, None] + (1 - white) * bare
