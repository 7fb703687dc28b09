"""Parquet files of many sites, read site by site in any order and in little memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from carbonbench_core import archives
from carbonbench_core.archives import _by_site
from carbonbench_core.errors import ArchiveError

from . import carbonfluxbench as make


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (2, 0, 1), (1, 1, 0)])
@pytest.mark.parametrize("rows_per_group", [1, 5, 16, 1000])
def test_in_whatever_order_towers_are_read_they_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: tuple[int, ...], rows_per_group: int
) -> None:
    monkeypatch.setattr(_by_site, "BATCH", 4)
    folder = make.write_folder(tmp_path, rows_per_group=rows_per_group)
    entries = archives.scan([folder]).entries
    days = [archives.read(entries[i]).table["date"].to_pylist() for i in order]
    era5 = [archives.read(entries[i]).table["temperature_2m"].to_pylist() for i in order]
    for i, dates, values in zip(order, days, era5, strict=True):
        site = list(make.CODES).index(entries[i].site_id)
        assert values == [np.float32(make.feature(0, site, day)) for day in dates]


def test_rows_of_a_site_need_not_stand_together(tmp_path: Path) -> None:
    folder = make.write_folder(tmp_path)
    expected = {e.site_id: archives.read(e) for e in archives.scan([folder]).entries}
    path = folder / "ERA5.parquet"
    mixed = pq.read_table(path)
    mixed = mixed.take(np.random.default_rng(0).permutation(mixed.num_rows))
    pq.write_table(mixed, path, row_group_size=11)
    for entry in archives.scan([folder]).entries:
        assert archives.read(entry).table.equals(expected[entry.site_id].table)


def test_reading_a_tower_of_one_huge_row_group_takes_a_fraction_of_its_memory(tmp_path: Path) -> None:
    # 1,000,000 rows x 10 columns x 8 bytes = 80 MB in one row group.
    rows, sites = 1_000_000, 100
    number = np.random.default_rng(0).normal(size=rows)
    days = np.tile(np.datetime64("2000-01-01") + np.arange(rows // sites), sites)
    names = np.repeat([f"XX-{n:03d}" for n in range(sites)], rows // sites)
    era5 = pa.table({"site": names, "date": days} | dict.fromkeys(make.ERA5[:10], number))
    pq.write_table(era5, tmp_path / "ERA5.parquet", row_group_size=rows)
    del era5
    script = (
        "import sys\nfrom pathlib import Path\nimport pyarrow as pa\n"
        "from carbonbench_core.archives import _by_site, carbonfluxbench\n"
        "file = _by_site.opened(Path(sys.argv[1]), carbonfluxbench._feature_columns)\n"
        "rows = sum(file.rows(name).num_rows for name in file.names)\n"
        "print(rows, pa.default_memory_pool().max_memory())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "ERA5.parquet")], capture_output=True, text=True, check=True
    )
    read_rows, most = map(int, done.stdout.split())
    assert read_rows == rows
    # Per column a dictionary and a page of 1 MiB, packed and unpacked; a batch of 0.3 MB and a tower of 0.8 MB, twice.
    assert most < 45e6


def test_a_file_that_changed_on_disk_is_opened_anew(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    for value in (1.0, 2.0):
        pq.write_table(pa.table({"site": ["A", None, "B"], "x": [value, 5.0, 7.0 * value]}), path)
        file = _by_site.opened(path, list)
        assert list(file.names) == ["A", "B"]
        assert (file.rows("A")["x"].to_pylist(), file.rows("B")["x"].to_pylist()) == ([value], [7.0 * value])


def test_when_a_row_group_is_damaged_then_its_sites_are_refused_and_the_others_are_read(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    table = pa.table({"site": np.repeat(["A", "B"], 5000), "x": np.random.default_rng(0).normal(size=10_000)})
    pq.write_table(table, path, row_group_size=5000, compression="zstd")
    content = bytearray(path.read_bytes())
    column = pq.ParquetFile(path).metadata.row_group(0).column(1)
    at = column.dictionary_page_offset or column.data_page_offset
    content[at + 40 : at + 5000] = bytes(4960)
    path.write_bytes(content)
    file = _by_site.opened(path, list)
    with pytest.raises(ArchiveError, match=r"x\.parquet: damaged"):
        file.rows("A")
    assert file.rows("B").num_rows == 5000
