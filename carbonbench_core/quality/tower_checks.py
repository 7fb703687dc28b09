"""Checks of a tower's series against each other: closure, sign, and units."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..sun import daylight
from ._days import Days, Flag, correlation

ENOUGH = 60  # days of a year, to judge it by
# In USTAR50, NEE = RECO - GPP to the digits of the file. Other variants need not close: they are reported alone.
CLOSING_VARIANTS = ("VUT_USTAR50", "CUT_USTAR50")
OPEN = 0.05  # gC m-2 d-1
TURNED = 0.2  # gC m-2 d-1: a gap that a wrong sign leaves, of twice the flux
EXACT = 0.02  # of the spread of NEE: what may remain where one series is another in another unit
# What a flux [gC m-2 d-1] is multiplied by if it is given in another unit. Molar masses C 12.011, CO2 44.009 g mol-1;
# a day has 86400 s, so that 1 umol m-2 s-1 is 1.0378 gC m-2 d-1.
UNITS = {
    "umol m-2 s-1": 1 / (1e-6 * 12.011 * 86400),
    "gCO2 m-2 d-1": 44.009 / 12.011,
    "mmol m-2 d-1": 1000 / 12.011,
    "mol m-2 d-1": 1 / 12.011,
    "mgC m-2 d-1": 1000.0,
    "kgC m-2 d-1": 0.001,
    "gC m-2 per half-hour": 1 / 48,
}
SAME_FACTOR = 0.005
# The 98th percentile of |flux| of the 170 towers is between 0.3 and 25 gC m-2 d-1.
SIZE = (0.05, 60.0)


def closure(days: Days) -> list[Flag]:
    """Flag days on which NEE misses RECO - GPP, of variants where it holds."""
    gap = closure_gap(days)
    if gap is None or days.site.get("target_variant") not in CLOSING_VARIANTS:
        return []
    with np.errstate(invalid="ignore"):
        odd = np.abs(gap) > OPEN
    return days.flag("closure", "targets", odd, f"misses by up to {np.nanmax(np.abs(gap)):.3g} gC m-2 d-1")


def closure_gap(days: Days) -> np.ndarray | None:
    """Return NEE - (RECO - GPP), ndarray [D] [gC m-2 d-1], or None where a flux is lacking."""
    if len(days.targets) < 3:
        return None
    gpp, reco, nee = (days.values[name] for name in ("gpp", "reco", "nee"))
    return nee - (reco - gpp)


def signs(days: Days) -> list[Flag]:
    """Flag years in which turning a flux around closes NEE = RECO - GPP, which does not close as it stands.

    Without GPP and RECO, NEE is held against radiation: uptake needs light, so that NEE which rises with it, and is
    positive on the year's brightest days, is turned around.
    """
    gap = closure_gap(days)
    if gap is None:
        light, nee = days.values.get("SW_IN_F"), days.values.get("nee")
        if light is None or nee is None:
            return []
        wrong = _in_years(days, lambda k: _rises_with_light(nee[k], light[k]))
        return days.flag("sign", "nee", wrong & np.isfinite(nee), "release that rises with light")
    turned = {name: np.zeros(len(gap), bool) for name in days.targets}
    for year in np.unique(days.years):
        k = (days.years == year) & np.isfinite(gap)
        name = (
            _turned(*(days.values[name][k] for name in ("gpp", "reco", "nee")), gap[k]) if k.sum() >= ENOUGH else None
        )
        if name:
            turned[name] |= k
    text = "NEE = RECO - GPP closes with the opposite sign of it alone"
    return [flag for name, where in turned.items() for flag in days.flag("sign", name, where, text)]


def _turned(gpp: np.ndarray, reco: np.ndarray, nee: np.ndarray, gap: np.ndarray) -> str | None:
    """Return the flux whose opposite sign closes what is open, or None."""
    as_told = np.median(np.abs(gap))
    # gap = NEE - RECO + GPP; turning one around changes it by twice that one.
    gaps = {"gpp": gap - 2 * gpp, "reco": gap + 2 * reco, "nee": gap - 2 * nee}
    left = {name: np.median(np.abs(turned)) for name, turned in gaps.items()}
    best = min(left, key=left.__getitem__)
    return best if as_told > TURNED and left[best] < as_told / 4 else None


def negative(days: Days) -> list[Flag]:
    """Flag years in which GPP or RECO is mostly below zero: a partitioning that failed, or deserts at its limit."""
    found = []
    for name in (n for n in ("gpp", "reco") if n in days.values):
        values = days.values[name]
        wrong = _in_years(days, lambda k, v=values: np.isfinite(v[k]).sum() >= ENOUGH and _negative(v[k]))
        found += (
            days.flag("negative", name, wrong & np.isfinite(values), f"median {np.nanmedian(values[wrong]):.2g}")
            if (wrong.any())
            else []
        )
    return found


def _negative(values: np.ndarray) -> bool:
    low, middle, high = np.nanpercentile(values, (5, 50, 95))
    return bool(middle < 0 and low < -0.3 and -low > 2 * high)


def _rises_with_light(nee: np.ndarray, light: np.ndarray) -> bool:
    if not correlation(nee, light, ENOUGH) > 0.5:
        return False
    bright = light >= np.nanpercentile(light[np.isfinite(nee)], 75)
    return bool(np.nanmedian(nee[bright]) > 1.0)


def _in_years(days: Days, is_wrong: Callable[[np.ndarray], bool]) -> np.ndarray:
    years = days.years
    wrong = np.zeros(len(years), bool)
    for year in np.unique(years):
        wrong[years == year] = is_wrong(years == year)
    return wrong


def units(days: Days) -> list[Flag]:
    """Flag columns that look as if given in another unit."""
    return [*_between_fluxes(days), *_sizes(days), *_meteorology(days)]


def _between_fluxes(days: Days) -> list[Flag]:
    """Flag years where one flux is what the other two make of it times the factor of a unit, to the last digits."""
    if len(days.targets) < 3:
        return []
    gpp, reco, nee = (days.values[name] for name in ("gpp", "reco", "nee"))
    # Column, series, what the others make of it, power of the unit's factor. NEE alone may be right, too.
    cases = [("nee", nee, reco - gpp, 1), ("gpp", gpp, reco - nee, 1), ("reco", reco, nee + gpp, 1)]
    cases.append(("targets", nee, reco - gpp, -1))
    found = []
    for column, flux, others, power in cases:
        for unit, factor in UNITS.items():
            wrong = _in_years(days, lambda k, a=flux, b=others, f=factor**power: _scaled(a[k], b[k], f))
            which = "GPP and RECO" if power < 0 else column.upper()
            text = f"{which} as if in {unit}: {factor:.4g} times what the rest makes"
            found += days.flag("unit", column, wrong & np.isfinite(flux), text)
    return found


def _scaled(flux: np.ndarray, others: np.ndarray, factor: float) -> bool:
    """Whether a flux is `factor` times another series, but for rounding."""
    known = np.isfinite(flux) & np.isfinite(others)
    a, b = flux[known], others[known]
    if known.sum() < ENOUGH or not np.any(b) or np.ptp(a) == 0:
        return False
    slope = float(a @ b / (b @ b))
    return abs(slope / factor - 1) < SAME_FACTOR and bool(np.abs(a - slope * b).std() < EXACT * a.std())


def _sizes(days: Days) -> list[Flag]:
    found = []
    for name in days.targets:
        values = days.values[name]
        held = np.abs(values[np.isfinite(values)])
        if len(held) < ENOUGH:
            continue
        size = float(np.percentile(held, 98))
        if not SIZE[0] <= size <= SIZE[1]:
            text = f"98 % of days below {size:.3g} gC m-2 d-1 in size; towers have {SIZE[0]:g} to {SIZE[1]:g}"
            found += days.flag("unit", name, np.isfinite(values), text)
    return found


def _meteorology(days: Days) -> list[Flag]:
    """Flag meteorology of another unit, by its usual size."""
    found = []
    for name, (low, high, hint) in _USUAL.items():
        values = days.values.get(name)
        if values is None or np.isfinite(values).sum() < ENOUGH:
            continue
        middle = float(np.nanmedian(values))
        if not low <= middle <= high:
            found += days.flag("unit", name, np.isfinite(values), f"median {middle:.4g}; {hint}?")
    return [*found, *_dryness(days), *_brightness(days)]


# Column -> what its median over a record lies between, and what it may be instead.
_USUAL = {
    "TA_F": (-40.0, 40.0, "Kelvin"),
    "PA_F": (45.0, 110.0, "hPa or Pa instead of kPa"),
    "LW_IN_F": (80.0, 520.0, "MJ m-2 d-1 instead of W m-2"),
    "WS_F": (0.05, 20.0, "km h-1 instead of m s-1"),
}
# Share of the saturation vapour pressure that the deficit has on the driest hundredth of days, daily means.
DRY = (0.15, 1.5)


def _dryness(days: Days) -> list[Flag]:
    """Flag a vapour pressure deficit that no air of this temperature has (Magnus formula over water, hPa)."""
    deficit, air = days.values.get("VPD_F"), days.values.get("TA_F")
    if deficit is None or air is None:
        return []
    known = np.isfinite(deficit) & (air > 0)
    if known.sum() < ENOUGH:
        return []
    saturation = 6.112 * np.exp(17.62 * air[known] / (243.12 + air[known]))
    share = float(np.percentile(deficit[known] / saturation, 99))
    if DRY[0] <= share <= DRY[1]:
        return []
    text = f"on dry days {share:.2g} of the saturation vapour pressure; {'kPa' if share < 1 else 'Pa'} instead of hPa?"
    return days.flag("unit", "VPD_F", np.isfinite(deficit), text)


# Share of the radiation at the top of the atmosphere that arrives on the clearest twentieth of days.
CLEAR = (0.45, 0.95)  # 0.53 to 0.89 at the 170 towers


def _brightness(days: Days) -> list[Flag]:
    light = days.values.get("SW_IN_F")
    if light is None or days.latitude is None:
        return []
    top = daylight(days.latitude, days.day_of_year)[0]
    share = (light / np.maximum(top, 1e-9))[(top > 100) & np.isfinite(light)]
    if len(share) < ENOUGH:
        return []
    clear = float(np.percentile(share, 95))
    if CLEAR[0] <= clear <= CLEAR[1]:
        return []
    text = (
        f"clear days have {clear:.3g} of the radiation at the top of the atmosphere, expected {CLEAR[0]} to {CLEAR[1]}"
    )
    return days.flag("unit", "SW_IN_F", np.isfinite(light), text + ("; MJ m-2 d-1?" if clear < 0.015 else ""))
