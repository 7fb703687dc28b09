"""The command line: what a user types, what it answers, and which exit code it leaves."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from carbonbench_baselines import list_baselines

import carbonbench
from carbonbench_core.cli import main
from carbonbench_core.dataset_folder import DatasetFolder
from carbonbench_core.errors import UsageError
from carbonbench_core.protocols import draw_all, write_edition
from tests.archives.fluxnet2015 import COLUMNS, write_csv, write_zip
from tests.protocols.tables import placed

MODEL = """
import pandas as pd


class Mean:
    def fit(self, train, validation):
        self.mean = train.to_pandas()[["gpp", "reco", "nee"]].mean()
        return self

    def predict(self, data):
        assert not {"gpp", "reco", "nee", "nee_qc"} & set(data.column_names)
        frame = data.select_columns(["site_id", "date"]).to_pandas()
        return frame.assign(**self.mean)
"""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """Return a folder of archives with two good towers."""
    folder = tmp_path / "archives"
    folder.mkdir()
    write_csv(folder, "XX-One", days=40)
    write_zip(folder, "XX-Two", days=40)
    return folder


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """Return what went to stderr, sure that it is no traceback."""
    err = capsys.readouterr().err
    assert "Traceback" not in err
    assert "unexpected" not in err
    return err


def test_help_answers_in_under_half_a_second() -> None:
    code = "from carbonbench_core.cli import main; main(['--help'])"
    times = []
    for _ in range(3):
        started = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        times.append(time.perf_counter() - started)
    assert min(times) < 0.5
    assert "demo" in done.stdout
    assert "leaderboard" in done.stdout


def test_an_unknown_command_is_wrong_use() -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["nosuch"])
    assert stopped.value.code == 2


def test_build_answers_with_towers_days_and_protocols(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", str(good), "--workers", "1"]) == 0
    out = capsys.readouterr().out
    assert "2 towers, 80 site-days (80 read, 0 inserted)" in out
    assert "not supported: veg_holdout: " in out


def test_build_prints_json_for_a_program(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", str(good), "--workers", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["rows_written"] == 80


def truncated_zip(folder: Path) -> None:
    path = write_zip(folder, "XX-Bad", days=40)
    path.write_bytes(path.read_bytes()[:-200])


def without_nee(folder: Path) -> None:
    columns = tuple(c for c in COLUMNS["SUBSET"] if not c.startswith("NEE"))
    write_csv(folder, "XX-Bad", days=40, columns=columns)


def letters(folder: Path) -> None:
    write_csv(folder, "XX-Bad", days=40, cells={(3, "GPP_NT_VUT_REF"): "abc"})


def date_twice(folder: Path) -> None:
    write_csv(folder, "XX-Bad", days=40, cells={(3, "TIMESTAMP"): "20030103"})


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (truncated_zip, ["XX-Bad", "zip"]),
        (without_nee, ["XX-Bad", "NEE"]),
        (letters, ["XX-Bad", "GPP_NT_VUT_REF", "abc"]),
        (date_twice, ["XX-Bad", "2003-01-03"]),
    ],
)
def test_a_bad_archive_is_one_clear_message_and_the_rest_is_built(
    good: Path, capsys: pytest.CaptureFixture[str], spoil: object, words: list[str]
) -> None:
    spoil(good)
    assert main(["build", str(good), "--workers", "1"]) == 1
    captured = capsys.readouterr()
    assert "2 towers, 80 site-days" in captured.out
    lines = captured.err.strip().splitlines()
    messages = [line for line in lines if line.startswith("carbonbench:")]
    assert len(messages) == 1
    assert all(word in messages[0] for word in words), messages


def test_a_file_of_no_known_format_is_listed_in_a_folder_and_an_error_when_named(
    good: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger = good / "KOF_XX-Bad_FLUXES_DD.csv"
    stranger.write_text("DATE,FC\n2003-01-01,1.0\n")
    assert main(["build", str(good), "--workers", "1"]) == 0
    assert f"not recognised: {stranger}" in capsys.readouterr().out
    assert main(["build", str(good), str(stranger), "--workers", "1"]) == 1
    captured = capsys.readouterr()
    assert "2 towers, 80 site-days" in captured.out
    assert f"not built: {stranger}: of no known format" in captured.err


def test_an_empty_folder_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["build", "empty"]) == 1
    assert "No tower record in empty" in said(capsys)


def test_a_source_that_does_not_exist_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "nosuch.zip"]) == 2
    assert "nosuch.zip does not exist" in said(capsys)


def test_a_target_folder_that_cannot_be_written_is_an_error(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if os.geteuid() == 0:
        target = "/proc/carbonbench"  # root may write anywhere but here
    else:
        (good.parent / "locked").mkdir(mode=0o500)
        target = str(good.parent / "locked" / "carbonbench")
    assert main(["build", str(good), "--out", target, "--workers", "1"]) == 1
    assert f"Cannot write beside {target}" in said(capsys)


def test_protocols_are_listed_with_their_digests(small_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["protocols", "--data", str(small_folder)]) == 0
    assert "SYNTHETIC" in (text := capsys.readouterr().out)
    assert main(["protocols", "--data", str(small_folder), "--json"]) == 0
    for protocol in json.loads(capsys.readouterr().out):
        assert f"{protocol['name']}  {protocol['digest']}" in text
        assert not protocol["family"] or f"family {protocol['family']}: " in text
    for name, reason in DatasetFolder.open(small_folder).unsupported.items():
        assert f"left out: {name}: {reason}" in text


def test_an_unknown_model_is_wrong_use_with_the_nearest_name(
    small_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "veg_holdout", "--model", "nosuch", "--data", str(small_folder)]) == 2
    assert f"'nosuch'. Available: {', '.join(list_baselines())}" in said(capsys)


def test_a_protocol_that_the_towers_do_not_support_is_an_error_with_the_reason(
    good: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["build", str(good), "--workers", "1"])
    capsys.readouterr()
    assert main(["run", "veg_holdout", "--model", "ridge"]) == 1
    assert "Protocol 'veg_holdout' cannot be drawn from the 2 towers" in said(capsys)


def test_no_data_is_an_error_that_says_what_to_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "veg_holdout", "--model", "ridge"]) == 1
    assert "carbonbench demo" in said(capsys)


def test_run_predict_score_and_leaderboard_follow_one_another(
    small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--data", str(small_folder)]
    assert main(["run", "veg_holdout", "--model", "ridge", *data]) == 0
    place = next((tmp_path / "runs" / "veg_holdout").glob("ridge-*-seed0"))
    row = json.loads(next((tmp_path / "results" / "veg_holdout").glob("*.json")).read_text())
    assert row["synthetic"] is True
    capsys.readouterr()

    predictions = str(place / "predictions.parquet")
    assert main(["score", predictions, "--protocol", "veg_holdout", "--json", *data]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["gpp"]["r2"]["q50"] == pytest.approx(row["gpp.r2.q50"], rel=1e-5)

    features = carbonbench.load("veg_holdout", small_folder)["test"].remove_columns(["gpp", "reco", "nee", "nee_qc"])
    features.to_parquet("features.parquet")
    assert main(["predict", "features.parquet", "--model", str(place / "model"), "--out", "again.parquet"]) == 0
    pd.testing.assert_frame_equal(pd.read_parquet("again.parquet"), pd.read_parquet(predictions))

    capsys.readouterr()
    assert main(["leaderboard", "results"]) == 0
    table = capsys.readouterr().out
    assert "ridge" in table
    assert "SYNTHETIC" in table


def test_a_class_of_the_users_own_is_run_and_scored_like_a_baseline(
    small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text(MODEL)
    assert main(["run", "veg_holdout", "--model", "mine.py:Mean", "--data", str(small_folder), "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["model"] == "Mean"
    # a constant predicts no better than the mean of the site itself, whose R2 is 0
    assert row["gpp.r2.q50"] < 0


@pytest.mark.parametrize(
    ("text", "words"),
    [("class A:\n    fit = 1\n", "has no method fit and predict"), ("class B:\n    pass\n", "Unknown class in")],
)
def test_a_users_class_without_the_two_methods_is_wrong_use(
    small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    (tmp_path / "mine.py").write_text(text)
    assert main(["run", "veg_holdout", "--model", "mine.py:A", "--data", str(small_folder)]) == 2
    assert words in said(capsys)


def test_predicting_without_a_feature_names_it(
    small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "veg_holdout", "--model", "ridge", "--data", str(small_folder)]) == 0
    model = next((tmp_path / "runs" / "veg_holdout").glob("ridge-*-seed0/model"))
    data = carbonbench.load("veg_holdout", small_folder)["test"].remove_columns(["temperature_2m"])
    data.to_csv("features.csv", index=False)
    assert main(["predict", "features.csv", "--model", str(model)]) == 1
    assert "temperature_2m" in said(capsys)


@pytest.mark.parametrize(
    ("write", "code", "words"),
    [
        (lambda p: None, 2, "No file"),
        (lambda p: p.write_text("not parquet"), 2, "cannot be read"),
        (lambda p: pd.DataFrame({"a": [1]}).to_parquet(p), 2, "has no column site_id and date"),
        (lambda p: pd.DataFrame({"site_id": ["a"], "date": ["x"]}).to_parquet(p), 1, "is no date"),
        (lambda p: pd.DataFrame({"site_id": ["a"] * 2, "date": ["2001-01-01"] * 2}).to_parquet(p), 2, "stands twice"),
        (lambda p: pd.DataFrame({"site_id": [None], "date": ["2001-01-01"]}).to_parquet(p), 2, "have no site_id"),
        (lambda p: pd.DataFrame({"site_id": [], "date": []}).to_parquet(p), 2, "has no rows"),
    ],
)
def test_a_table_that_cannot_be_predicted_is_one_clear_message(
    small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], write: object, code: int, words: str
) -> None:
    main(["run", "veg_holdout", "--model", "climatology", "--data", str(small_folder)])
    capsys.readouterr()
    write(Path("features.parquet"))
    model = next((tmp_path / "runs" / "veg_holdout").glob("climatology-*-seed0/model"))
    assert main(["predict", "features.parquet", "--model", str(model)]) == code
    assert words in said(capsys)


def test_a_setting_that_is_no_setting_is_wrong_use(small_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ["--data", str(small_folder)]
    assert main(["run", "veg_holdout", "--model", "ridge", "--set", "alpha", *data]) == 2
    assert "expected KEY=VALUE" in said(capsys)
    assert main(["run", "veg_holdout", "--model", "ridge", "--set", "nosuch=1", *data]) == 2
    assert "nosuch" in said(capsys)
    # a second --set adds to the first
    assert main(["run", "veg_holdout", "--model", "ridge", "--set", "nosuch=1", "--set", "lags=true", *data]) == 2
    assert "nosuch" in said(capsys)


@pytest.mark.parametrize(
    ("where", "command", "words"),
    [
        ("commands.modules", "protocols", ""),
        ("dataset_folder.DatasetFolder.find", "protocols", ""),
        ("hub.pull.pull_model", "pull org/x --out x", ""),
        ("build.build", "build .", " Finished towers are kept; run the same command to go on."),
        (
            "dataset_folder.DatasetFolder.find",
            "run veg_holdout --model x",
            " Finished folds of a family and finished epochs of a network are kept; run the same command to go on.",
        ),
    ],
)
def test_an_interrupt_says_what_is_kept_where_something_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], where: str, command: str, words: str
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"carbonbench_core.{where}", interrupt)
    assert main(command.split()) == 130
    assert said(capsys) == f"carbonbench: stopped.{words}\n"


def test_importing_the_command_line_takes_nothing_that_an_interrupt_could_meet() -> None:
    code = "import sys; before = set(sys.modules); import carbonbench_core.cli; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {"__future__", "carbonbench_core", "carbonbench_core.cli"}


def test_a_fault_of_ours_is_reported_without_a_traceback(
    good: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("carbonbench_core.build.build", fail)
    assert main(["build", str(good)]) == 1
    err = capsys.readouterr().err
    assert "unexpected ZeroDivisionError: by zero" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(("number", "said"), [(errno.ENOSPC, "No space left"), (errno.EACCES, "out/x: Permission")])
def test_what_the_machine_refuses_is_no_fault_of_ours(
    good: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int, said: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), *(["out/x"] if number == errno.EACCES else []))

    monkeypatch.setattr("carbonbench_core.build.build", fail)
    assert main(["build", str(good)]) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"carbonbench: {said}")
    assert "fault" not in err


def test_a_family_runs_all_its_folds_and_scores_every_tower_once(
    small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["run", "spatial_blocks_0km", "--model", "climatology", "--data", str(small_folder), "--json"]
    assert main(command) == 0
    row = json.loads(capsys.readouterr().out)
    folds = [name for name in carbonbench.list_protocols(small_folder) if name.startswith("spatial_blocks_0km_")]
    tested = [s for name in folds for s in carbonbench.evaluation_index(name, small_folder)["site_id"].unique()]
    assert len(folds) > 1
    assert len(tested) == len(set(tested)) == row["n_sites"]
    kept = list((tmp_path / "runs" / "spatial_blocks_0km").glob("*/climatology-*-seed0/predictions.parquet"))
    assert len(kept) == len(folds)
    # Predictions from elsewhere are asked for and scored in the same way, all folds in one table.
    assert set(carbonbench.evaluation_index("spatial_blocks_0km", small_folder)["site_id"]) == set(tested)
    predictions = pd.concat([pd.read_parquet(path) for path in kept])
    scores = carbonbench.score(predictions, "spatial_blocks_0km", small_folder)
    for target in ("gpp", "reco", "nee"):
        assert scores[target]["r2"]["q50"] == pytest.approx(row[f"{target}.r2.q50"], rel=1e-4)
    with pytest.raises(UsageError, match="is a family of folds; its id_test is that of one fold"):
        carbonbench.evaluation_index("spatial_blocks_0km", small_folder, "id_test")


STOPPED = """
from pathlib import Path

class Stopped:
    def fit(self, train, validation):
        fits = Path("fits")
        fits.write_text(fits.read_text() + "x" if fits.exists() else "x")
        if fits.read_text() == "xx":
            raise KeyboardInterrupt
        return self

    def predict(self, data):
        return data.select_columns(["site_id", "date"]).to_pandas().assign(gpp=1.0, reco=1.0, nee=0.0)
"""


def test_a_family_that_was_stopped_takes_up_its_finished_folds_once(
    small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text(STOPPED)
    command = ["run", "spatial_blocks_0km", "--model", "mine.py:Stopped", "--data", str(small_folder)]
    folds = [name for name in carbonbench.list_protocols(small_folder) if name.startswith("spatial_blocks_0km_")]
    assert main(command) == 130  # in the second fit
    assert main(command) == 0
    assert f"{folds[0]}: taken up" in capsys.readouterr().err
    assert len((tmp_path / "fits").read_text()) == len(folds) + 1
    assert main(command) == 0  # a run that was finished begins anew
    assert "taken up" not in capsys.readouterr().err


def test_a_stopped_family_is_fitted_anew_when_the_code_has_changed(
    small_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text(STOPPED)
    command = ["run", "spatial_blocks_0km", "--model", "mine.py:Stopped", "--data", str(small_folder)]
    folds = [name for name in carbonbench.list_protocols(small_folder) if name.startswith("spatial_blocks_0km_")]
    assert main(command) == 130
    monkeypatch.setattr("carbonbench_core.fold.source_digest", lambda: "of other code")
    assert main(command) == 0
    assert len((tmp_path / "fits").read_text()) == 2 + len(folds)


def test_a_stopped_family_is_fitted_anew_when_the_users_model_has_changed(small_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(STOPPED)
    command = ["run", "spatial_blocks_0km", "--model", "mine.py:Stopped", "--data", str(small_folder)]
    assert main(command) == 130
    (tmp_path / "mine.py").write_text(STOPPED + "# another model\n")
    folds = [name for name in carbonbench.list_protocols(small_folder) if name.startswith("spatial_blocks_0km_")]
    assert main(command) == 0
    assert len((tmp_path / "fits").read_text()) == 2 + len(folds)


def test_epochs_are_told_on_stdout_and_with_json_stdout_is_the_row_alone(
    small_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["run", "veg_holdout", "--model", "mlp", "--data", str(small_folder), "--set", "hidden=8", "max_epochs=1"]
    assert main(command) == 0
    assert "epoch 1/1" in capsys.readouterr().out
    assert main([*command, "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["model"] == "mlp"
    assert "epoch 1/1" in told.err


@pytest.mark.parametrize("qc", ["7", "-1", "nan"])
def test_a_quality_threshold_that_is_no_share_is_wrong_use(
    good: Path, capsys: pytest.CaptureFixture[str], qc: str
) -> None:
    assert main(["build", str(good), f"--qc={qc}"]) == 2
    assert "expected a share from 0 to 1" in said(capsys)


def test_no_workers_are_wrong_use(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", str(good), "--workers", "0"]) == 2
    assert "expected at least 1" in said(capsys)


@pytest.mark.parametrize(
    ("text", "more", "words"),
    [
        ("raise KeyError('x')", [], "cannot be run: KeyError"),
        ("class A(:", [], "cannot be run: SyntaxError"),
        (MODEL.replace("Mean", "A"), ["--set", "foo=1"], "Unknown setting of A 'foo'"),
        (MODEL.replace("Mean", "A"), ["--seed", "3"], "takes no seed"),
        (MODEL.replace("Mean", "A"), ["--set", "seed=3"], "Give it with --seed"),
        (MODEL.replace("Mean", "A").replace("return frame", "return None; frame"), [], "type NoneType"),
    ],
)
def test_a_users_model_that_fails_is_the_users_to_mend(
    small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, more: list[str], words: str
) -> None:
    (tmp_path / "mine.py").write_text(text)
    assert main(["run", "veg_holdout", "--model", "mine.py:A", "--data", str(small_folder), *more]) in (1, 2)
    assert words in said(capsys)


def test_a_name_of_a_users_model_cannot_leave_the_folder(small_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MODEL + "\n    name = '../../evil'\n")
    assert main(["run", "veg_holdout", "--model", "mine.py:Mean", "--out", "a/b", "--data", str(small_folder)]) == 0
    assert next(p.parent.name for p in tmp_path.rglob("predictions.parquet")).startswith("_.._evil")
    assert not list(tmp_path.glob("*evil*"))


def test_runs_of_other_settings_stand_beside_each_other(small_folder: Path, tmp_path: Path) -> None:
    run = ["run", "veg_holdout", "--model", "climatology", "--data", str(small_folder)]
    assert main(run) == main([*run, "--set", "half_width=20"]) == 0
    assert len(list((tmp_path / "runs" / "veg_holdout").glob("climatology-*-seed0"))) == 2
    assert len(list((tmp_path / "results" / "veg_holdout").glob("climatology-*.json"))) == 2


def test_a_place_that_cannot_be_written_is_told_before_the_fit(
    small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    run = ["run", "veg_holdout", "--model", "mine.py:Mean", "--data", str(small_folder)]
    assert main([*run, "--out", "file/runs"]) == 1
    assert "Cannot make folder file/runs" in said(capsys)
    assert main([*run, "--results", "file/results"]) == 1
    assert "Cannot make folder file/results" in said(capsys)


def test_dates_of_features_may_be_whole_numbers(small_folder: Path, tmp_path: Path) -> None:
    main(["run", "veg_holdout", "--model", "climatology", "--data", str(small_folder)])
    model = next((tmp_path / "runs" / "veg_holdout").glob("climatology-*-seed0/model"))
    data = carbonbench.load("veg_holdout", small_folder)["test"].to_pandas().head(50)
    data.to_csv("iso.csv", index=False)
    data.assign(date=pd.to_datetime(data["date"]).dt.strftime("%Y%m%d")).to_csv("stamps.csv", index=False)
    for name in ("iso", "stamps"):
        assert main(["predict", f"{name}.csv", "--model", str(model), "--out", f"{name}.parquet"]) == 0
    pd.testing.assert_frame_equal(pd.read_parquet("iso.parquet"), pd.read_parquet("stamps.parquet"))


def test_protocols_drawn_again_are_the_same_lists(small_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["protocols", "verify", "--data", str(small_folder)]) == 0
    assert "drawn again, the same lists" in capsys.readouterr().out
    assert main(["protocols", "verify", "--json", "--data", str(small_folder)]) == 0
    assert json.loads(capsys.readouterr().out)["differences"] == []


def test_protocols_are_compared_with_those_of_an_edition(
    small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verify = ["protocols", "verify", "--data", str(small_folder), "--edition"]
    assert main([*verify, str(small_folder / "protocols.json")]) == 0
    assert "the same lists as" in capsys.readouterr().out
    drawn, _ = draw_all(placed())
    (tmp_path / "other.json").write_text(write_edition(drawn))
    assert main([*verify, str(tmp_path / "other.json")]) == 1
    assert "veg_holdout: not taken, towers missing here (170): XX-000" in capsys.readouterr().out
    assert main(["protocols", "--edition", "x.json", "--data", str(small_folder)]) == 2
    assert "carbonbench protocols verify --edition FILE" in capsys.readouterr().err


def test_a_leakage_audit_tells_distances_and_shared_towers(
    small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--data", str(small_folder)]
    assert main(["audit", "--leakage", "veg_holdout", *data]) == 0
    assert "km" in capsys.readouterr().out
    (tmp_path / "train.txt").write_text("SY-001\nSY-002\n")
    (tmp_path / "test.txt").write_text("SY-002\nSY-003\n")
    assert main(["audit", "--train", "train.txt", "--test", "test.txt", "--json", *data]) == 0
    assert "SY-002" in json.dumps(json.loads(capsys.readouterr().out)["identities"])
    assert main(["audit", "--train", "train.txt", *data]) == 2
    assert "Say what to audit" in said(capsys)


def test_a_submission_is_checked_scored_and_kept_as_a_row(
    small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--data", str(small_folder)]
    assert main(["run", "veg_holdout", "--model", "climatology", *data]) == 0
    made = next((tmp_path / "runs" / "veg_holdout").glob("climatology-*-seed0/predictions.parquet"))
    place = tmp_path / "results" / "veg_holdout" / "ours"
    place.mkdir()
    (place / "predictions.parquet").write_bytes(made.read_bytes())
    declared = (
        "model: ours\nauthors:\n  - A. Author\nlink: https://example.org/ours\nprotocol: veg_holdout\n"
        "feature_set: minimal\ntraining_data:\n  - train split of veg_holdout\ntest_towers_seen: false\n"
    )
    (place / "submission.yaml").write_text(declared)
    assert main(["score", "--submission", str(place), *data]) == 0
    capsys.readouterr()
    assert main(["leaderboard", "results", "--json"]) == 0
    rows = {row["model"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["ours"]["gpp.r2.q50"] == pytest.approx(rows["climatology"]["gpp.r2.q50"], abs=1e-9)
    (place / "submission.yaml").write_text(declared.replace("model: ours\n", ""))
    assert main(["score", "--submission", str(place), *data]) == 1
    assert "model is missing" in said(capsys)


def test_score_wants_a_file_with_its_protocol_or_a_submission(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", "predictions.parquet"]) == 2
    assert "Say what to score" in said(capsys)
