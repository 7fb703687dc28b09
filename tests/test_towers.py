"""Coordinates and classes: the archive first, then the catalogue, and what is impossible or in conflict is said."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonbench_core import schema
from carbonbench_core.archives import Entry, Record
from carbonbench_core.catalogue import read_towers
from carbonbench_core.errors import ArchiveError, UsageError
from carbonbench_core.towers import resolve

CATALOGUE = """site,name,network,lat,lon,IGBP,koppen,koppen_full,koppen_source,doi
XX-One,First,A;B,10.5,-20.25,DBF,D,Dfb,a map,10.1/x
XX-Two,,A,,,,B,Bsk,,
NA-One,Namib,,-23.5,15,,,,,
"""


def record(**attributes: object) -> Record:
    entry = Entry("table", Path("x.csv"), "", "XX-One", "MyNet", "mine")
    return Record(entry, pa.table({}), "VUT_REF", attributes)


def write(folder: Path, text: str = CATALOGUE) -> Path:
    path = folder / "towers.csv"
    path.write_text(text)
    return path


def test_a_catalogue_gives_each_tower_in_canonical_form(tmp_path: Path) -> None:
    towers = read_towers(write(tmp_path))
    assert list(towers) == ["XX-One", "XX-Two", "NA-One"]
    one = towers["XX-One"]
    assert (one["latitude"], one["longitude"], one["igbp"]) == (10.5, -20.25, "DBF")
    assert (one["koppen_main"], one["koppen"], one["koppen_source"]) == ("D", "Dfb", "a map")
    assert (one["name"], one["doi"], one["catalogue"]) == ("First", "10.1/x", "towers.csv")
    assert towers["XX-Two"]["koppen"] == "BSk"
    assert towers["XX-Two"]["latitude"] is None
    assert [t["notes"] for t in towers.values()] == [[], [], []]


@pytest.mark.parametrize(
    "heading",
    ["SITE_ID,LATITUDE,LONGITUDE,IGBP", "site_id,location_lat,location_long,igbp", "Site,Lat,Long,IGBP_class"],
)
def test_the_usual_headings_are_understood(tmp_path: Path, heading: str) -> None:
    tower = read_towers(write(tmp_path, f"\ufeff{heading}\nXX-One,1,2,enf\n"))["XX-One"]
    assert (tower["latitude"], tower["longitude"], tower["igbp"]) == (1.0, 2.0, "ENF")


@pytest.mark.parametrize(
    ("heading", "cells", "main", "detailed"),
    [
        ("koppen", "D", "D", None),
        ("koppen", "Dfb", "D", "Dfb"),
        ("koppen_main", "c", "C", None),
        ("koppen_full", "bsk", "B", "BSk"),
        ("koppen,koppen_full", "B,BWh", "B", "BWh"),
        ("koppen,koppen_full", "D,Csb", "D", None),
    ],
)
def test_a_detailed_climate_gives_its_main_class(
    tmp_path: Path, heading: str, cells: str, main: str, detailed: str | None
) -> None:
    tower = read_towers(write(tmp_path, f"site,{heading}\nXX-One,{cells}\n"))["XX-One"]
    assert (tower["koppen_main"], tower["koppen"]) == (main, detailed)
    assert bool(tower["notes"]) == ("Csb" in cells)


@pytest.mark.parametrize("cells", ["95,10", "10,200", "-9999,-9999", "0,0", "10,", "north,10", "nan,nan", "inf,1"])
def test_impossible_coordinates_are_dropped_and_noted(tmp_path: Path, cells: str) -> None:
    tower = read_towers(write(tmp_path, f"site,lat,lon,IGBP\nXX-One,{cells},ENF\n"))["XX-One"]
    assert (tower["latitude"], tower["longitude"], tower["igbp"]) == (None, None, "ENF")
    assert "impossible coordinates in towers.csv" in tower["notes"][0]


def test_an_unknown_class_is_dropped_and_noted(tmp_path: Path) -> None:
    tower = read_towers(write(tmp_path, "site,IGBP,koppen\nXX-One,forest,Zzz\n"))["XX-One"]
    assert (tower["igbp"], tower["koppen"], tower["koppen_main"]) == (None, None, None)
    assert ["forest" in tower["notes"][0], "Zzz" in tower["notes"][1]] == [True, True]


BROKEN = {
    "empty": ("", "expected a column site_id"),
    "no site": ("name,lat,lon\na,1,2\n", "expected a column site_id, got name, lat, lon"),
    "nothing of use": ("site,elevation\na,1\n", "expected lat, lon, IGBP or koppen"),
    "only a heading": ("site,lat,lon\n", "no tower"),
    "a tower twice": ("site,lat,lon\na,1,2\nb,1,2\na,1,2\n", "line 4 names a a second time"),
    "a row without its tower": ("site,lat,lon\n,1,2\n", "line 2 names no tower"),
    "a ragged row": ("site,lat,lon\na,1\n", "line 2 has 2 of 3 columns"),
    "a heading twice": ("site,lat,lat,lon\na,1,2,3\n", "heading lat stands twice"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_when_a_catalogue_is_broken_then_the_error_says_where(tmp_path: Path, case: str) -> None:
    text, words = BROKEN[case]
    with pytest.raises(ArchiveError, match=words):
        read_towers(write(tmp_path, text))


def test_when_a_catalogue_is_no_text_then_the_error_says_so(tmp_path: Path) -> None:
    path = tmp_path / "towers.csv"
    path.write_bytes(bytes(range(256)))
    with pytest.raises(ArchiveError, match="UTF-8"):
        read_towers(path)


def test_when_a_catalogue_does_not_exist_then_the_usage_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        read_towers(tmp_path / "towers.csv")


def test_the_archive_comes_first_and_the_catalogue_fills(tmp_path: Path) -> None:
    listed = read_towers(write(tmp_path))["XX-One"]
    tower = resolve(record(latitude=10.501, longitude=-20.25, igbp="dbf"), listed)
    assert (tower.site_id, tower.network, tower.name) == ("XX-One", "MyNet", "First")
    assert (tower.latitude, tower.longitude, tower.igbp) == (10.501, -20.25, "DBF")
    assert (tower.koppen_main, tower.koppen, tower.doi) == ("D", "Dfb", "10.1/x")
    assert tower.origin == {
        "name": "towers.csv",
        "latitude": "archive",
        "longitude": "archive",
        "igbp": "archive",
        "koppen_main": "towers.csv (a map)",
        "koppen": "towers.csv (a map)",
        "doi": "towers.csv",
    }
    assert tower.notes == []  # 0.001 degree is no conflict
    assert tower.missing == []


def test_conflicts_are_noted_and_the_archive_wins(tmp_path: Path) -> None:
    listed = read_towers(write(tmp_path))["XX-One"]
    tower = resolve(record(latitude=11.5, longitude=-20.25, igbp="ENF", koppen="Cfb"), listed)
    assert (tower.latitude, tower.igbp, tower.koppen_main, tower.koppen) == (11.5, "ENF", "C", "Cfb")
    text = " ".join(tower.notes)
    for words in (
        "igbp: archive says ENF, towers.csv says DBF",
        "(111.2 km apart)",
        "archive says Cfb, towers.csv says Dfb",
    ):
        assert words in text


def test_coordinates_on_both_sides_of_the_date_line_are_one_place(tmp_path: Path) -> None:
    listed = read_towers(write(tmp_path, "site,lat,lon\nXX-One,10,-179.999\n"))["XX-One"]
    tower = resolve(record(latitude=10.0, longitude=179.999), listed)
    assert not any("apart" in note for note in tower.notes)


def test_coordinates_are_never_made_of_two_sources(tmp_path: Path) -> None:
    tower = resolve(record(latitude=50.0), read_towers(write(tmp_path))["XX-One"])
    assert (tower.latitude, tower.longitude) == (10.5, -20.25)
    assert "impossible coordinates in archive" in tower.notes[0]


def test_a_detailed_climate_of_the_catalogue_must_fit_the_archives_main_class(tmp_path: Path) -> None:
    tower = resolve(record(koppen_main="C"), read_towers(write(tmp_path))["XX-One"])
    assert (tower.koppen_main, tower.koppen) == ("C", None)
    assert "koppen" not in tower.origin
    assert "koppen_main: archive says C" in tower.notes[0]


def test_a_tower_nobody_knows_is_returned_with_what_it_lacks() -> None:
    tower = resolve(record(), None)
    assert tower.missing == ["coordinates", "igbp", "koppen_main", "koppen"]
    assert tower.origin == {}
    assert "no coordinates, igbp, koppen_main, koppen: left out" in tower.lacking[0]


_anything = st.none() | st.text(max_size=5) | st.floats() | st.integers()


@given(st.dictionaries(st.sampled_from(["latitude", "longitude", "igbp", "koppen", "koppen_main", "name"]), _anything))
def test_whatever_an_archive_says_a_tower_is_canonical(attributes: dict[str, object]) -> None:
    tower = resolve(record(**attributes), None)
    assert (tower.latitude is None) == (tower.longitude is None)
    assert tower.latitude is None or (abs(tower.latitude) <= 90 and abs(tower.longitude) <= 180)
    for name, known in schema.VOCABULARIES.items():
        assert getattr(tower, name) in (None, *known)
    assert tower.koppen is None or tower.koppen.startswith(tower.koppen_main)
    assert set(tower.origin) == {
        n for n in (*schema.VOCABULARIES, "latitude", "longitude", "name", "doi") if getattr(tower, n) is not None
    }


def test_the_shared_catalogue_is_read_whole(shared_data: Path) -> None:
    towers = read_towers(shared_data / "towers.csv")
    assert len(towers) == 1971
    # README of the data: 1,392 have latitude, longitude, IGBP and Koppen.
    whole = [t for t in towers.values() if None not in (t["latitude"], t["igbp"], t["koppen_main"])]
    assert len(whole) == 1392
    disagreeing = [site for site, t in towers.items() if t["notes"]]
    assert len(disagreeing) == 8  # main and detailed class of these contradict each other
    assert towers["DE-Hai"]["koppen"] == "Dfb"


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("https://doi.org/10.17190/AMF/1", "10.17190/AMF/1"),
        ("https://hdl.handle.net/11676/aB-3_x", "hdl:11676/aB-3_x"),
        ("hdl:11676/aB-3_x", "hdl:11676/aB-3_x"),
        ("https://hdl.handle.net/10.17190/AMF/1", "10.17190/AMF/1"),
        ("see the portal", None),
    ],
)
def test_a_catalogues_product_id_is_a_doi_or_a_handle(tmp_path: Path, told: str, kept: str | None) -> None:
    path = tmp_path / "snapshot.csv"
    path.write_text(f"site_id,igbp,product_id\nXX-One,DBF,{told}\n")
    assert read_towers(path)["XX-One"]["doi"] == kept
