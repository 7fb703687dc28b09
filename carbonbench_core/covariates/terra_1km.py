"""Terra at 1 km: daily vegetation indices and reflectances that somebody derived, clear days only.

A table with a row per site and clear day and the columns NDVI_1km, EVI_1km, NIRv_1km, b01_red_1km, b02_nir_1km and
b03_blue_1km. NIRv may stand times 10,000. Gaps are interpolated as those of MOD09GA.

Source
------
MODIS Terra, atmospherically corrected by the table's makers; NIRv: Badgley et al. 2017, doi:10.1126/sciadv.1602244.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa

from . import _gaps
from ._daily import day_of, numbers, one_a_day

SOURCE = "satellite"
DAY = "UTC"
CITATION = "MODIS Terra: public domain; NIRv: Badgley et al. 2017, doi:10.1126/sciadv.1602244"

INDICES = ("NDVI_1km", "EVI_1km", "NIRv_1km")
REFLECTANCES = ("b01_red_1km", "b02_nir_1km", "b03_blue_1km")


def recognise(names: list[str]) -> dict[str, str] | None:
    """Return column -> our name for such a table, None for another; see the contract in `covariates`."""
    return {n: n for n in names if n in (*INDICES, *REFLECTANCES)} or None


def join(rows: pa.Table, days: np.ndarray, longitude: float, counts: Counter) -> dict[str, np.ndarray]:
    """Return the columns on a tower's calendar; see the contract in `covariates`."""
    rows = one_a_day(rows, "Terra 1 km", counts)
    observed = day_of(rows)
    out = {}
    for name in (n for n in (*INDICES, *REFLECTANCES) if n in rows.column_names):
        values = numbers(rows, name)
        there = np.abs(values[np.isfinite(values)])
        if name == "NIRv_1km" and len(there) and np.median(there) > 2:
            values = values * 1e-4
        low, high = (-2.0, 2.0) if name in INDICES else (-0.01, 1.6)
        bad = np.isfinite(values) & ((values < low) | (values > high))
        counts["Terra 1 km: values out of range"] += int(bad.sum())
        out[name] = _gaps.interpolated(observed, np.where(bad, np.nan, values), days)
    return out
