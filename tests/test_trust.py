"""A row is about the data and the model that it names: neither can be exchanged behind it without a word."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from carbonbench_core.cli import main
from carbonbench_core.dataset_folder import DatasetFolder
from carbonbench_core.errors import DatasetFolderError
from carbonbench_core.integrity import require_unchanged
from carbonbench_core.report.leaderboard import leaderboard
from carbonbench_core.run import run

MEAN = """
class Mean:
    def fit(self, train, validation):
        pass

    def predict(self, data):
        return data.to_pandas()[["site_id", "date"]].assign(gpp={0}, reco=2.0, nee=1.0)
"""


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
    require_unchanged(DatasetFolder.open(changed), ["veg_holdout"], ["train"])
    require_unchanged(DatasetFolder.open(small_folder), ["veg_holdout"])
    with pytest.raises(DatasetFolderError, match=r"1 of \d+ shards"):
        require_unchanged(DatasetFolder.open(changed), ["veg_holdout"], ["test"])


def test_own_models_of_one_name_stand_beside_one_another(small_folder: Path, tmp_path: Path) -> None:
    folder = DatasetFolder.open(small_folder)
    places = []
    for name, gpp in (("a", 1.0), ("b", 2.0)):
        (tmp_path / f"{name}.py").write_text(MEAN.format(gpp))
        model = f"{tmp_path / name}.py:Mean"
        places.append(run("veg_holdout", model, folder, out=tmp_path / "runs", results=tmp_path / "results").folder)
    assert places[0] != places[1]
    assert all((place / "predictions.parquet").is_file() for place in places)
    labels = [entry.label for entry in leaderboard(tmp_path / "results").tables[0].entries]
    assert len(labels) == 2
    assert all(label.startswith("Mean (source=") for label in labels)


def test_another_model_saved_at_the_same_place_is_another_model(small_folder: Path, tmp_path: Path) -> None:
    from carbonbench_baselines import load_baseline

    import carbonbench

    data, folder = carbonbench.load("veg_holdout", str(small_folder), "minimal"), DatasetFolder.open(small_folder)
    results = []
    for split in ("train", "validation"):  # same settings, other data
        load_baseline("constant").fit(data[split]).save_pretrained(tmp_path / split)
        shutil.rmtree(tmp_path / "saved", ignore_errors=True)
        shutil.move(tmp_path / split, tmp_path / "saved")
        results.append(run("veg_holdout", str(tmp_path / "saved"), folder, out=tmp_path / "runs", results=None))
    first, second = (json.loads(result.row["settings"]) for result in results)
    assert first.pop("source") != second.pop("source")
    assert first == second
    assert results[0].folder != results[1].folder


def test_a_saved_model_takes_no_other_seed(small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    from carbonbench_baselines import load_baseline

    import carbonbench

    train = carbonbench.load("veg_holdout", str(small_folder), "minimal")["train"]
    load_baseline("constant").fit(train).save_pretrained(tmp_path / "saved")
    command = ["run", "veg_holdout", "--model", str(tmp_path / "saved"), "--data", str(small_folder), "--seed", "7"]
    assert main(command) == 2
    assert "Got seed 7" in capsys.readouterr().err
