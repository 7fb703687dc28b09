"""A dataset on the Hub as a source."""

from __future__ import annotations

from pathlib import Path

import pytest

from carbonbench_core import archives
from carbonbench_core.archives import carbonfluxbench
from carbonbench_core.errors import ArchiveError, UsageError
from tests.hub.client import LIGHT, push, run_client
from tests.hub.server import Hub

from . import carbonfluxbench as make


def test_a_hub_dataset_is_a_source_and_only_its_known_files_are_fetched(tmp_path: Path) -> None:
    folder = make.write_folder(tmp_path / "repo")
    (folder / "target_fluxes.parquet").write_bytes(b"large and not wanted")
    (folder / "README.md").write_text("# card\n")
    code = (
        "import sys\nfrom carbonbench_core import archives\n"
        "entries = archives.scan([sys.argv[1]]).entries\n"
        "print(sorted((e.site_id, archives.read(e).table.num_columns) for e in entries))\n"
        "try:\n    archives.scan([sys.argv[1] + 'NoSuch'])\n"
        "except archives.ArchiveError as error:\n    print('Cannot fetch' in str(error))\n"
    )
    (tmp_path / "hub").mkdir()
    with Hub(tmp_path / "hub", orgs=[carbonfluxbench.REPO.split("/")[0]]) as hub:
        push(hub, folder, "dataset", carbonfluxbench.REPO)
        before = len(hub.log)
        printed = run_client(hub, code, f"hf://datasets/{carbonfluxbench.REPO}", **LIGHT).splitlines()
        fetched = {
            c.target.rsplit("/", 1)[1] for c in hub.log[before:] if c.method == "GET" and "/resolve/" in c.target
        }
    assert printed == [str([(site, 168) for site in sorted(make.CODES)]), "True"]
    assert fetched == set(carbonfluxbench.HUB_FILES)


def test_when_a_source_looks_like_a_repository_then_the_error_says_how_to_write_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"on the Hub is hf://datasets/{carbonfluxbench.REPO}"):
        archives.scan([carbonfluxbench.REPO])
    with pytest.raises(ArchiveError, match="no address of a Hub dataset"):
        archives.scan(["hf://datasets/one"])
