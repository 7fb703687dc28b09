"""Archives of the FLUXNET Shuttle: networks by code, reanalysis joined, the snapshot as a catalogue."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from carbonbench_core import archives, schema
from carbonbench_core.archives import Options, shuttle
from carbonbench_core.catalogue import read_towers
from carbonbench_core.errors import ArchiveError

from . import ameriflux, fluxnet2015, table
from . import shuttle as make


def read(path: Path) -> archives.Record:
    (entry,) = archives.scan([path]).entries
    return archives.read(entry)


@pytest.mark.parametrize(
    ("code", "network", "reference"),
    [
        ("AMF", "AmeriFlux", ""),
        ("ICOS", "ICOS", ""),
        ("ICOSETC", "ICOS", ""),
        ("TERN", "TERN", "bg-13-5895-2016"),
        ("JPF", "JapanFlux", "essd-17-3807-2025"),
        ("XYZ", "XYZ", ""),
    ],
)
def test_the_code_in_the_name_gives_network_and_citation(
    tmp_path: Path, code: str, network: str, reference: str
) -> None:
    record = read(make.write_zip(tmp_path, code=code))
    assert record.entry.network == network
    assert record.entry.product == f"FLUXNET Shuttle {code} v1.3 r1"
    assert record.licence == "CC-BY-4.0"
    assert record.citation.startswith(shuttle.CITATION)
    assert reference in record.citation
    assert record.target_variant == "VUT_USTAR50"
    assert record.attributes["igbp"] == "DBF"


def test_groups_and_columns_of_tern_are_understood(tmp_path: Path) -> None:
    info = ameriflux.bif("AU-Lox", make.TERN_TOLD, make.TERN_HEADING)
    record = read(make.write_zip(tmp_path, "AU-Lox", "TERN", info=info))
    assert record.attributes == {
        "name": "Loxton",
        "latitude": -34.47035,
        "longitude": 140.65512,
        "igbp": "DBF",
        "nee_qc_scale": "ONEFlux share",
    }


@pytest.mark.parametrize("packed", [True, False])
def test_the_reanalysis_is_joined_to_the_days_of_the_fluxes(tmp_path: Path, packed: bool) -> None:
    # Fluxes: 1 January and 4 January 2003, and two days between that only the reanalysis has.
    cells = {(1, "TIMESTAMP"): "20030104"}
    path = make.write_zip(tmp_path, days=2, cells=cells)
    record = read(path if packed else fluxnet2015.unpack(path, tmp_path / "unpacked"))
    rows = record.table.to_pylist()
    assert [row["date"] for row in rows] == [date(2003, 1, d) for d in (1, 2, 3, 4)]
    # The maker begins on 30 December with 20, so that 1 January has 22; days outside the fluxes' span are left out.
    assert [row["TA_ERA"] for row in rows] == [22.0, 23.0, 24.0, 25.0]
    assert [row["P_ERA"] for row in rows] == [None] * 4  # -9999 throughout
    assert [row["gpp"] is None for row in rows] == [False, True, True, False]
    assert rows[3]["TA_F"] == pytest.approx(10.1)
    assert record.notes == []


def test_without_a_reanalysis_file_the_fluxes_are_read_with_a_note(tmp_path: Path) -> None:
    record = read(make.write_zip(tmp_path, reanalysis=None))
    assert record.table.num_rows == 4
    assert "no ERA5 daily file" in record.notes[0]


def test_when_the_reanalysis_is_damaged_then_the_archive_is_refused_with_the_place(tmp_path: Path) -> None:
    raw = make.era5().replace(b",23,", b",warm,")
    with pytest.raises(ArchiveError, match=r"ERA5_DD_1981-2024.*column TA_ERA in line 5.*'warm'"):
        read(make.write_zip(tmp_path, reanalysis=raw))


def test_columns_that_the_schema_does_not_know_are_left_out(tmp_path: Path) -> None:
    table_of = read(make.write_zip(tmp_path)).table
    assert not [name for name in table_of.column_names if name.endswith("_ERA") and name not in schema.COLUMNS]
    assert table_of.num_rows == 4


def test_the_newest_processing_comes_first_by_numbers(tmp_path: Path) -> None:
    for of in ("v1.3_r2", "v1.10_r1", "v1.3_r10"):
        make.write_zip(tmp_path, of=of)
    inventory = archives.scan([tmp_path])
    products = [e.product.removeprefix("FLUXNET Shuttle AMF ") for e in (*inventory.entries, *inventory.superseded)]
    assert products == ["v1.10 r1", "v1.3 r10", "v1.3 r2"]


def test_other_files_of_the_archive_are_known(tmp_path: Path) -> None:
    inventory = archives.scan([fluxnet2015.unpack(make.write_zip(tmp_path), tmp_path / "unpacked")])
    assert len(inventory.siblings) == 7  # four steps, BIFVARINFO, ERA5, BIF
    assert inventory.unrecognised == []
    assert [p.name for p in inventory.ignored] == ["README.txt"]
    companions = [p.name for p in inventory.entries[0].companions]
    assert companions == [f"{make.name(part='BIF_')}.csv", f"{make.name(part='ERA5_DD_', years='1981-2024')}.csv"]


@pytest.mark.parametrize("name", ["fluxnet_shuttle_snapshot_20260203T151729.csv", "catalogue.csv"])
def test_the_snapshot_is_neither_a_table_nor_unknown(tmp_path: Path, name: str) -> None:
    make.write_zip(tmp_path)
    snapshot = tmp_path / name
    snapshot.write_text(make.SNAPSHOT)
    mapping = tmp_path / "mine.toml"
    mapping.write_text(table.MAPPING.replace('"tower"', '"site_id"'))  # it names a column that the snapshot has
    for options in (Options(), Options(mapping=str(mapping))):
        inventory = archives.scan([tmp_path], options)
        assert inventory.siblings == [snapshot]
        assert (inventory.broken, inventory.unrecognised) == ({}, [])


def test_the_snapshot_is_a_catalogue_of_towers_without_people(tmp_path: Path) -> None:
    snapshot = tmp_path / "fluxnet_shuttle_snapshot_20260203T151729.csv"
    snapshot.write_text(make.SNAPSHOT)
    assert shuttle.is_snapshot(snapshot)
    listed = read_towers(snapshot)
    assert (listed["XX-One"]["latitude"], listed["XX-One"]["longitude"], listed["XX-One"]["igbp"]) == (
        42.5,
        -72.2,
        "DBF",
    )
    assert "Jane" not in str(listed)
    assert "example.org" not in str(listed)


def test_a_table_of_days_is_no_snapshot(tmp_path: Path) -> None:
    (tmp_path / "days.csv").write_text("data_hub,site_id,date\n")
    (tmp_path / "days.parquet").write_bytes(b"PAR1")
    (tmp_path / "bad.csv").write_bytes(b"\xff\xfe\x00")
    assert not any(shuttle.is_snapshot(path) for path in tmp_path.iterdir())
