"""From a protocol and a model to predictions, scores and a result row."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import schema
from .dataset_folder import DatasetFolder
from .errors import FeatureError, PredictionError
from .files import file_name, make_folder, write_parquet
from .geography import components, continent
from .models import make_model
from .protocols import families

if TYPE_CHECKING:
    import pandas as pd

KEYS = ["site_id", "date"]
STRATA = ["igbp", "koppen_main", "koppen"]
PREDICTIONS = "predictions.parquet"
NEIGHBOURS = 10.0  # km: towers of one reanalysis cell, which the intervals draw together


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
    protocol : str, or a family of folds ("unseen_veg"): all are run and their predictions scored together
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
    from .report.rows import result_row, sites_to_keep, write_row
    from .report.score import score

    for folder_to_write in filter(None, (out, results)):
        make_folder(Path(folder_to_write))
    feature_set = feature_set or default_feature_set(folder)
    if folder.is_synthetic:
        print("SYNTHETIC data: no number below says anything about the Earth.")
    names = families(folder.protocols).get(protocol)
    folds = [
        _run_fold(name, model, folder, feature_set, seed, settings or {}, Path(out) / (protocol if names else ""))
        for name in names or [protocol]
    ]
    scores = {
        split: score(*(_joined(folds, split, table) for table in ("predictions", "frames")))
        for split in folds[0].frames
    }
    row = result_row(
        scores["test"],
        id_test=scores.get("id_test"),
        protocol=protocol,
        protocol_digest=_digest([folder.protocol(fold.name).digest for fold in folds]),
        data_digest=folder.data_digest,
        feature_set=feature_set,
        model=folds[0].model,
        settings=folds[0].settings,
        seed=seed,
        synthetic=folder.is_synthetic,
        clusters=(clusters := neighbours(folder.sites)),
        **{key: sum(fold.seconds[key] for fold in folds) for key in folds[0].seconds},
    )
    if results is not None:
        write_row(row, results, sites_to_keep(scores["test"], clusters))
    place = folds[0].place.parent.parent if names else folds[0].place
    return Result(row, place, scores)


@dataclass(frozen=True)
class _Fold:
    """One protocol, fitted and predicted: aligned predictions and evaluation frame per split."""

    name: str
    model: str
    settings: dict[str, Any]
    place: Path
    seconds: dict[str, float]
    predictions: dict[str, pd.DataFrame]
    frames: dict[str, pd.DataFrame]


def _run_fold(
    protocol: str,
    model: str,
    folder: DatasetFolder,
    feature_set: str,
    seed: int,
    settings: dict[str, Any],
    out: Path,
) -> _Fold:
    import carbonbench

    fitted = make_model(model, seed, settings)
    data = carbonbench.load(protocol, str(folder), feature_set)
    started = time.perf_counter()
    fitted.fit(data["train"], data["validation"])
    seconds = {"fit_seconds": time.perf_counter() - started}
    name = file_name(str(getattr(fitted, "name", type(fitted).__name__)))
    kept = getattr(fitted, "settings", settings)
    # Runs that differ in anything but the seed stand beside one another.
    identity = [folder.protocol(protocol).digest, folder.data_digest, feature_set, kept]
    tag = hashlib.sha256(json.dumps(identity, sort_keys=True, default=str).encode()).hexdigest()[:8]
    place = out / protocol / f"{name}-{tag}-seed{seed}"
    aligned, frames = {}, {}
    for split in [s for s in ("test", "id_test") if s in data]:
        started = time.perf_counter()
        predictions = fitted.predict(data[split].remove_columns([*schema.TARGETS, "nee_qc"]))
        seconds[f"{split}_predict_seconds"] = time.perf_counter() - started
        aligned[split], frames[split] = _aligned(predictions, folder, protocol, split)
        write_parquet(predictions, place / (PREDICTIONS if split == "test" else f"{split}_{PREDICTIONS}"))
    if hasattr(fitted, "save_pretrained"):
        fitted.save_pretrained(place / "model")
    return _Fold(protocol, name, kept, place, seconds, aligned, frames)


def _joined(folds: list[_Fold], split: str, table: str) -> pd.DataFrame:
    """Return the predictions or frames of all folds; a training tower of several folds counts once for each."""
    import pandas as pd

    tables = [getattr(fold, table)[split] for fold in folds if split in fold.frames]
    if split != "test" and len(folds) > 1:
        tables = [t.assign(site_id=t["site_id"] + f" in {f.name}") for f, t in zip(folds, tables, strict=True)]
    return pd.concat(tables, ignore_index=True)


def _digest(digests: list[str]) -> str:
    """Return the digest of a protocol, or that of a family from those of its folds."""
    return digests[0] if len(digests) == 1 else hashlib.sha256("/".join(digests).encode()).hexdigest()[:16]


def evaluation_frame(folder: DatasetFolder, protocol: str, split: str = "test") -> pd.DataFrame:
    """Return the scored site-days of a split with strata and observations (NaN where a target is not scored).

    Raises
    ------
    ProtocolError : the protocol has no such split
    """
    from . import predictions

    frozen = folder.protocol(protocol)
    wanted = [*KEYS, *STRATA, *schema.TARGETS, "nee_qc"]
    frame = predictions.evaluation_frame(folder.tables(frozen, split, wanted), frozen.qc_threshold)
    placed = folder.sites.dropna(subset=["latitude", "longitude"])
    continents = continent(placed["latitude"], placed["longitude"])
    return frame.assign(continent=frame["site_id"].map(dict(zip(placed["site_id"], continents, strict=True))))


def score_predictions(
    predictions: pd.DataFrame | str | Path,
    folder: DatasetFolder,
    protocol: str,
    split: str = "test",
    check_units: bool = True,
) -> dict[str, Any]:
    """Validate predictions against the evaluation index and score them; see `carbonbench.score`."""
    from .predictions import read_predictions
    from .report.score import score

    if isinstance(predictions, str | Path):
        predictions = read_predictions(predictions)
    return score(*_aligned(predictions, folder, protocol, split, check_units))


def score_submission(submission: str | Path, folder: DatasetFolder, results: str | Path | None) -> dict[str, Any]:
    """Validate a submission folder against its protocol, score it and write its result row.

    Parameters
    ----------
    submission : path, a folder with predictions.parquet and submission.yaml; see results/TEMPLATE
    folder : DatasetFolder
    results : path or None, where the result row goes

    Returns
    -------
    dict, target -> scores

    Raises
    ------
    CarbonBenchError : the declaration, the digest or the predictions do not fit; says what to do
    """
    import pyarrow as pa

    from .report.rows import result_row, sites_to_keep, write_row
    from .report.score import score
    from .report.submission import read_submission

    declared = read_submission(submission)
    frozen = folder.protocol(declared.protocol)
    declared.require_digest(frozen.digest)
    frame = evaluation_frame(folder, declared.protocol)
    known = pa.concat_tables(folder.tables(frozen, "test", KEYS)).to_pandas()
    scores = score(declared.predictions(frame, known), frame)
    clusters = neighbours(folder.sites)
    row = result_row(
        scores,
        protocol_digest=frozen.digest,
        data_digest=folder.data_digest,
        synthetic=folder.is_synthetic,
        clusters=clusters,
        **declared.row_fields(),
    )
    if results is not None:
        write_row(row, results, sites_to_keep(scores, clusters))
    return scores


def _aligned(
    predictions: pd.DataFrame, folder: DatasetFolder, protocol: str, split: str, check_units: bool = True
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return validated predictions and the evaluation frame, row by row the same."""
    import pyarrow as pa

    from .predictions import validate_predictions

    if not hasattr(predictions, "columns"):
        raise PredictionError(
            f"Got predictions of type {type(predictions).__name__}, expected a pandas.DataFrame with "
            "site_id, date, gpp, reco and nee."
        )
    frame = evaluation_frame(folder, protocol, split)
    known = pa.concat_tables(folder.tables(folder.protocol(protocol), split, KEYS)).to_pandas()
    return validate_predictions(predictions, frame, known, check_units), frame


def neighbours(sites: pd.DataFrame) -> dict[str, str]:
    """Return for every tower the first of the towers it stands with, those within 10 km of each other in a chain."""
    placed = sites.dropna(subset=["latitude", "longitude"])
    first = components(placed["latitude"], placed["longitude"], NEIGHBOURS)
    ids = placed["site_id"].to_numpy()
    return dict(zip(sites["site_id"], sites["site_id"], strict=True)) | dict(zip(ids, ids[first], strict=True))


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
