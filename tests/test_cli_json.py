"""What a program reads: with `--json` a command prints JSON and nothing else to stdout."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from carbonbench_core import commands
from carbonbench_core.cli import main
from tests.archives.fluxnet2015 import write_csv
from tests.hub.client import LIGHT, run_client
from tests.hub.server import Hub

TOWERS = "site_id,latitude,longitude,igbp\nXX-One,50.0,8.0,DBF\nXX-Two,51.0,9.0,ENF\n"
PLAN = 'feature_set = "minimal"\n[[runs]]\nprotocols = ["veg_holdout"]\nmodels = ["climatology"]\n'
# command -> its arguments; FOLDER is a dataset folder, RUN what a run left
CALLS = {
    "audit": (["--data", "FOLDER"], ["--leakage", "veg_holdout", "--data", "FOLDER"]),
    "build": (["archives", "--workers", "1"],),
    "cite": (["--data", "FOLDER"],),
    "leaderboard": (["results"], ["results", "--ladder"]),
    "protocols": (["--data", "FOLDER"], ["verify", "--data", "FOLDER"]),
    "results": (["plan.toml", "--results", "other", "--data", "FOLDER"],),
    "run": (
        ["veg_holdout", "--model", "climatology", "--data", "FOLDER"],
        ["veg_holdout", "--model", "RUN/model", "--data", "FOLDER"],
    ),
    "score": (["RUN/predictions.parquet", "--protocol", "veg_holdout", "--data", "FOLDER"],),
    "towers": (["towers.csv"],),
}
ON_THE_NET = {"fetch", "push"}


def with_json() -> set[str]:
    """Return the commands that have `--json`."""
    parser = argparse.ArgumentParser()
    for module in commands.modules():
        module.add(parser.add_subparsers() if parser._subparsers is None else parser._subparsers._group_actions[0])
    found = parser._subparsers._group_actions[0].choices
    return {name for name, one in found.items() if "--json" in one.format_help() or name == "push"}


def test_every_command_with_json_is_called_here() -> None:
    assert with_json() == set(CALLS) | ON_THE_NET


@pytest.fixture(scope="module")
def place(small_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with archives, a table of towers, a plan and a run."""
    place = tmp_path_factory.mktemp("json")
    (place / "archives").mkdir()
    write_csv(place / "archives", "XX-One", days=40)
    (place / "towers.csv").write_text(TOWERS)
    (place / "plan.toml").write_text(PLAN)
    run = ["run", "veg_holdout", "--model", "climatology", "--data", str(small_folder)]
    assert main([*run, "--out", str(place / "runs"), "--results", str(place / "results")]) == 0
    return place


def test_pushing_a_model_of_made_up_towers_prints_json_alone(place: Path, tmp_path: Path) -> None:
    run = next(path.parent for path in (place / "runs").glob("veg_holdout/*/predictions.parquet"))
    code = "import sys; from carbonbench_core.cli import main; sys.exit(main(sys.argv[1:]))"
    with Hub(tmp_path) as hub:
        told = run_client(hub, code, "push", "model", run, "--repo", "org/x", "--dry-run", "--json", **LIGHT)
    assert json.loads(told)["repo_id"] == "org/x"


@pytest.mark.parametrize(("name", "arguments"), [(name, call) for name, calls in CALLS.items() for call in calls])
def test_with_json_stdout_is_json_and_nothing_else(
    place: Path,
    small_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    arguments: list[str],
) -> None:
    monkeypatch.chdir(place)
    run = next(path.parent for path in (place / "runs").glob("veg_holdout/*/predictions.parquet"))
    given = [a.replace("FOLDER", str(small_folder)).replace("RUN", str(run)) for a in arguments]
    capsys.readouterr()
    code = main([name, *given, "--json"])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    json.loads(captured.out)
