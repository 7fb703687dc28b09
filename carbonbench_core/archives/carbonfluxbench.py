"""CarbonFluxBench as its authors publish it on the Hub: edition 1.0 of the benchmark, site-days and features.

A folder, or a Hub dataset, with `target_fluxes_v2.parquet` (a row per site and day: TIMESTAMP as YYYYMMDD, the three
fluxes, quality, lat, lon, IGBP, and the code of the network), `MOD09GA.parquet` and `ERA5.parquet` (a row per site and
day, the features in the units of `schema`), `koppen_sites.json` and `koppen_sites_short.json` (site -> climate class).
Features are there on every day since 2000; a tower's days are those from its first to its last day with a flux, with
the features of the days between. A tower may have days from several networks; each day says which.

Source
------
Rozanov et al. 2026, arXiv:2603.09868; https://huggingface.co/datasets/alexroz/CarbonFluxBench.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from .. import schema
from ..errors import ArchiveError
from . import Entry, Options, Record, _by_site, _dates, _join, _layout, _oneflux, japanflux

REPO = "alexroz/CarbonFluxBench"
EDITION = "CarbonFluxBench 1.0"
PRODUCT = f"{EDITION} (target_fluxes_v2)"
LICENSE = "MIT, as published on the Hub; the fluxes as their networks license them"
CITATION = (
    "Rozanov, A., Renganathan, A., Zhang, Y. and Kumar, V. (2026). CarbonBench: A Global Benchmark for Upscaling of "
    "Carbon Fluxes Using Zero-Shot Learning. arXiv:2603.09868"
)
TARGETS, FIRST_VERSION = "target_fluxes_v2.parquet", "target_fluxes.parquet"
FEATURES = ("MOD09GA.parquet", "ERA5.parquet")
CLIMATE = ("koppen_sites.json", "koppen_sites_short.json")
HUB_FILES = (TARGETS, *FEATURES, *CLIMATE, "feature_sets.json")
# Other files of the repository, which say nothing that these do not.
_OTHERS = (FIRST_VERSION, "FLUXNET2015_Metadata.csv", "ICOS2025_Metadata.csv")
# Code before a site's name or beside it -> network; where networks had the same day, the first one's was published.
NETWORKS = {"FLX": "FLUXNET2015", "AMF": "AmeriFlux", "ICOSETC": "ICOS", "JPX": "JapanFlux"}

VARIANT = "VUT_USTAR50"
_FLUXES = _oneflux.target_names(VARIANT)
_STATIC = {"lat": "latitude", "lon": "longitude", "IGBP": "igbp"}
_NEEDED = ("TIMESTAMP", *_FLUXES.values(), *_STATIC, "site", "network")


def find(path: Path, options: Options) -> list[Entry]:
    """Return one entry per tower of the published targets; see the contract in `archives`.

    Raises
    ------
    ArchiveError : the targets cannot be read, or are the first version, where a tower stands under several names
    """
    if path.name != TARGETS:
        _refuse_first_version(path, options)
        return []
    targets = _by_site.opened(path, _target_columns)
    _by_site.refuse_missing(targets.file.schema_arrow.names, _NEEDED, path)
    files = tuple(f for name in (*FEATURES, *CLIMATE) if (f := path.with_name(name)).is_file())
    order = _order([f for f in files if f.name in FEATURES])
    return [
        Entry("carbonfluxbench", path, "", site, _named(next(iter(codes))), PRODUCT, (1, 0), files, order.get(site, 0))
        for site, codes in sorted(targets.labels("network").items())
    ]


def knows(path: Path) -> bool:
    """Whether a file belongs to the published dataset without holding the targets."""
    return path.name in (*FEATURES, *_OTHERS) and path.with_name(TARGETS).is_file()


def _refuse_first_version(path: Path, options: Options) -> None:
    if path.name == FIRST_VERSION and options.mapping is None and not path.with_name(TARGETS).is_file():
        raise ArchiveError(
            f"{path} is the first version of CarbonFluxBench, where one tower stands under the names of several "
            f"networks. Fetch {TARGETS} from hf://datasets/{REPO} into the same folder."
        )


def _order(features: list[Path]) -> dict[str, int]:
    """Return where towers begin in the largest file of features: in that order all are read in one pass."""
    if not features:
        return {}
    first = _by_site.opened(max(features, key=lambda f: f.stat().st_size), _feature_columns).first_rows()
    return {_tower(name): row for name, row in first.items()}


def read(entry: Entry, options: Options) -> Record:
    """Read one tower's days with their features; see the contract in `archives`.

    Raises
    ------
    ArchiveError : a file is damaged, or the tower has an impossible date or a date twice
    """
    targets = _by_site.opened(entry.path, _target_columns)
    if entry.site_id not in targets.names:
        raise ArchiveError(f"{entry.path}: site {entry.site_id} is no longer there. Scan the sources again.")
    rows = targets.rows(entry.site_id)
    where = f"{entry.path}, site {entry.site_id}"
    date = _dates.to_dates(rows["TIMESTAMP"].combine_chunks(), "", where)
    dropped = Counter({"no date": date.null_count} if date.null_count else {})
    rows, date = rows.filter(date.is_valid()), date.drop_null()
    if not len(date):
        raise ArchiveError(f"{where}: no row has a date. Fetch it again.")
    _oneflux.refuse_twice(date.to_numpy(zero_copy_only=False), where)
    fluxes = {ours: _numbers(rows[theirs], pa.float64(), where) for ours, theirs in _FLUXES.items()}
    networks = pa.array([_named(code) for code in rows["network"].to_pylist()], pa.string())
    table, notes = pa.table({"date": date, "network": networks} | fluxes), []
    without_site = int((targets.codes < 0).sum())
    if without_site and entry.site_id == next(iter(targets.names)):
        notes.append(f"{without_site:,} rows of {TARGETS} name no site and belong to no tower")
    for name in FEATURES:
        table = _with_features(table, entry, name, notes)
    attributes = {**_said(rows, notes), **_climate(entry, notes), "nee_qc_scale": _scale(rows, notes)}
    return Record(entry, table, VARIANT, attributes, Counter(), notes, dropped, CITATION, LICENSE)


def _with_features(table: pa.Table, entry: Entry, name: str, notes: list[str]) -> pa.Table:
    path = entry.path.with_name(name)
    if path not in entry.companions:
        notes.append(f"{name} is not beside the targets: none of its features")
        return table
    file = _by_site.opened(path, _feature_columns)
    _by_site.refuse_missing(file.file.schema_arrow.names, ("date",), path)
    named = sorted((n for n in file.names if _tower(n) == entry.site_id), key=lambda n: (n != entry.site_id, n))
    if not named:
        notes.append(f"{name} has no row of this tower")
        return table
    rows, where = file.rows(named[0]), f"{path}, site {named[0]}"
    date = _dates.to_dates(rows["date"].combine_chunks(), "", where)
    columns = {n: _numbers(rows[n], pa.float32(), where) for n in rows.column_names if n != "date"}
    features = pa.table({"date": date} | columns).filter(date.is_valid())
    first = np.unique(features["date"].to_numpy(), return_index=True)[1]
    if len(first) < features.num_rows:
        notes.append(f"{name} has {features.num_rows - len(first):,} days twice; the first rows are used")
        features = features.take(pa.array(np.sort(first)))
    return _join.within(table, features)


def _numbers(values: pa.ChunkedArray, wanted: pa.DataType, where: str) -> pa.ChunkedArray:
    try:
        return _oneflux.clean(values.cast(wanted, safe=False))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ArchiveError(f"{where}: expected numbers, got {values.type} ({error}). Fetch it again.") from None


def _said(rows: pa.Table, notes: list[str]) -> dict[str, object]:
    """Return coordinates and vegetation class as the rows give them, the most frequent value where they disagree."""
    said = {}
    for theirs, ours in _STATIC.items():
        counts = Counter(v for v in rows[theirs].to_pylist() if v is not None)
        if counts:
            said[ours] = counts.most_common(1)[0][0]
        if len(counts) > 1:
            notes.append(f"{ours} takes {len(counts)} values; that of most days, {said[ours]}, is used")
    return said


def _climate(entry: Entry, notes: list[str]) -> dict[str, object]:
    """Return the climate classes that the JSON files give a tower."""
    said = {}
    for path in (p for p in entry.companions if p.name in CLIMATE):
        try:
            classes = _classes(path, path.stat().st_mtime_ns)
        except (OSError, ValueError, RecursionError) as error:
            notes.append(f"{path.name} is not read: {error}")
            continue
        value = classes.get(entry.site_id)
        if value:
            said["koppen_main" if len(value) == 1 else "koppen"] = value
    return said


@lru_cache(maxsize=2)
def _classes(path: Path, _mtime_ns: int) -> dict[str, str]:
    read = json.loads(path.read_text("utf-8"))
    if not isinstance(read, dict):
        raise ValueError("expected site -> class")
    # A tower's own name counts before its name under a network.
    return {_tower(name): str(value) for name, value in sorted(read.items(), key=lambda item: "_" not in item[0])}


def _scale(rows: pa.Table, notes: list[str]) -> str:
    """Return what quality measures in a tower's networks, and note the networks if there are several."""
    days = Counter(_named(code) for code in rows["network"].to_pylist())
    if len(days) > 1:
        notes.append("days of " + ", ".join(f"{network} ({n:,})" for network, n in days.most_common()))
    scales = [japanflux.QC_SCALE if network == japanflux.NETWORK else _layout.ONEFLUX_SCALE for network in sorted(days)]
    return " and ".join(dict.fromkeys(scales))


def _named(code: str | None) -> str:
    """Return the network behind a code."""
    return NETWORKS.get(code or "", code or "unknown")


def _tower(name: str) -> str:
    """Return the tower behind a name such as FLX_DE-Hai."""
    code, _, site = name.partition("_")
    return site if code in NETWORKS and site else name


def _target_columns(names: list[str]) -> list[str]:
    return [name for name in _NEEDED if name in names and name != "site"]


def _feature_columns(names: list[str]) -> list[str]:
    return ["date", *(name for name in schema.names("driver") if name in names)]
