"""Flags as a file: a person looks at it, `carbonbench build --mask FILE` acts on it. A CSV, a row for each stretch.

Columns: site_id, flag (why), column (a column of the folder, or "targets" for all three), first_day, last_day; the
others (days, days_qc1, text) are for the reader. A file written by hand needs these five alone.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from .. import schema
from ..errors import CarbonBenchError, UsageError, unknown
from ._days import UNDECIDED

if TYPE_CHECKING:
    import pyarrow as pa

    from ._days import Flag

TARGETS = "targets"
NEEDED = ("site_id", "flag", "column", "first_day", "last_day")
HEADING = (*NEEDED, "days", "days_qc1", "text")
# (flag, column, first day, last day) of one stretch.
Stretch = tuple[str, str, str, str]


def write(flags: Iterable[Flag], path: str | Path) -> int:
    """Write flags as a file that `build --mask` reads, and return its number of rows; undecided ones do not go there.

    Raises
    ------
    UsageError : there is no such place
    CarbonBenchError : it cannot be written
    """
    rows = [
        (flag.site_id, flag.kind, flag.column, first, last, len(flag.days), flag.best, flag.text)
        for flag in flags
        if flag.kind != UNDECIDED
        for first, last in flag.spans
    ]
    try:
        with Path(path).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([HEADING, *rows])
    except OSError as error:
        no_place = isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError)
        kind = UsageError if no_place else CarbonBenchError
        raise kind(f"Cannot write {path}: {error.strerror or error}. Choose another place.") from None
    return len(rows)


def read(path: str | Path) -> dict[str, tuple[Stretch, ...]]:
    """Return the stretches that a file of flags names, by tower.

    Raises
    ------
    UsageError : there is no such file, or a row of it names no column, day or tower
    """
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
            missing = [name for name in NEEDED if name not in (rows[0] if rows else NEEDED)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"Flags {path} cannot be read: {error}. Write them with carbonbench audit --flags.") from None
    if missing:
        raise UsageError(f"Flags {path} lack the columns {', '.join(missing)}. Needed are {', '.join(NEEDED)}.")
    found: dict[str, list[Stretch]] = {}
    for number, row in enumerate(rows, start=2):
        site, *stretch = ((row[name] or "").strip() for name in NEEDED)
        _refuse_wrong(site, stretch, f"Flags {path}, line {number}")
        found.setdefault(site, []).append(tuple(stretch))
    return {site: tuple(sorted(set(stretches))) for site, stretches in found.items()}


def _refuse_wrong(site: str, stretch: list[str], where: str) -> None:
    flag, column, first, last = stretch
    if not site or not flag:
        raise UsageError(f"{where}: site_id {site!r} and flag {flag!r} must both be given.")
    maskable = [c.name for c in schema.COLUMNS.values() if c.role not in ("key", "static", "truth")]
    if column not in (TARGETS, *maskable):
        raise unknown(f"column in {where}", column, (TARGETS, *maskable))
    try:
        in_order = date.fromisoformat(first) <= date.fromisoformat(last)
    except ValueError:
        in_order = False
    if not in_order:
        raise UsageError(f"{where}: {first!r} to {last!r} are no two days in order, written YYYY-MM-DD.")


def apply(table: pa.Table, stretches: Iterable[Stretch]) -> tuple[pa.Table, dict[str, int]]:
    """Return a tower's days with the stretches set to null, and how many values that took, by reason.

    Parameters
    ----------
    table : pyarrow.Table [D, C], `date` and columns
    stretches : iterable of `Stretch`

    Returns
    -------
    tuple of pyarrow.Table [D, C] and dict, ``"masked: FLAG (COLUMN)"`` -> values that were there; a value that several
    flags name counts under the first of them
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    days = table["date"].to_numpy().astype("datetime64[D]")
    counts: dict[str, int] = {}
    for flag, named, first, last in stretches:
        inside = pa.array((days >= np.datetime64(first)) & (days <= np.datetime64(last)))
        for column in schema.TARGETS if named == TARGETS else (named,):
            if column not in table.column_names:
                continue
            values = table[column]
            kept = pc.if_else(inside, pa.scalar(None, values.type), values)
            reason = f"masked: {flag} ({column})"
            counts[reason] = counts.get(reason, 0) + kept.null_count - values.null_count
            table = table.set_column(table.column_names.index(column), table.schema.field(column), kept)
    return table.combine_chunks(), counts
