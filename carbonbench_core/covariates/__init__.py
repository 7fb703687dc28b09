"""Covariates, one file per source of features, found by scan: every module here that is not private is a source.

A source module defines

- ``SOURCE``: the `source` of its columns in `columns`, which say what it provides;
- ``CITATION``: where its values come from;
- ``DAY``, if it has values by day: what a day is to it, "local" (standard time at the tower) or "UTC"; where that
  depends on the rows, ``day_convention(rows) -> str`` as well;
- optionally ``place(tower, table, given)``: sets what it knows of the tower itself, and the origin of that;
- optionally ``compute(date, latitude, longitude) -> dict``: columns [D] that follow from date and place alone;
- optionally ``recognise(names) -> dict | None`` and ``join(rows, days, longitude, counts) -> dict``, for files that a
  user has: which columns of a file are its own; and, from the rows of one place (`time` and the columns recognised),
  its columns on a tower's calendar [D], NaN where there is none. What is left out goes into `counts`;
- optionally ``EARTH_ENGINE``: the collection to fetch, see `_earth_engine`.

Priority: a column is taken whole, for each tower, from the first of these that has a value on any of its days: files
given with `--covariates`, what the tower's own record carries, what is computed. The manifest says for every column how
many towers have it from where. To add a source, add its file; nothing else lists it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import TYPE_CHECKING

from .. import schema
from ..errors import ArchiveError, FeatureError, UsageError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from ..towers import Tower
    from ._files import File

RECORD = "the tower's record"
PRIORITY = ("files given with --covariates", RECORD, "computed from date and place")


@dataclass(frozen=True)
class Given:
    """What the user gives beside the records.

    Parameters
    ----------
    tables : tuple of File, in the order given
    koppen : Path or None, a raster of climate classes
    unrecognised : tuple of Path, data files in folders that no source knows
    broken : dict, path -> why a file in a folder cannot be read
    fingerprint : str, changes whenever a value that joins would
    """

    tables: tuple[File, ...] = ()
    koppen: Path | None = None
    unrecognised: tuple[Path, ...] = ()
    broken: dict[str, str] = field(default_factory=dict)
    fingerprint: str = ""

    @property
    def files(self) -> list[Path]:
        """All files that values may come from."""
        return list(dict.fromkeys([t.path for t in self.tables] + [self.koppen] * bool(self.koppen)))


NOTHING = Given()


@dataclass
class Joined:
    """A tower's days with their covariates.

    Parameters
    ----------
    table : pyarrow.Table [D, C], `schema.arrow_schema`
    provenance : dict, driver column -> where its values come from
    reanalysis_day : str or None, what a day is to the reanalysis, "UTC" or "local"; the days of the fluxes are local
    counts : Counter, reason -> rows or days of files that were left out
    matched : list of (file name, source, place, "id" or "coordinates")
    """

    table: pa.Table
    provenance: dict[str, str]
    reanalysis_day: str | None = None
    counts: Counter = field(default_factory=Counter)
    matched: list[tuple[str, str, str, str]] = field(default_factory=list)


@cache
def sources() -> dict[str, ModuleType]:
    """Return every source of covariates by name."""
    found = sorted(m.name for m in iter_modules(__path__) if not m.name.startswith("_"))
    return {name: import_module(f"{__name__}.{name}") for name in found}


def gather(paths: Iterable[str | Path] = (), koppen: str | Path | None = None) -> Given:
    """Return what the user gives beside the records, looked through once.

    Parameters
    ----------
    paths : iterable of path, files of covariates, or folders that are walked
    koppen : path or None, a raster of climate classes

    Raises
    ------
    UsageError : a file does not exist, or was named and no source knows it
    ArchiveError : a file that was named is damaged
    """
    from . import _files, _raster

    if koppen is not None:
        _raster.opened(Path(koppen)).close()
    recognise = {name: module.recognise for name, module in sources().items() if hasattr(module, "recognise")}
    tables, unrecognised, broken = [], [], {}
    for path, named in _walk(paths, _files.SUFFIXES):
        try:
            found = _files.look(path, recognise)
        except ArchiveError as error:
            if named:
                raise
            broken[str(path)] = str(error)
            continue
        if not found and named:
            raise UsageError(f"{path} is no file of covariates: no column of {', '.join(recognise)} in it.")
        tables += found
        unrecognised += [] if found else [path]
    return Given(tuple(tables), Path(koppen) if koppen else None, tuple(unrecognised), broken)


def _walk(paths: Iterable[str | Path], suffixes: tuple[str, ...]) -> Iterable[tuple[Path, bool]]:
    """Return the files of covariates, and whether the user named each."""
    for path in map(Path, paths):
        if not path.exists():
            raise UsageError(f"Covariates {path} do not exist. Check the path given with --covariates.")
        if path.is_dir():
            yield from ((p, False) for p in sorted(path.rglob("*")) if p.suffix.lower() in suffixes and p.is_file())
        else:
            yield path, True


def settle(tower: Tower, table: pa.Table, given: Given = NOTHING) -> None:
    """Set what sources know of a tower itself, such as its climate class.

    Parameters
    ----------
    tower : Tower, with what its archives and the catalogue say
    table : pyarrow.Table [D, C], the days of its record
    given : Given
    """
    for module in sources().values():
        if hasattr(module, "place"):
            module.place(tower, table, given)


def join(table: pa.Table, given: Given = NOTHING, ids: Iterable[str] = ()) -> Joined:
    """Return a tower's days with all that there is to know of its place.

    Parameters
    ----------
    table : pyarrow.Table [D, C], one tower's days in order, with `date`, `latitude` and `longitude`
    given : Given
    ids : iterable of str, the names under which files may hold the tower

    Raises
    ------
    FeatureError : a file holds what cannot be, such as values scaled twice
    """
    there = set(table.column_names)  # the list is made anew at every look
    held = [n for n in schema.names("driver") if n in there and table[n].null_count < table.num_rows]
    joined = Joined(table, dict.fromkeys(held, RECORD))
    reanalysis = sources()["era5_land"]
    if any(schema.COLUMNS[name].source == reanalysis.SOURCE for name in held):
        joined.reanalysis_day = reanalysis.DAY
    for name in dict.fromkeys(t.source for t in given.tables):
        _join_files(joined, name, [t for t in given.tables if t.source == name], list(ids))
    for name, module in sources().items():
        if hasattr(module, "compute"):
            columns = _computed(module, table)
            _add(joined, {n: values for n, values in columns.items() if n not in joined.provenance}, name)
    return joined


def _join_files(joined: Joined, name: str, files: list[File], ids: list[str]) -> None:
    """Add the columns of one source from all files that hold the tower; where two have a day, the first counts."""
    import pyarrow as pa

    from . import _files

    module = sources()[name]
    latitude, longitude = _coordinates(joined.table)
    parts, used = [], []
    for file in files:
        places, how = file.match(ids, latitude, longitude)
        if not places:
            continue
        rows, timeless = _files.rows(file, places, None if latitude is None else (latitude, longitude))
        joined.counts[f"{module.SOURCE}: rows without a time"] += timeless
        if rows.num_rows:
            parts.append(rows)
            used.append(file.path.name)
            joined.matched += [(file.path.name, name, place, how) for place in places]
    if not parts:
        return
    rows = pa.concat_tables(parts, promote_options="default").combine_chunks()
    days = joined.table["date"].to_numpy().astype("datetime64[D]")
    try:
        columns = module.join(rows, days, longitude or 0.0, joined.counts)
    except FeatureError as error:
        raise FeatureError(f"{', '.join(used)}, place {joined.matched[-1][2]}: {error}") from None
    columns = {n: values for n, values in columns.items() if (values == values).any()}
    _add(joined, columns, ", ".join(dict.fromkeys(used)))
    if columns and hasattr(module, "day_convention"):
        joined.reanalysis_day = module.day_convention(rows)


def _coordinates(table: pa.Table) -> tuple[float | None, float | None]:
    return table["latitude"][0].as_py(), table["longitude"][0].as_py()


def _computed(module: ModuleType, table: pa.Table) -> dict[str, np.ndarray]:
    place = _coordinates(table)
    return {} if None in place else module.compute(table["date"].to_numpy().astype("datetime64[D]"), *place)


def _add(joined: Joined, columns: dict[str, np.ndarray], origin: str) -> None:
    """Put columns in, in place of those that are there under their names, in schema order."""
    import pyarrow as pa

    if not columns:
        return
    wanted = schema.arrow_schema(tuple({*joined.table.column_names, *columns}))
    arrays = [
        pa.array(columns[f.name], from_pandas=True).cast(f.type) if f.name in columns else joined.table[f.name]
        for f in wanted
    ]
    joined.table = pa.table(arrays, schema=wanted).combine_chunks()
    joined.provenance |= dict.fromkeys(columns, origin)


def described(outcomes: Iterable[dict], given: Given) -> tuple[dict[str, object], list[str]]:
    """Return what the manifest says of the features, and notes on what was not matched.

    Parameters
    ----------
    outcomes : iterable of dict, of towers, with `provenance` and `matched`
    given : Given

    Returns
    -------
    dict : the priority; for every column its origins with their towers; for every file its places and towers
    notes : list of str
    """
    from . import _files

    outcomes = list(outcomes)
    origins: dict[str, Counter] = {}
    for name, origin in (item for outcome in outcomes for item in outcome["provenance"].items()):
        origins.setdefault(name, Counter())[origin] += 1
    files, notes = [], [f"{Path(path).name}: not read: {why}" for path, why in given.broken.items()]
    for file in given.tables:
        by = [(m[2], m[3]) for o in outcomes for m in o["matched"] if (m[0], m[1]) == (file.path.name, file.source)]
        lost = sorted(set(file.places) - {place for place, _ in by})
        how = Counter(how for _, how in by)
        told = {"name": file.path.name, "source": file.source, "places": len(file.places), "of_no_tower": lost}
        files.append(told | {"matched_by": dict(sorted(how.items()))})
        notes += [_files.describe_unmatched(lost, len(file.places), file.path)] if lost else []
    notes += [f"{path.name}: no covariates in it that a source knows" for path in given.unrecognised]
    columns = {name: dict(sorted(origins[name].items())) for name in schema.COLUMNS if name in origins}
    return {"priority": list(PRIORITY), "columns": columns, "files": files}, notes
