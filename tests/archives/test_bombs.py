"""Archives made to fill memory or disk, or to write elsewhere: refused in words, at once, and at their own cost."""

from __future__ import annotations

import os
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from carbonbench_core import archives
from carbonbench_core.archives import _by_site, _spreadsheet, _zips
from carbonbench_core.build import build
from carbonbench_core.errors import ArchiveError, UsageError

from . import carbonfluxbench, fluxnet2015, spreadsheet
from . import table as tidy

MIB = 1 << 20


def peak(read: object) -> int:
    """Return the most memory that a call held at once, in bytes, whether it was refused or not."""
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveError):
            read()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def lying(folder: Path, unpacked: int, declared: int) -> Path:
    """Write a tower's zip whose daily file declares a size that it is not of, in the member and in the directory."""
    path = folder / f"{fluxnet2015.name(part='')}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{fluxnet2015.name()}.csv", bytes(unpacked))
    raw = path.read_bytes().replace(struct.pack("<L", unpacked), struct.pack("<L", declared))
    path.write_bytes(raw)
    return path


def test_a_member_that_unpacks_to_more_than_it_declares_is_cut_there(tmp_path: Path) -> None:
    path = lying(tmp_path, 200 * MIB, 1000)
    (entry,) = archives.scan([path]).entries
    assert peak(lambda: archives.read(entry)) < 16 * MIB


def test_a_member_that_declares_more_than_any_daily_file_is_refused_unread(tmp_path: Path) -> None:
    for unpacked, words in ((65 * MIB, "times its packed size"), (10 * MIB, "600 MiB")):
        path = lying(tmp_path, unpacked, unpacked if unpacked > 64 * MIB else 600 * MIB)
        (entry,) = archives.scan([path]).entries
        with pytest.raises(ArchiveError, match=words):
            archives.read(entry)
        assert peak(lambda entry=entry: archives.read(entry)) < 4 * MIB


def test_zips_in_zips_are_never_opened(tmp_path: Path) -> None:
    inner = fluxnet2015.write_zip(tmp_path)
    for depth in range(3):
        outer = tmp_path / f"{depth}.zip"
        with zipfile.ZipFile(outer, "w") as archive:
            archive.write(inner, inner.name)
        inner.unlink()
        inner = outer
    assert "Unpack it once" in archives.scan([inner]).broken[str(inner)]


def test_a_list_of_members_that_would_fill_the_memory_is_refused_unread(tmp_path: Path) -> None:
    path = fluxnet2015.write_zip(tmp_path)
    raw = bytearray(path.read_bytes())
    at = raw.rfind(b"PK\x05\x06")
    raw[at + 12 : at + 16] = struct.pack("<L", _zips.MAX_DIRECTORY + 1)
    path.write_bytes(bytes(raw))
    assert "far more members" in archives.scan([path]).broken[str(path)]


OUTSIDE = ("../", "/", "C:/", "a/../../", "..\\")


@pytest.mark.parametrize("prefix", OUTSIDE)
def test_no_path_in_a_zip_leaves_the_folder_and_nothing_is_written_beside_it(tmp_path: Path, prefix: str) -> None:
    sources = tmp_path / "sources"
    sources.mkdir()
    fluxnet2015.write_zip(sources, "XX-Two")
    with zipfile.ZipFile(sources / f"{fluxnet2015.name(part='')}.zip", "w") as archive:
        archive.writestr(f"{prefix}{fluxnet2015.name()}.csv", fluxnet2015.daily())
    before = set(tmp_path.rglob("*"))
    report = build([sources], tmp_path / "out", workers=1)
    assert report.towers == 1
    assert any("outside" in why or "no daily file" in why for why in report.failed.values())
    written = set(tmp_path.rglob("*")) - before
    assert all((tmp_path / "out") in (p, *p.parents) for p in written)


def test_a_parquet_file_of_a_few_bytes_that_declares_more_rows_than_there_are_days_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_by_site, "MAX_ROWS", 100)
    (tmp_path / "mine.toml").write_text(tidy.MAPPING)
    rows = {name: values[:1] * 101 for name, values in tidy.rows().items()}
    path = tidy.write(tmp_path, rows)
    options = archives.Options(mapping=str(tmp_path / "mine.toml"))
    assert "declares 101 rows" in archives.scan([path], options).broken[str(path)]
    hub = carbonfluxbench.write_folder(tmp_path / "hub", carbonfluxbench.targets(40))
    assert "declares 119 rows" in archives.scan([hub]).broken[str(hub / "target_fluxes_v2.parquet")]


def test_no_more_rows_are_allowed_than_a_small_file_can_declare(tmp_path: Path) -> None:
    same = pa.repeat(pa.scalar("XX-One"), _by_site.MAX_ROWS + 1).dictionary_encode()
    pq.write_table(pa.table({"site": same}), tmp_path / "target_fluxes_v2.parquet", row_group_size=1 << 26)
    assert (tmp_path / "target_fluxes_v2.parquet").stat().st_size < MIB // 4  # a row costs next to nothing
    assert "declares 50,000,001 rows" in next(iter(archives.scan([tmp_path]).broken.values()))


def test_a_workbook_that_unpacks_to_more_than_any_site_information_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = spreadsheet.workbook([("Variable", "Description", "dataValue1"), ("IGBP", "x" * 5000, "DBF")])
    monkeypatch.setattr(_spreadsheet, "MAX_UNPACKED", 4000)
    with pytest.raises(ArchiveError, match="unpacks to"):
        list(_spreadsheet.rows(raw, "a.xlsx"))


def test_climate_classes_nested_without_end_cost_themselves_alone(tmp_path: Path) -> None:
    folder = carbonfluxbench.write_folder(tmp_path)
    (folder / "koppen_sites.json").write_text("[" * 100_000)
    for entry in archives.scan([folder]).entries:
        record = archives.read(entry)
        assert any("koppen_sites.json is not read" in note for note in record.notes)


def test_a_pipe_is_no_source_and_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(UsageError, match="neither a file nor a folder"):
        archives.scan([tmp_path / "a.csv"])
    fluxnet2015.write_zip(tmp_path)
    assert len(archives.scan([tmp_path]).entries) == 1  # and in a folder it is passed over
