"""One validated table per tower: all rows of its record on a continuous calendar, nothing dropped in silence."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from . import schema
from .errors import ArchiveError, first_few

if TYPE_CHECKING:
    from .archives import Record
    from .towers import Tower

ALWAYS = tuple(c.name for c in schema.COLUMNS.values() if c.role in ("key", "static", "target") or c.name == "nee_qc")
CONSTANT = ("site_id", "network", "latitude", "longitude", "igbp", "koppen_main", "koppen")
# No network stood still for so long: a date beyond such a gap (1900, 2999) is a broken one.
LONGEST_GAP = 30 * 366  # days
LATE_SHARE = 0.2
YEARS_FOR_A_LATE_PART = 3
ROUNDED = 1.01  # the largest nee_qc that may still be a share, off by rounding
WORST_CLASS = 3.0  # of the fill classes 0 to 3, the other scale on which networks tell quality


@dataclass
class TowerDays:
    """One tower's days, as they go into the shards.

    Parameters
    ----------
    table : pyarrow.Table [D, C], every day from the first to the last of the record, in order; `schema.arrow_schema`
    late_start : date or None, first day of the late part; None under 3 calendar years
    counts : dict of int, additive over towers: rows_read + inserted_days = rows_written + dropped
    notes : list of str, what a user should know
    """

    table: pa.Table
    late_start: date | None
    counts: dict[str, int]
    notes: list[str] = field(default_factory=list)


def harmonise(record: Record, tower: Tower) -> TowerDays:
    """Return a record in the schema's columns and types, on a continuous calendar.

    Parameters
    ----------
    record : archives.Record
    tower : towers.Tower

    Returns
    -------
    TowerDays, with these counts: rows_read, dropped ("dropped: reason" each), inserted_days, rows_written; days without
    a value, of rows_written (gpp_missing, reco_missing, nee_missing, nee_qc_missing); days whose targets were set to
    null ("masked: reason"); values set to null (not_finite, qc_out_of_range)

    Raises
    ------
    ArchiveError : no day at all, a date twice, a gap of over 30 years, or a quality that is no share
    """
    rows = record.table.combine_chunks()
    counts = {"rows_read": rows.num_rows + record.dropped.total(), "dropped": record.dropped.total()}
    counts |= {f"dropped: {reason}": n for reason, n in record.dropped.items()}
    counts |= {f"masked: {reason}": n for reason, n in record.masked.items()}
    days, position = calendar(rows["date"], str(record.entry))
    counts |= {"inserted_days": int((position < 0).sum()), "rows_written": len(days)}
    refuse_no_share(rows, str(record.entry))
    columns = _checked(rows, counts)
    indices = pa.array(position, mask=position < 0)
    columns = {name: values.take(indices) for name, values in columns.items()}
    if "network" in rows.column_names:  # inserted days go with the day before
        columns["network"] = pc.fill_null(pc.fill_null_forward(rows["network"].take(indices)), tower.network)
    table = _with_constants(columns, days, tower)
    counts |= {f"{name}_missing": table[name].null_count for name in (*schema.TARGETS, "nee_qc")}
    return TowerDays(table, late_start(days), counts, [*record.notes, *_notes(table, days, position)])


def late_start(days: np.ndarray) -> date | None:
    """Return the first day of the late part of a record.

    The late part is the last ``max(1, round(0.2 * years))`` calendar years of the `years` that the record touches.

    Parameters
    ----------
    days : ndarray [D] of datetime64[D], in order

    Returns
    -------
    date, 1 January of the first late year; None for a record of under 3 calendar years
    """
    first, last = (int(d.astype("datetime64[Y]").astype(int)) + 1970 for d in (days[0], days[-1]))
    years = last - first + 1
    if years < YEARS_FOR_A_LATE_PART:
        return None
    return date(last - max(1, round(LATE_SHARE * years)) + 1, 1, 1)


def split_parts(tower_days: TowerDays) -> dict[str, pa.Table]:
    """Return the early and, if there is one, the late part of a tower's days."""
    table = tower_days.table
    if tower_days.late_start is None:
        return {"early": table}
    first = table["date"][0].as_py()
    cut = (tower_days.late_start - first).days  # the calendar is continuous: a row per day
    return {"early": table.slice(0, cut), "late": table.slice(cut)}


def calendar(dates: pa.ChunkedArray, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Return every day of a record, and the row that holds it.

    Returns
    -------
    tuple of ndarray [D] of datetime64[D], and ndarray [D] of int64, -1 for a day that is not in the record
    """
    if dates.null_count or not len(dates):
        raise ArchiveError(f"{where}: {dates.null_count or 'all'} days lack a date. Repair the record.")
    held = dates.to_numpy().astype("datetime64[D]")
    order = np.argsort(held, kind="stable")
    steps = np.diff(held[order]).astype(int)
    if (steps == 0).any():
        twice = held[order][1:][steps == 0]
        raise ArchiveError(f"{where}: {first_few(twice)} stands twice. A record has each date once: remove the copies.")
    if (steps > LONGEST_GAP).any():
        at = int(np.argmax(steps))
        before, after = held[order][at : at + 2]
        raise ArchiveError(
            f"{where}: {steps[at]:,} days lie between {before} and {after}; no record pauses for over "
            f"{LONGEST_GAP // 366} years. One of the dates is broken: repair it."
        )
    days = np.arange(held[order[0]], held[order[-1]] + 1)
    position = np.full(len(days), -1, dtype=np.int64)
    position[(held - days[0]).astype(int)] = np.arange(len(held))
    return days, position


def refuse_no_share(rows: pa.Table, where: str) -> None:
    """Raise an `ArchiveError` for days [D] whose nee_qc is not on the scale of 0 to 1: per cent or classes.

    Single days beyond the scale are set to null and counted; where most of the values above 0 are beyond it, those
    within it are on another scale too, and 1 per cent would count as fully measured.
    """
    if "nee_qc" not in rows.column_names:
        return
    qc = rows["nee_qc"].cast(pa.float64()).to_numpy()
    told = qc[np.isfinite(qc) & (qc > 0)]
    beyond = int((told > ROUNDED).sum())
    if 2 * beyond <= len(told):
        return
    largest = float(told.max())
    scale, remedy = "no share", "Give a share"
    if largest <= WORST_CLASS:
        scale, remedy = "a class of 0 to 3", "Map the classes to a share"
    elif largest <= 100:
        scale, remedy = "per cent", "Divide it by 100, or give it the unit '%' in a mapping file"
    raise ArchiveError(
        f"{where}: nee_qc is above 1 on {beyond:,} of {len(told):,} days, up to {largest:g}: it seems to be {scale}. "
        f"Expected is the share of measured or well filled data, 0 to 1. {remedy}."
    )


def _checked(rows: pa.Table, counts: dict[str, int]) -> dict[str, pa.ChunkedArray]:
    """Return the record's columns in the schema's types; what is no number or no share is null and counted."""
    names = [n for n in rows.column_names if n != "date" and n not in CONSTANT]
    types = {f.name: f.type for f in schema.arrow_schema(tuple(names))}
    columns = {name: rows[name].cast(types[name], safe=False) for name in names}
    counts |= {"not_finite": 0, "qc_out_of_range": 0}
    for name, values in columns.items():
        if pa.types.is_floating(values.type):
            columns[name] = _null_where(pc.is_nan(values), values)
            columns[name] = _counted(pc.is_inf(values), columns[name], "not_finite", counts)
    if "nee_qc" in columns:
        share = columns["nee_qc"]
        outside = pc.or_(pc.less(share, 0.0), pc.greater(share, 1.0))
        columns["nee_qc"] = _counted(outside, share, "qc_out_of_range", counts)
    return columns


def _counted(where: pa.ChunkedArray, values: pa.ChunkedArray, what: str, counts: dict[str, int]) -> pa.ChunkedArray:
    counts[what] += pc.sum(where).as_py() or 0
    return _null_where(where, values)


def _null_where(where: pa.ChunkedArray, values: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.if_else(where, pa.scalar(None, values.type), values)


def _with_constants(columns: dict[str, pa.ChunkedArray], days: np.ndarray, tower: Tower) -> pa.Table:
    wanted = schema.arrow_schema(tuple({*ALWAYS, *columns}))
    given = {name: getattr(tower, name) for name in CONSTANT}
    arrays = []
    for column in wanted:
        if column.name == "date":
            arrays.append(pa.array(days))
        elif column.name in columns:
            arrays.append(columns[column.name])
        elif column.name in CONSTANT:
            arrays.append(pa.repeat(pa.scalar(given[column.name], column.type), len(days)))
        else:
            arrays.append(pa.nulls(len(days), column.type))
    return pa.Table.from_arrays(arrays, schema=wanted).combine_chunks()


def _notes(table: pa.Table, days: np.ndarray, position: np.ndarray) -> list[str]:
    notes = [f"no {t} on any day" for t in schema.TARGETS if table[t].null_count == table.num_rows]
    if len(notes) == len(schema.TARGETS):
        notes = ["no valid target on any day: it can only be predicted for"]
    if table["nee_qc"].null_count == table.num_rows:
        notes.append("no nee_qc on any day: no day passes a quality threshold")
    held = np.flatnonzero(position >= 0)
    if len(held) > 1 and (longest := int(np.diff(held).max())) > 366:
        at = held[int(np.diff(held).argmax())]
        notes.append(f"{longest - 1:,} days inserted in one gap after {days[at]}")
    return notes
