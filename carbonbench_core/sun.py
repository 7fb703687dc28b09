"""Sun and season of a place and day: declination, day length, radiation at the top of the atmosphere, season day.

The declination [rad] and the squared ratio of mean and actual distance from the sun are Fourier series of the day
angle G = 2 pi (day - 1) / 365, with day the day of the year:

    declination = 0.006918 - 0.399912 cos G + 0.070257 sin G - 0.006758 cos 2G + 0.000907 sin 2G
                  - 0.002697 cos 3G + 0.001480 sin 3G
    distance^-2 = 1.000110 + 0.034221 cos G + 0.001280 sin G + 0.000719 cos 2G + 0.000077 sin 2G

With the sunset hour angle W, cos W = -tan(latitude) tan(declination), the day is 24 W / pi hours long, and the daily
mean radiation on a horizontal plane is

    S / pi distance^-2 (W sin(latitude) sin(declination) + cos(latitude) cos(declination) sin W).

The horizon is flat, and refraction and the size of the sun's disc are left out, which lengthen a day by about 0.1 h.

Source
------
Spencer 1971, Fourier series representation of the position of the sun, Search 2(5), 172; daily integral as in Iqbal
1983, An Introduction to Solar Radiation, doi:10.1016/B978-0-12-373750-2.X5001-0. Solar constant: Kopp and Lean 2011,
doi:10.1029/2010GL045777.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

SOLAR_CONSTANT = 1361.0  # [W m-2]


def season_day(date: np.ndarray, latitude: ArrayLike) -> np.ndarray:
    """Return the season of a day as a share of the year, shifted by half a year south of the equator.

    Parameters
    ----------
    date : ndarray [N] datetime64[D]
    latitude : array [N] or number [degree], NaN counts as north

    Returns
    -------
    phase : ndarray [N] float64 in [0, 1), 0 on the first of January in the north
    """
    year = date.astype("datetime64[Y]")
    first = year.astype("datetime64[D]")
    length = (year + 1).astype("datetime64[D]") - first
    return ((date - first) / length + np.where(np.asarray(latitude) < 0, 0.5, 0.0)) % 1.0


def day_of_year(date: np.ndarray) -> np.ndarray:
    """Return the day of the year, ndarray [N] int64 from 1, of days [N] datetime64[D]."""
    return (date - date.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64) + 1


def declination(day: ArrayLike) -> np.ndarray:
    """Return the declination of the sun [rad] on days of the year [N]."""
    g = _day_angle(day)
    return (
        0.006918
        - 0.399912 * np.cos(g)
        + 0.070257 * np.sin(g)
        - 0.006758 * np.cos(2 * g)
        + 0.000907 * np.sin(2 * g)
        - 0.002697 * np.cos(3 * g)
        + 0.001480 * np.sin(3 * g)
    )


def daylight(latitude: ArrayLike, day: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return the radiation at the top of the atmosphere, daily mean [W m-2], and the day length [h].

    Parameters
    ----------
    latitude : array [N] or number, degrees north
    day : array [N], day of the year

    Returns
    -------
    radiation, hours : ndarray [N] float64, both 0 in the polar night
    """
    phi, delta, g = np.radians(latitude), declination(day), _day_angle(day)
    distance = (
        1.000110 + 0.034221 * np.cos(g) + 0.001280 * np.sin(g) + 0.000719 * np.cos(2 * g) + 0.000077 * np.sin(2 * g)
    )
    sunset = np.arccos(np.clip(-np.tan(phi) * np.tan(delta), -1, 1))
    height = sunset * np.sin(phi) * np.sin(delta) + np.cos(phi) * np.cos(delta) * np.sin(sunset)
    radiation = SOLAR_CONSTANT / np.pi * distance * np.maximum(height, 0.0)
    return np.where(sunset > 0, radiation, 0.0), 24 / np.pi * sunset


def _day_angle(day: ArrayLike) -> np.ndarray:
    return 2 * np.pi * (np.asarray(day, dtype=float) - 1) / 365
