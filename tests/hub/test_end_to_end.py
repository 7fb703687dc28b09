"""Everything a user touches on the Hub, each step in a process of its own with an empty cache."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from carbonbench_core.cli import main

from .client import LIGHT, run_client
from .server import Hub
from .test_push import carbonbench

DOCS = Path(__file__).parents[2] / "docs"
DATA, BASE = "carbonbench/carbonbench", "carbonbench/trees"
SCRIPT = "import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"


@pytest.fixture(scope="module")
def run(small_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what `carbonbench run` left of small trees."""
    work = tmp_path_factory.mktemp("run")
    small = ["rounds=40", "learning_rate=0.2", "min_data_in_leaf=20"]
    command = ["run", "veg_holdout", "--model", "lightgbm", "--data", str(small_folder), "--set", *small]
    assert main([*command, "--out", str(work / "runs"), "--results", str(work / "results")]) == 0
    return next((work / "runs" / "veg_holdout").glob("lightgbm-*"))


@pytest.fixture(scope="module")
def hub(small_folder: Path, run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """Return a Hub that dataset and model were pushed to."""
    with Hub(tmp_path_factory.mktemp("hub")) as hub:
        pushed = carbonbench(hub, "push", "dataset", small_folder, "--repo", DATA, "--synthetic")
        assert "exit 0" in pushed, pushed
        assert "exit 0" in carbonbench(hub, "push", "model", run, "--repo", BASE)
        yield hub


def front(card: bytes) -> dict:
    return yaml.safe_load(card.decode().split("---")[1])


def test_the_quick_start_scores_as_the_run_did(hub: Hub, run: Path) -> None:
    said = run_client(hub, SCRIPT, DOCS / "quick_start.py", DATA, BASE, **LIGHT)
    row = json.loads((run / "row.json").read_text())
    assert re.findall(r"median (-?[\d.]+)", said) == [f"{row[f'{flux}.r2.q50']:.2f}" for flux in ("gpp", "reco", "nee")]


def test_a_baseline_tuned_on_a_new_tower_is_better_there_and_pushed_with_its_base(hub: Hub) -> None:
    said = run_client(hub, SCRIPT, DOCS / "finetune_new_tower.py", DATA, BASE, **LIGHT)
    before, after = (float(rmse) for rmse in re.findall(r"NEE ([\d.]+)", said))
    assert after < before
    assert "exit 0" in carbonbench(hub, "push", "model", hub.folder / "tuned", "--repo", "carbonbench/tuned")
    files = hub.files("model", "carbonbench/tuned")
    assert front(files["README.md"])["base_model"] == BASE
    assert f"Fine-tuned from `{BASE}`" in files["README.md"].decode()
    config = json.loads(files["config.json"])
    assert config["base_model"]["model"] == BASE
    assert len(config["towers"]["finetune"]) == 1


@pytest.mark.slow
def test_support_of_a_few_shot_protocol_tunes_a_model_that_is_still_ranked_there(hub: Hub, tmp_path: Path) -> None:
    data = ["--data", f"hf://datasets/{DATA}"]
    said = carbonbench(hub, "finetune", BASE, "--support", "veg_holdout_few_365", *data, "--out", tmp_path / "few")
    assert "exit 0" in said, said
    assert "SYNTHETIC" in (card := pushed_card(hub, tmp_path / "few"))
    assert "the support of `veg_holdout_few_365`" in card
    where = ["--out", tmp_path / "runs", "--results", tmp_path / "results"]
    said = carbonbench(hub, "run", "veg_holdout_few_365", "--model", "carbonbench/few", *data, *where)
    assert "exit 0" in said, said
    (few,) = [json.loads(path.read_text()) for path in (tmp_path / "results").rglob("*.json")]
    assert "test_towers_seen" not in few


def test_the_leaderboard_is_a_static_space_of_one_page(hub: Hub, run: Path) -> None:
    results = run.parents[2] / "results"
    where = ["--repo", "carbonbench/leaderboard", "--submissions", "https://example.org/results"]
    said = carbonbench(hub, "push", "leaderboard", results, *where)
    assert "exit 0" in said, said
    space = hub.files("space", "carbonbench/leaderboard")
    assert set(space) == {"README.md", "index.html"}
    assert front(space["README.md"])["sdk"] == "static"
    (row,) = [json.loads(path.read_text()) for path in results.rglob("*.json")]
    page = space["index.html"].decode()
    assert f"{row['gpp.r2.q50']:.3f}" in page
    assert '<a href="https://example.org/results">' in page
    assert "SYNTHETIC" in page
    said = carbonbench(hub, "push", "leaderboard", results, *where[:3], "http://example.org")
    assert "starts with https://" in said
    assert "exit 2" in said


def pushed_card(hub: Hub, model: Path) -> str:
    assert "exit 0" in carbonbench(hub, "push", "model", model, "--repo", "carbonbench/few")
    return hub.files("model", "carbonbench/few")["README.md"].decode()


def test_what_is_pulled_is_what_was_pushed(hub: Hub, small_folder: Path, run: Path, tmp_path: Path) -> None:
    assert "exit 0" in carbonbench(hub, "pull", DATA, "--dataset", "--out", tmp_path / "data")
    for path in (p for p in small_folder.rglob("*") if p.is_file()):
        assert (tmp_path / "data" / path.relative_to(small_folder)).read_bytes() == path.read_bytes()
    assert "exit 0" in carbonbench(hub, "pull", BASE, "--out", tmp_path / "model")
    names = {path.name for path in (tmp_path / "model").iterdir()}
    assert names == {"README.md", *(path.name for path in (run / "model").iterdir())}
    said = carbonbench(hub, "pull", BASE, "--out", tmp_path / "model")
    assert "is there already" in said
    assert "exit 2" in said


def test_files_over_the_limit_of_git_travel_both_ways(hub: Hub, small_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(small_folder, tmp_path / "carbonbench"))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["notes"] = ["x" * 1000] * (11 * 1024)  # 11 MiB of text: regular by its name, large by its size
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert "exit 0" in carbonbench(hub, "push", "dataset", folder, "--repo", "carbonbench/large", "--synthetic")
    blob = hub.store.repos["dataset", "carbonbench/large"].head("main").files["manifest.json"]
    assert blob.large
    said = carbonbench(hub, "pull", "carbonbench/large", "--dataset", "--out", tmp_path / "back")
    assert "exit 0" in said, said
    assert (tmp_path / "back" / "manifest.json").read_bytes() == (folder / "manifest.json").read_bytes()
