"""What the archives of the ONEFlux networks share: a zip per tower, read in place, or its files unpacked in a folder.

Networks differ in how they name the files, which is their `Layout`, and in where they say what the tower is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from .. import schema
from ..errors import ArchiveError, first_few
from . import Entry, Record, _bif, _join, _oneflux, _zips

if TYPE_CHECKING:
    import pyarrow as pa

SITE = r"(?P<site>[A-Z]{2}-[A-Za-z0-9]{3})"
YEARS = r"\d{4}-\d{4}"
_NAMED_YEARS = re.compile(r"_(\d{4})-(\d{4})(?=[_.])")
ONEFLUX_SCALE = "ONEFlux share"
_DOWNSCALED = tuple(c.name for c in schema.COLUMNS.values() if c.source == "archive")


@dataclass(frozen=True)
class Layout:
    """How a network names its files.

    Parameters
    ----------
    daily : callable (PurePosixPath) -> Match or None, with the group `site`, for a daily file
    archive : Pattern, of the zip's name
    entry : callable (path, member, match) -> Entry
    info : str, pattern of the names of files that say what a tower is, ``{site}`` standing for its id; "" for none
    reanalysis : str, pattern of the names of daily files of downscaled reanalysis, in the same way
    """

    daily: Callable[[PurePosixPath], re.Match | None]
    archive: re.Pattern
    entry: Callable[[Path, str, re.Match], Entry]
    info: str = ""
    reanalysis: str = ""


def by_name(pattern: re.Pattern) -> Callable[[PurePosixPath], re.Match | None]:
    """Return a matcher of daily files that looks at the file's own name."""
    return lambda path: pattern.fullmatch(path.name)


def find(path: Path, layout: Layout) -> list[Entry]:
    """Return the daily records in a zip or CSV.

    Raises
    ------
    ArchiveError : the zip is named like one of this network, and is none, unsafe, or without a daily file
    """
    suffix = path.suffix.lower()
    if suffix == ".zip":
        return _in_zip(path, layout)
    match = layout.daily(PurePosixPath(path.as_posix())) if suffix == ".csv" else None
    return [layout.entry(path, "", match)] if match else []


def _in_zip(path: Path, layout: Layout) -> list[Entry]:
    ours = layout.archive.fullmatch(path.name)
    try:
        infos = _zips.members(path)
    except ArchiveError:
        if ours:
            raise
        return []
    daily = [(m.filename, layout.daily(PurePosixPath(m.filename))) for m in infos]
    entries = [layout.entry(path, name, match) for name, match in daily if match]
    if entries:
        _zips.refuse_unsafe(path, infos)
    elif ours:
        held = first_few(sorted(m.filename for m in infos)) or "nothing"
        raise ArchiveError(f"{path}: holds no daily file (*_DD_*.csv) but {held}. Fetch the whole archive again.")
    return entries


def read(entry: Entry, citation: str, licence: str, layout: Layout | None = None) -> Record:
    """Read a tower's daily file with the reanalysis beside it, and what the archive says of the tower.

    Raises
    ------
    ArchiveError : the daily file or the reanalysis is damaged; site information that is costs itself alone
    """
    daily = _oneflux.read_daily(content(entry), str(entry))
    info = site_info(entry, layout) if layout and layout.info else _bif.SiteInfo()
    attributes = {**info.attributes, "nee_qc_scale": ONEFLUX_SCALE}
    notes = [*daily.notes, *years_lacking(entry, daily.table), *info.notes]
    table = daily.table
    if layout and layout.reanalysis and not set(_DOWNSCALED) <= set(table.column_names):
        named = re.compile(layout.reanalysis.replace("{site}", re.escape(entry.site_id)), re.IGNORECASE)
        if found := reanalysis(entry, named):
            table = _join.within(table, _oneflux.read_drivers(*found))
    return Record(entry, table, daily.variant, attributes, notes=notes, citation=citation, licence=licence)


def years_lacking(entry: Entry, table: pa.Table) -> list[str]:
    """Return a note if days [D] lack years that the daily file's name promises: a file cut at a line reads well."""
    named = _NAMED_YEARS.search(PurePosixPath(entry.member or entry.path.name).name)
    days = _join.dates(table)
    first, last = days.min(), days.max()
    if not named or (str(first)[:4] <= named[1] and named[2] <= str(last)[:4]):
        return []
    return [f"the file's name says {named[1]} to {named[2]}, its days are {first} to {last}: is it cut short?"]


def reanalysis(entry: Entry, named: re.Pattern) -> tuple[bytes, str] | None:
    """Return the bytes of the reanalysis file that goes with a record, and how messages name it."""
    if entry.member:
        inside = [m.filename for m in _zips.members(entry.path) if named.fullmatch(PurePosixPath(m.filename).name)]
        return (content(entry, inside[0]), f"{entry.path}:{inside[0]}") if inside else None
    beside = [path for path in entry.companions if named.fullmatch(path.name)]
    return (from_disk(beside[0]), str(beside[0])) if beside else None


def content(entry: Entry, member: str | None = None) -> bytes:
    """Return the bytes of an entry's daily file, or of another member of the same zip.

    Raises
    ------
    ArchiveError : damaged, or larger than any daily file is
    """
    if entry.member:
        return _zips.read_member(entry.path, member or entry.member)
    return from_disk(entry.path)


def from_disk(path: Path) -> bytes:
    """Return the bytes of a file, unless it is larger than any daily file is.

    Raises
    ------
    ArchiveError : it is too large
    """
    if path.stat().st_size > _zips.MAX_BYTES:
        raise ArchiveError(f"{path}: larger than {_zips.MAX_BYTES >> 20} MiB, no daily file is. Use the DD file.")
    return path.read_bytes()


def site_info(entry: Entry, layout: Layout) -> _bif.SiteInfo:
    """Return what an archive says of its tower: the zip itself, else the files beside it."""
    named = _info_names(layout, re.escape(entry.site_id))
    inside = [m.filename for m in _zips.members(entry.path)] if entry.member else []
    inside = [name for name in inside if named.fullmatch(PurePosixPath(name).name)]
    try:
        if inside:
            return _bif.read(content(entry, inside[0]), inside[0], entry.site_id)
        for path in (p for p in entry.companions if named.fullmatch(p.name)):
            return _bif.read_file(path, entry.site_id)
    except (ArchiveError, OSError) as error:
        return _bif.SiteInfo(notes=(f"what the archive says of the tower is not read: {error}",))
    return _bif.SiteInfo()


def info_beside(path: Path, layout: Layout, site: str) -> tuple[Path, ...]:
    """Return the file beside an archive that says what one of its towers is: its own, else the network's latest."""
    found = beside(path, site, _info_names(layout, re.escape(site)))
    return (max(found, key=lambda p: (site in p.name, p.name)),) if found else ()


def reanalysis_beside(path: Path, layout: Layout, site: str) -> tuple[Path, ...]:
    """Return the daily reanalysis of a tower beside an unpacked daily file, the latest by name."""
    named = re.compile(layout.reanalysis.replace("{site}", re.escape(site)), re.IGNORECASE)
    return tuple(beside(path, site, named)[-1:])


def is_info(path: Path, layout: Layout) -> bool:
    """Whether a file is named like one that says what towers are."""
    return _info_names(layout, SITE).fullmatch(path.name) is not None


def _info_names(layout: Layout, site: str) -> re.Pattern:
    return re.compile(layout.info.replace("{site}", site), re.IGNORECASE)


def beside(path: Path, site: str, named: re.Pattern) -> list[Path]:
    """Return the files in the folder of an archive that carry a tower's id, or AA-* for all towers, and such a name."""
    listing = _listing(path.parent, path.parent.stat().st_mtime_ns)
    names = [n for key, some in listing.items() if key == site or key.startswith("AA-") for n in some]
    return sorted(path.parent / name for name in names if named.fullmatch(name))


@lru_cache(maxsize=16)  # a folder may hold thousands of files, and each of its towers asks
def _listing(folder: Path, _mtime_ns: int) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for name in (p.name for p in folder.iterdir() if p.is_file()):
        if found := re.search(rf"(?<![A-Za-z0-9]){SITE}(?![A-Za-z0-9])", name):
            names.setdefault(found["site"], []).append(name)
    return names
