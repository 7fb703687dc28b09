"""The records of one tower, from several networks, put together: whole calendar years, each from one record.

The records come best first: a network's own archive before a table made from it, one with the USTAR50 targets before
one without, the newest processing before older ones (`archives.Entry.rank`). A calendar year is taken whole from the
first record that has at least `ENOUGH` of the days with NEE that any record has in it, so that the days at the edge of
a newer record do not displace a year of an older one. Nothing is interleaved within a year. Rows of other records are
counted. Satellite and reanalysis features that the chosen record has no column for are taken from the next that has
one, on the same days: they belong to the place, not to the record.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from . import archives, schema
from .archives import Entry, Options, Record
from .archives._join import dates, position
from .errors import ArchiveError
from .harmonise import calendar, refuse_no_share

ENOUGH = 0.5
SUPERSEDED = "superseded: the year is taken from another record of the tower"
COMMON = 30  # days, to compare two records by
ALIKE, SIZES = 0.5, (0.5, 2.0)  # correlation and ratio of sizes that two processings of one tower do not leave
OF_A_PART = "in records of which only some years are used"


@dataclass(frozen=True)
class Reader:
    """Reads the tower `site_id` from its records; a callable that travels to a worker."""

    site_id: str
    entries: tuple[Entry, ...]
    options: Options

    def __call__(self) -> Record:
        """Return the merged record; see `read_tower`."""
        return read_tower(self.site_id, self.entries, self.options)


def read_tower(site_id: str, entries: Sequence[Entry], options: Options) -> Record:
    """Read all records of one tower and merge them.

    A record that cannot be read costs its own years only, and stands in `Record.failed`.

    Raises
    ------
    ArchiveError : no record can be read
    """
    records, failed = [], {}
    for entry in sorted(entries, key=archives.best_first):
        try:
            record = archives.read(entry, options)
            # A broken date or scale costs its own record, not the tower.
            calendar(record.table["date"], str(entry))
            refuse_no_share(record.table, str(entry))
            records.append(record)
        except ArchiveError as error:
            failed[str(entry)] = str(error)
    if not records:
        raise ArchiveError("; ".join(failed.values()))
    record = merge(records) if len(records) > 1 else records[0]
    record.years = record.years or [_told(record, record.table, 0, choose_years([record.table]))]
    record.entry = replace(record.entry, site_id=site_id)
    record.failed = failed
    return record


def merge(records: Sequence[Record]) -> Record:
    """Merge the records of one tower.

    Parameters
    ----------
    records : sequence of Record, at least one, best first

    Returns
    -------
    Record, the entry of the record with most rows, a column `network`, and what it is made of in `said`, `years`,
        `owed`; `dropped` counts superseded rows
    """
    chosen = choose_years([r.table for r in records])
    kept = [_rows_of(r, i, chosen) for i, r in enumerate(records)]
    notes = [
        f"{r.entry.product}: {note}" for r, part in zip(records, kept, strict=True) if len(part) for note in r.notes
    ]
    givers: list[int] = []  # records that features come from, though perhaps no day does
    kept = [_with_features(part, i, records, notes, givers) for i, part in enumerate(kept)]
    used = [i for i, part in enumerate(kept) if len(part)]
    main = records[max(used, key=lambda i: len(kept[i]))]
    table = pa.concat_tables([kept[i] for i in used], promote_options="permissive")
    return Record(
        main.entry,
        table,
        _joined([records[i].target_variant for i in used]),
        _attributes(records, used),
        _masked(records, kept),
        notes + _variants([records[i] for i in used]) + _contradictions(table, records, kept),
        _dropped(records, kept),
        main.citation,
        main.licence,
        said=[(_label(r, records), r.attributes) for r in records],
        years=[_told(r, part, i, chosen) for i, (r, part) in enumerate(zip(records, kept, strict=True))],
        owed=list(dict.fromkeys((records[i].citation, records[i].licence) for i in (*used, *givers))),
    )


def choose_years(tables: Sequence[pa.Table]) -> dict[int, int]:
    """Return which table each calendar year is taken from.

    Parameters
    ----------
    tables : sequence of pyarrow.Table, best first, with `date` and perhaps `nee`

    Returns
    -------
    dict, year -> index of the table, sorted by year
    """
    rows = [Counter(_years(t).tolist()) for t in tables]
    valid = [Counter(_years(t)[_has_nee(t)].tolist()) for t in tables]
    chosen = {}
    for year in sorted(set().union(*rows)):
        most = max(v[year] for v in valid)
        good = (i for i, v in enumerate(valid) if rows[i][year] and v[year] >= ENOUGH * most)
        chosen[year] = next(good)
    return chosen


def _years(table: pa.Table) -> np.ndarray:
    return dates(table).astype("datetime64[Y]").astype(int) + 1970


def _has_nee(table: pa.Table) -> np.ndarray:
    if "nee" not in table.column_names:
        return np.zeros(table.num_rows, dtype=bool)
    return np.isfinite(table["nee"].cast(pa.float64()).to_numpy())


def _rows_of(record: Record, index: int, chosen: dict[int, int]) -> pa.Table:
    """Return the rows of the years that are taken from a record, each with its network."""
    years = _years(record.table)
    wanted = np.isin(years, [year for year, i in chosen.items() if i == index])
    table = record.table.filter(pa.array(wanted))
    if "network" not in table.column_names:
        table = table.append_column("network", pa.array([record.entry.network] * len(table), pa.string()))
    return table


def _with_features(
    part: pa.Table, index: int, records: Sequence[Record], notes: list[str], givers: list[int]
) -> pa.Table:
    """Return a part with the features of the place that its own record has no column for; `givers` gains whose."""
    if not len(part):
        return part
    days = dates(part)
    for i, other in ((i, r) for i, r in enumerate(records) if i != index):
        new = [n for n in other.table.column_names if n not in part.column_names and _of_the_place(n)]
        at = position(dates(other.table), days)
        if not new or (at < 0).all():
            continue
        indices = pa.array(at, mask=at < 0)
        for name in new:
            part = part.append_column(name, other.table[name].combine_chunks().take(indices))
        givers.append(i)
        notes.append(f"{len(new)} features of the days of {records[index].entry.product} are of {other.entry.product}")
    return part


def _of_the_place(name: str) -> bool:
    column = schema.COLUMNS.get(name)
    return column is not None and column.role == "driver" and column.source != "tower"


def _label(record: Record, records: Sequence[Record]) -> str:
    """Return how conflicts name a record: its product, with its site id and file where that is not enough."""
    alike = [r for r in records if r.entry.product == record.entry.product]
    if len(alike) == 1:
        return record.entry.product
    if len({r.entry.site_id for r in alike}) == len(alike):
        return f"{record.entry.product} {record.entry.site_id}"
    return f"{record.entry.product} {record.entry.site_id} ({record.entry.path.name})"


def _attributes(records: Sequence[Record], used: list[int]) -> dict[str, object]:
    """Return what the records say of the tower, the first counts; quality is what it is in the records used."""
    said: dict[str, object] = {}
    for record in records:
        said = {**record.attributes, **{k: v for k, v in said.items() if v not in (None, "")}}
    scales = [str(records[i].attributes.get("nee_qc_scale") or "unknown") for i in used]
    return {**said, "nee_qc_scale": _joined(scales)}


def _joined(values: Sequence[str]) -> str:
    return " and ".join(dict.fromkeys(values))


def _variants(used: Sequence[Record]) -> list[str]:
    variants = {r.target_variant: r.entry.product for r in reversed(used)}
    if len(variants) < 2:
        return []
    return ["target variants differ between years: " + ", ".join(f"{v} of {p}" for v, p in sorted(variants.items()))]


def _contradictions(table: pa.Table, records: Sequence[Record], kept: Sequence[pa.Table]) -> list[str]:
    """Return a note for each target of a record that was not used and is another series than the one that was."""
    notes = []
    for record, part in zip(records, kept, strict=True):
        days = np.intersect1d(np.setdiff1d(dates(record.table), dates(part)), dates(table))
        both = [t.take(pa.array(position(dates(t), days))) for t in (table, record.table)]
        for name in schema.TARGETS:
            series = [t[name].cast(pa.float64()).to_numpy() for t in both if name in t.column_names]
            if len(series) == 2 and (how := _differs(*series)):
                where = f"{record.entry.product} in {record.entry.path.name}"
                notes.append(f"{name} of {where}, superseded, contradicts what is used {how}")
    return notes


def _differs(used: np.ndarray, other: np.ndarray) -> str:
    """Return how two series of one target on the same days [D] contradict each other; "" if they are much the same."""
    both = np.isfinite(used) & np.isfinite(other)
    a, b = used[both], other[both]
    if len(a) < COMMON or not (np.ptp(a) and np.ptp(b) and np.median(np.abs(a))):
        return ""
    r, size = np.corrcoef(a, b)[0, 1], np.median(np.abs(b)) / np.median(np.abs(a))
    if r >= ALIKE and SIZES[0] <= size <= SIZES[1]:
        return ""
    return f"on {len(a):,} common days (r {r:.2f}, {size:.3g} times the size): check which is right"


def _masked(records: Sequence[Record], kept: Sequence[pa.Table]) -> Counter:
    """Return the days that records masked; of a record that is used in part it is not known in which years."""
    masked: Counter = Counter()
    for record, part in zip(records, kept, strict=True):
        whole = len(part) == record.table.num_rows
        for reason, n in record.masked.items():
            if len(part):
                masked[reason if whole else f"{reason} ({OF_A_PART})"] += n
    return masked


def _dropped(records: Sequence[Record], kept: Sequence[pa.Table]) -> Counter:
    dropped: Counter = Counter()
    for record, part in zip(records, kept, strict=True):
        dropped.update(record.dropped)
        dropped[SUPERSEDED] += record.table.num_rows - len(part)
    return +dropped


def _told(record: Record, part: pa.Table, index: int, chosen: dict[int, int]) -> dict[str, object]:
    """Return the entry of sites.parquet on one record: which years are its, and what was not used."""
    return {
        "years": [year for year, i in chosen.items() if i == index],
        "site_id": record.entry.site_id,
        "network": record.entry.network,
        "product": record.entry.product,
        "target_variant": record.target_variant,
        "rows": len(part),
        "superseded": record.table.num_rows - len(part),
    }
