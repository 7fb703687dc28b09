"""AmeriFlux FLUXNET archives, and the site information that BIF files give."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from carbonbench_core import archives
from carbonbench_core.archives import _zips, ameriflux
from carbonbench_core.errors import ArchiveError

from . import ameriflux as make
from . import fluxnet2015, shuttle, spreadsheet


def read(path: Path) -> archives.Record:
    (entry,) = archives.scan([path]).entries
    return archives.read(entry)


@pytest.mark.parametrize(("subset", "variant"), [("SUBSET", "VUT_REF"), ("FULLSET", "VUT_USTAR50")])
def test_the_archive_is_read_in_place_with_what_it_says_of_its_tower(tmp_path: Path, subset: str, variant: str) -> None:
    record = read(make.write_zip(tmp_path, subset=subset))
    assert (record.entry.network, record.entry.site_id) == ("AmeriFlux", "XX-One")
    assert record.entry.product == f"AmeriFlux FLUXNET {subset} 3-5"
    assert (record.target_variant, record.licence) == (variant, "CC-BY-4.0")
    assert record.attributes == {
        "name": "First, forest",
        "latitude": 42.5378,
        "longitude": -72.1715,
        "igbp": "DBF",
        "doi": "10.17190/AMF/1871137",  # that of the flux product, not the first of the two
        "nee_qc_scale": "ONEFlux share",
    }
    assert record.table.num_rows == 4
    assert list(tmp_path.iterdir()) == [record.entry.path]


def test_no_name_or_address_of_a_person_is_copied(tmp_path: Path) -> None:
    record = read(make.write_zip(tmp_path))
    for person in make.PEOPLE:
        assert person.encode() in make.bif()
        assert person not in f"{record.attributes} {record.notes} {record.citation}"


def test_zip_and_unpacked_folder_give_the_same_record(tmp_path: Path) -> None:
    packed = make.write_zip(tmp_path)
    folder = fluxnet2015.unpack(packed, tmp_path / "unpacked")
    inventory = archives.scan([folder])
    (entry,) = inventory.entries
    first, second = read(packed), archives.read(entry)
    assert first.table.equals(second.table)
    assert first.attributes == second.attributes
    names = [f"AMF_XX-One_FLUXNET_{kind}_2003-2003_3-5.csv" for kind in ("BIF", "ERA5_DD")]
    assert [p.name for p in entry.companions] == names
    assert len(inventory.siblings) == 7  # four steps, ERA5, AUXNEE, BIF
    assert inventory.unrecognised == []


def test_the_networks_file_on_all_towers_serves_archives_without_one(tmp_path: Path) -> None:
    for site in ("XX-One", "XX-Two"):
        make.write_zip(tmp_path, site, info=None)
    both = make.bif("XX-One") + make.bif("XX-Two", make.TOLD[4:6]).split(b"\n", 1)[1]
    (tmp_path / "AMF_AA-Net_BIF_CCBY4_20250201.csv").write_bytes(both)
    (tmp_path / "AMF_AA-Net_BIF_CCBY4_20240201.csv").write_bytes(b"the older one is not read")
    inventory = archives.scan([tmp_path])
    one, two = (archives.read(entry) for entry in inventory.entries)
    assert one.attributes["igbp"] == "DBF"
    assert two.attributes == {"latitude": 42.5378, "longitude": -72.1715, "nee_qc_scale": "ONEFlux share"}
    assert len(inventory.siblings) == 2


def test_the_networks_file_may_be_a_workbook(tmp_path: Path) -> None:
    make.write_zip(tmp_path, info=None)
    rows = [line.split(",") for line in make.bif(told=make.TOLD[3:]).decode().splitlines()]
    (tmp_path / "AMF_AA-Net_BIF_CCBY4_20250201.xlsx").write_bytes(spreadsheet.workbook(rows))
    assert read(tmp_path).attributes["longitude"] == -72.1715


def test_without_site_information_the_days_are_read_alone(tmp_path: Path) -> None:
    record = read(make.write_zip(tmp_path, info=None))
    assert record.attributes == {"nee_qc_scale": "ONEFlux share"}
    assert record.table.num_rows == 4


@pytest.mark.parametrize(
    ("info", "words"),
    [
        (b"nothing of use\n", "no columns VARIABLE and DATAVALUE"),
        (b"VARIABLE,DATAVALUE\nIGBP," + b"x" * 200_000, "no readable CSV"),  # csv takes no larger cells
        (make.bif("YY-Two"), "says nothing of XX-One"),
    ],
)
def test_when_site_information_is_damaged_then_it_costs_itself_alone(tmp_path: Path, info: bytes, words: str) -> None:
    record = read(make.write_zip(tmp_path, info=info))
    assert record.table.num_rows == 4
    assert record.attributes == {"nee_qc_scale": "ONEFlux share"}
    (note,) = record.notes
    assert words in note


def test_when_site_information_disagrees_with_itself_then_the_first_counts_with_a_note(tmp_path: Path) -> None:
    moved = (("7", "GRP_LOCATION", "LOCATION_LAT", "43"), ("7", "GRP_LOCATION", "LOCATION_LONG", "-72"))
    record = read(make.write_zip(tmp_path, info=make.bif(told=(*make.TOLD, *moved, ("8", "GRP_IGBP", "IGBP", "MF")))))
    assert (record.attributes["latitude"], record.attributes["igbp"]) == (42.5378, "DBF")
    assert sum("2 locations" in note for note in record.notes) == 1
    assert sum("DBF, MF" in note for note in record.notes) == 1


def test_the_newest_fullset_comes_first_and_the_shuttle_before_it(tmp_path: Path) -> None:
    for subset, version in [("SUBSET", "4-5"), ("FULLSET", "3-5"), ("FULLSET", "3-10"), ("FULLSET", "2-6")]:
        make.write_zip(tmp_path, subset=subset, version=version)
    shuttle.write_zip(tmp_path)
    inventory = archives.scan([tmp_path])
    assert [e.product for e in (*inventory.entries, *inventory.superseded)] == [
        "FLUXNET Shuttle AMF v1.3 r1",
        "AmeriFlux FLUXNET FULLSET 3-10",
        "AmeriFlux FLUXNET FULLSET 3-5",
        "AmeriFlux FLUXNET FULLSET 2-6",
        "AmeriFlux FLUXNET SUBSET 4-5",
    ]


def test_when_the_zip_is_cut_short_or_lacks_its_daily_file_then_it_is_broken(tmp_path: Path) -> None:
    cut = make.write_zip(tmp_path, "XX-Cut")
    cut.write_bytes(cut.read_bytes()[:-60])
    empty = tmp_path / f"{make.name('XX-Emp', part='')}.zip"
    with zipfile.ZipFile(empty, "w") as archive:
        archive.writestr(f"{make.name('XX-Emp', part='_HR')}.csv", "x")
    make.write_zip(tmp_path, "XX-One")
    inventory = archives.scan([tmp_path])
    assert [e.site_id for e in inventory.entries] == ["XX-One"]
    assert "fetch it again" in inventory.broken[str(cut)]
    assert "no daily file" in inventory.broken[str(empty)]


def test_when_site_information_declares_an_implausible_size_then_it_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make.write_zip(tmp_path, info=b"0" * 100_000)
    (entry,) = archives.scan([path]).entries
    monkeypatch.setattr(_zips, "RATIO_FROM", 10_000)  # the real floor of 64 MiB would make this test slow
    monkeypatch.setattr(_zips, "MAX_RATIO", 50)
    assert "times its packed size" in archives.read(entry).notes[0]


def test_the_product_asks_to_be_cited_by_towers(tmp_path: Path) -> None:
    assert read(make.write_zip(tmp_path)).citation == ameriflux.CITATION
    with pytest.raises(ArchiveError, match="XX-One"):
        read(make.write_zip(tmp_path, raw=b"TIMESTAMP\n"))
