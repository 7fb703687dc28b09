"""The real files, renamed and repacked as other networks' archives, give the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from carbonbench_core import archives
from carbonbench_core.archives import Record

from . import ameriflux, icos, shuttle

# Each: (folder, site, the daily file's bytes) -> None, writes the archive of one tower.
PACKERS: dict[str, Callable[[Path, str, bytes], object]] = {
    "AmeriFlux": lambda folder, site, raw: ameriflux.write_zip(folder, site, raw=raw),
    "ICOS": lambda folder, site, raw: icos.write_zip(folder, site, raw=raw),
    "TERN": lambda folder, site, raw: shuttle.write_zip(folder, site, "TERN", raw=raw),
}


@pytest.fixture(scope="module")
def own(shared_data: Path) -> dict[str, Record]:
    return {e.site_id: archives.read(e) for e in archives.scan([shared_data / "oneflux"]).entries}


@pytest.mark.parametrize("network", PACKERS)
def test_repacked_as_another_networks_archives_the_real_files_give_the_same_numbers(
    tmp_path: Path, own: dict[str, Record], network: str
) -> None:
    for site, record in own.items():
        PACKERS[network](tmp_path, site, record.entry.path.read_bytes())
    entries = archives.scan([tmp_path]).entries
    assert len(entries) == 18
    assert {e.network for e in entries} == {network}
    for entry in entries:
        record, expected = archives.read(entry), own[entry.site_id]
        assert record.target_variant == expected.target_variant
        assert record.table.equals(expected.table)
