"""MODIS MOD09A1: the best surface reflectance of each eight days of Terra, where no daily product was taken.

A table with a row per site and eight days, bands b01 to b07 or under the product's names. The value stands at the first
of its eight days, though the day it was seen on may be any of them; between composites it is interpolated, over one
that is missing as well, two missing ones leave a gap. It goes into columns of its own, since a composite is not a day.

Source
------
Vermote 2021, MOD09A1 v061, doi:10.5067/MODIS/MOD09A1.061.
"""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pyarrow as pa

from . import _gaps, modis
from ._daily import day_of, one_a_day

SOURCE = "MOD09A1"
DAY = "UTC"
CITATION = "Vermote 2021, doi:10.5067/MODIS/MOD09A1.061"

_BAND = re.compile(r"(?:MOD09A1_\d{3}_)?(?:sur_refl_)?b0(?P<band>[1-7])")
_STATE = re.compile(r"(?:MOD09A1_\d{3}_sur_refl_state_500m|StateQA)")


def recognise(names: list[str]) -> dict[str, str] | None:
    """Return column -> our name for such a table, None for another; see the contract in `covariates`."""
    bands = {n: f"sur_refl_b0{m['band']}" for n in names if (m := _BAND.fullmatch(n))}
    own = any(n.startswith(("MOD09A1", "b0")) for n in bands) or {"StateQA", "DayOfYear"} & set(names)
    if not bands or not own:
        return None
    return bands | {n: modis.STATE for n in names if _STATE.fullmatch(n)}


def join(rows: pa.Table, days: np.ndarray, longitude: float, counts: Counter) -> dict[str, np.ndarray]:
    """Return the composites' bands on a tower's calendar; see the contract in `covariates`.

    Raises
    ------
    FeatureError : reflectance scaled twice, or flags averaged
    """
    rows = one_a_day(rows, SOURCE, counts)
    reflectance = modis.reflectance(rows, SOURCE, counts)
    return {f"{name}_8day": _gaps.interpolated(day_of(rows), values, days) for name, values in reflectance.items()}
