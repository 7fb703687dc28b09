"""Site information as networks write it (BIF and BADM): rows of a variable and its value, in CSV or a spreadsheet.

A heading names the columns, in any order and case: SITE_ID, GROUP_ID, VARIABLE_GROUP, VARIABLE, DATAVALUE in the BADM
interchange format (Pastorello et al. 2020, doi:10.1038/s41597-020-0534-3, table SM8); Variable, Description, dataValue1
and further values in the templates that people fill in. Rows of one GROUP_ID belong together. Only what `FIELDS` names
is ever looked at: rows on team members and their addresses are passed over.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path

from ..errors import ArchiveError
from . import _spreadsheet, _zips

FIELDS = {"SITE_NAME": "name", "LOCATION_LAT": "latitude", "LOCATION_LONG": "longitude", "IGBP": "igbp", "DOI": "doi"}
_PRODUCT = "DOI_DATAPRODUCT"  # which of several DOIs of a site is the flux product's
_WANTED = {*FIELDS, _PRODUCT}
HEADING_ROWS = 20  # templates begin with a few lines of instructions
MOVED = 0.01  # degree, about 1 km


@dataclass(frozen=True)
class SiteInfo:
    """What an archive says of its tower.

    Parameters
    ----------
    attributes : dict, of name, latitude, longitude, igbp, doi those that are told
    notes : tuple of str, what a user should know
    """

    attributes: dict[str, object] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


# site ("" where the file names none) -> (group, variable, value) in the file's order
Told = dict[str, list[tuple[str, str, str]]]


def read(raw: bytes, name: str, site: str) -> SiteInfo:
    """Return what a file of site information says of one site.

    Parameters
    ----------
    raw : bytes, the file
    name : str, its name; .xlsx is a spreadsheet, anything else CSV
    site : str

    Raises
    ------
    ArchiveError : it cannot be read, or has no columns of variables and values
    """
    return _of_site(_told(raw, name), site, name)


def read_file(path: Path, site: str) -> SiteInfo:
    """Return what a file says of one site; a network's file on all of its sites is parsed once per process.

    Raises
    ------
    ArchiveError : it cannot be read, or has no columns of variables and values
    """
    stat = path.stat()
    if stat.st_size > _zips.MAX_BYTES:
        raise ArchiveError(f"{path}: larger than {_zips.MAX_BYTES >> 20} MiB, no site information is.")
    return _of_site(_parsed(path, stat.st_mtime_ns, stat.st_size), site, path.name)


@lru_cache(maxsize=2)
def _parsed(path: Path, _mtime_ns: int, _size: int) -> Told:
    return _told(path.read_bytes(), path.name)


def _told(raw: bytes, name: str) -> Told:
    rows = _spreadsheet.rows(raw, name) if name.lower().endswith(".xlsx") else _csv_rows(raw, name)
    heading = next((h for h in map(_columns, islice(rows, HEADING_ROWS)) if h), None)
    if heading is None:
        raise ArchiveError(f"{name}: no columns VARIABLE and DATAVALUE. Get the site information from the network.")
    told: Told = {}
    for cells in rows:
        variable = next((v for v in (cells.get(i, "").strip().upper() for i in heading["keys"]) if v in _WANTED), None)
        value = next((v for v in (cells.get(i, "").strip() for i in heading["values"]) if v), "")
        if variable and value not in ("", "-9999"):
            site, group = (cells.get(heading[key], "").strip() for key in ("site", "group"))
            told.setdefault(site, []).append((group, variable, value))
    return told


def _csv_rows(raw: bytes, name: str) -> Iterator[dict[int, str]]:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    try:
        for row in csv.reader(io.StringIO(text, newline="")):
            yield dict(enumerate(row))
    except csv.Error as error:
        raise ArchiveError(f"{name}: no readable CSV ({error}). Fetch it again.") from None


def _columns(cells: dict[int, str]) -> dict | None:
    """Return where a heading has what, or None for a row that is no heading."""
    names = {i: re.sub(r"[\s_]", "", text).lower() for i, text in cells.items()}
    at = {name: i for i, name in reversed(names.items())}
    keys = [at[name] for name in ("variable", "description") if name in at]
    values = sorted(i for i, name in names.items() if name.startswith("datavalue"))
    if not keys or not values:
        return None
    return {"keys": keys, "values": values, "site": at.get("siteid", -1), "group": at.get("groupid", -1)}


def _of_site(told: Told, site: str, name: str) -> SiteInfo:
    rows = told.get(site) or told.get("")
    if not rows:
        return SiteInfo(notes=(f"{name} says nothing of {site}",))
    notes: list[str] = []
    attributes = {"name": _first(rows, "SITE_NAME"), "igbp": _igbp(rows, name, notes), "doi": _doi(rows)}
    attributes |= _location(rows, name, notes)
    return SiteInfo({k: v for k, v in attributes.items() if v is not None}, tuple(notes))


def _first(rows: Iterable[tuple[str, str, str]], wanted: str) -> str | None:
    return next((value for _, variable, value in rows if variable == wanted), None)


def _igbp(rows: list[tuple[str, str, str]], name: str, notes: list[str]) -> str | None:
    """Return the first class as a code; some write "DBF - Deciduous Broadleaf Forests"."""
    classes = [value for _, variable, value in rows if variable == "IGBP"]
    codes = list(dict.fromkeys(m[0] if (m := re.match(r"[A-Za-z]{2,3}\b", c)) else c for c in classes))
    if len(codes) > 1:
        notes.append(f"{name} gives several IGBP classes, {', '.join(codes)}; the first is used")
    return codes[0] if codes else None


def _location(rows: list[tuple[str, str, str]], name: str, notes: list[str]) -> dict[str, object]:
    """Return latitude and longitude of the first group that has both."""
    by_group: dict[str, dict[str, str]] = {}
    for group, variable, value in rows:
        if variable in ("LOCATION_LAT", "LOCATION_LONG"):
            by_group.setdefault(group, {}).setdefault(variable, value)
    places = [(g["LOCATION_LAT"], g["LOCATION_LONG"]) for g in by_group.values() if len(g) == 2]
    if not places:  # told in groups of their own
        places = [(_first(rows, "LOCATION_LAT"), _first(rows, "LOCATION_LONG"))]
    numbers = [tuple(map(_number, place)) for place in places]
    first = numbers[0]
    if any(abs(a - b) > MOVED for place in numbers for a, b in zip(first, place, strict=True) if _both(a, b)):
        notes.append(f"{name} gives {len(places)} locations; the first is used")
    return {"latitude": first[0], "longitude": first[1]}


def _number(text: str | None) -> float | str | None:
    """Return a number, or the text that is none, for `towers` to say so."""
    try:
        return float(text) if text is not None else None
    except ValueError:
        return text


def _both(*values: object) -> bool:
    return all(isinstance(value, float) for value in values)


def _doi(rows: list[tuple[str, str, str]]) -> str | None:
    """Return the DOI of the flux product where groups say of what, else the first."""
    products = {group for group, variable, value in rows if variable == _PRODUCT and "FLUXNET" in value.upper()}
    of_product = [row for row in rows if row[0] in products]
    return _first(of_product, "DOI") or _first(rows, "DOI")
