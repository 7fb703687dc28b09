"""What the daily files of every ONEFlux network share: header, dates, missing codes, target variants, meteorology.

Layout and variable names: Pastorello et al. 2020, doi:10.1038/s41597-020-0534-3. A daily file has one line per
local standard-time day, TIMESTAMP as YYYYMMDD, -9999 where a value is missing, fluxes in gC m-2 d-1 with NEE negative
for uptake, and the units of `schema` for the meteorology.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv

from .. import schema
from ..errors import ArchiveError, first_few

VARIANTS = ("VUT_USTAR50", "VUT_REF")  # the benchmark's own first; one file gives one variant, never a mixture
MISSING = -9999.0
NULLS = ["", "-9999", "-9999.0", "-9999.00", "NaN", "nan", "NA"]
# A column of this name makes a CSV a table of many towers, whatever else it has.
SITE_HEADINGS = {"site", "site_id", "siteid", "tower", "station", "station_id"}
HEADER_BYTES = 1 << 16


@dataclass
class Daily:
    """What one ONEFlux daily file holds.

    Parameters
    ----------
    table : pyarrow.Table [D, C], `date` and schema columns, missing values null
    variant : str, the target variant, one of `VARIANTS`
    notes : list of str
    """

    table: pa.Table
    variant: str
    notes: list[str] = field(default_factory=list)


def read_drivers(raw: bytes, where: str) -> pa.Table:
    """Read the drivers of a daily file without fluxes, such as downscaled reanalysis.

    Returns
    -------
    pyarrow.Table [D, C], `date` and the columns that the schema knows; no row where it knows none

    Raises
    ------
    ArchiveError : the bytes are no complete daily file; says which line and column, and what to do
    """
    heading = header(raw, where)
    drivers = drivers_in(heading)
    if not drivers:
        return pa.table({"date": pa.array([], pa.date32())})
    table = _parse(raw, heading, [], drivers, where).combine_chunks()
    return pa.table({"date": dates(table["TIMESTAMP"], where)} | {name: clean(table[name]) for name in drivers})


def read_daily(raw: bytes, where: str, variants: tuple[str, ...] = VARIANTS) -> Daily:
    """Read a daily file of any ONEFlux network.

    Parameters
    ----------
    raw : bytes, the file
    where : str, how messages name it
    variants : tuple of str, the target variants the network has, the preferred one first

    Raises
    ------
    ArchiveError : the bytes are no complete ONEFlux daily file; says which line and column, and what to do
    """
    heading = header(raw, where)
    usable = _usable_variants(heading, variants)
    if not usable:
        near = first_few(get_close_matches("NEE_VUT_REF", heading, n=3) or heading)
        wanted = " or ".join(target_names(v)["nee"] for v in variants)
        raise ArchiveError(
            f"{where}: no {wanted} with its _QC among {len(heading)} columns (nearest: {near}). "
            "Use the daily (DD) file with all variables."
        )
    targets = [c for v in usable for c in {**target_names(v), **uncertainty_names(v)}.values() if c in heading]
    drivers = drivers_in(heading)
    raw_table = _parse(raw, heading, targets, drivers, where)
    if raw_table.num_rows == 0:
        raise ArchiveError(f"{where}: a header and no day. The download is probably cut short: fetch it again.")
    daily = _daily(raw_table, usable, drivers, where)
    if not raw.endswith(b"\n"):
        daily.notes.append("the last line has no end: is the file cut short, and its last value with it?")
    return daily


def drivers_in(heading: list[str]) -> list[str]:
    """Return the columns of a heading that are drivers of the schema, in schema order."""
    return [name for name in schema.names("driver") if name in heading]


def target_names(variant: str) -> dict[str, str]:
    """Return schema name -> ONEFlux name of the targets and their quality, for one variant."""
    return {
        "gpp": f"GPP_NT_{variant}",
        "reco": f"RECO_NT_{variant}",
        "nee": f"NEE_{variant}",
        "nee_qc": f"NEE_{variant}_QC",
    }


def uncertainty_names(variant: str) -> dict[str, str]:
    """Return schema name -> ONEFlux name of what a daily file tells of the uncertainty of one variant's targets."""
    return {
        "gpp_dt": f"GPP_DT_{variant}",
        "reco_dt": f"RECO_DT_{variant}",
        "nee_randunc": f"NEE_{variant}_RANDUNC",
    }


def header(raw: bytes, where: str) -> list[str]:
    """Return the column names of a daily file.

    Raises
    ------
    ArchiveError : the first line is no ONEFlux header
    """
    if not raw.strip():
        raise ArchiveError(f"{where}: the file is empty. Fetch it again.")
    line = raw[: HEADER_BYTES * 4].split(b"\n", 1)[0].rstrip(b"\r")
    try:
        names = next(csv.reader([line.decode("utf-8-sig")]))
        if "\0" in line.decode("utf-8-sig"):
            raise csv.Error
    except (UnicodeDecodeError, csv.Error, StopIteration):
        raise ArchiveError(f"{where}: the first line is no UTF-8 text. Fetch it again, or save it as UTF-8.") from None
    if "TIMESTAMP" not in names:
        hint = _header_hint(names)
        raise ArchiveError(
            f"{where}: expected a column TIMESTAMP, got {first_few(repr(n[:40]) for n in names)}. {hint}"
        )
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise ArchiveError(f"{where}: the heading names {first_few(twice)} twice. Keep one column of each name.")
    return names


def _header_hint(names: list[str]) -> str:
    if len(names) == 1 and (";" in names[0] or "\t" in names[0]):
        return "Separate the columns by commas, as the network does."
    if "TIMESTAMP_START" in names:
        return "This is a half-hourly or weekly file: use the daily (DD) one."
    return "Use the daily (DD) file as the network publishes it."


def _usable_variants(heading: list[str], variants: tuple[str, ...]) -> list[str]:
    """The preferred variant counts when all four of its columns are there, another already with NEE and its quality."""
    present = set(heading)
    first, *others = (target_names(v) for v in variants)
    usable = [variants[0]] if present.issuperset(first.values()) else []
    return usable + [
        v for v, names in zip(variants[1:], others, strict=True) if present.issuperset((names["nee"], names["nee_qc"]))
    ]


def _parse(raw: bytes, heading: list[str], targets: list[str], drivers: list[str], where: str) -> pa.Table:
    types = {"TIMESTAMP": pa.int64()} | dict.fromkeys(targets, pa.float64()) | dict.fromkeys(drivers, pa.float32())
    convert = pv.ConvertOptions(include_columns=list(types), column_types=types, null_values=NULLS)
    try:
        # One thread, so that an error tells its line; towers are read in parallel instead.
        return pv.read_csv(pa.BufferReader(raw), pv.ReadOptions(use_threads=False), convert_options=convert)
    except pa.ArrowInvalid as error:
        raise ArchiveError(f"{where}: {explain(str(error), heading)}") from None


def explain(message: str, heading: list[str]) -> str:
    """Return what pyarrow's CSV reader complains about, with the column's name and a remedy."""
    conversion = re.search(r"In CSV column #(\d+): (?:Row #(\d+): )?.*?invalid value '(.*)'", message, re.DOTALL)
    if conversion:
        column, row, value = conversion.groups()
        at = f" in line {row}" if row else ""
        wanted = "a day as YYYYMMDD" if heading[int(column)] == "TIMESTAMP" else "a number"
        return f"column {heading[int(column)]}{at}: expected {wanted}, got {value[:40]!r}. Repair it or fetch it again."
    ragged = re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", message)
    if ragged:
        row, expected, got = ragged.groups()
        return f"line {row} has {got} of {expected} columns. The file is cut short or damaged: fetch it again."
    return f"{message.splitlines()[0][:200]}. The file is damaged: fetch it again."


def _daily(raw: pa.Table, variants: list[str], drivers: list[str], where: str) -> Daily:
    raw = raw.combine_chunks()
    columns = {"date": dates(raw["TIMESTAMP"], where)}
    cleaned = {name: clean(raw[name]) for name in raw.column_names if name != "TIMESTAMP"}
    variant = max(variants, key=lambda v: _with_values(cleaned, v))  # the first of equals: USTAR50
    chosen = target_names(variant)
    notes = [f"{name} is not in the file: no {key} targets" for key, name in chosen.items() if name not in cleaned]
    if variant != variants[0]:
        notes.append(f"{variants[0]} columns carry fewer targets; {variant} taken")
    chosen |= uncertainty_names(variant)
    columns |= {key: cleaned[name] for key, name in chosen.items() if name in cleaned}
    columns |= {name: cleaned[name] for name in drivers}
    return Daily(pa.table(columns), variant, notes)


def _with_values(cleaned: dict[str, pa.ChunkedArray], variant: str) -> int:
    """Count the targets of a variant that have a value on any day."""
    names = [target_names(variant)[t] for t in schema.TARGETS]
    return sum(n in cleaned and cleaned[n].null_count < len(cleaned[n]) for n in names)


def clean(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return numbers with every spelling of -9999, and NaN, as null."""
    gone = pc.or_(pc.is_nan(values), pc.equal(values, pa.scalar(MISSING, values.type)))
    return pc.if_else(gone, pa.scalar(None, values.type), values)


def days(stamps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return days written YYYYMMDD as dates, and which of them do not exist.

    Parameters
    ----------
    stamps : ndarray [D] of int64

    Returns
    -------
    tuple of ndarray [D] of datetime64[D] and ndarray [D] of bool, True for 20050230 or 1230
    """
    year, month, day = stamps // 10000, stamps // 100 % 100, stamps % 100
    start = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    date = start.astype("datetime64[D]") + (day - 1)
    odd = (month < 1) | (month > 12) | (date.astype("datetime64[M]") != start)
    return date, odd | (stamps < 1000_01_01) | (stamps > 9999_12_31)


def dates(stamps: pa.ChunkedArray, where: str) -> pa.Array:
    """Return TIMESTAMP as date32.

    Raises
    ------
    ArchiveError : an empty stamp, a day that does not exist, or a day that stands twice
    """
    if stamps.null_count:
        line = pc.index(pc.is_null(stamps), True).as_py() + 2
        raise ArchiveError(f"{where}: line {line} has no TIMESTAMP. The file is damaged: fetch it again.")
    values = stamps.to_numpy()
    date, bad = days(values)
    if bad.any():
        at = int(bad.argmax())
        raise ArchiveError(
            f"{where}: TIMESTAMP {values[at]} in line {at + 2} is no day written YYYYMMDD. Use the daily (DD) file."
        )
    refuse_twice(date, where)
    return pa.array(date)


def refuse_twice(date: np.ndarray, where: str) -> None:
    """Raise an `ArchiveError` naming the first date [D] that stands twice."""
    unique, counts = np.unique(date, return_counts=True)
    if len(unique) < len(date):
        twice = unique[counts > 1]
        raise ArchiveError(
            f"{where}: {twice[0]} stands twice ({len(twice):,} such dates). A daily record has each date once: "
            "remove the copies or fetch it again."
        )


def is_daily(path: Path) -> bool:
    """Whether a CSV of any name is one tower's ONEFlux daily file, by its header and first day."""
    with path.open("rb") as file:
        head = file.read(HEADER_BYTES)
    try:
        names = header(head, path.name)
    except ArchiveError:
        return False
    if not _usable_variants(names, VARIANTS) or SITE_HEADINGS.intersection(n.lower() for n in names):
        return False
    stamp = next((line.split(b",") for line in head.split(b"\n")[1:] if line.strip()), [])
    at = names.index("TIMESTAMP")
    return len(stamp) > at and re.fullmatch(rb'"?\d{8}"?', stamp[at].strip()) is not None
