"""MODIS MOD09GA: daily surface reflectance of Terra, its angles and its clouds, around a tower.

Rows are pixels of a day, with the product's own numbers (an Earth Engine sample of a box of 2 x 2 km, an AppEEARS point
sample), or a day's means that somebody made (CarbonFluxBench, a reduced export). Numbers as stored (reflectance times
10,000, angles times 100) and numbers that were scaled are told apart by their size.

A pixel is used where state_1km says clear (cloud state 0, or 3: not set, assumed clear), no cloud shadow (bit 2), and
no or little cirrus (bits 8-9 of 0 or 1), and its reflectance is no fill value (-28672) and within -0.01 to 1.6. The
rest is no observation. `clouds` is the share of the day's pixels with a cloud state of cloudy or mixed, and is never
interpolated. Reflectance and angles are interpolated over at most 16 days without a value, azimuths as sine and cosine;
longer gaps stay empty. `days_since_clear` counts from the last day with a usable pixel, and says how far a model should
trust an interpolated day. Of means made elsewhere without flags it is given only where days are left out: a table
without any gap was filled by its maker, and does not tell which days were seen.

Days are those of the product, UTC; Terra passes at 10:30 local solar time, so they are the local ones but at the edge
of the date line.

Source
------
Vermote and Wolfe 2021, MOD09GA v061, doi:10.5067/MODIS/MOD09GA.061; MODIS Surface Reflectance User's Guide, collection
6, table 13 (state_1km).
"""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pyarrow as pa

from ..errors import FeatureError
from . import _gaps
from ._daily import day_of, mean_by, mean_direction_by, numbers, one_a_day, without_copies
from ._earth_engine import Collection

SOURCE = "MOD09GA"
DAY = "UTC"
CITATION = "Vermote and Wolfe 2021, doi:10.5067/MODIS/MOD09GA.061"

BANDS = tuple(f"sur_refl_b0{b}" for b in range(1, 8))
ZENITHS, AZIMUTHS = ("SensorZenith", "SolarZenith"), ("SensorAzimuth", "SolarAzimuth")
STATE = "state_1km"
EARTH_ENGINE = Collection("MODIS/061/MOD09GA", (*BANDS, *ZENITHS, *AZIMUTHS, STATE), box=2000, scale=500, years=1)

VALID = (-0.01, 1.6)  # reflectance, -100 to 16000 as stored
NO_STATE = 65535  # the fill value of state_1km
FILL = -2.8672  # reflectance, -28672 as stored
# AppEEARS puts product and version before a layer's name, and the product itself a 1 for the first layer behind it.
_LAYER = re.compile(
    r"(?:MOD09GA_\d{3}_)?(?P<layer>sur_refl_b0[1-7]|S(?:ensor|olar)(?:Zenith|Azimuth)|state_1km)(?:_1)?"
)


def recognise(names: list[str]) -> dict[str, str] | None:
    """Return column -> our name for a file with MOD09GA, None for another; see the contract in `covariates`."""
    if {"StateQA", "DayOfYear"} & set(names):
        return None  # the eight-day composite has bands of the same names
    layers = {name: match["layer"] for name in names if (match := _LAYER.fullmatch(name))}
    if not set(BANDS) & set(layers.values()):
        return None
    return layers | ({"clouds": "clouds"} if "clouds" in names and STATE not in layers.values() else {})


def join(rows: pa.Table, days: np.ndarray, longitude: float, counts: Counter) -> dict[str, np.ndarray]:
    """Return the MOD09GA columns on a tower's calendar; see the contract in `covariates`.

    Raises
    ------
    FeatureError : reflectance or angles scaled twice, or state_1km averaged
    """
    flagged = STATE in rows.column_names
    rows = without_copies(rows, SOURCE, counts) if flagged else one_a_day(rows, SOURCE, counts)
    observed, day = np.unique(day_of(rows), return_inverse=True)
    n = len(observed)
    means = {band: mean_by(day, values, n) for band, values in reflectance(rows, SOURCE, counts).items()}
    seen = np.isfinite(list(means.values())).any(axis=0)
    out = {band: _gaps.interpolated(observed, mean, days) for band, mean in means.items()}
    out |= _angles(rows, observed, day, days)
    clouds = mean_by(day, cloudy(flags(rows)), n) if flagged else numbers(rows, "clouds")
    out["clouds"] = _on_days(observed, clouds, days)
    gappy = n < (observed[-1] - observed[0]).astype(int) + 1 or not seen.all()
    if flagged or gappy:
        out["days_since_clear"] = _gaps.days_since(observed[seen], days)
    return out


def reflectance(rows: pa.Table, source: str, counts: Counter) -> dict[str, np.ndarray]:
    """Return the reflectance [N] of each band the rows have, NaN where the flags, if there are any, say not to use it.

    Raises
    ------
    FeatureError : reflectance scaled twice, or flags averaged
    """
    bands = [band for band in BANDS if band in rows.column_names]
    usable = clear(flags(rows)) if STATE in rows.column_names else np.ones(rows.num_rows, bool)
    counts[f"{source}: pixels under cloud, shadow or cirrus"] += int((~usable).sum())
    scale = _scale([numbers(rows, band) for band in bands], 1e-4, 0.001, "reflectance")
    valid = {band: _valid(numbers(rows, band) * scale, source, counts) for band in bands}
    return {band: np.where(usable, values, np.nan) for band, values in valid.items()}


def clear(state: np.ndarray) -> np.ndarray:
    """Return which pixels may be used, ndarray [N] of bool.

    Parameters
    ----------
    state : ndarray [N] int64, bits of state_1km: 0-1 cloud state (0 clear, 1 cloudy, 2 mixed, 3 not set, assumed
        clear), 2 cloud shadow, 8-9 cirrus (0 none, 1 small, 2 average, 3 high)
    """
    return np.isin(state & 3, (0, 3)) & (state >> 2 & 1 == 0) & (state >> 8 & 3 <= 1)


def cloudy(state: np.ndarray) -> np.ndarray:
    """Return 1 for pixels [N] with a cloud state of cloudy or mixed, 0 for others, NaN for those without flags."""
    return np.where(state == NO_STATE, np.nan, np.isin(state & 3, (1, 2)))


def flags(rows: pa.Table) -> np.ndarray:
    """Return state_1km [N] int64; a missing one is the product's fill, which is not clear.

    Raises
    ------
    FeatureError : the flags were averaged
    """
    state = numbers(rows, STATE)
    told = np.isfinite(state)
    odd = told & ((state != np.round(state)) | (state < 0) | (state > NO_STATE))
    if odd.any():
        raise FeatureError(
            f"state_1km holds {state[odd][0]:g}, expected whole numbers from 0 to 65535: flags were averaged. Export "
            "the pixels as they are, or apply the flags before averaging and leave state_1km out."
        )
    return np.where(told, state, NO_STATE).astype(np.int64)


def _scale(columns: list[np.ndarray], stored: float, least: float, what: str) -> float:
    """Return the factor to reflectance or degrees: 1 for numbers that are scaled, `stored` for those of the product."""
    values = np.abs(np.concatenate(columns))
    values = values[np.isfinite(values) & (values < 28000) & ~np.isclose(values, -FILL)]
    if not len(values):
        return 1.0
    middle = float(np.median(values))
    if middle < least:
        raise FeatureError(
            f"The {what} of MOD09GA has a median of {middle:.2g}: it was scaled twice. Give the product's own "
            f"numbers, or those times {stored:g} once."
        )
    return stored if middle > (2.0 if what == "reflectance" else 180.0) else 1.0


def _valid(values: np.ndarray, source: str, counts: Counter) -> np.ndarray:
    """Return reflectance without fill values and what is out of range, which are counted."""
    there = np.isfinite(values)
    fill = there & (np.isclose(values, FILL) | np.isclose(values, FILL * 1e4))
    outside = there & ~fill & ((values < VALID[0]) | (values > VALID[1]))
    counts[f"{source}: fill values"] += int(fill.sum())
    counts[f"{source}: reflectance out of range"] += int(outside.sum())
    return np.where(fill | outside, np.nan, values)


def _angles(rows: pa.Table, observed: np.ndarray, day: np.ndarray, days: np.ndarray) -> dict[str, np.ndarray]:
    held = [name for name in (*ZENITHS, *AZIMUTHS) if name in rows.column_names]
    if not held:
        return {}
    raw = {name: numbers(rows, name) for name in held}
    scale = _scale(list(raw.values()), 1e-2, 1.0, "angle")
    out = {}
    for name, values in raw.items():
        angle = values * scale
        angle = np.where(np.abs(angle) <= 180, angle, np.nan)  # the product's fill is -327.67
        mean = mean_direction_by if name in AZIMUTHS else mean_by
        fill = _gaps.interpolated_angle if name in AZIMUTHS else _gaps.interpolated
        out[name] = fill(observed, mean(day, angle, len(observed)), days)
    return out


def _on_days(observed: np.ndarray, values: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Return values on the days they are of, NaN on the others."""
    return _gaps.interpolated(observed, values, days, longest=-1)
