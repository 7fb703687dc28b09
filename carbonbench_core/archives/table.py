"""Tidy tables: Parquet or CSV with one row per site and day, and a mapping file that says which column is what.

A mapping comes with `--mapping NAME|FILE`; without it, a table that has all columns of a mapping shipped in
`mappings/` is recognised. Units, signs, missing codes and masks are the mapping's; see `_mapping` for the file.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import schema
from ..errors import ArchiveError
from . import Entry, Options, Record, _dates, _mapping, _oneflux, _tidy

CITATION = "as the mapping file of the table says"
LICENSE = "as the mapping file of the table says"
GUESSES = True

_ATTRIBUTES = ("latitude", "longitude", "igbp", "koppen_main", "koppen", *_mapping.ATTRIBUTES)


def find(path: Path, options: Options) -> list[Entry]:
    """Return one entry per site of a table; see the contract in `archives`.

    Raises
    ------
    ArchiveError : the table cannot be read, or lacks columns of the mapping that the user gave
    UsageError : the mapping does not exist or is wrong
    """
    if path.suffix.lower() not in (".parquet", ".csv"):
        return []
    mapping = _mapping_of(path, options)
    if mapping is None:
        return []
    opened = _tidy.open_table(path, mapping)
    if not opened.rows:
        raise ArchiveError(f"{path}: no row with a site in column {mapping.column['site_id']}. Check the table.")
    return [_entry(path, site, opened, mapping) for site in opened.rows]


def _mapping_of(path: Path, options: Options) -> _mapping.Mapping | None:
    if options.mapping is not None:
        mapping = _mapping.load(options.mapping)
        present = set(_tidy.heading(path, mapping.delimiter))
        telling = ("site_id", "date", *schema.TARGETS)
        return mapping if present.intersection(c for n, c in mapping.column.items() if n in telling) else None
    try:
        present = set(_tidy.heading(path))
    except ArchiveError:
        if path.suffix.lower() == ".parquet":
            raise
        return None  # any CSV may be of another kind
    fits = [m for m in _mapping.shipped().values() if present.issuperset(m.needed)]
    return max(fits, key=lambda m: len(m.needed), default=None)


def _entry(path: Path, site: str, opened: _tidy.Opened, mapping: _mapping.Mapping) -> Entry:
    network = mapping.network
    if "network" in mapping.column:
        start, stop = opened.rows[site]
        told = opened.table["network"].slice(start, stop - start).drop_null()
        network = told[0].as_py() if len(told) else network or "unknown"
    return Entry("table", path, "", site, network, mapping.title, rank=(1,), line=path.name)


def read(entry: Entry, options: Options) -> Record:
    """Read one site of a table; see the contract in `archives`.

    Raises
    ------
    ArchiveError : the site has an impossible date or a date twice; other sites of the table are not touched
    """
    mapping = _mapping_of(entry.path, options)
    opened = _tidy.open_table(entry.path, mapping) if mapping else None
    if opened is None or entry.site_id not in opened.rows:
        raise ArchiveError(f"{entry.path}: site {entry.site_id} is no longer there. Scan the sources again.")
    start, stop = opened.rows[entry.site_id]
    rows = opened.table.slice(start, stop - start).combine_chunks()
    where = f"{entry.path}, site {entry.site_id}"
    date = _dates.to_dates(rows["date"].combine_chunks(), mapping.date_format, where)
    dropped = Counter({"no date": date.null_count} if date.null_count else {})
    rows, date = rows.filter(date.is_valid()), date.drop_null()
    if not len(date):
        raise ArchiveError(f"{where}: no row has a date in column {mapping.column['date']}. Check the table.")
    _oneflux.refuse_twice(date.to_numpy(zero_copy_only=False), where)
    columns, masked = _masked(rows, mapping)
    attributes, notes = _attributes(rows)
    if opened.without_site and entry.site_id == next(iter(opened.rows)):
        notes.append(f"{opened.without_site:,} rows of {entry.path.name} name no site and belong to no tower")
    return Record(
        entry,
        pa.table({"date": date} | columns),
        mapping.target_variant,
        attributes,
        masked,
        notes,
        dropped,
        mapping.citation,
        mapping.licence,
    )


def _masked(rows: pa.Table, mapping: _mapping.Mapping) -> tuple[dict[str, pa.ChunkedArray], Counter]:
    """Return the columns of days, targets null where a mask says so, and how many days each mask was first to take."""
    wanted = [n for n in rows.column_names if n in schema.COLUMNS and schema.COLUMNS[n].role not in ("key", "static")]
    columns = {n: rows[n] for n in wanted}
    masked: Counter = Counter()
    taken = pa.chunked_array([np.zeros(rows.num_rows, dtype=bool)])
    for reason, _ in mapping.masks:
        mask = rows[_tidy.MASK + reason]
        masked[reason] = pc.sum(pc.and_not(mask, taken)).as_py() or 0
        taken = pc.or_(taken, mask)
    for target in set(columns).intersection(schema.TARGETS):
        columns[target] = pc.if_else(taken, pa.scalar(None, columns[target].type), columns[target])
    return columns, +masked


def _attributes(rows: pa.Table) -> tuple[dict[str, object], list[str]]:
    """Return what the rows say of the tower, the first value where they disagree, and a note on that."""
    said, notes = {}, []
    for name in _ATTRIBUTES:
        values = pc.unique(rows[name]).drop_null() if name in rows.column_names else ()
        if len(values):
            said[name] = values[0].as_py()
        if len(values) > 1:
            notes.append(f"{name} takes {len(values)} values in the table; the first, {said[name]}, is used")
    return said, notes
