"""Sun and day: extraterrestrial radiation, day length and the sun's height at the satellite's overpass.

Source
------
Allen et al. 1998, FAO Irrigation and Drainage Paper 56, equations 21-25 and 34.
"""

from __future__ import annotations

from math import radians

import numpy as np

SOLAR_CONSTANT = 0.0820  # [MJ m-2 min-1]
OVERPASS = radians(-22.5)  # hour angle of 10:30 local solar time, the descending node of Terra [rad]


def daylight(latitude: float, day: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return extraterrestrial radiation [MJ m-2 d-1] and day length [h].

    Parameters
    ----------
    latitude : float, degrees north
    day : ndarray [D], day of year

    Returns
    -------
    radiation, hours : ndarray [D], both 0 in the polar night
    """
    phi = radians(latitude)
    delta = _declination(day)
    distance = 1 + 0.033 * np.cos(2 * np.pi * day / 365)
    sunset = np.arccos(np.clip(-np.tan(phi) * np.tan(delta), -1, 1))
    height = sunset * np.sin(phi) * np.sin(delta) + np.cos(phi) * np.cos(delta) * np.sin(sunset)
    radiation = 24 * 60 / np.pi * SOLAR_CONSTANT * distance * height
    return np.where(sunset > 0, np.maximum(radiation, 0.0), 0.0), 24 / np.pi * sunset


def overpass_sun(latitude: float, day: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the solar zenith [0, 180] and azimuth (-180, 180] at the overpass [degree], azimuth from north by east."""
    phi = radians(latitude)
    delta = _declination(day)
    east = -np.cos(delta) * np.sin(OVERPASS)
    north = np.cos(phi) * np.sin(delta) - np.sin(phi) * np.cos(delta) * np.cos(OVERPASS)
    up = np.sin(phi) * np.sin(delta) + np.cos(phi) * np.cos(delta) * np.cos(OVERPASS)
    return np.degrees(np.arccos(np.clip(up, -1, 1))), np.degrees(np.arctan2(east, north))


def _declination(day: np.ndarray) -> np.ndarray:
    return 0.409 * np.sin(2 * np.pi * day / 365 - 1.39)
