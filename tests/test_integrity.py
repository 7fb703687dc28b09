"""Data that were changed after the build are refused: a row is about the data that it names."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from carbonbench_core.cli import main
from carbonbench_core.dataset_folder import DatasetFolder
from carbonbench_core.errors import DatasetFolderError
from carbonbench_core.integrity import require_unchanged, shards_of


@pytest.fixture
def changed(small_folder: Path, tmp_path: Path) -> Path:
    """A dataset folder of which one byte of a test tower was turned after it was built, its size being the same."""
    folder = tmp_path / "carbonbench"
    shutil.copytree(small_folder, folder)
    shard = folder / DatasetFolder.open(folder).protocol("veg_holdout").splits["test"][0]
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    return folder


@pytest.mark.parametrize("command", [["run", "veg_holdout", "--model", "constant"], ["protocols", "verify"]])
def test_data_that_were_changed_after_the_build_are_refused_before_anything_is_done(
    command: list[str], changed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*command, "--data", str(changed)]) == 1
    said = capsys.readouterr().err
    assert "1 of " in said
    assert "are not as they were written" in said
    assert not list(tmp_path.rglob("row.json"))


def test_only_the_splits_that_are_read_have_to_be_whole(changed: Path, small_folder: Path) -> None:
    folder = DatasetFolder.open(changed)
    require_unchanged(folder, shards_of(folder, ["veg_holdout"], ["train"]))
    whole = DatasetFolder.open(small_folder)
    require_unchanged(whole, shards_of(whole, ["veg_holdout"]))
    with pytest.raises(DatasetFolderError, match=r"1 of \d+ shards"):
        require_unchanged(folder, shards_of(folder, ["veg_holdout"], ["test"]))
