"""What a run offers a model: the protocol's threshold, a folder to resume from, labelled days of the test towers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from carbonbench_core.cli import main
from carbonbench_core.dataset_folder import DatasetFolder
from carbonbench_core.errors import UsageError
from carbonbench_core.models import make_model
from carbonbench_core.report.leaderboard import leaderboard
from carbonbench_core.run import run

MEAN = """
class Mean:
    def fit(self, train, validation):
        pass

    def predict(self, data):
        return data.to_pandas()[["site_id", "date"]].assign(gpp={0}, reco=2.0, nee=1.0)
"""


CURIOUS = """
import json
class Curious:
    def fit(self, train, validation, *, qc_threshold, work):
        self.said = {"qc": qc_threshold, "work": str(work)}
        (work / "checkpoint").mkdir(parents=True)

    def predict(self, data, support=None):
        self.said[f"support {data.num_rows}"] = None if support is None else support.num_rows
        frame = data.to_pandas()[["site_id", "date"]]
        return frame.assign(gpp=1.0, reco=2.0, nee=1.0)

    def save_pretrained(self, folder):
        folder.mkdir()
        (folder / "said.json").write_text(json.dumps(self.said))
"""


def said(folder: Path) -> dict[str, object]:
    return json.loads(next(folder.rglob("said.json")).read_text())


@pytest.mark.parametrize("protocol", ["veg_holdout", "veg_holdout_few_30"])
def test_a_model_that_asks_is_told_the_threshold_where_to_resume_and_the_support(
    small_folder: Path, tmp_path: Path, protocol: str
) -> None:
    (tmp_path / "mine.py").write_text(CURIOUS)
    folder = DatasetFolder.open(small_folder)
    result = run(protocol, f"{tmp_path}/mine.py:Curious", folder, out=tmp_path / "runs", results=None)
    told = said(result.folder)
    assert told["qc"] == folder.protocol(protocol).qc_threshold
    assert told["work"] == str(result.folder)
    towers = len(folder.protocol(protocol).sites("test"))
    supports = [v for k, v in told.items() if k.startswith("support")]
    # the labelled days belong to the test towers: those of `id_test` are known from training
    assert [s for s in supports if s] == ([30 * towers] if "few" in protocol else [])
    assert not (result.folder / "checkpoint").exists()


def test_the_preset_stands_in_the_result_row_and_settings_override_it(
    small_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from carbonbench_baselines.ridge import Ridge

    monkeypatch.setattr(Ridge, "presets", {"bare": {"lags": False, "day_of_year": False}})
    arguments = ["run", "veg_holdout", "--model", "ridge", "--data", str(small_folder), "--out", str(tmp_path / "runs")]
    arguments += ["--results", str(tmp_path / "results"), "--preset", "bare", "--set", "day_of_year=true"]
    assert main(arguments) == 0
    row = json.loads(next((tmp_path / "results").rglob("*.json")).read_text())
    assert row["preset"] == "bare"
    settings = json.loads(row["settings"])
    assert (settings["lags"], settings["day_of_year"]) == (False, True)


def test_a_preset_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Unknown preset of ridge 'publishd'"):
        make_model("ridge", 0, {}, "publishd")
    (tmp_path / "mine.py").write_text(CURIOUS)
    with pytest.raises(UsageError, match="a class of your own"):
        make_model(f"{tmp_path}/mine.py:Curious", 0, {}, "published")


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
