"""Who is who: a tower's coordinates and classes, from its archive and from a catalogue of towers.

What the archive says of its own tower counts first; a catalogue (`--towers FILE.csv`) fills what it leaves open. Where
each value comes from is kept, and where the two disagree, the tower carries a note.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from . import schema
from .errors import ArchiveError, UsageError, first_few

if TYPE_CHECKING:
    from .archives import Record

# Headings under which catalogues give a field, in lower case.
HEADINGS = {
    "site_id": ("site_id", "site", "siteid", "site_code", "tower", "tower_id", "station", "station_id"),
    "name": ("name", "site_name", "sitename", "tower_name", "station_name"),
    "network": ("network", "networks", "data_hub"),
    "latitude": ("latitude", "lat", "location_lat", "site_latitude"),
    "longitude": ("longitude", "lon", "long", "lng", "location_long", "site_longitude"),
    "igbp": ("igbp", "igbp_class", "land_cover", "vegetation"),
    "koppen": ("koppen_full", "koppen_detailed", "koppen_geiger", "kg", "koppen"),
    "koppen_main": ("koppen_main", "koppen_short", "koppen"),
    "koppen_source": ("koppen_source",),
    "doi": ("doi", "product_id"),
}
CLASSES = ("igbp", "koppen_main", "koppen")
# About 1 km: farther apart, two sources do not mean the same mast.
SAME_PLACE = 0.01  # degree


@dataclass
class Tower:
    """One tower, as the dataset knows it.

    Parameters
    ----------
    site_id, network : str
    name : str or None
    doi : str or None, of the tower's data product; where the network gives handles instead, as ``hdl:PREFIX/NAME``
    latitude, longitude : float or None, both or neither [degree]
    igbp, koppen_main, koppen : str or None, canonical class codes
    origin : dict, field -> "archive" or the catalogue's file name, for each field that has a value
    notes : list of str, what was impossible, unknown or in conflict
    """

    site_id: str
    network: str
    name: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    igbp: str | None = None
    koppen_main: str | None = None
    koppen: str | None = None
    doi: str | None = None
    origin: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def missing(self) -> list[str]:
        """What protocols may need and this tower lacks: "coordinates", "igbp", "koppen_main", "koppen"."""
        lacking = [] if self.latitude is not None else ["coordinates"]
        return lacking + [c for c in CLASSES if getattr(self, c) is None]


def read_towers(path: str | Path) -> dict[str, dict]:
    """Read a catalogue of towers: a CSV with one row per tower.

    Parameters
    ----------
    path : path, a CSV with a site column and any of latitude, longitude, IGBP, Koppen, name, network, doi, under their
        usual headings (`HEADINGS`)

    Returns
    -------
    dict, site_id -> dict of the `Tower` fields the row gives, with `catalogue` (file name), `koppen_source`, `notes`

    Raises
    ------
    UsageError : there is no such file
    ArchiveError : it is no CSV of towers, or names a tower twice
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
        if not site or site in towers:
            what = f"names {site} a second time" if site else "names no tower"
            raise ArchiveError(f"{path}: line {number} {what}. Each tower has one row, with its id.")
        towers[site] = _listed(given, path.name)
    if not towers:
        raise ArchiveError(f"{path}: no tower in it. Give a CSV with one row per tower.")
    return towers


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
    useful = set(at) - {"site_id", "koppen_source"}
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
        **_canonical({**given, "doi": _identifier(given.get("doi") or "")}, catalogue, notes),
        "network": given.get("network") or None,
        "koppen_source": given.get("koppen_source") or None,
        "catalogue": catalogue,
        "notes": notes,
    }


def _identifier(text: str) -> str | None:
    """Return the DOI in a product id, else its handle as ``hdl:PREFIX/NAME``."""
    if handle := _HANDLE.search(text):
        return f"hdl:{handle[1]}"
    doi = _DOI.search(text)
    return doi[0] if doi else None


def resolve(record: Record, listed: Mapping[str, object] | None) -> Tower:
    """Return the tower of a record: what its archive says, and the catalogue where that is silent.

    Parameters
    ----------
    record : archives.Record
    listed : mapping or None, the tower's entry in the catalogue, one value of `read_towers`
    """
    entry, notes = record.entry, []
    said = _canonical(record.attributes, "archive", notes)
    listed = dict(listed or {})
    notes += [str(n) for n in listed.get("notes") or ()]
    catalogue = str(listed.get("catalogue", "catalogue"))
    tower = Tower(entry.site_id, entry.network, notes=notes)
    for group in (("name",), ("latitude", "longitude"), ("igbp",), ("doi",)):
        _take(tower, group, said, listed, catalogue)
    _take_koppen(tower, said, listed, catalogue)
    notes += _conflicts(said, listed, catalogue)
    if tower.missing:
        notes.append(f"no {', '.join(tower.missing)}: left out of the protocols that need it")
    return tower


def _take(tower: Tower, group: tuple[str, ...], said: dict, listed: dict, catalogue: str) -> None:
    """Set fields that belong together from the first source that has them."""
    for values, origin in ((said, "archive"), (listed, catalogue)):
        if all(values.get(name) is not None for name in group):
            for name in group:
                setattr(tower, name, values[name])
                tower.origin[name] = origin
            return


def _take_koppen(tower: Tower, said: dict, listed: dict, catalogue: str) -> None:
    """Set both climate classes; a detailed class from the catalogue must be one of the archive's main class."""
    if listed.get("koppen_source"):
        catalogue = f"{catalogue} ({listed['koppen_source']})"
    _take(tower, ("koppen_main",), said, listed, catalogue)
    _take(tower, ("koppen",), said, listed, catalogue)
    if tower.koppen and not tower.koppen.startswith(tower.koppen_main or ""):
        tower.koppen = None
        del tower.origin["koppen"]


def _canonical(given: Mapping[str, object], source: str, notes: list[str]) -> dict[str, object]:
    """Return the fields of a tower in canonical form, None where missing; what is impossible goes into `notes`."""
    latitude, longitude = _coordinates(given, source, notes)
    igbp = _class(given.get("igbp"), schema.canonical_igbp, f"IGBP class of {source}", notes)
    main, detailed = _koppen(given, source, notes)
    texts = {name: str(given[name]).strip() or None if given.get(name) else None for name in ("name", "doi")}
    return {
        **texts,
        "latitude": latitude,
        "longitude": longitude,
        "igbp": igbp,
        "koppen_main": main,
        "koppen": detailed,
    }


def _coordinates(given: Mapping[str, object], source: str, notes: list[str]) -> tuple[float | None, float | None]:
    """Return (latitude, longitude), or two None where they are missing or impossible."""
    told = [given.get("latitude"), given.get("longitude")]
    if all(value is None or value == "" for value in told):
        return None, None
    try:
        latitude, longitude = (float(str(value)) for value in told)
        possible = abs(latitude) <= 90 and abs(longitude) <= 180 and (latitude, longitude) != (0, 0)
    except ValueError:
        possible = False
    if possible:  # NaN is not: no comparison with it holds
        return latitude, longitude
    if not all(_is_nan(value) for value in told):
        notes.append(f"impossible coordinates in {source} dropped: latitude={told[0]!s}, longitude={told[1]!s}")
    return None, None


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _class(value: object, canonical: Callable[[object], str | None], what: str, notes: list[str]) -> str | None:
    if value is None or _is_nan(value) or not str(value).strip():
        return None
    code = canonical(value)
    if code is None:
        notes.append(f"unknown {what} dropped: {value!s}")
    return code


def _koppen(given: Mapping[str, object], source: str, notes: list[str]) -> tuple[str | None, str | None]:
    """Return (main class, detailed class); a detailed one gives the main one, a single letter is a main one."""
    main, detailed = given.get("koppen_main"), given.get("koppen")
    if isinstance(detailed, str) and len(detailed.strip()) == 1:
        main, detailed = main or detailed, None
    main = _class(main, _main_letter, f"Koppen main class of {source}", notes)
    detailed = _class(detailed, schema.canonical_koppen, f"Koppen class of {source}", notes)
    if main and detailed and detailed[0] != main:
        notes.append(f"Koppen classes of {source} disagree: {main} and {detailed}; {main} is used")
        detailed = None
    return main or (detailed[0] if detailed else None), detailed


def _main_letter(value: object) -> str | None:
    letter = str(value).strip().upper()
    return letter if letter in schema.KOPPEN_MAIN else None


def _conflicts(said: dict, listed: dict, catalogue: str) -> list[str]:
    """Return notes on what the archive and the catalogue say differently."""
    notes = [
        f"{name}: archive says {said[name]}, {catalogue} {listed[name]}; the archive's is used"
        for name in CLASSES
        if said[name] is not None and listed.get(name) is not None and said[name] != listed[name]
    ]
    if said["latitude"] is None or listed.get("latitude") is None:
        return notes
    apart = max(abs(said[c] - listed[c]) for c in ("latitude", "longitude"))
    if SAME_PLACE < apart < 360 - SAME_PLACE:
        notes.append(f"coordinates of archive and {catalogue} are {apart:.3f} degrees apart; the archive's are used")
    return notes
