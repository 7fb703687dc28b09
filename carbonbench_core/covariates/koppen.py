"""Koppen-Geiger climate class of a place: from a raster the user has, else what is known of it, else by the rules.

A raster given with `--koppen` counts first, since it has one rule for all towers; then what the tower's archive or
catalogue says; where neither knows the class, it is computed from the tower's own months.

The rules are those of Beck et al. 2018, table 2, which follow Peel et al. 2007 with the C/D boundary at 0 degC. With
MAT the mean annual and Thot, Tcold the warmest and coldest monthly temperature [degC], Tmon10 the number of months
above 10 degC, MAP the annual precipitation [mm], Pdry the driest month [mm month-1], and Psdry, Pswet, Pwdry, Pwwet
the driest and wettest month of summer and of winter:

===== ================================================= ===== =====================================================
main  condition, in this order                          then  condition, in this order
===== ================================================= ===== =====================================================
B     MAP < 10 Pthreshold                               W, S  MAP < 5 Pthreshold, else S;  h: MAT >= 18, else k
A     Tcold >= 18                                       f, m  f: Pdry >= 60;  m: Pdry >= 100 - MAP / 25;  else w
E     Thot <= 10                                        T, F  T: Thot > 0, else F
C     Tcold > 0                                         s, w  s: Psdry < 40 and Psdry < Pwwet / 3;
D     else                                              f     w: Pwdry < Pswet / 10;  else f
C, D  third letter                                      a-d   a: Thot >= 22;  b: Tmon10 >= 4;  d: Tcold < -38;  else c
===== ================================================= ===== =====================================================

Pthreshold is 2 MAT where at least 70 % of MAP falls in winter, 2 MAT + 28 where at least 70 % falls in summer, else
2 MAT + 14. Summer is the warmer of the half-years April-September and October-March. Where both s and w hold, the
wetter half-year decides: w if more falls in summer.

Source
------
Beck et al. 2018, doi:10.1038/sdata.2018.214; Peel et al. 2007, doi:10.5194/hess-11-1633-2007.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ..errors import FeatureError
from ..schema import KOPPEN_MAIN, canonical_koppen
from . import _raster
from ._climate import Climate, own_climate

if TYPE_CHECKING:
    import pyarrow as pa

    from ..towers import Tower
    from . import Given

SOURCE = "Koppen-Geiger"
CITATION = "Beck et al. 2018, doi:10.1038/sdata.2018.214"
APRIL_TO_SEPTEMBER = [3, 4, 5, 6, 7, 8]
OCTOBER_TO_MARCH = [9, 10, 11, 0, 1, 2]
WARMEST_CREDIBLE = 60.0  # [degC] monthly mean; beyond it the values are kelvin or Fahrenheit


@dataclass(frozen=True)
class _Climate:
    """What the rules ask of a climate; every field [...], temperatures [degC], precipitation [mm]."""

    mean: np.ndarray
    hot: np.ndarray
    cold: np.ndarray
    months_above_10: np.ndarray
    rain: np.ndarray
    driest: np.ndarray
    summer_rain: np.ndarray
    summer_driest: np.ndarray
    summer_wettest: np.ndarray
    winter_rain: np.ndarray
    winter_driest: np.ndarray
    winter_wettest: np.ndarray


def place(tower: Tower, table: pa.Table, given: Given) -> None:
    """Set a tower's climate classes and their origin; see the contract in `covariates`.

    Raises
    ------
    UsageError, FeatureError : the raster cannot be read, or is no map of climate classes
    """
    mapped = None
    if given.koppen and tower.latitude is not None:
        mapped = _raster.class_at(given.koppen, tower.latitude, tower.longitude)
        if mapped is None:
            tower.notes.append(f"{given.koppen.name} has no climate class within {_raster.REACH:g} km")
    if mapped:
        said = tower.koppen or tower.koppen_main
        if said and said != mapped[: len(said)]:
            tower.notes.append(
                f"koppen: {_origin(tower)} says {said}, {given.koppen.name} {mapped}; the raster's is used"
            )
        _set(tower, mapped, given.koppen.name)
    elif tower.koppen is None and (climate := own_climate(table)):
        _compute(tower, climate)


def _compute(tower: Tower, climate: Climate) -> None:
    """Set the class by the rules, unless it is of another main class than the one that is known."""
    try:
        code = classify(climate.temperature, climate.precipitation, tower.latitude or 0.0).item()
    except FeatureError as error:
        tower.notes.append(f"koppen not {climate.origin}: {error}")
        return
    if tower.koppen_main in (None, main_class(code)):
        _set(tower, code, climate.origin)
    else:
        tower.notes.append(f"koppen {climate.origin} is {code}, not of the main class {tower.koppen_main}: left open")


def _origin(tower: Tower) -> str:
    return tower.origin.get("koppen") or tower.origin.get("koppen_main") or "the record"


def _set(tower: Tower, code: str, origin: str) -> None:
    if not (tower.koppen_main == code[0] and origin.startswith("computed")):
        tower.koppen_main, tower.origin["koppen_main"] = code[0], origin
    tower.koppen, tower.origin["koppen"] = code, origin


def classify(temperature: ArrayLike, precipitation: ArrayLike, latitude: ArrayLike = 0.0) -> np.ndarray:
    """Return the Koppen-Geiger class of each monthly climate.

    Parameters
    ----------
    temperature : array [..., 12], monthly mean air temperature, January to December [degC]
    precipitation : array [..., 12], monthly precipitation [mm month-1]
    latitude : array [...], degrees north; tells summer only where both half-years are equally warm

    Returns
    -------
    ndarray of object [...], one of the 30 codes of `schema.KOPPEN`, or None where a month is missing (NaN)

    Raises
    ------
    FeatureError : not twelve months, negative precipitation, temperatures that cannot be degrees Celsius
    """
    t, p, latitude = _checked(temperature, precipitation, latitude)
    known = np.isfinite(t).all(-1) & np.isfinite(p).all(-1)
    code = _codes(_climate(np.where(known[..., None], t, 0.0), np.where(known[..., None], p, 0.0), latitude))
    return np.where(known, np.asarray(code, dtype=object), None)


def main_class(code: str | None) -> str | None:
    """Return the main climate class A, B, C, D or E of a Koppen-Geiger code, None for an empty or unknown one."""
    code = canonical_koppen(code)
    return next((letter for letter in KOPPEN_MAIN if code and code[0] == letter), None)


def _checked(temperature: ArrayLike, precipitation: ArrayLike, latitude: ArrayLike) -> tuple[np.ndarray, ...]:
    t = np.asarray(temperature, dtype=float)
    p = np.asarray(precipitation, dtype=float)
    if t.ndim == 0 or p.ndim == 0 or t.shape[-1] != 12 or p.shape[-1] != 12:
        raise FeatureError(
            f"A climate needs 12 months on the last axis; got temperature {t.shape} and precipitation {p.shape}. "
            "Average the record by calendar month first."
        )
    if np.any(p < 0):
        raise FeatureError(f"Precipitation {np.nanmin(p):g} mm is negative. Set missing months to NaN.")
    if np.any(t > WARMEST_CREDIBLE):
        raise FeatureError(
            f"A monthly mean of {np.nanmax(t):g} degC is no air temperature. Convert to degrees Celsius."
        )
    t, p = np.broadcast_arrays(t, p)
    return t, p, np.broadcast_to(np.asarray(latitude, dtype=float), t.shape[:-1])


def _climate(t: np.ndarray, p: np.ndarray, latitude: np.ndarray) -> _Climate:
    t1, t2 = t[..., APRIL_TO_SEPTEMBER], t[..., OCTOBER_TO_MARCH]
    p1, p2 = p[..., APRIL_TO_SEPTEMBER], p[..., OCTOBER_TO_MARCH]
    warmth1, warmth2 = t1.sum(-1), t2.sum(-1)
    northern = np.where(warmth1 == warmth2, latitude >= 0, warmth1 > warmth2)[..., None]
    summer, winter = np.where(northern, p1, p2), np.where(northern, p2, p1)
    return _Climate(
        mean=(warmth1 + warmth2) / 12,  # by halves, so that both hemispheres round alike
        hot=t.max(-1),
        cold=t.min(-1),
        months_above_10=(t > 10).sum(-1),
        rain=summer.sum(-1) + winter.sum(-1),
        driest=p.min(-1),
        summer_rain=summer.sum(-1),
        summer_driest=summer.min(-1),
        summer_wettest=summer.max(-1),
        winter_rain=winter.sum(-1),
        winter_driest=winter.min(-1),
        winter_wettest=winter.max(-1),
    )


def _codes(c: _Climate) -> np.ndarray:
    limit = 10 * _dryness_threshold(c)
    main = np.select([c.rain < limit, c.cold >= 18, c.hot <= 10, c.cold > 0], ["B", "A", "E", "C"], "D")
    second = np.select(
        [main == "B", main == "A", main == "E"],
        [np.where(c.rain < limit / 2, "W", "S"), _tropical(c), np.where(c.hot > 0, "T", "F")],
        _season_of_drought(c),
    )
    third = np.select(
        [main == "B", (main == "A") | (main == "E")],
        [np.where(c.mean >= 18, "h", "k"), ""],
        _summer_heat(c, main),
    )
    return np.strings.add(np.strings.add(main, second), third)


def _dryness_threshold(c: _Climate) -> np.ndarray:
    """Return Pthreshold [cm], MAP being compared with ten times its value in mm."""
    shift = np.select([c.winter_rain >= 0.7 * c.rain, c.summer_rain >= 0.7 * c.rain], [0.0, 28.0], 14.0)
    return 2 * c.mean + shift


def _tropical(c: _Climate) -> np.ndarray:
    return np.select([c.driest >= 60, c.driest >= 100 - c.rain / 25], ["f", "m"], "w")


def _season_of_drought(c: _Climate) -> np.ndarray:
    dry_summer = (c.summer_driest < 40) & (c.summer_driest < c.winter_wettest / 3)
    dry_winter = c.winter_driest < c.summer_wettest / 10
    wetter_summer = c.summer_rain > c.winter_rain
    return np.select([dry_summer & ~(dry_winter & wetter_summer), dry_winter], ["s", "w"], "f")


def _summer_heat(c: _Climate, main: np.ndarray) -> np.ndarray:
    severe = (main == "D") & (c.cold < -38)
    return np.select([c.hot >= 22, c.months_above_10 >= 4, severe], ["a", "b", "d"], "c")
