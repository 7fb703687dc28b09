"""A model of a user's own is ordinary Python: what its file may hold, and whose fault its errors are."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from carbonbench_core.cli import main
from carbonbench_core.models import fit_model, make_model, predict_model

MODEL = """from __future__ import annotations
from dataclasses import dataclass
import helper


@dataclass
class Mine:
    bias: float = 0.5

    def fit(self, train, validation):
        import later
        self.level = helper.LEVEL + later.LEVEL

    def predict(self, data):
        return self.level + self.bias
"""
FAILS = """
def lines():
    raise ValueError("boom\\nsecond")


class Mine:
    def __init__(self, when="fit"):
        self.when = when
        if when == "__init__":
            lines()

    def fit(self, train, validation):
        if self.when == "fit":
            lines()

    def predict(self, data):
        if self.when == "predict":
            raise FileNotFoundError(2, "No such file or directory", "climate.csv")
        return data.select_columns(["site_id", "date"]).to_pandas().assign(gpp=1.0, reco=1.0, nee=0.0)

    def save_pretrained(self, folder):
        if self.when == "save_pretrained":
            lines()
"""


@pytest.fixture(autouse=True)
def _path_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))


def folder_with(place: Path, level: float, later: float) -> str:
    """Write a model with two files beside it and return its name for `--model`."""
    place.mkdir()
    (place / "mine.py").write_text(MODEL)
    (place / "helper.py").write_text(f"LEVEL = {level}\n")
    (place / "later.py").write_text(f"LEVEL = {later}\n")
    return f"{place}/mine.py:Mine"


def test_a_file_may_hold_a_dataclass_with_postponed_annotations_and_import_a_file_beside_it(tmp_path: Path) -> None:
    model = make_model(folder_with(tmp_path / "a", 1, 10), 0, {"bias": 0.25})
    fit_model(model, None, None)
    assert predict_model(model, None) == 11.25


def test_files_of_the_same_name_in_two_folders_are_not_confused(tmp_path: Path) -> None:
    names = [folder_with(tmp_path / "a", 1, 10), folder_with(tmp_path / "b", 2, 20)]
    first, second = (make_model(name, 0, {}) for name in names)
    # the imports of `fit` are those of the model's own folder, whichever was loaded last
    for model in (first, second, first):
        fit_model(model, None, None)
    assert (predict_model(first, None), predict_model(second, None)) == (11.5, 22.5)
    assert type(first).__module__ != type(second).__module__
    again = make_model(names[0], 0, {})
    fit_model(again, None, None)
    assert predict_model(again, None) == 11.5


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("__init__", "ValueError: boom second (FILE:3)"),
        ("fit", "ValueError: boom second (FILE:3)"),
        ("predict", "FileNotFoundError: [Errno 2] No such file or directory: 'climate.csv' (FILE:18)"),
        ("save_pretrained", "ValueError: boom second (FILE:3)"),
    ],
)
def test_an_error_of_the_users_own_class_is_told_as_its_own_in_one_line(
    small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], step: str, words: str
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(FAILS)
    command = ["run", "veg_holdout", "--model", f"{file}:Mine", "--set", f"when={step}", "--data", str(small_folder)]
    assert main([*command, "--out", str(tmp_path / "runs"), "--results", str(tmp_path / "results")]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("carbonbench: ")]
    assert lines == [f"carbonbench: Mine.{step} failed: {words.replace('FILE', str(file))}"]


@pytest.mark.parametrize("text", ["raise SystemExit(3)", "raise ValueError('one\\ntwo')", "import no_such_module"])
def test_a_file_that_cannot_be_run_is_told_in_one_line(
    small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (tmp_path / "mine.py").write_text(text)
    modules = set(sys.modules)
    out = ["--out", str(tmp_path / "runs"), "--results", str(tmp_path / "results")]
    assert main(["run", "veg_holdout", "--model", f"{tmp_path}/mine.py:A", "--data", str(small_folder), *out]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("carbonbench: ")]
    assert line.endswith("Run it with python to see.")
    assert not [name for name in set(sys.modules) - modules if name.startswith("mine_")]
