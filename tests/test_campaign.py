"""A plan of runs: what is done is skipped, what fails is told, and the leaderboard shows both."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from carbonbench_core.campaign import Planned, carry_out, read_plan
from carbonbench_core.cli import main
from carbonbench_core.dataset_folder import DatasetFolder
from carbonbench_core.errors import UsageError
from carbonbench_core.report.leaderboard import leaderboard

PLAN = """
feature_set = "minimal"

[[runs]]
protocols = ["veg_holdout", "climate_holdout"]
models = ["climatology", "ridge"]
settings = { day_of_year = false }

[[runs]]
protocols = ["veg_holdout"]
models = ["climatology"]
"""


def written(folder: Path, text: str) -> Path:
    (folder / "plan.toml").write_text(text)
    return folder / "plan.toml"


def test_a_plan_is_every_combination_once_with_the_settings_a_model_knows(tmp_path: Path) -> None:
    runs = read_plan(written(tmp_path, PLAN))
    assert [str(run) for run in runs] == [
        "veg_holdout climatology seed 0",
        "veg_holdout ridge (day_of_year=false) seed 0",
        "climate_holdout climatology seed 0",
        "climate_holdout ridge (day_of_year=false) seed 0",
    ]
    assert [run.chosen for run in runs[:2]] == [(), (("day_of_year", "false"),)]


def test_a_star_is_every_baseline(tmp_path: Path) -> None:
    from carbonbench_baselines import list_baselines

    star = PLAN.split("[[runs]]")[0] + '[[runs]]\nprotocols = ["veg_holdout"]\nmodels = ["*"]\n'
    assert [run.model for run in read_plan(written(tmp_path, star))] == list_baselines()


def test_runs_that_differ_in_what_the_plan_chose_are_told_apart_while_they_have_no_row(
    small_folder: Path, tmp_path: Path
) -> None:
    chosen = [(("alpha", "-1.0"),), (("alpha", "-2.0"),)]
    plan = [Planned("veg_holdout", "ridge", "default", "minimal", 0, settings) for settings in chosen]
    plan.insert(0, Planned("veg_holdout", "climatology", "default", "minimal", 0))
    folder = DatasetFolder.open(small_folder)
    missing = carry_out(plan, folder, tmp_path / "runs", tmp_path / "results", tell=lambda line: None)
    assert len(missing) == 2
    assert len(list((tmp_path / "runs" / "logs").iterdir())) == 3
    board = str(leaderboard(tmp_path / "results"))
    assert "ridge (alpha=-1.0) (not run:" in board
    assert "ridge (alpha=-2.0) (not run:" in board


def test_a_setting_may_be_a_list(tmp_path: Path) -> None:
    text = 'feature_set = "minimal"\n[[runs]]\nprotocols = ["a"]\nmodels = ["mlp"]\n'
    (run,) = read_plan(written(tmp_path, text + "settings = { quantiles = [0.05, 0.95] }"))
    arguments = run.arguments(DatasetFolder, tmp_path, tmp_path)
    assert arguments[-2:] == ["--set", "quantiles=[0.05, 0.95]"]


def test_runs_side_by_side_that_fail_at_once_are_all_told(
    small_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("carbonbench_core.campaign._run", lambda *_: "failed")
    plan = [Planned("veg_holdout", "constant", "default", "minimal", seed) for seed in range(300)]
    places = tmp_path / "runs", tmp_path / "results"
    missing = carry_out(plan, DatasetFolder.open(small_folder), *places, jobs=4, tell=lambda line: None)
    assert set(missing.values()) == {"failed"}
    assert len(json.loads((tmp_path / "results" / "not_run.json").read_text())) == 300


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("feature_set =", "no readable plan"),
        ("feature_set = 'minimal'", "needs feature_set"),
        ("runs = []", "needs feature_set"),
        ("feature_set = 'minimal'\n[[runs]]\nmodels = ['ridge']", "needs protocols and models"),
        ("feature_set = 'minimal'\n[[runs]]\nprotocols = ['a']\nmodels = ['rigde']", "Did you mean 'ridge'"),
        ("feature_set = 'minimal'\n[[runs]]\nprotocol = 'a'", "Unknown key of"),
        ("feature_set = 'minimal'\nruns = [1]", "runs are tables"),
        ("feature_set = 'minimal'\n[[runs]]\nprotocols = 'a'\nmodels = ['ridge']", "protocols of .* is a list of str"),
        ("feature_set = 'minimal'\n[[runs]]\nprotocols = ['a']\nmodels = ['ridge']\nseeds = ['x']", "list of int"),
        (
            "feature_set = 'minimal'\n[[runs]]\nprotocols = ['a']\nmodels = ['ridge']\nsettings = { alpa = 1 }",
            "Did you mean 'alpha'",
        ),
    ],
)
def test_a_plan_that_is_none_is_wrong_use(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_plan(written(tmp_path, text))


def test_a_plan_that_does_not_exist_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no readable plan"):
        read_plan(tmp_path / "nosuch.toml")


def test_done_runs_are_skipped_and_what_fails_stands_in_the_leaderboard_as_not_run(
    small_folder: Path, tmp_path: Path
) -> None:
    folder, said = DatasetFolder.open(small_folder), []
    plan = [
        Planned("veg_holdout", "climatology", "default", "minimal", 0),
        Planned("veg_holdout", "ridge", "nosuch", "minimal", 0),
    ]

    def go() -> dict[str, str]:
        return carry_out(plan, folder, tmp_path / "runs", tmp_path / "results", jobs=2, tell=said.append)

    missing = go()
    assert list(missing) == ["veg_holdout ridge (nosuch) seed 0"]
    assert "Unknown preset of ridge 'nosuch'" in missing["veg_holdout ridge (nosuch) seed 0"]
    row = next((tmp_path / "results").rglob("climatology-*.json"))
    made = row.stat().st_mtime_ns
    board = str(leaderboard(tmp_path / "results"))
    assert "ridge (nosuch) (not run: Unknown preset" in board
    assert "Skipped" not in board
    said.clear()
    go()
    assert said[0] == "2 runs, 1 of them done"
    assert row.stat().st_mtime_ns == made


def test_the_command_answers_with_what_has_no_row(
    small_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    plan = 'feature_set = "minimal"\n[[runs]]\nprotocols = ["veg_holdout", "nosuch"]\nmodels = ["climatology"]\n'
    command = ["results", str(written(tmp_path, plan)), "--data", str(small_folder), "--json"]
    assert main(command) == 1
    missing = json.loads(capsys.readouterr().out)
    assert list(missing) == ["nosuch climatology seed 0"]
    assert "'nosuch'" in missing["nosuch climatology seed 0"]
    assert main(["results", "plan.toml", "--jobs", "0", "--data", str(small_folder)]) == 2


def test_the_plan_of_the_project_can_be_read() -> None:
    assert read_plan(Path(__file__).resolve().parents[1] / "results" / "plan.toml")
