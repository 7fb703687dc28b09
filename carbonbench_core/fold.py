"""One protocol, or one fold of a family: a model fitted on it and its predictions, kept, and taken up after a kill."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import schema
from .files import file_name, write_parquet, write_text
from .models import Pretrained, fit_model, make_model, predict_model, save_model, source_of
from .protocols import SUPPORT
from .report.provenance import source_digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from datasets import Dataset, DatasetDict

    from .dataset_folder import DatasetFolder

PREDICTIONS = "predictions.parquet"
ROW = "row.json"  # the result row of a run of one protocol, for the card of its model
# Beside the predictions of a fold whose family is not scored yet: what a run that was killed had finished.
FINISHED = "finished.json"
CHECKPOINT = "checkpoint"  # where a model that can resume keeps how far it came, until it is saved


@dataclass(frozen=True)
class Task:
    """What to fit: the parameters of `run.run` for one fold.

    Parameters
    ----------
    protocol, model, feature_set : str
    folder : DatasetFolder
    seed : int
    settings : dict
    out : Path
    preset : str or None
    """

    protocol: str
    model: str
    folder: DatasetFolder
    feature_set: str
    seed: int
    settings: dict[str, Any]
    out: Path
    preset: str | None = None


@dataclass(frozen=True)
class Fold:
    """A fold that was fitted and predicted.

    Parameters
    ----------
    name, model : str
    settings : dict, all settings of the model, defaults included
    place : Path, the folder of the saved model and predictions
    seconds : dict, wall-clock [s] of fitting and predicting
    taken_up : bool, whether an earlier run that was killed had finished it
    seen : tuple of str, test towers that a saved model was trained or chosen on
    """

    name: str
    model: str
    settings: dict[str, Any]
    place: Path
    seconds: dict[str, float]
    taken_up: bool = False
    seen: tuple[str, ...] = ()

    def predictions(self, split: str) -> pd.DataFrame:
        """Return the predictions of a split as the model gave them."""
        import pandas as pd

        return pd.read_parquet(self.place / predictions_file(split))

    @property
    def splits(self) -> list[str]:
        """The splits that were predicted."""
        return [split for split in ("test", "id_test") if (self.place / predictions_file(split)).is_file()]


def predictions_file(split: str) -> str:
    """Return the name of the file of predictions of a split."""
    return PREDICTIONS if split == "test" else f"{split}_{PREDICTIONS}"


def run_fold(task: Task) -> Fold:
    """Fit a model on a fold and predict its unseen towers without their targets; nothing is done twice.

    What an earlier run had finished before it was killed is taken up where model, settings, seed, data, protocol and
    version are the same. `forget` ends that.
    """
    fitted = make_model(task.model, task.seed, task.settings, task.preset)
    name = file_name(str(getattr(fitted, "name", type(fitted).__name__)))
    kept = getattr(fitted, "settings", task.settings) | source_of(task.model)
    # Runs that differ in anything but the seed stand beside one another.
    identity = [task.folder.protocol(task.protocol).digest, task.folder.data_digest, task.feature_set, kept]
    tag = hashlib.sha256(json.dumps(identity, sort_keys=True, default=str).encode()).hexdigest()[:8]
    place = task.out / task.protocol / f"{name}-{tag}-seed{task.seed}"
    frozen = task.folder.protocol(task.protocol)
    seen = fitted.has_seen(frozen.sites("test"), frozen.digest) if isinstance(fitted, Pretrained) else ()
    fold = Fold(task.protocol, name, kept, place, {}, seen=tuple(seen))
    if (seconds := _finished(place, source_digest())) is not None:
        return replace(fold, seconds=seconds, taken_up=True)
    seconds = _fit_and_predict(fitted, task, place)
    write_text(place / FINISHED, json.dumps({"key": source_digest(), "seconds": seconds}))
    shutil.rmtree(place / CHECKPOINT, ignore_errors=True)  # only now: a kill in between costs no training
    return replace(fold, seconds=seconds)


def forget(folds: Sequence[Fold]) -> None:
    """Let the next run begin anew: called when the folds are scored and their row is written."""
    for fold in folds:
        (fold.place / FINISHED).unlink(missing_ok=True)


def _fit_and_predict(model: Any, task: Task, place: Path) -> dict[str, float]:
    """Write the predictions and the model into `place` and return how long each step took [s]."""
    import carbonbench

    from .predictions import require_table

    data = carbonbench.load(task.protocol, str(task.folder), task.feature_set)
    started = time.perf_counter()
    threshold = task.folder.protocol(task.protocol).qc_threshold
    fit_model(model, _labelled(data), data["validation"], qc_threshold=threshold, work=place)
    seconds = {"fit_seconds": time.perf_counter() - started}
    for split in [s for s in ("test", "id_test") if s in data]:
        started = time.perf_counter()
        inputs = data[split].remove_columns([*schema.TARGETS, "nee_qc"])
        predictions = predict_model(model, inputs, support=data.get(SUPPORT) if split == "test" else None)
        seconds[f"{split}_predict_seconds"] = time.perf_counter() - started
        require_table(predictions)
        write_parquet(predictions, place / predictions_file(split))
    save_model(model, place / "model")
    return seconds


def _labelled(data: DatasetDict) -> Dataset:
    """Return the training data: of a few-shot protocol with the days that are given of the test towers."""
    from datasets import concatenate_datasets

    return concatenate_datasets([data["train"], data[SUPPORT]]) if SUPPORT in data else data["train"]


def _finished(place: Path, key: str) -> dict[str, float] | None:
    """Return how long the steps took that an earlier run finished in `place`, None where there is no such run."""
    try:
        done = json.loads((place / FINISHED).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    whole = isinstance(done, dict) and done.get("key") == key and (place / PREDICTIONS).is_file()
    return done["seconds"] if whole else None
