"""Features of the towers of a catalogue, fetched from Earth Engine into files that `build --covariates` reads."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from . import covariates
from .catalogue import read_towers
from .covariates import _earth_engine
from .covariates._earth_engine import Fetched
from .errors import UsageError, first_few, unknown


def fetch(
    source: str,
    towers: str | Path,
    out: str | Path,
    first: str,
    last: str,
    sites: Iterable[str] | None = None,
    project: str | None = None,
) -> Fetched:
    """Fetch a source at the towers of a catalogue, one Parquet file per tower; finished ones are kept.

    Parameters
    ----------
    source : str, a source of covariates with a collection on Earth Engine
    towers : path, a CSV of towers
    out : path, the folder; the files go into ``out/source``
    first, last : str, days YYYY-MM-DD
    sites : iterable of str, optional, these towers only
    project : str, optional, the Cloud project of the requests

    Raises
    ------
    UsageError : no such source, tower or day, or Earth Engine cannot be used
    """
    known = {n: m.EARTH_ENGINE for n, m in covariates.sources().items() if hasattr(m, "EARTH_ENGINE")}
    if source not in known:
        raise unknown("source on Earth Engine", source, known)
    for day in (first, last):
        try:
            date.fromisoformat(day)
        except ValueError:
            raise UsageError(f"Got {day!r}, expected a day as YYYY-MM-DD.") from None
    _earth_engine.pieces(first, last, known[source].years)
    places, without = _places(read_towers(towers), sites)
    if without:
        print(f"{len(without):,} towers have no coordinates: {first_few(without)}", file=sys.stderr)
    client = _earth_engine.start(project)
    tell = lambda line: print(line, file=sys.stderr)  # noqa: E731
    return _earth_engine.fetch(known[source], places, Path(out) / source, first, last, client, progress=tell)


def _places(
    catalogue: dict[str, dict], sites: Iterable[str] | None
) -> tuple[dict[str, tuple[float, float]], list[str]]:
    """Return the places of the towers asked for, and the towers without one."""
    wanted = list(catalogue) if sites is None else list(sites)
    if strangers := [site for site in wanted if site not in catalogue]:
        raise unknown("tower", strangers[0], catalogue)
    there = [s for s in wanted if catalogue[s].get("latitude") is not None]
    if not there:
        raise UsageError("None of the towers has coordinates. Give a CSV with latitude and longitude.")
    places = {s: (catalogue[s]["latitude"], catalogue[s]["longitude"]) for s in there}
    return places, [s for s in wanted if s not in places]
