"""Files that a user names: what is written is what its name says, and what cannot be is one line."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pandas as pd
import pytest

import carbonbench
from carbonbench_core.cli import DEBUG, main
from carbonbench_core.dataset_folder import DatasetFolder
from carbonbench_core.predictions import read_predictions


@pytest.fixture
def model(small_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a saved model and leave features.parquet and features.csv in the working folder."""
    monkeypatch.chdir(tmp_path)
    assert main(["run", "veg_holdout", "--model", "constant", "--data", str(small_folder)]) == 0
    data = carbonbench.load("veg_holdout", small_folder)["test"].to_pandas().head(40)
    data.to_parquet("features.parquet")
    data.to_csv("features.csv", index=False)
    return str(next((tmp_path / "runs" / "veg_holdout").glob("constant-*-seed0/model")))


def test_predictions_are_csv_or_parquet_by_the_suffix_of_their_file(model: str, tmp_path: Path) -> None:
    for name in ("a.csv", "b.parquet", "C.CSV"):
        assert main(["predict", "features.csv", "--model", model, "--out", name]) == 0
    assert (tmp_path / "a.csv").read_text().startswith("site_id,date,gpp,reco,nee\n")
    assert (tmp_path / "C.CSV").read_text() == (tmp_path / "a.csv").read_text()
    assert (tmp_path / "b.parquet").read_bytes().startswith(b"PAR1")
    pd.testing.assert_frame_equal(
        read_predictions("a.csv"), read_predictions("b.parquet"), check_dtype=False, check_exact=False, rtol=1e-6
    )


@pytest.mark.parametrize(
    ("table", "out"),
    [
        ("features.parquet", "features.parquet"),
        ("features.parquet", "./nosuch/../features.parquet"),
        ("features.csv", "features.csv"),
        ("features.parquet", "."),
        ("features.parquet", "p.xlsx"),
        ("features.parquet", "predictions"),
    ],
)
def test_predictions_never_replace_their_features_and_have_a_known_suffix(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], table: str, out: str
) -> None:
    before = {path: path.read_bytes() for path in tmp_path.glob("features.*")}
    assert main(["predict", table, "--model", model, "--out", out]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("carbonbench: ")]
    assert "--out" in line
    assert {path: path.read_bytes() for path in tmp_path.glob("features.*")} == before


def test_a_folder_where_predictions_should_go_is_one_line(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkdir("there.csv")
    assert main(["predict", "features.csv", "--model", model, "--out", "there.csv"]) == 1
    assert "Cannot write there.csv: Is a directory" in capsys.readouterr().err
    assert not Path("there.csv.partial").exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG, errno.EEXIST, errno.ENOENT, errno.ENOTDIR, errno.EIO])
@pytest.mark.parametrize("name", [None, "out/x"])
def test_what_a_path_cannot_be_is_one_line_and_no_fault_of_ours(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int, name: str | None
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), *([name] if name else []))

    monkeypatch.setattr(DatasetFolder, "find", fail)
    assert main(["protocols"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"carbonbench: {f'{name}: ' if name else ''}{os.strerror(number)}. Check the path")
    monkeypatch.setenv(DEBUG, "1")
    with pytest.raises(OSError, match=os.strerror(number)):
        main(["protocols"])


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs /proc, where nobody can make a folder")
@pytest.mark.parametrize("out", ["held/config.json/x", "/proc/n7"])
def test_a_model_pulled_to_where_nothing_can_be_is_one_line(
    model: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, out: str
) -> None:
    Path("held").mkdir()
    Path("held/config.json").write_text("{}")
    weights = [p.name for p in Path(model).iterdir() if p.name not in ("config.json", "README.md")]
    monkeypatch.setattr("carbonbench_core.hub.pull.fetch_model", lambda _: (Path(model), weights))
    assert main(["pull", "org/x", "--out", out]) == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line]
    assert line.startswith("carbonbench: ")
    assert "fault of CarbonBench" not in line


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a disk that is always full")
def test_flags_that_a_full_disk_does_not_take_are_a_failure_and_no_wrong_use(
    small_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", str(small_folder), "--flags", "/dev/full"]) == 1
    assert "Cannot write /dev/full: No space left" in capsys.readouterr().err
