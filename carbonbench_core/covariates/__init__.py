"""Covariates, one file per source of features, found by scan: every module here that is not private is a source.

A source module defines

- ``SOURCE``: the `source` of its columns in `columns`, which say what it provides;
- ``CITATION``: where its values come from;
- ``DAY``, if it has values by day: what a day is to it, "local" (standard time at the tower) or "UTC";
- optionally ``place(tower, table, given)``: sets what it knows of the tower itself, and the origin of that;
- optionally ``compute(date, latitude, longitude) -> dict``: columns [D] that follow from date and place alone.

Priority: a column is taken whole, for each tower, from the first of these that has a value on any of its days: what
the tower's own record carries, then what is computed. The manifest says for every column how many towers have it from
where. To add a source, add its file; nothing else lists it.
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
from . import era5_land

if TYPE_CHECKING:
    import pyarrow as pa

    from ..towers import Tower

RECORD = "the tower's record"
PRIORITY = (RECORD, "computed from date and place")


@dataclass(frozen=True)
class Given:
    """What the user gives beside the records.

    Parameters
    ----------
    koppen : Path or None, a raster of climate classes
    fingerprint : str, changes whenever a value that joins would
    """

    koppen: Path | None = None
    fingerprint: str = ""

    @property
    def files(self) -> list[Path]:
        """All files that values may come from."""
        return [self.koppen] if self.koppen else []


NOTHING = Given()


@dataclass
class Joined:
    """A tower's days with their covariates.

    Parameters
    ----------
    table : pyarrow.Table [D, C], `schema.arrow_schema`
    provenance : dict, driver column -> where its values come from
    reanalysis_day : str or None, what a day is to the reanalysis, "UTC" or "local"; the days of the fluxes are local
    notes : list of str
    """

    table: pa.Table
    provenance: dict[str, str]
    reanalysis_day: str | None = None
    notes: list[str] = field(default_factory=list)


@cache
def sources() -> dict[str, ModuleType]:
    """Return every source of covariates by name."""
    found = sorted(m.name for m in iter_modules(__path__) if not m.name.startswith("_"))
    modules = {name: import_module(f"{__name__}.{name}") for name in found}
    return {name: module for name, module in modules.items() if hasattr(module, "SOURCE")}


def gather(koppen: str | Path | None = None) -> Given:
    """Return what the user gives beside the records, looked through once.

    Parameters
    ----------
    koppen : path or None, a raster of climate classes

    Raises
    ------
    UsageError : a file does not exist or cannot be read
    """
    if koppen is None:
        return NOTHING
    from . import _raster

    _raster.opened(Path(koppen)).close()
    return Given(Path(koppen))


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


def join(table: pa.Table, given: Given = NOTHING) -> Joined:
    """Return a tower's days with all that there is to know of its place.

    Parameters
    ----------
    table : pyarrow.Table [D, C], one tower's days in order, with `date`, `latitude` and `longitude`
    given : Given
    """
    held = [n for n in schema.names("driver") if n in table.column_names and table[n].null_count < table.num_rows]
    joined = Joined(table, dict.fromkeys(held, RECORD))
    for name, module in sources().items():
        if hasattr(module, "compute"):
            _add(joined, _computed(module, table), name)
    if any(schema.COLUMNS[name].source == era5_land.SOURCE for name in held):
        joined.reanalysis_day = era5_land.DAY
    return joined


def _computed(module: ModuleType, table: pa.Table) -> dict[str, object]:
    place = [table[name][0].as_py() for name in ("latitude", "longitude")]
    if None in place:
        return {}
    return module.compute(table["date"].to_numpy().astype("datetime64[D]"), *place)


def _add(joined: Joined, columns: dict[str, object], origin: str) -> None:
    """Add the columns that the days do not have yet, in schema order."""
    import pyarrow as pa

    new = {name: values for name, values in columns.items() if name not in joined.provenance}
    if not new:
        return
    wanted = schema.arrow_schema(tuple({*joined.table.column_names, *new}))
    arrays = [
        pa.array(new[f.name]).cast(f.type) if f.name in new else joined.table[f.name].cast(f.type) for f in wanted
    ]
    joined.table = pa.Table.from_arrays(arrays, schema=wanted).combine_chunks()
    joined.provenance |= dict.fromkeys(new, origin)


def described(provenances: Iterable[dict[str, str]]) -> dict[str, object]:
    """Return what the manifest says of features: the priority, and for every column its origins with their towers."""
    origins: dict[str, Counter] = {}
    for provenance in provenances:
        for name, origin in provenance.items():
            origins.setdefault(name, Counter())[origin] += 1
    columns = {name: dict(sorted(origins[name].items())) for name in schema.COLUMNS if name in origins}
    return {"priority": list(PRIORITY), "columns": columns}
