"""`carbonbench finetune` from the command line: days from a table or a protocol, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from carbonbench_baselines import load_baseline

import carbonbench
from carbonbench_core.cli import main

TREES = {"rounds": 20, "learning_rate": 0.2, "min_data_in_leaf": 20}


@pytest.fixture(scope="module")
def model(small_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("models") / "base"
    train = carbonbench.load("veg_holdout", small_folder)["train"]
    load_baseline("lightgbm", **TREES).fit(train).save_pretrained(place)
    return place


@pytest.fixture(scope="module")
def days(small_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a table of the first year of a test tower, as somebody would have it."""
    test = carbonbench.load("veg_holdout", small_folder)["test"].to_pandas()
    path = tmp_path_factory.mktemp("days") / "days.csv"
    test[test["site_id"] == test["site_id"].iloc[0]].iloc[:365].to_csv(path, index=False)
    return path


def config(place: Path) -> dict:
    return json.loads((place / "config.json").read_text())


def test_a_table_of_days_tunes_a_model_and_the_result_can_be_used(model: Path, days: Path, tmp_path: Path) -> None:
    command = ["finetune", str(model), "--days", str(days), "--out", str(tmp_path / "tuned"), "--set", "rounds=7"]
    assert main([*command, "--base-model", "org/base"]) == 0
    told = config(tmp_path / "tuned")
    assert told["state"]["trees"] == {"gpp": 27, "reco": 27, "nee": 27}
    assert told["base_model"]["model"] == "org/base"
    assert str(model) not in json.dumps(told)  # a path of this machine is nobody's business
    assert main(["predict", str(days), "--model", str(tmp_path / "tuned"), "--out", str(tmp_path / "p.parquet")]) == 0
    assert main([*command]) == 2  # never over a model that is there


@pytest.mark.parametrize(("column", "factor", "words"), [("nee_qc", 100, "beyond 0 to 1"), ("gpp", 1000, "gC m-2 d-1")])
def test_days_in_per_cent_or_milligrams_are_refused_before_anything_is_tuned(
    column: str, factor: int, words: str, model: Path, days: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    wrong = pd.read_csv(days)
    wrong[column] *= factor
    wrong.to_csv(tmp_path / "wrong.csv", index=False)
    assert main(["finetune", str(model), "--days", str(tmp_path / "wrong.csv"), "--out", str(tmp_path / "tuned")]) == 1
    told = capsys.readouterr().err
    assert column in told
    assert words in told
    assert not (tmp_path / "tuned").exists()


def test_the_support_of_a_protocol_is_of_its_test_towers(model: Path, small_folder: Path, tmp_path: Path) -> None:
    where = ["--data", str(small_folder), "--out", str(tmp_path / "tuned")]
    assert main(["finetune", str(model), "--support", "veg_holdout_few_30", *where]) == 0
    told, protocol = config(tmp_path / "tuned"), carbonbench.DatasetFolder.open(small_folder).protocol
    assert told["towers"]["finetune"] == protocol("veg_holdout").sites("test")
    assert told["base_model"]["protocol_digest"] == protocol("veg_holdout_few_30").digest


@pytest.mark.parametrize(
    ("what", "code", "words"),
    [
        (["--support", "veg_holdout"], 1, "veg_holdout_few_30"),
        (["--support", "veg_holdout_few_31"], 2, "Got 31 days of support"),
        (["--days", "absent.csv"], 2, "No file absent.csv"),
        (["--support", "veg_holdout_few_30", "--set", "lags=true"], 2, "Unknown setting of fine-tuning lightgbm"),
        (["--support", "veg_holdout_few_30", "--base-model", "elsewhere"], 2, "expected ORG/NAME"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    model: Path,
    small_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    what: list[str],
    code: int,
    words: str,
) -> None:
    out = ["--data", str(small_folder), "--out", str(tmp_path / "tuned")]
    assert main(["finetune", str(model), *what, *out]) == code
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert not (tmp_path / "tuned").exists()
