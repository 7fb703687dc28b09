"""From a protocol and a model to predictions, scores and a result row."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import schema
from .dataset_folder import DatasetFolder
from .errors import FeatureError, first_few
from .files import make_folder, write_text
from .fold import ROW, Fold, Task, forget, run_fold
from .geography import components, continent
from .predictions import KEYS, STRATA, UNCERTAINTY
from .protocols import split_name
from .reference import DISSIMILARITY, climatology_of, masks_of, with_reference

if TYPE_CHECKING:
    import pandas as pd

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
        from .report.text import describe_gap, describe_scores, describe_support

        parts = [f"{split}\n{describe_scores(scores)}" for split, scores in self.scores.items()]
        notes = [describe_gap(self.row), describe_support(self.row)]
        return "\n".join([*parts, *filter(None, notes), f"model and predictions: {self.folder}"])


def run(
    protocol: str,
    model: str,
    folder: DatasetFolder,
    feature_set: str | None = None,
    seed: int = 0,
    settings: dict[str, Any] | None = None,
    out: str | Path = "runs",
    results: str | Path | None = "results",
    preset: str | None = None,
) -> Result:
    """Fit a model on a protocol, predict its unseen towers without their targets, score, and keep all of it.

    Parameters
    ----------
    protocol : str, or a family of folds ("unseen_veg"): all are run and their predictions scored together
    model : str, a baseline's name, or ``FILE.py:CLASS`` with `fit(train, validation)` and `predict(data)`; a fit that
        names `qc_threshold` or `work` (a folder to resume from) gets them, a predict that names `support` gets that
    folder : DatasetFolder
    feature_set : str, optional; minimal where the folder has it, else tower
    seed : int
    settings : dict, optional, passed to the model
    out : path, where the model and predictions.parquet go
    results : path or None, where the result row goes
    preset : str, optional, a named set of settings of the baseline, such as "published"; `settings` override it

    Raises
    ------
    CarbonBenchError : no such model, preset, protocol or feature set, or predictions that do not fit the index
    """
    from .report.ceiling import ceiling_table
    from .report.rows import result_row, sites_to_keep, write_row

    for folder_to_write in filter(None, (out, results)):
        make_folder(Path(folder_to_write))
    feature_set = feature_set or default_feature_set(folder)
    if folder.is_synthetic:
        print("SYNTHETIC data: no number below says anything about the Earth.")
    names = folder.folds(protocol)
    is_family = names != [protocol]
    folds, tables = [], []
    for name in names:
        place = Path(out) / (protocol if is_family else "")
        folds.append(fold := run_fold(Task(name, model, folder, feature_set, seed, settings or {}, place, preset)))
        if fold.taken_up:
            print(f"{name}: taken up from {fold.place}, where a run that was stopped had finished it.")
        # Checked at once: predictions that do not fit the index should not cost the folds that follow.
        aligned = {split: _aligned(fold.predictions(split), folder, name, split) for split in fold.splits}
        tables.append(
            {
                split: (p, with_reference(frame, folder, name, split, feature_set, fold.place.parent))
                for split, (p, frame) in aligned.items()
            }
        )
    joined = {split: _joined(folds, tables, split) for split in tables[0]}
    scores = {split: _scored(*pair) for split, pair in joined.items()}
    clusters = neighbours(folder.sites)
    row = result_row(
        scores["test"],
        id_test=scores.get("id_test"),
        protocol=protocol,
        protocol_digest=protocol_digest(folder, protocol),
        data_digest=folder.data_digest,
        feature_set=feature_set,
        model=folds[0].model,
        settings=folds[0].settings,
        seed=seed,
        synthetic=folder.is_synthetic,
        clusters=clusters,
        preset=preset or "default",
        more=_beside(*joined["test"]) | _seen(folds) | _transfer(scores, protocol, clusters),
        **{key: sum(fold.seconds[key] for fold in folds) for key in folds[0].seconds},
    )
    if results is not None:
        write_row(row, results, sites_to_keep(scores["test"], clusters, ceiling_table(joined["test"][1])))
    if not is_family:
        write_text(folds[0].place / ROW, json.dumps(row, indent=1) + "\n")
    forget(folds)
    place = folds[0].place.parent.parent if is_family else folds[0].place
    return Result(row, place, scores)


def _scored(predictions: pd.DataFrame, frame: pd.DataFrame) -> dict[str, Any]:
    """Return the scores of predictions against a frame `with_reference`."""
    from .report.score import score

    return score(predictions, frame, climatology_of(frame), masks_of(frame))


def _beside(predictions: pd.DataFrame, frame: pd.DataFrame) -> dict[str, Any]:
    """Return what stands in a row beside scores: noise ceilings, error by likeness to the training data."""
    from .report.applicability import error_by_dissimilarity
    from .report.ceiling import ceiling_keys

    found = ceiling_keys(frame)
    if DISSIMILARITY in frame:
        found |= error_by_dissimilarity(frame[DISSIMILARITY].to_numpy(), predictions, frame)
    return found


def _seen(folds: list[Fold]) -> dict[str, bool]:
    """Return the mark of a row whose saved model knows test towers, and say so."""
    seen = sorted({site for fold in folds for site in fold.seen})
    if seen:
        print(
            f"The model was trained or chosen on {len(seen)} of the test towers ({first_few(seen)}): it is not ranked."
        )
    return {"test_towers_seen": True} if seen else {}


def _transfer(scores: dict[str, dict], protocol: str, clusters: dict[str, str]) -> dict[str, Any]:
    """Return what a row says of the step to unseen towers: its cost, and the days of them that were given."""
    from .report.gap import SUPPORT_DAYS, gap_keys

    days = split_name(protocol)[1]
    found = {} if days is None else {SUPPORT_DAYS: days}
    return found | (gap_keys(scores["test"], scores["id_test"], protocol, clusters) if "id_test" in scores else {})


def _joined(folds: list[Fold], tables: list[dict[str, tuple]], split: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return predictions and frame of all folds; a training tower of several folds counts once for each."""
    import pandas as pd

    of_split = [pair[split] for pair in tables if split in pair]
    if split != "test" and len(folds) > 1:
        named = zip(folds, of_split, strict=True)
        of_split = [tuple(t.assign(site_id=t["site_id"] + f" in {fold.name}") for t in pair) for fold, pair in named]
    return tuple(pd.concat(column, ignore_index=True) for column in zip(*of_split, strict=True))


def protocol_digest(folder: DatasetFolder, protocol: str) -> str:
    """Return the digest of a protocol, or that of a family from those of its folds."""
    digests = [folder.protocol(name).digest for name in folder.folds(protocol)]
    return digests[0] if len(digests) == 1 else hashlib.sha256("/".join(digests).encode()).hexdigest()[:16]


def evaluation_frame(folder: DatasetFolder, protocol: str, split: str = "test") -> pd.DataFrame:
    """Return the scored site-days of a split with strata and observations (NaN where a target is not scored).

    Raises
    ------
    ProtocolError : the protocol has no such split
    """
    from . import predictions

    frozen = folder.protocol(protocol)
    wanted = [*KEYS, *STRATA, *schema.TARGETS, "nee_qc", *(c for c in UNCERTAINTY if c in folder.columns)]
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

    if isinstance(predictions, str | Path):
        predictions = read_predictions(predictions)
    aligned, frame = _aligned(predictions, folder, protocol, split, check_units)
    return _scored(aligned, with_reference(frame, folder, protocol, split))


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

    from .report.ceiling import ceiling_table
    from .report.rows import result_row, sites_to_keep, write_row
    from .report.submission import read_submission

    declared = read_submission(submission)
    frozen = folder.protocol(declared.protocol)
    declared.require_digest(frozen.digest)
    frame = evaluation_frame(folder, declared.protocol)
    known = pa.concat_tables(folder.tables(frozen, "test", list(KEYS))).to_pandas()
    predictions = declared.predictions(frame, known)
    features = declared.feature_set if declared.feature_set in schema.FEATURE_SETS else None
    frame = with_reference(frame, folder, declared.protocol, "test", features)
    scores = _scored(predictions, frame)
    clusters = neighbours(folder.sites)
    row = result_row(
        scores,
        protocol_digest=frozen.digest,
        data_digest=folder.data_digest,
        synthetic=folder.is_synthetic,
        clusters=clusters,
        **_with_more(declared.row_fields(), _beside(predictions, frame)),
    )
    if results is not None:
        write_row(row, results, sites_to_keep(scores, clusters, ceiling_table(frame)))
    return scores


def _with_more(fields: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    return fields | {"more": fields["more"] | more}


def _aligned(
    predictions: pd.DataFrame, folder: DatasetFolder, protocol: str, split: str, check_units: bool = True
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return validated predictions and the evaluation frame, row by row the same."""
    import pyarrow as pa

    from .predictions import require_table, validate_predictions

    require_table(predictions)
    frame = evaluation_frame(folder, protocol, split)
    known = pa.concat_tables(folder.tables(folder.protocol(protocol), split, list(KEYS))).to_pandas()
    return validate_predictions(predictions, frame, known, check_units), frame


def neighbours(sites: pd.DataFrame) -> dict[str, str]:
    """Return for every tower the first of the towers it stands with, those within 10 km of each other in a chain."""
    placed = sites.dropna(subset=["latitude", "longitude"])
    first = components(placed["latitude"], placed["longitude"], NEIGHBOURS)
    ids = placed["site_id"].to_numpy()
    return dict(zip(sites["site_id"], sites["site_id"], strict=True)) | dict(zip(ids, ids[first], strict=True))


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
