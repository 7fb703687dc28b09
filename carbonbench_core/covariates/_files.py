"""Files of covariates that a user has: what is in them, which places they are of, and the rows of one place.

A CSV or Parquet file with a row per place and day (or hour, or pixel): places by a column of site ids, by coordinates,
or by both; time as dates, timestamps, YYYYMMDD, milliseconds since 1970 (`system:time_start`) or inside an image's name
(`system:index`, 2001_01_01). Which columns are what, the sources say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv
import pyarrow.parquet as pq

from ..archives import _by_site, _oneflux, _tidy
from ..errors import ArchiveError, first_few
from ..geography import distances

SUFFIXES = (".csv", ".parquet")
# A place of a file is a tower's if it is called so, or stands within the half diagonal of a box of 2 x 2 km.
MATCH = 1.5  # km
SITE = ("site_id", "site", "siteid", "tower", "tower_id", "station", "station_id", "id", "name")
LATITUDE, LONGITUDE = ("latitude", "lat"), ("longitude", "lon", "long", "lng")
TIME = ("date", "time", "datetime", "timestamp", "system:time_start", "system:index")
GEOMETRY = ".geo"
_IN_A_NAME = re.compile(r"(?:^|_)(\d{4})_?(\d{2})_?(\d{2})(?:T(\d{2}))?(?:_|$)")
_NETWORK = re.compile(r"(FLX|AMF|ICOSETC|JPX)_(.+)")  # before a site, as in the benchmark's own tables

Recognise = Callable[[list[str]], dict[str, str] | None]


@dataclass(frozen=True)
class File:
    """One file of one source.

    Parameters
    ----------
    path : Path
    source : str, the module that recognised it
    columns : dict, column of the file -> name that the source knows
    heads : dict, "site", "latitude", "longitude", "time", "geometry" -> column of the file
    places : dict, name -> mean (latitude, longitude) of its rows, or None; a name made of coordinates where no site is
    """

    path: Path
    source: str
    columns: dict[str, str]
    heads: dict[str, str]
    places: dict[str, tuple[float, float] | None] = field(default_factory=dict)

    def match(self, ids: Iterable[str], latitude: float | None, longitude: float | None) -> tuple[list[str], str]:
        """Return the places of a tower, and by what they are its own: "id" or "coordinates"."""
        wanted = {i.lower() for i in ids}
        named = [p for p in self.places if "site" in self.heads and _plain(p).lower() in wanted]
        if named or latitude is None:
            return named, "id"
        # Rows without a site are of pixels: their places are cells of which a part may be near.
        reach = MATCH if "site" in self.heads else MATCH + 10
        near = [p for p, at in self.places.items() if at and distances(latitude, longitude, *at) <= reach]
        return near, "coordinates"


def look(path: Path, sources: dict[str, Recognise]) -> list[File]:
    """Return what sources recognise in a file, an empty list where none does.

    Raises
    ------
    ArchiveError : the file is damaged, or of a source and without time or place
    """
    names = _tidy.heading(path)
    found = [(name, columns) for name, recognise in sources.items() if (columns := recognise(names))]
    if not found:
        return []
    heads = _heads(names)
    lacking = [what for what, there in (("time", "time" in heads), ("place", _has_place(heads))) if not there]
    if lacking:
        wanted = {"time": f"a column {', '.join(TIME)}", "place": "a column site, or latitude and longitude"}
        raise ArchiveError(f"{path}: no {' and no '.join(lacking)} in it. Expected {wanted[lacking[0]]}.")
    files = [File(path, name, columns, heads) for name, columns in found]
    return [File(f.path, f.source, f.columns, f.heads, _places(f)) for f in files]


def _heads(names: list[str]) -> dict[str, str]:
    lower = {name.lower(): name for name in reversed(names)}
    heads = {}
    if {"id", "longitude", "latitude", "time"} <= set(names):
        del lower["id"]  # of an image, in what getRegion answers
    for what, aliases in (("site", SITE), ("latitude", LATITUDE), ("longitude", LONGITUDE), ("time", TIME)):
        if found := next((a for a in aliases if a in lower), None):
            heads[what] = lower[found]
    if GEOMETRY in names and "latitude" not in heads:
        heads["geometry"] = GEOMETRY
    return heads


def _has_place(heads: dict[str, str]) -> bool:
    return "site" in heads or {"latitude", "longitude"} <= set(heads) or "geometry" in heads


def rows(file: File, names: list[str], near: tuple[float, float] | None = None) -> tuple[pa.Table, int]:
    """Return the rows of places with their time and values, and how many rows have no time.

    Parameters
    ----------
    file : File
    names : list of str, places of it
    near : (latitude, longitude) or None, of a tower: of rows without a site only those within `MATCH` of it

    Returns
    -------
    pyarrow.Table [N, C] of `time` (timestamp), the source's columns (float64), `latitude`, `longitude` where known
    """
    table = pa.concat_tables([_of_place(file, name) for name in names]).combine_chunks()
    if near and "site" not in file.heads:
        at = (table[c].to_numpy() for c in ("latitude", "longitude"))
        table = table.filter(pa.array(distances(*near, *at) <= MATCH))
    there = table["time"].is_valid()
    return table.filter(there), table.num_rows - (pc.sum(there).as_py() or 0)


def _of_place(file: File, name: str) -> pa.Table:
    if _by_parts(file):
        return _canonical(_by_site.opened(file.path, _all_but_site).rows(name), file)
    opened = _opened(file)
    start, stop = opened.slices[name]
    return opened.table.slice(start, stop - start)


def _by_parts(file: File) -> bool:
    """Whether a file is read a site at a time, since it may be larger than memory."""
    return file.path.suffix.lower() == ".parquet" and file.heads.get("site") == "site"


def _all_but_site(names: list[str]) -> list[str]:
    return [name for name in names if name != "site"]


def _places(file: File) -> dict[str, tuple[float, float] | None]:
    if _by_parts(file):
        return dict.fromkeys(_by_site.opened(file.path, _all_but_site).names)
    opened = _opened(file)
    if "latitude" not in opened.table.column_names:
        return dict.fromkeys(opened.slices)
    places = {}
    for name, (start, stop) in opened.slices.items():
        at = (pc.mean(opened.table[c].slice(start, stop - start)).as_py() for c in ("latitude", "longitude"))
        places[name] = tuple(at)
    return {name: None if None in at else at for name, at in places.items()}


@dataclass(frozen=True)
class _Opened:
    table: pa.Table
    slices: dict[str, tuple[int, int]]


def _opened(file: File) -> _Opened:
    stat = file.path.stat()
    columns, heads = tuple(sorted(file.columns.items())), tuple(sorted(file.heads.items()))
    return _open(file.path, file.source, columns, heads, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=2)
def _open(path: Path, source: str, columns: tuple, heads: tuple, _mtime_ns: int, _size: int) -> _Opened:
    file = File(path, source, dict(columns), dict(heads))
    raw = _read(file)
    table = _canonical(raw, file)
    site = _site_of(raw, table, file).dictionary_encode()
    codes = pc.fill_null(site.indices, -1).to_numpy()
    order = np.argsort(codes, kind="stable")
    names = site.dictionary.to_pylist()
    starts = np.searchsorted(codes[order], np.arange(len(names) + 1)).tolist()
    slices = {name: (starts[i], starts[i + 1]) for i, name in enumerate(names)}
    return _Opened(table.take(pa.array(order)).combine_chunks(), slices)


def _read(file: File) -> pa.Table:
    wanted = list(dict.fromkeys([*file.heads.values(), *file.columns]))
    try:
        if file.path.suffix.lower() == ".parquet":
            return pq.ParquetFile(file.path).read(columns=wanted).combine_chunks()
        types = dict.fromkeys(file.columns, pa.float64())
        types |= {c: pa.string() for what, c in file.heads.items() if what in ("site", "time", "geometry")}
        options = pv.ConvertOptions(
            include_columns=wanted, column_types=types, null_values=_oneflux.NULLS, strings_can_be_null=True
        )
        return pv.read_csv(file.path, pv.ReadOptions(use_threads=False), convert_options=options).combine_chunks()
    except (pa.ArrowException, OSError) as error:
        raise ArchiveError(f"{file.path}: {_oneflux.explain(str(error), _tidy.heading(file.path))}") from None


def _canonical(raw: pa.Table, file: File) -> pa.Table:
    """Return time, coordinates and values under the names that sources know."""
    columns: dict[str, pa.Array | pa.ChunkedArray] = {"time": _times(raw[file.heads["time"]].combine_chunks(), file)}
    for what in ("latitude", "longitude"):
        if what in file.heads:
            columns[what] = _numbers(raw[file.heads[what]], file.heads[what], file)
    if "geometry" in file.heads:
        columns |= _of_points(raw[GEOMETRY].to_pylist())
    for theirs, ours in file.columns.items():
        if theirs in raw.column_names:
            columns[ours] = _oneflux.clean(_numbers(raw[theirs], theirs, file))
    return pa.table(columns)


def _numbers(values: pa.ChunkedArray, name: str, file: File) -> pa.ChunkedArray:
    try:
        return values.cast(pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise ArchiveError(
            f"{file.path}: column {name} holds {values.type}, expected numbers. Export it again."
        ) from None


def _of_points(texts: list[str | None]) -> dict[str, pa.Array]:
    """Return the coordinates of GeoJSON points, as Earth Engine exports them; null for other shapes."""
    at = []
    for text in texts:
        try:
            shape = json.loads(text or "null") or {}
            at.append(shape["coordinates"][:2] if shape.get("type") == "Point" else (None, None))
        except (ValueError, KeyError, TypeError):
            at.append((None, None))
    longitude, latitude = zip(*at, strict=True) if at else ((), ())
    return {"latitude": pa.array(latitude, pa.float64()), "longitude": pa.array(longitude, pa.float64())}


def _site_of(raw: pa.Table, table: pa.Table, file: File) -> pa.Array:
    """Return the place of each row: its site, else the tenth of a degree it stands in."""
    if "site" in file.heads:
        return raw[file.heads["site"]].combine_chunks().cast(pa.string())
    latitude, longitude = (table[c].to_numpy() for c in ("latitude", "longitude"))
    known = np.isfinite(latitude) & np.isfinite(longitude)
    names = [f"{a:.1f}, {b:.1f}" for a, b in zip(latitude, longitude, strict=True)]
    return pa.array(names, mask=~known)


def _times(raw: pa.Array, file: File) -> pa.Array:
    """Return times as timestamps, null where there is none."""
    wanted = pa.timestamp("ms")
    if pa.types.is_timestamp(raw.type) or pa.types.is_date(raw.type):
        return raw.cast(pa.timestamp("us")).cast(wanted, safe=False) if not getattr(raw.type, "tz", None) else _utc(raw)
    import pandas as pd

    text = pd.Series(raw.cast(pa.string()).to_pylist(), dtype="object")
    there = text.notna()
    told = text[there].astype(str).str.strip()
    numeric = pd.to_numeric(told, errors="coerce")
    if len(told) and numeric.notna().all() and numeric.abs().min() > 1e10:
        parsed = pd.to_datetime(numeric, unit="ms", errors="coerce")
    elif len(told) and all(_IN_A_NAME.search(t) and "-" not in t for t in told):
        parts = told.str.extract(_IN_A_NAME)
        parsed = pd.to_datetime(
            parts[0] + parts[1] + parts[2] + parts[3].fillna("00"), format="%Y%m%d%H", errors="coerce"
        )
    else:
        parsed = pd.to_datetime(told, format="ISO8601", errors="coerce", utc=True).dt.tz_localize(None)
    if parsed.isna().any():
        shown = told[parsed.isna()].iloc[0]
        raise ArchiveError(
            f"{file.path}: {file.heads['time']} {shown!r} is no time: expected YYYY-MM-DD, YYYYMMDD, a timestamp, "
            "milliseconds since 1970 or an image's name. Export it again."
        )
    out = pd.Series(np.datetime64("NaT", "ms"), index=text.index)
    out[there] = parsed.astype("datetime64[ms]")
    return pa.array(out, wanted)


def _utc(raw: pa.Array) -> pa.Array:
    return raw.cast(pa.timestamp("ms", tz="UTC"), safe=False).cast(pa.timestamp("ms"))


def _plain(name: str) -> str:
    match = _NETWORK.fullmatch(name)
    return match[2] if match else name


def describe_unmatched(names: Iterable[str], total: int, path: Path) -> str:
    """Return a note on the places of a file that are of no tower."""
    names = list(names)
    return f"{path.name}: {len(names):,} of {total:,} places are of no tower: {first_few(names)}"
