"""All networks alike: the real files repacked as theirs give the same numbers, and damage is told in words."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonbench_core import archives
from carbonbench_core.archives import Record
from carbonbench_core.errors import ArchiveError

from . import ameriflux, icos, japanflux, shuttle
from .damage import damage

# Each: (folder, site, the daily file's bytes) -> None, writes the archive of one tower.
PACKERS: dict[str, Callable[[Path, str, bytes], object]] = {
    "AmeriFlux": lambda folder, site, raw: ameriflux.write_zip(folder, site, raw=raw),
    "ICOS": lambda folder, site, raw: icos.write_zip(folder, site, raw=raw),
    "JapanFlux": lambda folder, site, raw: japanflux.write_folder(folder, site, {"ALLVARS": raw}),
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
        if network == "JapanFlux":  # whose quality stands on another scale: q is taken for a class of 0 to 3
            share = [None if q is None else (3 - q) / 3 for q in expected.table["nee_qc"].to_pylist()]
            assert record.table["nee_qc"].to_pylist() == pytest.approx(share)
            assert record.table.drop(["nee_qc"]).equals(expected.table.drop(["nee_qc"]))
        else:
            more = set(record.table.column_names) - set(expected.table.column_names)
            assert all(name.endswith("_ERA") for name in more)  # the reanalysis that a Shuttle archive adds
            assert record.table.drop(sorted(more)).equals(expected.table)


ZIPS = {"ameriflux": ameriflux, "icos": icos, "japanflux": japanflux, "shuttle": shuttle}


@given(st.data())
@pytest.mark.parametrize("network", ZIPS)
def test_whatever_bytes_of_a_zip_are_damaged_it_is_read_or_refused_in_words(network: str, data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        path = ZIPS[network].write_zip(Path(folder))
        damage(path, data)
        inventory = archives.scan([path])
        for entry in inventory.entries:
            with suppress(ArchiveError):  # any other exception fails this test
                assert archives.read(entry).table.num_rows > 0
        assert inventory.entries or inventory.broken
