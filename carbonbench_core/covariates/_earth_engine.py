"""Daily pixels of an Earth Engine collection at towers, fetched through the client that Google makes.

Each tower is asked for in pieces of some years, and kept as one Parquet file `{site}.parquet` once it is whole: a run
that was stopped goes on where it was. Answers that ask for patience (429, too many requests or aggregations at a time,
quotas, a server that is busy) are waited out, twice as long each time and by a random share more; others cost their
tower alone. Credentials are the client's business: `earthengine authenticate`, or what its environment says.

Source
------
https://developers.google.com/earth-engine/guides/usage (quotas); ee.ImageCollection.getRegion.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import UsageError, first_few

TRIES, FIRST_WAIT, LONGEST_WAIT = 8, 2.0, 120.0  # s
PATIENCE = re.compile(
    r"429|too many (concurrent|requests)|rate limit|quota (exceeded|metric)|exceeded quota|resource.?exhausted|"
    r"try again|temporarily|unavailable|backend error|internal error|deadline|timed? ?out|connection (reset|aborted)|"
    r"\b50[0234]\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Collection:
    """What is asked of Earth Engine for one source.

    Parameters
    ----------
    name : str, of the collection
    bands : tuple of str
    box : int, side of the square around the tower [m]; 0 for the pixel it stands in
    scale : int, of the pixels [m]
    years : int, asked for at a time; an answer may hold about a million values
    """

    name: str
    bands: tuple[str, ...]
    box: int
    scale: int
    years: int


@dataclass
class Fetched:
    """What a run did.

    Parameters
    ----------
    done, kept : list of str, sites fetched now, and those that an earlier run had finished
    failed : dict, site -> why
    """

    done: list[str]
    kept: list[str]
    failed: dict[str, str]


def start(project: str | None = None) -> Any:
    """Return the client, ready to be asked.

    Raises
    ------
    UsageError : it is not installed, or has no credentials
    """
    try:
        import ee
    except ImportError:
        raise UsageError('Fetching needs the Earth Engine client: pip install "carbonbench[earth-engine]".') from None
    try:
        ee.Initialize(project=project) if project else ee.Initialize()
    except Exception as error:
        raise UsageError(
            f"Earth Engine does not let us in: {_line(error)}. Run `earthengine authenticate` once, and give "
            "your Cloud project with --project."
        ) from None
    return ee


def fetch(
    collection: Collection,
    towers: Mapping[str, tuple[float, float]],
    out: Path,
    first: str,
    last: str,
    ee: Any,
    *,
    wait: Callable[[float], None] = time.sleep,
    progress: Callable[[str], None] = lambda line: None,
) -> Fetched:
    """Fetch a collection at towers, one Parquet file each.

    Parameters
    ----------
    collection : Collection
    towers : mapping, site id -> (latitude, longitude)
    out : Path, the folder to write
    first, last : str, days, both included
    ee : module, the client, started
    wait : callable (seconds); the tests do not sleep
    progress : callable (line)
    """
    out.mkdir(parents=True, exist_ok=True)
    report = Fetched([], [], {})
    for number, (site, place) in enumerate(sorted(towers.items()), start=1):
        file = out / f"{site}.parquet"
        asked = {"collection": collection.name, "place": f"{place[0]},{place[1]}", "box": f"{collection.box}"}
        asked |= {"first": first, "last": last, "bands": ",".join(collection.bands)}
        if _asked_for(file) == asked:
            report.kept.append(site)
            continue
        try:
            _write(_tower(collection, place, first, last, ee, wait), site, file, asked)
        except Exception as error:
            report.failed[site] = _line(error)
            progress(f"{number}/{len(towers)} {site}: {report.failed[site]}")
            continue
        report.done.append(site)
        progress(f"{number}/{len(towers)} {site}")
    return report


def _tower(
    collection: Collection,
    place: tuple[float, float],
    first: str,
    last: str,
    ee: Any,
    wait: Callable[[float], None],
) -> list[tuple[list, list[list]]]:
    """Return the answers of all pieces, each a heading and its rows."""
    point = ee.Geometry.Point([place[1], place[0]])
    region = point.buffer(collection.box / 2).bounds() if collection.box else point
    answers = []
    for begin, end in pieces(first, last, collection.years):
        images = ee.ImageCollection(collection.name).filterDate(begin, end).select(list(collection.bands))
        heading, *rows = patiently(images.getRegion(region, collection.scale).getInfo, wait)
        answers.append((heading, rows))
    return answers


def pieces(first: str, last: str, years: int) -> list[tuple[str, str]]:
    """Return (begin, end) days of some years each; as the client counts, an end is the day after."""
    day, stop = np.datetime64(first, "D"), np.datetime64(last, "D") + 1
    if day >= stop:
        raise UsageError(f"Got days from {first} to {last}: the first comes after the last.")
    out = []
    while day < stop:
        end = min((day.astype("datetime64[Y]") + years).astype("datetime64[D]"), stop)
        out.append((str(day), str(end)))
        day = end
    return out


def patiently(ask: Callable[[], Any], wait: Callable[[float], None] = time.sleep) -> Any:
    """Return what `ask` returns, asked again after ever longer pauses where the server is only busy.

    Raises
    ------
    Exception : what the last try raised, or any try that no patience helps
    """
    for number in range(TRIES):
        try:
            return ask()
        except Exception as error:
            if number == TRIES - 1 or not PATIENCE.search(f"{type(error).__name__} {error}"):
                raise
            pause = min(FIRST_WAIT * 2**number, LONGEST_WAIT)
            wait(pause * (1 + random.random()))
    raise AssertionError


def _write(answers: list[tuple[list, list[list]]], site: str, file: Path, asked: dict[str, str]) -> None:
    """Write a tower's rows, under another name until they are whole."""
    heading = answers[0][0]
    if any(h != heading for h, _ in answers) or not {"longitude", "latitude", "time"} <= set(heading):
        raise ValueError(f"the answers have other columns than were asked for: {first_few(map(str, heading))}")
    rows = [row for _, part in answers for row in part]
    if not rows:
        raise ValueError("no pixel on any day: is the place on land, and within the collection's years?")
    at = {name: i for i, name in enumerate(heading)}
    columns = {"site": pa.array([site] * len(rows))}
    columns["time"] = pa.array([row[at["time"]] for row in rows], pa.int64()).cast(pa.timestamp("ms"))
    for name in (n for n in heading if n not in ("id", "time")):
        columns[name] = pa.array([row[at[name]] for row in rows], pa.float64())
    table = pa.table(columns).replace_schema_metadata({f"asked_{k}": v for k, v in asked.items()})
    half = file.with_suffix(".part")
    pq.write_table(table, half)
    half.replace(file)


def _asked_for(file: Path) -> dict[str, str] | None:
    """Return what a finished file was asked for, None where there is none or it is damaged."""
    try:
        told = pq.read_schema(file).metadata or {}
    except (OSError, pa.ArrowException):
        return None
    return {k.decode()[6:]: v.decode() for k, v in told.items() if k.startswith(b"asked_")}


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
