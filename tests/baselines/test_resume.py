"""A training that is killed goes on as if nothing had happened; what is not its own checkpoint is refused."""

from __future__ import annotations

import errno
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from carbonbench_baselines import _checkpoint, _saved, _training, baseline_class, list_baselines
from carbonbench_baselines._network import Network
from carbonbench_baselines.transformer import Transformer

from carbonbench_core.dataset_folder import DatasetFolder
from carbonbench_core.errors import UsageError
from carbonbench_core.rows import as_table
from carbonbench_core.run import run

SETTINGS = {**Transformer.quick, "num_threads": 1, "progress": False, "device": "cpu", "max_epochs": 3, "stride": 10}
NETWORKS = [name for name in list_baselines() if issubclass(baseline_class(name), Network)]
KILLED = """
import os, signal, sys
import pandas as pd
from carbonbench_baselines import _training
from carbonbench_baselines.transformer import Transformer
train, validation, work, settings, step = sys.argv[1:]
update, taken = _training._Run._update, [0]
def one_step(self, batch):
    taken[0] += 1
    if taken[0] > int(step):
        os.kill(os.getpid(), signal.SIGKILL)
    return update(self, batch)
_training._Run._update = one_step
Transformer(seed=1, **eval(settings)).fit(pd.read_parquet(train), pd.read_parquet(validation), work=work)
"""


def fit(train: pd.DataFrame, validation: pd.DataFrame | None = None, work: Path | None = None, **more: object):
    return Transformer(seed=1, **{**SETTINGS, **more}).fit(train, validation, work=work)


def checkpoints(work: Path) -> list[Path]:
    return sorted((work / "checkpoint").iterdir())


def same(a: Network, b: Network) -> bool:
    both = a._model.state_dict(), b._model.state_dict()
    return both[0].keys() == both[1].keys() and all(torch.equal(v, both[1][k]) for k, v in both[0].items())


def steps_per_epoch(model: Network, train: pd.DataFrame) -> int:
    own = model.settings
    labelled = model._tower_days(as_table(train), own["horizon"]).windows.labelled.sum()
    return math.ceil(math.ceil(labelled / own["stride"]) / own["batch_size"])


class StoppedError(Exception):
    pass


def stop(*_: object, **__: object) -> None:
    raise StoppedError


def test_when_a_training_of_two_members_is_killed_then_its_weights_are_those_of_one_that_was_not(
    train: pd.DataFrame, validation: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fit(train, validation, members=2)
    train.to_parquet(tmp_path / "train.parquet")
    validation.to_parquet(tmp_path / "validation.parquet")
    work, settings, steps = tmp_path / "work", repr({**SETTINGS, "members": 2}), steps_per_epoch(whole, train)
    # killed by the system in the second epoch of the first member, one step in
    arguments = [str(tmp_path / "train.parquet"), str(tmp_path / "validation.parquet"), str(work), settings]
    command = [sys.executable, "-c", KILLED, *arguments, str(steps + 1)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert len(checkpoints(work)) == 1
    # stopped again, two epochs of the first member and one of the other further on
    update, left = _training._Run._update, iter(range(3 * steps + 1))
    with monkeypatch.context() as patch:
        patch.setattr(_training._Run, "_update", lambda *a: stop() if next(left, None) is None else update(*a))
        with pytest.raises(StoppedError):
            fit(train, validation, work, members=2)
    assert len(checkpoints(work)) == 2
    resumed = fit(train, validation, work, members=2)
    assert same(resumed, whole)
    assert resumed._histories == whole._histories


def test_a_finished_training_is_read_back_and_not_repeated(
    train: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = fit(train, work=tmp_path)
    monkeypatch.setattr(_training._Run, "_update", None)
    assert same(fit(train, work=tmp_path), first)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"hidden": 32}, "hidden 16 there, 32 now"),
        ({"quantiles": [0.05, 0.95]}, "quantiles"),
        ({"max_epochs": 4}, "max_epochs"),
    ],
)
def test_a_checkpoint_of_other_settings_is_refused(
    train: pd.DataFrame, tmp_path: Path, more: dict[str, object], words: str
) -> None:
    fit(train, work=tmp_path)
    with pytest.raises(UsageError, match=f"another training .*{words}.*Delete it"):
        fit(train, work=tmp_path, **more)


def test_a_checkpoint_of_other_data_is_refused_and_incidental_settings_may_change(
    train: pd.DataFrame, tmp_path: Path
) -> None:
    first = fit(train, work=tmp_path)
    assert same(fit(train, work=tmp_path, progress=True), first)
    with pytest.raises(UsageError, match="another training"):
        fit(train.assign(gpp=train["gpp"] + 1), work=tmp_path)
    warmth = train.groupby("site_id")["TA_F"]
    others = {
        "warmer": train.assign(TA_F=train["TA_F"] + 1),
        "the same values on other days": train.assign(TA_F=warmth.transform(lambda days: days.to_numpy()[::-1])),
        "other classes": train.assign(igbp=train["igbp"].map({"DBF": "ENF", "ENF": "DBF"}).fillna(train["igbp"])),
    }
    for other in others.values():
        with pytest.raises(UsageError, match="another training"):
            fit(other, work=tmp_path)


def test_a_checkpoint_of_other_validation_inputs_is_refused(
    train: pd.DataFrame, validation: pd.DataFrame, tmp_path: Path
) -> None:
    fit(train, validation, tmp_path)
    with pytest.raises(UsageError, match=r"another training .*validation"):
        fit(train, validation.assign(TA_F=0.0), tmp_path)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_stopped_training_of_any_network_goes_on_to_the_same_weights(
    name: str, train: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = baseline_class(name)
    settings = {**made.quick, "num_threads": 1, "progress": False, "device": "cpu", "max_epochs": 2, "stride": 30}
    settings |= {"balance": "tower", "hide": 0.3, "noise": 0.3}

    def fitted(work: Path | None) -> Network:
        return made(seed=1, **settings).fit(train, work=work)

    whole = fitted(None)
    update, left = (
        _training._Run._update,
        iter(range(steps_per_epoch(whole, train) + 1)),
    )  # one step into the second epoch
    with monkeypatch.context() as patch:
        patch.setattr(_training._Run, "_update", lambda *a: stop() if next(left, None) is None else update(*a))
        with pytest.raises(StoppedError):
            fitted(tmp_path)
    assert same(fitted(tmp_path), whole)


@pytest.mark.parametrize("keep", [0, 4, 0.5])
def test_a_damaged_checkpoint_is_told_and_training_begins_anew(
    train: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str], keep: float
) -> None:
    first = fit(train, work=tmp_path)
    path = checkpoints(tmp_path)[0]
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if keep < 1 else int(keep)])
    assert same(fit(train, work=tmp_path), first)
    assert "is damaged" in capsys.readouterr().err
    assert len(path.read_bytes()) == len(content)


def test_a_checkpoint_of_another_version_of_the_code_is_told_and_training_begins_anew(
    train: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(_checkpoint, "code_digest", lambda trained: "older")
        first = fit(train, work=tmp_path)
    assert same(fit(train, work=tmp_path), first)
    assert "of another version" in capsys.readouterr().err
    monkeypatch.setattr(_training._Run, "_update", stop)
    assert same(fit(train, work=tmp_path), first)  # what stands there now is of this version


def test_on_a_full_disk_training_goes_on_and_the_last_checkpoint_stays(
    train: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    whole = fit(train)
    monkeypatch.setattr(_saved.os, "fsync", full)
    assert same(fit(train, work=tmp_path), whole)
    said = capsys.readouterr().err
    assert said.count("No space left on device") == 1
    assert "training goes on without" in said
    assert checkpoints(tmp_path) == []
    kept = tmp_path / "kept"
    kept.write_bytes(b"old")
    with pytest.raises(OSError, match="No space left"):
        _saved.write_whole(kept, b"new")
    assert kept.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["kept"]


def test_a_run_that_was_stopped_resumes_and_leaves_no_checkpoint_behind(
    small_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, settings = DatasetFolder.open(small_folder), {**SETTINGS, "max_epochs": 1, "features": ["TA_F", "igbp"]}
    with monkeypatch.context() as patch:
        patch.setattr(Transformer, "predict", stop)
        with pytest.raises(StoppedError):
            run("veg_holdout", "transformer", folder, "tower", 0, settings, tmp_path, None)
    assert len(list(tmp_path.rglob("*.safetensors"))) == 1
    monkeypatch.setattr(_training._Run, "_update", stop)
    result = run("veg_holdout", "transformer", folder, "tower", 0, settings, tmp_path, None)
    assert [p.name for p in tmp_path.rglob("*.safetensors")] == ["model.safetensors"]
    assert not (result.folder / "checkpoint").exists()
