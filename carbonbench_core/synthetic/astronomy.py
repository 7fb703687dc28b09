"""The sun at the satellite's overpass, and radiation in the units that evaporation is reckoned in."""

from __future__ import annotations

from math import radians

import numpy as np

from .. import sun

OVERPASS = radians(-22.5)  # hour angle of 10:30 local solar time, the descending node of Terra [rad]
MJ_PER_DAY = 0.0864  # [MJ m-2 d-1] per [W m-2]


def daylight(latitude: float, day: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return extraterrestrial radiation [MJ m-2 d-1] and day length [h] on days of the year [D], as `sun.daylight`."""
    radiation, hours = sun.daylight(latitude, day)
    return MJ_PER_DAY * radiation, hours


def overpass_sun(latitude: float, day: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the solar zenith [0, 180] and azimuth (-180, 180] at the overpass [degree], azimuth from north by east."""
    phi = radians(latitude)
    delta = sun.declination(day)
    east = -np.cos(delta) * np.sin(OVERPASS)
    north = np.cos(phi) * np.sin(delta) - np.sin(phi) * np.cos(delta) * np.cos(OVERPASS)
    up = np.sin(phi) * np.sin(delta) + np.cos(phi) * np.cos(delta) * np.cos(OVERPASS)
    return np.degrees(np.arccos(np.clip(up, -1, 1))), np.degrees(np.arctan2(east, north))
