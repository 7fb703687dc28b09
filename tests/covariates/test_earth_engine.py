"""Fetching through the real Earth Engine client, whose server is a stand-in: nothing here leaves the machine.

The client comes with the list of the server's functions as recorded by its makers, so that it builds the same requests
as live; only the answer to `computeValue` is made here, from the request.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from carbonbench_core import covariates, fetch
from carbonbench_core.cli import main
from carbonbench_core.covariates import _earth_engine, modis
from carbonbench_core.covariates._earth_engine import Collection
from carbonbench_core.errors import UsageError

ee = pytest.importorskip("ee", reason="the Earth Engine client, the extra `earth-engine`, is not installed")

SMALL = Collection("MODIS/061/MOD09GA", ("sur_refl_b01", "state_1km"), box=2000, scale=500, years=1)
TOWERS = {"XX-One": (50.0, 10.0), "XX-Two": (-33.5, 150.25)}


class Server:
    """Answers requests for a region of a collection: two pixels a day, 1000 + the day of the month."""

    def __init__(self) -> None:
        self.asked: list[dict] = []
        self.refusals: list[Exception] = []

    def compute(self, request: object) -> list[list]:
        graph = ee.serializer.encode(request, for_cloud_api=True)
        self.asked.append(graph)
        if self.refusals and (refusal := self.refusals.pop(0)):
            raise refusal
        constants = _constants(graph)
        bands = next(c for c in constants if isinstance(c, list) and "sur_refl_b01" in c)
        days = sorted(c for c in constants if isinstance(c, str) and len(c) == 10 and c[4] == "-")
        longitude, latitude = next(c for c in constants if isinstance(c, list) and isinstance(c[0], int | float))
        rows = [["id", "longitude", "latitude", "time", *bands]]
        for day in np.arange(days[0], days[1], dtype="datetime64[D]"):
            time = int(day.astype("datetime64[ms]").astype(int))
            for east in (0.0, 0.005):
                values = {"sur_refl_b01": 1000 + day.item().day, "state_1km": 0}
                image = [str(day).replace("-", "_"), longitude + east, latitude, time]
                rows.append([*image, *(values.get(band) for band in bands)])
        return rows


def _constants(node: object) -> list:
    if isinstance(node, dict):
        own = [node["constantValue"]] if "constantValue" in node else []
        return own + [c for child in node.values() for c in _constants(child)]
    return [c for child in node for c in _constants(child)] if isinstance(node, list) else []


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    from ee.apitestcase import ApiTestCase

    case = ApiTestCase()
    case.setUp()
    served = Server()
    monkeypatch.setattr(ee.data, "computeValue", served.compute)
    yield served
    case.tearDown()


def run(out: Path, first: str = "2003-12-25", last: str = "2004-01-10", **given: object) -> _earth_engine.Fetched:
    return _earth_engine.fetch(SMALL, TOWERS, out, first, last, ee, **{"wait": lambda seconds: None} | given)


def test_each_tower_is_asked_for_by_years_and_kept_as_one_file(server: Server, tmp_path: Path) -> None:
    assert run(tmp_path).done == ["XX-One", "XX-Two"]
    assert len(server.asked) == 4  # two towers, two calendar years
    frame = pd.read_parquet(tmp_path / "XX-Two.parquet")
    assert set(frame["site"]) == {"XX-Two"}
    assert (frame["time"].min(), frame["time"].max()) == (pd.Timestamp("2003-12-25"), pd.Timestamp("2004-01-10"))
    assert len(frame) == 2 * 17
    assert sorted(p.name for p in tmp_path.iterdir()) == ["XX-One.parquet", "XX-Two.parquet"]


def test_the_request_names_collection_bands_days_and_a_box_of_two_kilometres(server: Server, tmp_path: Path) -> None:
    run(tmp_path)
    text = json.dumps(server.asked[0])
    assert "MODIS/061/MOD09GA" in text
    assert "2003-12-25" in text
    assert "2004-01-01" in text  # the end is not included
    for function in ("ImageCollection.load", "Collection.filter", "ImageCollection.getRegion", "Geometry.bounds"):
        assert function in text
    assert 1000 in _constants(server.asked[0])  # metres on each side


def test_what_was_fetched_is_read_by_build_as_any_file(server: Server, tmp_path: Path) -> None:
    run(tmp_path)
    given = covariates.gather([tmp_path])
    assert {t.source for t in given.tables} == {"modis"}
    assert {p for t in given.tables for p in t.places} == set(TOWERS)


def test_finished_towers_are_kept_and_others_go_on(server: Server, tmp_path: Path) -> None:
    run(tmp_path)
    (tmp_path / "XX-Two.parquet").write_bytes(b"cut short")
    server.asked.clear()
    again = run(tmp_path)
    assert (again.kept, again.done) == (["XX-One"], ["XX-Two"])
    assert len(server.asked) == 2


def test_other_days_are_fetched_anew(server: Server, tmp_path: Path) -> None:
    run(tmp_path)
    again = run(tmp_path, last="2004-01-11")
    assert (again.kept, again.done) == ([], ["XX-One", "XX-Two"])


QUOTAS = [
    "Too many concurrent aggregations.",
    "Too Many Requests: Request was rejected because the request rate or concurrency limit was exceeded.",
    "Quota exceeded for quota metric 'Number of read requests' and limit 'Number of read requests per minute per user'",
    "<HttpError 429 when requesting ...>",
    "The service is currently unavailable.",
    "An internal error has occurred",
    "Computation timed out.",
]


@pytest.mark.parametrize("message", QUOTAS)
def test_a_busy_server_is_asked_again_after_ever_longer_pauses(server: Server, tmp_path: Path, message: str) -> None:
    server.refusals = [ee.EEException(message)] * 3
    pauses: list[float] = []
    assert run(tmp_path, wait=pauses.append).failed == {}
    assert len(pauses) == 3
    for number, pause in enumerate(pauses):
        assert 2.0 * 2**number <= pause <= 4.0 * 2**number  # doubled each time, and by chance up to twice that


def test_patience_ends_and_the_other_towers_are_fetched(server: Server, tmp_path: Path) -> None:
    server.refusals = [ee.EEException(QUOTAS[0])] * _earth_engine.TRIES
    fetched = run(tmp_path)
    assert fetched.failed == {"XX-One": QUOTAS[0]}
    assert fetched.done == ["XX-Two"]
    assert not (tmp_path / "XX-One.parquet").exists()


def test_an_error_that_no_patience_helps_is_not_repeated(server: Server, tmp_path: Path) -> None:
    server.refusals = [ee.EEException("Image.select: Band pattern 'x' did not match any bands.")]
    pauses: list[float] = []
    assert "did not match" in run(tmp_path, wait=pauses.append).failed["XX-One"]
    assert pauses == []


def test_a_place_without_pixels_says_so(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ee.data, "computeValue", lambda request: [["id", "longitude", "latitude", "time"]])
    assert "no pixel on any day" in run(tmp_path).failed["XX-One"]


def test_pieces_are_calendar_years_and_cover_every_day_once() -> None:
    assert _earth_engine.pieces("2000-02-24", "2003-01-01", 2) == [
        ("2000-02-24", "2002-01-01"),
        ("2002-01-01", "2003-01-02"),
    ]
    with pytest.raises(UsageError, match="the first comes after the last"):
        _earth_engine.pieces("2001-01-02", "2001-01-01", 1)


def test_an_answer_stays_under_the_limit_of_the_service() -> None:
    # Earth Engine answers at most 1,048,576 values, and its pixels are degrees: at 80 north they are narrow.
    for module in covariates.sources().values():
        if collection := getattr(module, "EARTH_ENGINE", None):
            high = collection.box / collection.scale
            pixels = (high + 2) * (high / np.cos(np.radians(80)) + 2) if collection.box else 1
            assert pixels * (len(collection.bands) + 4) * collection.years * 366 < 1_048_576, collection


def test_without_credentials_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**given: object) -> None:
        raise ee.EEException("Please authorize access to your Earth Engine account")

    monkeypatch.setattr(ee, "Initialize", refuse)
    with pytest.raises(UsageError, match=r"Please authorize.*earthengine authenticate.*--project"):
        _earth_engine.start()


def test_the_command_fetches_the_towers_of_a_catalogue(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    started = []
    monkeypatch.setattr(ee, "Initialize", lambda **given: started.append(given))
    (tmp_path / "towers.csv").write_text("site,lat,lon,IGBP\nXX-One,50,10,GRA\nXX-Two,-33.5,150.25,EBF\nXX-No,,,GRA\n")
    days = ["--from", "2003-01-01", "--to", "2003-01-05"]
    command = ["fetch", "modis", "--towers", str(tmp_path / "towers.csv"), "--out", str(tmp_path / "cov")]
    assert main([*command, *days, "--project", "mine"]) == 0
    assert started == [{"project": "mine"}]
    told = capsys.readouterr()
    assert "2 towers fetched, 0 were there" in told.out
    assert "1 towers have no coordinates: XX-No" in told.err
    frame = pd.read_parquet(tmp_path / "cov" / "modis" / "XX-One.parquet")
    assert set(modis.BANDS) <= set(frame.columns)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"source": "modes"}, r"'modes'.*Did you mean 'modis'"),
        ({"first": "2003-1-1"}, "expected a day as YYYY-MM-DD"),
        ({"sites": ["XX-Three"]}, r"unknown tower|XX-Three"),
    ],
)
def test_wrong_use_is_answered_before_anything_is_asked(tmp_path: Path, given: dict, words: str) -> None:
    (tmp_path / "towers.csv").write_text("site,lat,lon,IGBP\nXX-One,50,10,GRA\n")
    asked = {"source": "modis", "towers": tmp_path / "towers.csv", "out": tmp_path, "first": "2003-01-01"}
    with pytest.raises(UsageError, match=words):
        fetch.fetch(**{**asked, "last": "2003-02-01", **given})
