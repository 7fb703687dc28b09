"""A dataset folder whose metadata are damaged, or somebody else's: one line says what, never a fault of ours."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from carbonbench_core.cli import main
from carbonbench_core.dataset_folder import DatasetFolder

COMMANDS = (["protocols"], ["protocols", "verify"], ["cite"], ["audit"], ["audit", "--leakage", "veg_holdout"])
FIRST = "data/SY-001-early.arrow"


@pytest.fixture
def folder(small_folder: Path, tmp_path: Path) -> Path:
    """Return a folder of the test's own, its shards linked."""
    place = tmp_path / "carbonbench"
    return Path(shutil.copytree(small_folder, place, copy_function=lambda a, b: Path(b).hardlink_to(a)))


def rewritten(path: Path, text: str) -> None:
    path.unlink()  # the file of the session's folder is linked
    path.write_text(text)


def lines_of(capsys: pytest.CaptureFixture[str], folder: Path) -> list[str]:
    """Return what every command that reads a folder says, sure that each fails and ours is no fault."""
    told = []
    for command in COMMANDS:
        assert main([*command, "--data", str(folder)]) == 1, command
        (line,) = [line for line in capsys.readouterr().err.splitlines() if line]
        assert line.startswith("carbonbench: ")
        assert "fault of CarbonBench" not in line
        assert "Build the folder again" in line
        told.append(line)
    return told


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("shards", {}, "shards is not a table of files"),
        ("shards", [FIRST], "shards is not a table of files"),
        ("columns", 5, "columns is not a list of names"),
        ("columns", [], "columns is not a list of names"),
        ("columns", [5], "columns is not a list of names"),
        ("synthetic", "false", "synthetic is not true or false"),
        ("data_digest", 7, "data_digest is not text"),
        ("citations", [{}], "citations is not a list of citations"),
        ("citations", 5, "citations is not a list of citations"),
    ],
)
def test_a_manifest_of_another_shape_is_refused_by_every_command(
    folder: Path, capsys: pytest.CaptureFixture[str], key: str, value: object, words: str
) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    rewritten(folder / "manifest.json", json.dumps(manifest | {key: value}))
    assert all(words in line for line in lines_of(capsys, folder))


@pytest.mark.parametrize("told", [{}, 5, {"rows": "730", "bytes": 1, "sha256": ""}, {"rows": 730, "bytes": 1}])
def test_a_shard_of_which_the_manifest_says_too_little_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str], told: object
) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["shards"][FIRST] = told
    rewritten(folder / "manifest.json", json.dumps(manifest))
    assert all(f"does not say rows, bytes and sha256 of {FIRST}" in line for line in lines_of(capsys, folder))


def test_protocols_of_shards_that_are_not_in_the_manifest_are_not_listed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["shards"][FIRST]
    rewritten(folder / "manifest.json", json.dumps(manifest))
    assert main(["protocols", "--data", str(folder)]) == 1
    assert f"not in its manifest or not in data/ ({FIRST})" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda sites: sites.drop(columns="site_id"), "lacks the columns site_id"),
        (lambda sites: sites[["site_id"]], "lacks the columns network, igbp, koppen_main and 4 more"),
        (lambda sites: sites.assign(site_id=range(len(sites))), "site_id is not a name for each tower"),
        (lambda sites: sites.assign(site_id="SY-001"), "site_id is not a name for each tower"),
    ],
)
def test_a_sites_table_of_another_shape_is_refused(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[pd.DataFrame], pd.DataFrame],
    words: str,
) -> None:
    sites = pd.read_parquet(folder / "sites.parquet")
    (folder / "sites.parquet").unlink()
    change(sites).to_parquet(folder / "sites.parquet")
    for command in COMMANDS[1:]:
        assert main([*command, "--data", str(folder)]) == 1, command
        err = capsys.readouterr().err
        assert words in err
        assert "fault of CarbonBench" not in err


@pytest.mark.parametrize("value", [5, ["x"], {"veg_holdout": 5}])
def test_reasons_that_are_no_texts_are_refused(folder: Path, capsys: pytest.CaptureFixture[str], value: object) -> None:
    edition = json.loads((folder / "protocols.json").read_text())
    rewritten(folder / "protocols.json", json.dumps(edition | {"unsupported": value}))
    assert main(["protocols", "--data", str(folder)]) == 1
    assert "protocols.json: unsupported does not map names to texts" in capsys.readouterr().err


def test_a_whole_folder_opens(folder: Path) -> None:
    assert len(DatasetFolder.open(folder).sites) == 30
