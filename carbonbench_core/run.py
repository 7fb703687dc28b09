"""From a protocol and a model to predictions, scores and a result row."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import schema
from .dataset_folder import DatasetFolder
from .errors import FeatureError, UsageError, unknown

if TYPE_CHECKING:
    import pandas as pd

KEYS = ["site_id", "date"]
STRATA = ["igbp", "koppen_main", "koppen"]
PREDICTIONS = "predictions.parquet"


@dataclass(frozen=True)
class Result:
    """What a run left behind.

    Parameters
    ----------
    row : dict, the result row
    folder : Path, the saved model and predictions.parquet
    scores : dict, split -> target -> scores
    """

    row: dict[str, Any]
    folder: Path
    scores: dict[str, dict]

    def describe(self) -> str:
        """Return the scores as text."""
        parts = [f"{split}\n{describe_scores(scores)}" for split, scores in self.scores.items()]
        return "\n".join([*parts, f"model and predictions: {self.folder}"])


def run(
    protocol: str,
    model: str,
    folder: DatasetFolder,
    feature_set: str | None = None,
    seed: int = 0,
    settings: dict[str, Any] | None = None,
    out: str | Path = "runs",
    results: str | Path | None = "results",
) -> Result:
    """Fit a model on a protocol, predict its unseen towers without their targets, score, and keep all of it.

    Parameters
    ----------
    protocol : str
    model : str, a baseline's name, or ``FILE.py:CLASS`` with `fit(train, validation)` and `predict(data)`
    folder : DatasetFolder
    feature_set : str, optional; minimal where the folder has it, else tower
    seed : int
    settings : dict, optional, passed to the model
    out : path, where the model and predictions.parquet go
    results : path or None, where the result row goes

    Raises
    ------
    CarbonBenchError : no such model, protocol or feature set, or predictions that do not fit the index
    """
    import carbonbench

    from .report.rows import result_row, write_row

    feature_set = feature_set or default_feature_set(folder)
    settings = settings or {}
    fitted = _make(model, seed, settings)
    data = carbonbench.load(protocol, _location(folder), feature_set)
    if folder.is_synthetic:
        print("SYNTHETIC data: no number below says anything about the Earth.")
    started = time.perf_counter()
    fitted.fit(data["train"], data["validation"])
    seconds = {"fit_seconds": time.perf_counter() - started}
    name = getattr(fitted, "name", type(fitted).__name__)
    place = Path(out) / protocol / f"{name}-seed{seed}"
    place.mkdir(parents=True, exist_ok=True)
    scores = {}
    for split in [s for s in ("test", "id_test") if s in data]:
        started = time.perf_counter()
        inputs = data[split].remove_columns([*schema.TARGETS, "nee_qc"])
        predictions = fitted.predict(inputs)
        seconds[f"{split}_predict_seconds"] = time.perf_counter() - started
        scores[split] = score_predictions(predictions, folder, protocol, split)
        _write_parquet(predictions, place / (PREDICTIONS if split == "test" else f"{split}_{PREDICTIONS}"))
    if hasattr(fitted, "save_pretrained"):
        fitted.save_pretrained(place / "model")
    frozen = folder.protocol(protocol)
    row = result_row(
        scores["test"],
        id_test=scores.get("id_test"),
        protocol=protocol,
        protocol_digest=frozen.digest,
        data_digest=folder.data_digest,
        feature_set=feature_set,
        model=name,
        settings=getattr(fitted, "settings", settings),
        seed=seed,
        synthetic=folder.is_synthetic,
        **seconds,
    )
    if results is not None:
        write_row(row, results)
    return Result(row, place, scores)


def predict(model: str | Path, table: str | Path, out: str | Path) -> int:
    """Apply a saved model to a table of site-days and write its predictions.

    Parameters
    ----------
    model : path, a folder that `save_pretrained` wrote
    table : path, Parquet or CSV with site_id, date and the model's features, in any order; targets are not looked at
    out : path, the Parquet file to write

    Returns
    -------
    int, site-days predicted

    Raises
    ------
    UsageError : the table cannot be read or has no site-days
    FeatureError : it lacks a feature of the model
    """
    from carbonbench_baselines import from_pretrained

    fitted = from_pretrained(model)
    predictions = fitted.predict(read_features(table))
    _write_parquet(predictions, Path(out))
    return len(predictions)


def read_features(path: str | Path) -> pd.DataFrame:
    """Read a table of features, sorted by tower and day.

    Raises
    ------
    UsageError : no such file, not Parquet or CSV, or no site_id, no date, no rows
    """
    import pandas as pd

    path = Path(path)
    if not path.is_file():
        raise UsageError(f"No file {path}. Name a Parquet or CSV file of features.")
    try:
        frame = pd.read_csv(path) if path.suffix.lower() == ".csv" else pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read as {path.suffix or 'a table'}: {error}") from None
    missing = [key for key in KEYS if key not in frame.columns]
    if missing:
        raise UsageError(f"{path} has no column {' and '.join(missing)}; it has {', '.join(map(str, frame.columns))}.")
    try:
        frame["date"] = pd.to_datetime(frame["date"]).dt.normalize()
    except (ValueError, TypeError) as error:
        raise UsageError(f"{path}: column date is not a date: {error}") from None
    if frame.empty:
        raise UsageError(f"{path} has no rows.")
    return frame.sort_values(KEYS, ignore_index=True)


def evaluation_frame(folder: DatasetFolder, protocol: str, split: str = "test") -> pd.DataFrame:
    """Return the scored site-days of a split with strata and observations (NaN where a target is not scored).

    Raises
    ------
    ProtocolError : the protocol has no such split
    """
    from . import predictions

    frozen = folder.protocol(protocol)
    wanted = [*KEYS, *STRATA, *schema.TARGETS, "nee_qc"]
    parts = folder.tables(frozen, split, wanted)
    return predictions.evaluation_frame(parts, frozen.qc_threshold)


def score_predictions(
    predictions: pd.DataFrame | str | Path,
    folder: DatasetFolder,
    protocol: str,
    split: str = "test",
    check_units: bool = True,
) -> dict[str, Any]:
    """Validate predictions against the evaluation index and score them; see `carbonbench.score`."""
    import pyarrow as pa

    from .predictions import read_predictions, validate_predictions
    from .report.score import score

    frame = evaluation_frame(folder, protocol, split)
    if isinstance(predictions, str | Path):
        predictions = read_predictions(predictions)
    known = pa.concat_tables(folder.tables(folder.protocol(protocol), split, KEYS)).to_pandas()
    return score(validate_predictions(predictions, frame, known, check_units), frame)


def describe_scores(scores: dict[str, Any]) -> str:
    """Return the medians over towers as a text table."""
    lines = [f"{'target':8}{'R2 q25':>9}{'median':>9}{'q75':>9}{'RMSE':>9}{'towers':>8}"]
    for target in schema.TARGETS:
        result = scores[target]
        r2, rmse = result["r2"], result["rmse"]
        lines.append(
            f"{target:8}{r2['q25']:9.3f}{r2['q50']:9.3f}{r2['q75']:9.3f}{rmse['q50']:9.3f}{result['n_sites']:8d}"
        )
    return "\n".join(lines)


def default_feature_set(folder: DatasetFolder) -> str:
    """Return the feature set a run takes when none is named: minimal where the folder has it, else its first.

    Raises
    ------
    FeatureError : the folder has no features
    """
    sets = schema.available_feature_sets(folder.columns)
    if not sets:
        raise FeatureError(f"{folder} carries no features; models have nothing to learn from.")
    return sets[0]


def parse_settings(pairs: list[str]) -> dict[str, Any]:
    """Return ``KEY=VALUE`` pairs as a dict; values are JSON where they parse as such, else text.

    Raises
    ------
    UsageError : a pair has no "="
    """
    settings = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"Got setting {pair!r}, expected KEY=VALUE.")
        try:
            settings[key] = json.loads(value)
        except ValueError:
            settings[key] = {"True": True, "False": False, "None": None}.get(value, value)
    return settings


def _make(model: str, seed: int, settings: dict[str, Any]) -> Any:
    if ".py:" not in model:
        from carbonbench_baselines import load_baseline

        return load_baseline(model, seed=seed, **settings)
    file, _, name = model.rpartition(":")
    return _user_class(Path(file), name)(**settings)


def _user_class(file: Path, name: str) -> type:
    """Return a class from a user's own file, which runs as any Python the user starts."""
    from importlib.util import module_from_spec, spec_from_file_location

    if not file.is_file():
        raise UsageError(f"No file {file}. Expected FILE.py:CLASS or the name of a baseline.")
    spec = spec_from_file_location(file.stem, file)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    if not hasattr(module, name):
        raise unknown(f"class in {file}", name, [n for n, v in vars(module).items() if isinstance(v, type)])
    cls = getattr(module, name)
    lacking = [method for method in ("fit", "predict") if not callable(getattr(cls, method, None))]
    if lacking:
        raise UsageError(f"{name} in {file} has no method {' and '.join(lacking)}; a model has fit and predict.")
    return cls


def _location(folder: DatasetFolder) -> str:
    return str(folder)


def _write_parquet(frame: pd.DataFrame, path: Path) -> None:
    import os

    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    frame.to_parquet(partial, index=False)
    os.replace(partial, path)
