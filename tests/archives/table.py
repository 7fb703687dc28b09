"""Tiny tidy tables, by script, and the mapping that goes with them."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pv
import pyarrow.parquet as pq

MAPPING = """
[table]
title = "My towers"
network = "MyNet"
target_variant = "VUT_REF"
citation = "Me (2026)"
licence = "CC0-1.0"
[columns]
site_id = "tower"
date = "day"
latitude = "lat"
longitude = "lon"
igbp = "class"
gpp = { column = "GPP", unit = "umol m-2 s-1" }
reco = "RECO"
nee = "NEE"
nee_qc = { column = "share", unit = "%" }
TA_F = { column = "T", unit = "K" }
[masks]
"marked suspect" = "odd"
"""


def rows(**changed: list) -> dict[str, list]:
    """Return three days of BB and two of AA, as another program might write them."""
    told = {
        "tower": ["BB", "BB", "AA", "BB", "AA"],
        "day": [date(2003, 1, d) for d in (1, 2, 1, 3, 2)],
        "lat": [10.0, 10.0, -20.0, 10.0, -20.0],
        "lon": [30.0, 30.0, 40.0, 30.0, 40.0],
        "class": ["ENF", "ENF", "gra", "ENF", "gra"],
        "GPP": [1.0, 2.0, 3.0, -9999.0, 5.0],
        "RECO": [1.5, math.nan, 1.5, 1.5, 1.5],
        "NEE": [-0.5, -1.5, -2.5, -3.5, -4.5],
        "share": [100.0, 50.0, 25.0, 0.0, None],
        "T": [273.15, 283.15, 293.15, 303.15, 313.15],
        "odd": [False, True, False, None, False],
        "unmapped": ["x", "y", "z", "x", "y"],
    }
    return told | changed


def write(folder: Path, told: dict[str, list], suffix: str = ".parquet") -> Path:
    path = folder / f"table{suffix}"
    table = pa.table(told)
    pq.write_table(table, path) if suffix == ".parquet" else pv.write_csv(table, path)
    return path
