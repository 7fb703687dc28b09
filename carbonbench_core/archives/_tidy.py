"""Opening a tidy table: its mapped columns in the schema's names, units and signs, sorted by site."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv
import pyarrow.parquet as pq

from .. import schema
from ..errors import ArchiveError, first_few
from . import _by_site, _oneflux, _units
from ._mapping import Mapping, describe

_TEXT = ("site_id", "date", "network", "igbp", "koppen_main", "koppen", "reco_src", "name", "doi")
MASK = "mask: "  # before a reason: the name of a mask's column in an opened table


@dataclass(frozen=True)
class Opened:
    """A table, opened.

    Parameters
    ----------
    table : pyarrow.Table [R, C], schema names, rows grouped by site; `date` as it stands in the file; masks as booleans
    rows : dict, site -> (first row, one past its last)
    without_site : int, rows of no site, which are in no tower
    """

    table: pa.Table
    rows: dict[str, tuple[int, int]]
    without_site: int


def heading(path: Path, delimiter: str = ",") -> list[str]:
    """Return a table's column names, from its first bytes.

    Raises
    ------
    ArchiveError : a Parquet file that is none, or a CSV without a readable first line
    """
    try:
        if path.suffix.lower() == ".parquet":
            return pq.read_schema(path).names
        with path.open("rb") as file:
            line = file.read(_oneflux.HEADER_BYTES).split(b"\n", 1)[0].rstrip(b"\r")
        return next(csv.reader([line.decode("utf-8-sig")], delimiter=delimiter))
    except (pa.ArrowException, OSError, UnicodeDecodeError, csv.Error, StopIteration) as error:
        kind = path.suffix[1:].lower()
        raise ArchiveError(f"{path}: no readable {kind} table ({_line(error)}). Fetch or export it again.") from None


def open_table(path: Path, mapping: Mapping) -> Opened:
    """Return a table, from memory if this process has opened the same file with the same mapping before.

    Raises
    ------
    ArchiveError : a mapped column is missing, stands twice or holds no numbers, or the file is damaged
    """
    stat = path.stat()
    return _open(path, stat.st_mtime_ns, stat.st_size, mapping)


@lru_cache(maxsize=1)  # entries come file by file, and one table may fill much of the memory
def _open(path: Path, _mtime_ns: int, _size: int, mapping: Mapping) -> Opened:
    names = heading(path, mapping.delimiter)
    lacking = [c for c in mapping.needed if c not in names]
    if lacking:
        near = first_few(get_close_matches(lacking[0], names, n=3, cutoff=0.4) or names)
        raise ArchiveError(
            f"{path} lacks {describe(mapping, lacking)}, which mapping {mapping.name} names. Nearest: {near}. "
            "Correct the mapping, or give another one with --mapping."
        )
    twice = [c for c in mapping.needed if names.count(c) > 1]
    if twice:
        raise ArchiveError(f"{path}: column {first_few(twice)} stands twice. Keep one.")
    raw = _read(path, mapping, names)
    columns = {name: _column(raw[column], name, unit, mapping, path) for name, column, unit in mapping.columns}
    masks = {MASK + why: _mask(raw[column], column, path) for why, column in mapping.masks}
    del raw
    return _grouped(pa.table(columns | masks))


def _read(path: Path, mapping: Mapping, names: list[str]) -> pa.Table:
    try:
        if path.suffix.lower() == ".parquet":
            file = pq.ParquetFile(path)
            _by_site.refuse_implausible(file.metadata, path)
            return file.read(columns=mapping.needed)
        types = {c: pa.bool_() for _, c in mapping.masks}
        types |= {c: _csv_type(name) for name, c, _ in mapping.columns}
        return pv.read_csv(
            path,
            pv.ReadOptions(use_threads=False),  # so that an error tells its line
            pv.ParseOptions(delimiter=mapping.delimiter),
            pv.ConvertOptions(
                include_columns=mapping.needed,
                column_types=types,
                null_values=_oneflux.NULLS,
                strings_can_be_null=True,
                decimal_point=mapping.decimal_point,
            ),
        )
    except (pa.ArrowException, OSError) as error:
        raise ArchiveError(f"{path}: {_oneflux.explain(str(error), names)}") from None


def _csv_type(name: str) -> pa.DataType:
    if name in _TEXT:
        return pa.string()
    return pa.float32() if schema.COLUMNS[name].role == "driver" else pa.float64()


def _column(raw: pa.ChunkedArray, name: str, unit: str | None, mapping: Mapping, path: Path) -> pa.ChunkedArray:
    """Return one column in the schema's unit and sign."""
    if name == "date":
        return raw
    if name in _TEXT:
        return _text(raw, mapping.column[name], path)
    try:
        values = raw.cast(_csv_type(name), safe=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ArchiveError(
            f"{path}: column {mapping.column[name]} holds {raw.type}, expected numbers for {name} ({_line(error)}). "
            "Map another column, or repair the table."
        ) from None
    values = _without_codes(values, mapping.missing)
    factor, offset = _units.to_schema(name, unit)
    if name == "nee" and mapping.nee_positive == "uptake":
        factor, offset = -factor, -offset
    if (factor, offset) == (1.0, 0.0):
        return values
    return pc.add(pc.multiply(values.cast(pa.float64()), factor), offset).cast(values.type)


def _without_codes(values: pa.ChunkedArray, codes: tuple[float, ...]) -> pa.ChunkedArray:
    gone = pc.is_nan(values)
    for code in codes:
        gone = pc.or_(gone, pc.equal(values, pa.scalar(code, values.type)))
    return pc.if_else(gone, pa.scalar(None, values.type), values)


def _text(raw: pa.ChunkedArray, column: str, path: Path) -> pa.ChunkedArray:
    """Return text, trimmed; empty text is null."""
    try:
        text = pc.utf8_trim_whitespace(raw.cast(pa.string()))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ArchiveError(f"{path}: column {column} holds no text ({_line(error)}). Export the table again.") from None
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _mask(raw: pa.ChunkedArray, column: str, path: Path) -> pa.ChunkedArray:
    try:
        return pc.fill_null(raw.cast(pa.bool_()), False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ArchiveError(f"{path}: mask column {column} is not true or false ({_line(error)}). Repair it.") from None


def _grouped(table: pa.Table) -> Opened:
    """Bring the rows of each site together, in the order they stand; rows of no site come first."""
    site = table["site_id"].combine_chunks().dictionary_encode()
    codes = pc.fill_null(site.indices, -1).to_numpy()
    if (np.diff(codes) < 0).any():
        order = np.argsort(codes, kind="stable")
        table, codes = table.take(pa.array(order)), codes[order]
    names = site.dictionary.to_pylist()
    starts = np.searchsorted(codes, np.arange(len(names) + 1)).tolist()
    rows = {name: (starts[i], starts[i + 1]) for i, name in enumerate(names)}
    return Opened(table, rows, starts[0])


def _line(error: Exception) -> str:
    return str(error).splitlines()[0][:160] if str(error) else type(error).__name__
