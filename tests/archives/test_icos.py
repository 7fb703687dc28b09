"""ICOS Level 2 archives."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from carbonbench_core import archives

from . import fluxnet2015
from . import icos as make


def read(path: Path) -> archives.Record:
    (entry,) = archives.scan([path]).entries
    return archives.read(entry)


@pytest.mark.parametrize(
    ("level", "product"), [("L2", "ICOS L2"), ("INTERIM_L2", "ICOS L2 interim"), ("01", "ICOS 01")]
)
def test_the_archive_is_read_in_place_with_its_siteinfo(tmp_path: Path, level: str, product: str) -> None:
    record = read(make.write_zip(tmp_path, level=level))
    assert (record.entry.network, record.entry.site_id, record.entry.product) == ("ICOS", "XX-One", product)
    assert (record.target_variant, record.licence) == ("VUT_USTAR50", "CC-BY-4.0")
    assert "Carbon Portal" in record.citation
    # Latin-1 text, a comma too many in a row that is not used, coordinates in groups of their own.
    assert record.attributes == {
        "name": "Ä forest",
        "latitude": 51.079,
        "longitude": 10.452,
        "igbp": "DBF",
        "nee_qc_scale": "ONEFlux share",
    }
    assert "Jane" not in str(record)


def test_zip_and_unpacked_folder_give_the_same_record_and_the_other_files_are_known(tmp_path: Path) -> None:
    packed = make.write_zip(tmp_path)
    inventory = archives.scan([fluxnet2015.unpack(packed, tmp_path / "unpacked")])
    second = archives.read(inventory.entries[0])
    assert read(packed).table.equals(second.table)
    assert second.attributes["igbp"] == "DBF"
    assert len(inventory.siblings) == len(make.OTHERS) + 1
    assert inventory.unrecognised == []


def test_the_final_release_comes_before_the_interim_one(tmp_path: Path) -> None:
    for level in ("INTERIM_L2", "L2", "01"):
        make.write_zip(tmp_path, level=level)
    inventory = archives.scan([tmp_path])
    assert [e.product for e in inventory.entries] == ["ICOS L2"]
    assert [e.product for e in inventory.superseded] == ["ICOS 01", "ICOS L2 interim"]


def test_a_product_of_half_hours_alone_is_known_and_not_read(tmp_path: Path) -> None:
    make.write_zip(tmp_path)
    path = tmp_path / f"{make.name('XX-Two', 'FLUXES')}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{make.name('XX-Two', 'FLUXES')}.csv", "x")
    inventory = archives.scan([tmp_path])
    assert [e.site_id for e in inventory.entries] == ["XX-One"]
    assert inventory.siblings == [path]


def test_when_the_daily_file_is_missing_then_the_archive_is_broken(tmp_path: Path) -> None:
    path = tmp_path / f"{make.name('XX-One', 'ARCHIVE')}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{make.name('XX-One', 'SITEINFO')}.csv", make.siteinfo())
    assert "no daily file" in archives.scan([tmp_path]).broken[str(path)]
