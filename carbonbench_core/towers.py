"""Who a tower is: its coordinates and classes, from its archives and from a catalogue of towers.

What the archives say of their own tower counts first, the best archive before the others; a catalogue
(`--towers FILE.csv`) fills what they leave open. Where each value comes from is kept, and where two sources disagree,
the tower carries the conflict with both values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import schema
from .geography import distances

if TYPE_CHECKING:
    from .archives import Record

CLASSES = ("igbp", "koppen_main", "koppen")
# Farther apart, two sources do not mean the same mast.
SAME_PLACE = 1.0  # km
ARCHIVE = "archive"


@dataclass
class Tower:
    """One tower, as the dataset knows it.

    Parameters
    ----------
    site_id, network : str
    tower_id : str, the true tower: another than `site_id` only in a replica that keeps a record per network
    aliases : tuple of str, other ids under which archives hold this tower
    name : str or None
    doi : str or None, of the tower's data product; where the network gives handles instead, as ``hdl:PREFIX/NAME``
    latitude, longitude : float or None, both or neither [degree]
    igbp, koppen_main, koppen : str or None, canonical class codes
    origin : dict, field -> "archive" or the product or catalogue, for each field that has a value
    notes : list of str, what was impossible, unknown or in conflict
    conflicts : list of dict, field, values by source, and the source whose value is used
    """

    site_id: str
    network: str
    tower_id: str = ""
    aliases: tuple[str, ...] = ()
    name: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    igbp: str | None = None
    koppen_main: str | None = None
    koppen: str | None = None
    doi: str | None = None
    origin: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    conflicts: list[dict[str, object]] = field(default_factory=list)

    @property
    def missing(self) -> list[str]:
        """What protocols may need and this tower lacks: "coordinates", "igbp", "koppen_main", "koppen"."""
        lacking = [] if self.latitude is not None else ["coordinates"]
        return lacking + [c for c in CLASSES if getattr(self, c) is None]

    @property
    def lacking(self) -> list[str]:
        """What is missing, as a note; empty where nothing is."""
        missing = ", ".join(self.missing)
        return [f"no {missing}: left out of the protocols that need it"] if missing else []


def resolve(record: Record, listed: Mapping[str, object] | None) -> Tower:
    """Return the tower of a record: what its archives say, and the catalogue where they are silent.

    Parameters
    ----------
    record : archives.Record
    listed : mapping or None, the tower's entry in the catalogue, one value of `catalogue.read_towers`
    """
    entry, notes = record.entry, []
    said = [(name, canonical(given, name, notes)) for name, given in record.said or [(ARCHIVE, record.attributes)]]
    listed = dict(listed or {})
    notes += [str(n) for n in listed.get("notes") or ()]
    told = [*said, (str(listed.get("catalogue", "catalogue")), listed)]
    tower = Tower(entry.site_id, entry.network, entry.site_id, notes=notes)
    for group in (("name",), ("latitude", "longitude"), ("igbp",), ("doi",)):
        _take(tower, group, told)
    _take_koppen(tower, said, told[-1])
    tower.conflicts = [*(listed.get("conflicts") or ()), *conflicts(told)]
    notes += [describe(conflict) for conflict in tower.conflicts]
    return tower


def describe(conflict: Mapping[str, object]) -> str:
    """Return a conflict in words."""
    values = ", ".join(f"{source} says {value}" for source, value in conflict["values"].items())
    apart = f" ({conflict['km']:,} km apart)" if "km" in conflict else ""
    return f"{conflict['field']}: {values}{apart}; {conflict['used']}'s is used"


def _take(tower: Tower, group: tuple[str, ...], told: list[tuple[str, Mapping]]) -> None:
    """Set fields that belong together from the first source that has them."""
    for origin, values in told:
        if all(values.get(name) is not None for name in group):
            for name in group:
                setattr(tower, name, values[name])
                tower.origin[name] = origin
            return


def _take_koppen(tower: Tower, said: list[tuple[str, Mapping]], catalogue: tuple[str, Mapping]) -> None:
    """Set both climate classes; a detailed class of another source must be one of the main class that is used."""
    name, listed = catalogue
    told = [*said, (f"{name} ({listed['koppen_source']})" if listed.get("koppen_source") else name, listed)]
    _take(tower, ("koppen_main",), told)
    _take(tower, ("koppen",), told)
    if tower.koppen and not tower.koppen.startswith(tower.koppen_main or ""):
        tower.koppen = None
        del tower.origin["koppen"]


def conflicts(told: list[tuple[str, Mapping]]) -> list[dict[str, object]]:
    """Return what sources say differently: other classes, or places more than `SAME_PLACE` apart.

    Parameters
    ----------
    told : list of (source, canonical fields), the source that counts first
    """
    found = []
    for name in CLASSES:
        values = {source: each[name] for source, each in told if each.get(name) is not None}
        if len(set(values.values())) > 1:
            found.append({"field": name, "values": values, "used": next(iter(values))})
    places = {s: (e["latitude"], e["longitude"]) for s, e in told if e.get("latitude") is not None}
    apart = max((kilometres(next(iter(places.values())), place) for place in places.values()), default=0.0)
    if apart > SAME_PLACE:
        values = {source: f"{latitude}, {longitude}" for source, (latitude, longitude) in places.items()}
        found.append({"field": "coordinates", "values": values, "used": next(iter(places)), "km": round(apart, 1)})
    return found


def kilometres(place: tuple[float, float], other: tuple[float, float]) -> float:
    """Return the great-circle distance of two (latitude, longitude) places [degree]."""
    return float(distances(*place, *other))


def canonical(given: Mapping[str, object], source: str, notes: list[str]) -> dict[str, object]:
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
