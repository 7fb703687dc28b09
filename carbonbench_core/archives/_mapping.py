"""Mapping files: which column of a tidy table is what, and in which unit.

A mapping is a TOML file of three tables. `[table]` says what holds for all rows; `[columns]` gives, for each name of
the schema, the table's column, or `{ column = "...", unit = "..." }` where its unit is another; `[masks]` gives, for a
reason, a column that is true on days whose targets are not to be trusted.

    [table]
    title = "My towers, release 1"
    network = "AmeriFlux"
    target_variant = "VUT_REF"
    citation = "..."
    licence = "CC-BY-4.0"

    [columns]
    site_id = "tower"
    date = "day"
    gpp = { column = "GPP", unit = "umol m-2 s-1" }
    nee = "NEE"
    nee_qc = { column = "share", unit = "%" }

    [masks]
    "marked suspect" = "suspect"
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path

from .. import schema
from ..errors import UsageError, first_few, unknown
from . import _units

# What a mapping may say of a tower beyond the schema's columns.
ATTRIBUTES = ("name", "doi")
_CHOICES = {"nee_positive": ("release", "uptake")}


@dataclass(frozen=True)
class Mapping:
    """A mapping file, read.

    Parameters
    ----------
    name : str, the file's stem
    columns : tuple of (schema name, table column, unit or None)
    masks : tuple of (reason, table column)
    title, network, target_variant, citation, licence : str, what holds for all rows
    date_format : str, e.g. "%d.%m.%Y"; "" for dates, timestamps, YYYY-MM-DD and YYYYMMDD
    missing : tuple of float, codes that mean null, besides NaN
    nee_positive : str, "release" (as in the benchmark) or "uptake"
    delimiter, decimal_point : str, of a CSV
    """

    name: str
    columns: tuple[tuple[str, str, str | None], ...]
    masks: tuple[tuple[str, str], ...] = ()
    title: str = ""
    network: str = ""
    target_variant: str = "unstated"
    citation: str = ""
    licence: str = ""
    date_format: str = ""
    missing: tuple[float, ...] = (-9999.0,)
    nee_positive: str = "release"
    delimiter: str = ","
    decimal_point: str = "."

    @property
    def column(self) -> dict[str, str]:
        """Schema name -> table column."""
        return {name: column for name, column, _ in self.columns}

    @property
    def needed(self) -> list[str]:
        """The table columns this mapping reads, each once."""
        return list(dict.fromkeys([c for _, c, _ in self.columns] + [c for _, c in self.masks]))


@cache
def shipped() -> dict[str, Mapping]:
    """Return the mappings that come with the package, by name."""
    folder = files(f"{__package__}.mappings")
    found = sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    return {f.name.removesuffix(".toml"): parse(f.read_text("utf-8"), f.name) for f in found}


def load(name_or_file: str) -> Mapping:
    """Return a mapping by the name of a shipped one, or from a file.

    Raises
    ------
    UsageError : neither exists, or the file is no valid mapping
    """
    if name_or_file in shipped():
        return shipped()[name_or_file]
    path = Path(name_or_file)
    if not path.is_file():
        raise unknown("mapping (and no such file)", name_or_file, shipped())
    stat = path.stat()
    return _load(path, stat.st_mtime_ns, stat.st_size)


@cache
def _load(path: Path, _mtime_ns: int, _size: int) -> Mapping:
    try:
        return parse(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"Mapping {path} cannot be read: {error}. Save it as a UTF-8 text file.") from None


def parse(text: str, where: str) -> Mapping:
    """Return the mapping that a TOML text says.

    Raises
    ------
    UsageError : no TOML, an unknown key, column or unit, or no site, date or target
    """
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"Mapping {where} is no TOML: {error}.") from None
    for section in said:
        if section not in ("table", "columns", "masks") or not isinstance(said[section], dict):
            raise unknown(f"section of mapping {where}", section, ("[table]", "[columns]", "[masks]"))
    columns = tuple(_column(name, value, where) for name, value in said.get("columns", {}).items())
    _require([name for name, _, _ in columns], said.get("table", {}), where)
    masks = tuple((str(reason), str(column)) for reason, column in said.get("masks", {}).items())
    return Mapping(Path(where).stem, columns, masks, **_settings(said.get("table", {}), where))


def _column(name: str, value: object, where: str) -> tuple[str, str, str | None]:
    known = [c.name for c in schema.COLUMNS.values() if c.role != "truth"]
    if name not in (*known, *ATTRIBUTES):
        near = get_close_matches(name, (*known, *ATTRIBUTES), n=3)
        hint = f"Did you mean {' or '.join(near)}? " if near else ""
        raise UsageError(
            f"Mapping {where}: {name!r} is no column of CarbonBench. {hint}See carbonbench_core/columns.py."
        )
    told = value if isinstance(value, dict) else {"column": value}
    if not isinstance(told.get("column"), str) or not set(told) <= {"column", "unit"}:
        raise UsageError(f'Mapping {where}: {name} = {value!r}. Give a column, or {{ column = "...", unit = "..." }}.')
    unit = told.get("unit")
    if unit is not None:
        if name in ATTRIBUTES or schema.COLUMNS[name].unit == "-":
            raise UsageError(f"Mapping {where}: {name} has no unit. Leave unit = {unit!r} out.")
        _units.to_schema(name, str(unit))
    return name, told["column"], unit


def _require(names: Iterable[str], table: dict[str, object], where: str) -> None:
    names = set(names)
    missing = {"site_id", "date"} - names
    if missing or not names.intersection(schema.TARGETS):
        wanted = ", ".join(sorted(missing)) or "gpp, reco or nee"
        raise UsageError(f"Mapping {where} does not say which column is {wanted}. Add it under [columns].")
    if "network" not in names and not table.get("network"):
        raise UsageError(f'Mapping {where} names no network. Add network = "..." under [table] or [columns].')


def _settings(table: dict[str, object], where: str) -> dict[str, object]:
    known = {f.name: f.default for f in fields(Mapping) if f.name not in ("name", "columns", "masks")}
    settings = dict(table)
    for key, value in table.items():
        if key not in known:
            raise unknown(f"key under [table] of mapping {where}", key, known)
        if key == "missing":
            settings[key] = _codes(value, where)
        elif not isinstance(value, str) or value not in _CHOICES.get(key, (value,)):
            wanted = " or ".join(map(repr, _CHOICES.get(key, ()))) or "a text"
            raise UsageError(f"Mapping {where}: {key} = {value!r}, expected {wanted}.")
    settings.setdefault("title", Path(where).stem)
    return settings


def _codes(value: object, where: str) -> tuple[float, ...]:
    codes = value if isinstance(value, list) else [value]
    if not all(isinstance(c, int | float) and not isinstance(c, bool) for c in codes):
        raise UsageError(f"Mapping {where}: missing = {value!r}, expected numbers, as in [-9999].")
    return tuple(float(c) for c in codes)


def describe(mapping: Mapping, lacking: Iterable[str]) -> str:
    """Return which columns of a mapping a table lacks, with what they are for."""
    uses = {column: name for name, column, _ in mapping.columns} | {column: why for why, column in mapping.masks}
    return first_few(f"{column!r} (for {uses[column]})" for column in lacking)
