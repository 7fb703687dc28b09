"""Scanning sources: what is taken, superseded, known, broken or foreign, and nothing unsaid."""

from __future__ import annotations

import errno
import os
import re
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pv
import pyarrow.parquet as pq
import pytest

from carbonbench_core import archives
from carbonbench_core.archives import _mapping
from carbonbench_core.errors import ArchiveError, UsageError

from . import ameriflux, icos, shuttle
from . import fluxnet2015 as make


@pytest.mark.parametrize("name", archives.formats())
def test_every_format_has_the_names_of_the_contract(name: str) -> None:
    module = archives.formats()[name]
    assert callable(module.find)
    assert callable(module.read)
    assert module.CITATION
    assert module.LICENSE
    assert module.find(Path("nothing.here"), archives.Options()) == []


def test_helpers_and_folders_are_no_formats() -> None:
    assert {"fluxnet2015", "table"} <= set(archives.formats())
    assert not {n for n in archives.formats() if n.startswith("_") or n == "mappings"}


def test_fullset_comes_before_subset_and_the_newest_version_before_others(tmp_path: Path) -> None:
    for subset, version in [("SUBSET", "2-4"), ("FULLSET", "1-3"), ("FULLSET", "1-4"), ("SUBSET", "beta-3")]:
        make.write_zip(tmp_path, subset=subset, version=version)
    inventory = archives.scan([tmp_path])
    # Warm Winter 2020 is a release of its own, with later years: it is merged, not superseded whole.
    assert [e.product for e in inventory.entries] == ["FLUXNET2015 FULLSET 1-4", "Warm Winter 2020 SUBSET beta-3"]
    assert [e.product for e in inventory.superseded] == ["FLUXNET2015 FULLSET 1-3", "FLUXNET2015 SUBSET 2-4"]


def test_versions_are_compared_as_numbers(tmp_path: Path) -> None:
    for version in ("2-4", "10-4"):
        make.write_csv(tmp_path, version=version)
    assert archives.scan([tmp_path]).entries[0].product == "FLUXNET2015 SUBSET 10-4"


def test_a_zip_beside_its_unpacked_folder_is_one_tower(tmp_path: Path) -> None:
    make.unpack(make.write_zip(tmp_path), tmp_path / "unpacked")
    inventory = archives.scan([tmp_path])
    assert (len(inventory.entries), len(inventory.superseded)) == (1, 1)


def test_a_source_named_twice_counts_once(tmp_path: Path) -> None:
    path = make.write_csv(tmp_path)
    inventory = archives.scan([tmp_path, path])
    assert (len(inventory.entries), len(inventory.superseded)) == (1, 0)


def test_siblings_of_the_daily_file_are_known_and_other_files_are_listed(tmp_path: Path) -> None:
    folder = make.unpack(make.write_zip(tmp_path), tmp_path / "unpacked")
    (folder / "notes.txt").write_text("x")
    (folder / "towers.csv").write_text("site,lat\nXX-One,1\n")
    inventory = archives.scan([folder])
    assert [p.name.split("_")[3] for p in inventory.siblings] == ["ERAI", "SUBSET", "SUBSET", "SUBSET", "SUBSET"]
    assert [p.name for p in inventory.unrecognised] == ["towers.csv"]
    assert [p.name for p in inventory.ignored] == ["notes.txt"]
    assert inventory.broken == {}


MIXED = {
    "AMF_XX-Ame_FLUXNET_SUBSET_2003-2003_3-5.zip": "AmeriFlux",
    "ICOSETC_XX-Ico_ARCHIVE_L2.zip": "ICOS",
    "TERN_XX-Ter_FLUXNET_2003-2003_v1.3_r1.zip": "TERN",
    "FLX_XX-Flu_FLUXNET2015_SUBSET_2003-2003_1-4.zip": "FLUXNET2015",
}


def write_mixed(folder: Path) -> None:
    ameriflux.write_zip(folder, "XX-Ame", "SUBSET")
    icos.write_zip(folder, "XX-Ico")
    shuttle.write_zip(folder, "XX-Ter", "TERN")
    make.write_zip(folder, "XX-Flu")


def test_a_folder_may_mix_networks(tmp_path: Path) -> None:
    write_mixed(tmp_path)
    (tmp_path / "towers.csv").write_text("site,lat\nXX-One,1\n")
    inventory = archives.scan([tmp_path])
    assert {e.path.name: e.network for e in inventory.entries} == MIXED
    assert [p.name for p in inventory.unrecognised] == ["towers.csv"]
    assert (inventory.broken, inventory.superseded, inventory.siblings) == ({}, [], [])


def test_unpacked_into_one_folder_networks_still_keep_apart(tmp_path: Path) -> None:
    write_mixed(tmp_path)
    folder = tmp_path / "all"
    for name in MIXED:
        make.unpack(tmp_path / name, folder)
    inventory = archives.scan([folder])
    assert sorted(e.network for e in inventory.entries) == sorted(MIXED.values())
    assert inventory.unrecognised == []
    assert inventory.broken == {}


def test_one_zip_may_hold_towers_of_several_networks(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr(f"a/{make.name('XX-Flu')}.csv", make.daily())
        archive.writestr(f"b/{ameriflux.name('XX-Ame')}.csv", make.daily("FULLSET"))
    assert [e.network for e in archives.scan([tmp_path]).entries] == ["AmeriFlux", "FLUXNET2015"]


def test_a_zip_of_zips_is_broken_with_what_to_do(tmp_path: Path) -> None:
    write_mixed(tmp_path)
    path = tmp_path / "download.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in MIXED:
            archive.write(tmp_path / name, name)
    inventory = archives.scan([tmp_path])
    assert len(inventory.entries) == 4
    assert "Unpack it once" in inventory.broken[str(path)]


def test_any_zip_that_holds_daily_files_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "download.zip", "w") as archive:
        for site in ("XX-One", "XX-Two"):
            archive.writestr(f"data/{make.name(site)}.csv", make.daily())
    entries = archives.scan([tmp_path]).entries
    assert [e.site_id for e in entries] == ["XX-One", "XX-Two"]
    assert archives.read(entries[1]).table.num_rows == 4


def test_when_a_source_does_not_exist_then_the_usage_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        archives.scan([tmp_path / "nowhere"])
    with pytest.raises(UsageError, match="No source"):
        archives.scan([])


def test_when_there_is_no_record_then_the_error_says_what_was_seen(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    (tmp_path / "b.txt").write_text("x")
    with pytest.raises(ArchiveError, match=r"1 data files of no known format .*a\.csv.* 1 other files"):
        archives.scan([tmp_path])


COLUMNS = _mapping.shipped()["fluxnet2015_site_days"].needed


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ([c for c in COLUMNS if c != "GPP"], "looks like FLUXNET2015 site-days .* but lacks GPP"),
        ([c for c in COLUMNS if c != "site"], "looks like FLUXNET2015 site-days .* but lacks site"),
        ([c.replace("NEE", "nee") for c in COLUMNS if c != "TA"], "lacks TA and spells nee for NEE, nee_QC for NEE_QC"),
    ],
)
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_table_that_is_almost_of_a_known_layout_is_told_what_it_lacks(
    columns: list[str], words: str, suffix: str, tmp_path: Path
) -> None:
    table, path = pa.table({c: ["1"] for c in columns}), tmp_path / f"mine.{suffix}"
    pq.write_table(table, path) if suffix == "parquet" else pv.write_csv(table, path)
    assert re.search(words, archives.why_unrecognised(path))
    with pytest.raises(ArchiveError, match=rf"first: mine\.{suffix}: looks like"):
        archives.scan([path])


def test_a_table_of_another_kind_is_asked_for_a_mapping(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("site,date,T\nx,2003-01-01,1\n")
    assert archives.why_unrecognised(tmp_path / "a.csv").endswith("needs --mapping FILE")


def test_a_zip_that_cannot_be_read_or_holds_no_days_is_not_asked_for_a_mapping(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04 cut short")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("readme.txt", "x")
    assert "no readable zip" in archives.why_unrecognised(tmp_path / "a.zip")
    assert archives.why_unrecognised(tmp_path / "b.zip").endswith("it holds no daily file of a network but readme.txt")


def test_a_folder_that_cannot_be_listed_is_broken_and_not_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed, listing = tmp_path / "closed", os.scandir
    closed.mkdir()
    make.write_csv(tmp_path)

    def refuse(path: str) -> object:  # root may list whatever its permissions say
        if Path(path) == closed:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return listing(path)

    monkeypatch.setattr(os, "scandir", refuse)
    for source, towers in ((closed, 0), (tmp_path, 1)):
        inventory = archives.scan([source])
        assert len(inventory.entries) == towers
        assert "cannot be opened (Permission denied)" in inventory.broken[str(closed)]


def test_a_file_that_may_not_be_opened_is_broken_and_stops_nothing(tmp_path: Path) -> None:
    refuses = Path("/proc/self/mem")  # a file that nobody can read from its start, whoever runs the test
    if not refuses.exists():
        pytest.skip("no /proc on this system")
    make.write_csv(tmp_path)
    (tmp_path / "a.csv").symlink_to(refuses)
    inventory = archives.scan([tmp_path])
    assert len(inventory.entries) == 1
    assert "cannot be opened" in inventory.broken[str(tmp_path / "a.csv")]
