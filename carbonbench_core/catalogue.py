"""A catalogue of towers: a CSV with one row per tower, under its usual headings, such as a network's list of sites."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from .errors import ArchiveError, UsageError, first_few
from .towers import canonical, conflicts

# Headings under which catalogues give a field, in lower case.
HEADINGS = {
    "site_id": ("site_id", "site", "siteid", "site_code", "tower", "tower_id", "station", "station_id"),
    "name": ("name", "site_name", "sitename", "tower_name", "station_name"),
    "network": ("network", "networks", "data_hub"),
    "hub": ("data_hub", "hub"),
    "latitude": ("latitude", "lat", "location_lat", "site_latitude"),
    "longitude": ("longitude", "lon", "long", "lng", "location_long", "site_longitude"),
    "igbp": ("igbp", "igbp_class", "land_cover", "vegetation"),
    "koppen": ("koppen_full", "koppen_detailed", "koppen_geiger", "kg", "koppen"),
    "koppen_main": ("koppen_main", "koppen_short", "koppen"),
    "koppen_source": ("koppen_source",),
    "doi": ("doi", "product_id"),
}


def read_towers(path: str | Path) -> dict[str, dict]:
    """Read a catalogue of towers: a CSV with one row per tower, or per tower and network.

    Rows of one tower under several networks are joined: the first that has a value counts, and what they say
    differently stands in `conflicts`.

    Parameters
    ----------
    path : path, a CSV with a site column and any of latitude, longitude, IGBP, Koppen, name, network, doi, under their
        usual headings (`HEADINGS`)

    Returns
    -------
    dict, site_id -> dict of the `Tower` fields the row gives, with `catalogue` (file name), `koppen_source`,
        `notes`, `conflicts`

    Raises
    ------
    UsageError : there is no such file
    ArchiveError : it is no CSV of towers, or names a tower twice in one network
    """
    path = Path(path)
    if not path.is_file():
        raise UsageError(f"Catalogue of towers {path} does not exist. Check the path given with --towers.")
    rows = _rows(path)
    heading = next(rows, [])
    at = _positions(heading, path)
    towers: dict[str, dict] = {}
    for number, row in enumerate(rows, start=2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(heading):
            raise ArchiveError(f"{path}: line {number} has {len(row)} of {len(heading)} columns. Repair it.")
        given = {name: row[i].strip() for name, i in at.items()}
        site = given.pop("site_id")
        entry = _listed(given, path.name)
        if not site or (site in towers and not _of_another_network(entry, towers[site])):
            what = f"names {site} a second time" if site else "names no tower"
            raise ArchiveError(f"{path}: line {number} {what}. Each tower has one row a network, with its id.")
        towers[site] = joined(towers[site], entry) if site in towers else entry
    if not towers:
        raise ArchiveError(f"{path}: no tower in it. Give a CSV with one row per tower.")
    return towers


def look_up(catalogue: Mapping[str, dict], ids: Iterable[str]) -> dict | None:
    """Return the entry of the first of some ids that a catalogue has, spelt alike before spelt in other letter case."""
    ids = list(ids)
    exact = next((catalogue[site] for site in ids if site in catalogue), None)
    if exact is not None:
        return exact
    folded = {site.casefold(): entry for site, entry in catalogue.items()}
    return next((folded[site.casefold()] for site in ids if site.casefold() in folded), None)


def _of_another_network(entry: dict, held: dict) -> bool:
    """Whether a second row of a tower is what another network says of it, and no mistake."""
    if entry["hub"] and held["hub"]:
        return not set(entry["hub"].split(";")) & set(held["hub"].split(";"))
    known = networks(held)
    return bool(known and networks(entry) and not networks(entry) & known)


def networks(entry: Mapping[str, object]) -> set[str]:
    """Return the networks that a catalogue names for a tower."""
    return {name.strip() for name in str(entry.get("network") or "").split(";") if name.strip()}


def joined(first: dict, second: dict) -> dict:
    """Return the entry of a tower of which a catalogue has two; the first counts, conflicts hold both values."""
    told = [(f"{each['catalogue']} ({each['hub'] or each['network']})", each) for each in (first, second)]
    place = first if first["latitude"] is not None else second
    both = {
        name: ";".join(dict.fromkeys(n for each in (first, second) for n in (each[name] or "").split(";") if n)) or None
        for name in ("network", "hub")
    }
    return {
        **{name: value if value is not None else second[name] for name, value in first.items()},
        **both,
        "latitude": place["latitude"],
        "longitude": place["longitude"],
        "notes": first["notes"] + second["notes"],
        "conflicts": first["conflicts"] + second["conflicts"] + conflicts(told),
    }


def _rows(path: Path) -> Iterator[list[str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from csv.reader(file)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ArchiveError(f"{path}: no readable CSV ({error}). Save the catalogue as CSV in UTF-8.") from None


def _positions(heading: list[str], path: Path) -> dict[str, int]:
    """Return field -> column number; of several headings for one field the first in `HEADINGS` counts."""
    lower = [h.strip().lower() for h in heading]
    at = {}
    for name, aliases in HEADINGS.items():
        found = next((a for a in aliases if a in lower), None)
        if found is not None:
            if lower.count(found) > 1:
                raise ArchiveError(f"{path}: heading {found} stands twice. Keep one.")
            at[name] = lower.index(found)
    if at.get("koppen") == at.get("koppen_main", -1):
        # One column alone: letters A-E are main classes, anything longer gives its own main class.
        del at["koppen_main"]
    useful = set(at) - {"site_id", "koppen_source", "hub"}
    if "site_id" not in at or not useful:
        near = get_close_matches("site_id", lower, n=1)
        hint = f" Is it {near[0]!r}?" if near else ""
        wanted = "a column site_id" if "site_id" not in at else "lat, lon, IGBP or koppen beside the site"
        raise ArchiveError(f"{path}: expected {wanted}, got {first_few(heading, 8) or 'nothing'}.{hint}")
    return at


# A catalogue's product id may be a handle instead, or the address of either.
_DOI = re.compile(r"10\.\d+/\S+")
_HANDLE = re.compile(r"(?:hdl:|hdl\.handle\.net/)((?!10\.)\d+(?:\.\d+)*/\S+)", re.IGNORECASE)


def _listed(given: dict[str, str], catalogue: str) -> dict:
    notes: list[str] = []
    return {
        **canonical({**given, "doi": _identifier(given.get("doi") or "")}, catalogue, notes),
        "network": given.get("network") or None,
        "hub": given.get("hub") or None,
        "koppen_source": given.get("koppen_source") or None,
        "catalogue": catalogue,
        "notes": notes,
        "conflicts": [],
    }


def _identifier(text: str) -> str | None:
    """Return the DOI in a product id, else its handle as ``hdl:PREFIX/NAME``."""
    if handle := _HANDLE.search(text):
        return f"hdl:{handle[1]}"
    doi = _DOI.search(text)
    return doi[0] if doi else None
