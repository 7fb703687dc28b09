"""CarbonFluxBench in its Hub layout, by script: tiny, or a replica of site-days that are given."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from carbonbench_core import schema

MODIS = [c.name for c in schema.COLUMNS.values() if c.source == "MOD09GA" and "full" in c.sets]
ERA5 = [c.name for c in schema.COLUMNS.values() if c.source == "ERA5-Land"]
FILES = {"MOD09GA.parquet": MODIS, "ERA5.parquet": ERA5}
FLUXES = ("GPP_NT_VUT_USTAR50", "RECO_NT_VUT_USTAR50", "NEE_VUT_USTAR50", "NEE_VUT_USTAR50_QC")
CODES = {"XX-One": "FLX", "XX-Two": "JPX", "YY-Three": "AMF"}
MARGIN = 5  # days that features have before the first flux and after the last


def targets(days: int = 6) -> dict[str, list]:
    """Return the columns of the published targets for three towers, of which XX-Two lacks its third day."""
    out: dict[str, list] = {name: [] for name in ("TIMESTAMP", *FLUXES, "site", "lat", "lon", "IGBP", "network")}
    for i, (site, code) in enumerate(CODES.items()):
        for d in range(days):
            if (site, d) == ("XX-Two", 2):
                continue
            day = date(2003, 1, 1) + timedelta(days=d + 10 * i)
            values = (5.0 + d + i, 2.0 + i, -3.0 - d, d / days)
            told = (int(f"{day:%Y%m%d}"), *values, site, 10.0 + i, 20.0 + i, ("ENF", "DBF", "GRA")[i], code)
            for name, value in zip(out, told, strict=True):
                out[name].append(value)
    return out


def feature(column: int, site: int, day: date) -> float:
    """Return what a feature file holds: all columns, sites and days differ."""
    return column + 0.001 * site + 1e-6 * (day - date(2000, 1, 1)).days


def write_folder(
    folder: Path,
    told: dict[str, list] | None = None,
    *,
    prefixed: bool = False,
    files: dict[str, list[str]] | None = None,
    rows_per_group: int = 7,
    climate: bool = True,
) -> Path:
    """Write the files of the Hub dataset.

    Parameters
    ----------
    told : dict of list, the targets; the tiny ones if None
    prefixed : bool, sites of features and climates carry their network's code, as in the first version
    files : dict, feature file -> its columns
    rows_per_group : int, of the feature files, whose sites stand in another order than those of the targets
    climate : bool, whether there are files of climate classes
    """
    folder.mkdir(parents=True, exist_ok=True)
    told = told or targets()
    pq.write_table(pa.table(told), folder / "target_fluxes_v2.parquet")
    codes = dict(zip(told["site"], told["network"], strict=True))
    names = {site: f"{code}_{site}" if prefixed else site for site, code in codes.items()}
    for file, columns in (FILES if files is None else files).items():
        pq.write_table(features(told, names, columns), folder / file, row_group_size=rows_per_group)
    if climate:
        (folder / "koppen_sites.json").write_text(json.dumps({names[s]: "D" for s in codes}))
        (folder / "koppen_sites_short.json").write_text(json.dumps({names[s]: "Dfb" for s in codes}))
        (folder / "feature_sets.json").write_text("{}")
    return folder


def features(told: dict[str, list], names: dict[str, str], columns: list[str]) -> pa.Table:
    """Return a feature table: the days of each tower's span and `MARGIN` around it, the last tower first."""
    parts = []
    for i, site in reversed(list(enumerate(names))):
        held = [t for t, s in zip(told["TIMESTAMP"], told["site"], strict=True) if s == site]
        first, last = (date(t // 10000, t // 100 % 100, t % 100) for t in (min(held), max(held)))
        days = [first + timedelta(days=n) for n in range(-MARGIN, (last - first).days + MARGIN + 1)]
        number = np.array([feature(0, i, day) for day in days])
        parts.append(
            pa.table(
                {"site": [names[site]] * len(days), "date": [str(day) for day in days]}
                | {name: number + k for k, name in enumerate(columns)}
            )
        )
    return pa.concat_tables(parts)
