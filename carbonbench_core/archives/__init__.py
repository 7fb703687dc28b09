"""Archive formats, one file each, found by scan: every module here that is not private can `find` and `read`.

A format module defines

- ``find(path, options) -> list[Entry]``: the tower records in one file or folder that are of this format, or an empty
  list; it looks at names and headers only. An `ArchiveError` says that the file is of this format and broken.
- ``read(entry, options) -> Record``: one tower's days, in the schema's names and units, as they stand in the archive.
- ``CITATION``: how the product asks to be cited; ``LICENSE``: its licence.
- optionally ``knows(path) -> bool``: the file belongs to an archive of this format without being a daily record (its
  hourly or auxiliary sibling), so that nobody need be told of it;
- optionally ``GUESSES = True``: it goes by what is in a file, whatever its name, and is asked after the others;
- optionally ``HUB_FILES``: the names of its files in a Hub dataset; of a source on the Hub only such files are fetched.

To add a format, add its file; nothing else lists it.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import TYPE_CHECKING

from ..errors import ArchiveError, UsageError, first_few
from . import _hub, _mapping, _zips
from ._nearest import UNKNOWN, why_unrecognised

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Options:
    """What the user may say about the sources.

    Parameters
    ----------
    mapping : str or None, a mapping file (or the name of a shipped one) for `table` sources; None recognises by columns
    """

    mapping: str | None = None


@dataclass(frozen=True)
class Entry:
    """One tower's record in one archive: what is read in one step, by one worker.

    Parameters
    ----------
    format : str, the module that found it
    path : Path, the file that holds the bytes (a zip, a CSV, a Parquet file)
    member : str, the member of a zip, else ""
    site_id, network, product : str, e.g. "DE-Hai", "FLUXNET2015", "FLUXNET2015 SUBSET 1-4"
    rank : tuple of int, among records of one tower the smallest comes first: 0 for a network's own archive and 1 for a
        table made from one; 0 for one with the USTAR50 targets and 1 without; minus the year of the processing; then
        what the format prefers
    companions : tuple of Path, further files that the record is read from
    order : int, where the record begins in a file of many, which is best read front to back
    line : str, the line of products of a network in which a newer record replaces an older one whole; records of
        different lines are merged, year by year
    """

    format: str
    path: Path
    member: str
    site_id: str
    network: str
    product: str
    rank: tuple[int, ...] = ()
    companions: tuple[Path, ...] = ()
    order: int = 0
    line: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.member}" if self.member else f"{self.path}"


@dataclass
class Record:
    """One tower's days as an archive holds them, or as they were merged from several.

    Parameters
    ----------
    entry : Entry
    table : pyarrow.Table [D, C], `date` (date32, each once, any order) and schema columns of role target, quality,
        uncertainty, driver, truth; missing values are null, never -9999; fluxes [gC m-2 d-1], NEE negative for uptake;
        perhaps a column `network` that says of each day whose it is, where days are of several
    target_variant : str, e.g. "VUT_USTAR50" or "VUT_REF"
    attributes : dict, what the archive itself says of the tower: latitude, longitude, igbp, koppen, name, doi; and
        nee_qc_scale, what its nee_qc measures
    masked : Counter, reason -> days whose targets were set to null on the archive's own word ("marked suspect")
    notes : list of str, what a user should know
    dropped : Counter, reason -> rows of the archive that belong to no day and are not in `table` ("no date")
    citation, licence : str, of this record's product
    said : list of (product, attributes), for each of several records that were merged, the first counts; else empty
    years : list of dict, which years are of which record, with network, product, target_variant, rows and
        superseded rows; filled by `records.read_tower`
    owed : list of (citation, licence), of each of several records that were merged; else empty
    failed : dict, archive -> why it could not be read, where the tower's other records could
    """

    entry: Entry
    table: pa.Table
    target_variant: str
    attributes: dict[str, object] = field(default_factory=dict)
    masked: Counter = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    dropped: Counter = field(default_factory=Counter)
    citation: str = ""
    licence: str = ""
    said: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    years: list[dict[str, object]] = field(default_factory=list)
    owed: list[tuple[str, str]] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


@dataclass
class Inventory:
    """What a scan of the sources found.

    Parameters
    ----------
    entries : list of Entry, by their order and site; several of one site where several lines of products have it
    superseded : list of Entry, older records of the same lines, which are not read
    broken : dict, path -> message, files that should be archives and cannot be read
    unrecognised : list of Path, data files (CSV, Parquet, zip) of no known format
    siblings : list of Path, hourly and auxiliary files of archives whose daily record is what counts
    ignored : list of Path, files that are no data
    """

    entries: list[Entry] = field(default_factory=list)
    superseded: list[Entry] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)
    unrecognised: list[Path] = field(default_factory=list)
    siblings: list[Path] = field(default_factory=list)
    ignored: list[Path] = field(default_factory=list)


# Site ids become file names, so they must not name anything else.
SITE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
DATA_SUFFIXES = (".csv", ".parquet", ".zip")


@cache
def formats() -> dict[str, ModuleType]:
    """Return every archive format by name."""
    found = sorted(m.name for m in iter_modules(__path__) if not m.ispkg and not m.name.startswith("_"))
    return {name: import_module(f"{__name__}.{name}") for name in found}


def scan(sources: Iterable[str | Path], options: Options | None = None) -> Inventory:
    """Find every tower record in files and folders.

    Parameters
    ----------
    sources : iterable of path, files, or folders that are walked, or ``hf://datasets/ORG/NAME[@REVISION]`` on the Hub
    options : Options

    Raises
    ------
    UsageError : a source does not exist, no source was given, or the mapping asked for is wrong
    ArchiveError : there is no record at all, or a Hub dataset cannot be fetched
    """
    options = options or Options()
    inventory = Inventory()
    sources = list(sources)
    if not sources:
        raise UsageError("No source given. Name at least one file or folder of flux data.")
    if options.mapping is not None:
        _mapping.load(options.mapping)  # a wrong one is told, whatever the sources are
    for path in _files(sources, inventory.broken):
        _look(path, options, inventory)
    if not inventory.entries and not inventory.broken:
        raise ArchiveError(_nothing_found(sources, inventory))
    inventory.entries, inventory.superseded = choose(inventory.entries)
    return inventory


def choose(entries: Iterable[Entry]) -> tuple[list[Entry], list[Entry]]:
    """Return the records to be read, the best of each site and line of products, and the others."""
    taken: dict[tuple[str, ...], Entry] = {}
    superseded = []
    for entry in sorted(entries, key=lambda e: (e.site_id, *best_first(e))):
        line = (entry.site_id, entry.format, entry.network, entry.line)
        if taken.setdefault(line, entry) is not entry:
            superseded.append(entry)
    return sorted(taken.values(), key=lambda e: (e.order, e.site_id, *best_first(e))), superseded


def best_first(entry: Entry) -> tuple:
    """Return the key by which the records of a tower are sorted, the one that counts first."""
    return entry.rank, f"{os.path.abspath(entry.path)}:{entry.member}"


def read(entry: Entry, options: Options | None = None) -> Record:
    """Read one tower's record through its format.

    Raises
    ------
    ArchiveError : the archive cannot be read; says which, where and what to do
    """
    try:
        return formats()[entry.format].read(entry, options or Options())
    except OSError as error:
        raise ArchiveError(_cannot_open(entry.path, error)) from None


def _cannot_open(path: Path, error: OSError) -> str:
    return f"{path}: cannot be opened ({error.strerror or error}). Check the path and its permissions."


def _files(sources: list[str | Path], broken: dict[str, str]) -> Iterable[Path]:
    """Yield every file of the sources once; folders that cannot be listed go to `broken`."""

    def told(error: OSError) -> None:
        broken[str(error.filename)] = _cannot_open(Path(error.filename), error)

    seen = set()
    for source in map(_local, sources):
        walked = (Path(folder, name) for folder, _, names in os.walk(source, onerror=told) for name in names)
        found = sorted(p for p in walked if p.is_file()) if source.is_dir() else [source]
        for path in found:
            if path.resolve() not in seen:
                seen.add(path.resolve())
                yield path


def _local(source: str | Path) -> Path:
    """Return a source as a path, fetched first if it is on the Hub."""
    if _hub.is_remote(source):
        return _hub.fetch(source, [name for module in formats().values() for name in getattr(module, "HUB_FILES", ())])
    path = Path(source)
    if not path.exists():
        hint = f" A dataset on the Hub is {_hub.PREFIX}{source}." if _hub.REPO_ID.fullmatch(str(source)) else ""
        raise UsageError(f"Source {source} does not exist. Check the path.{hint}")
    if not path.is_dir() and not path.is_file():
        raise UsageError(f"Source {source} is neither a file nor a folder. Name what holds the data.")
    return path


def _look(path: Path, options: Options, inventory: Inventory) -> None:
    if path.suffix.lower() not in DATA_SUFFIXES:
        inventory.ignored.append(path)
        return
    try:
        entries = _entries(path, options, guessing=False)
        known = not entries and any(m.knows(path) for m in formats().values() if hasattr(m, "knows"))
        if not entries and not known:
            entries = _entries(path, options, guessing=True)
    except ArchiveError as error:
        inventory.broken[str(path)] = str(error)
        return
    except OSError as error:
        inventory.broken[str(path)] = _cannot_open(path, error)
        return
    if entries:
        inventory.entries.extend(entries)
    elif known:
        inventory.siblings.append(path)
    elif _zips.holds_zips(path):
        inventory.broken[str(path)] = f"{path} holds further zips. Unpack it once: the zips inside are read in place."
    else:
        inventory.unrecognised.append(path)


def _entries(path: Path, options: Options, guessing: bool) -> list[Entry]:
    """Return what the formats find in a file: all that go by names, or the first that goes by content."""
    found: list[Entry] = []
    for module in formats().values():
        if getattr(module, "GUESSES", False) is guessing and not (guessing and found):
            found += module.find(path, options)
    unsafe = [e.site_id for e in found if not SITE_ID.fullmatch(e.site_id)]
    if unsafe:
        raise ArchiveError(
            f"{path}: {first_few(map(repr, unsafe))} cannot be a site id: letters, digits, '.', '_' and '-' are "
            "expected. Rename the site, or map another column to site_id."
        )
    return found


def _nothing_found(sources: list[str | Path], inventory: Inventory) -> str:
    where = ", ".join(map(str, sources))
    seen = f"{len(inventory.unrecognised)} data files of no known format"
    if inventory.unrecognised:
        first = inventory.unrecognised[0]
        why = why_unrecognised(first)
        seen += f" (first: {first.name}{'' if why == UNKNOWN else f': {why}'})"
    return (
        f"No tower record in {where}: {seen}, {len(inventory.ignored)} other files. "
        f"Known formats: {', '.join(formats())}. A tidy table of your own needs --mapping FILE."
    )
