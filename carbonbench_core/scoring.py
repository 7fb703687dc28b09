"""Predictions against the evaluation index of a dataset folder: checked, scored, and kept as a row if submitted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import schema
from .asked import evaluation_frame, known_days, protocol_digest, referenced_frame
from .geography import components
from .integrity import require_unchanged, shards_of
from .reference import DISSIMILARITY, climatology_of, masks_of

if TYPE_CHECKING:
    import pandas as pd

    from .dataset_folder import DatasetFolder

NEIGHBOURS = 10.0  # km: towers of one reanalysis cell, which the intervals draw together


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
    require_unchanged(folder, shards_of(folder, folder.folds(protocol), [split]))
    predictions, _ = aligned(predictions, folder, protocol, split, check_units)
    return scored(predictions, referenced_frame(folder, protocol, split))


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
    from .report.ceiling import ceiling_table
    from .report.rows import result_row, sites_to_keep, write_row
    from .report.submission import read_submission

    declared = read_submission(submission)
    digest = protocol_digest(folder, declared.protocol)
    declared.require_digest(digest)
    require_unchanged(folder, shards_of(folder, folder.folds(declared.protocol), ["test"]))
    asked = evaluation_frame(folder, declared.protocol)
    predictions = declared.predictions(asked, known_days(folder, declared.protocol))
    # Inputs of its own, or a set that this folder does not carry: nothing can be said of likeness to the training data.
    known_sets = schema.available_feature_sets(folder.columns)
    features = declared.feature_set if declared.feature_set in known_sets else None
    frame = referenced_frame(folder, declared.protocol, "test", features)
    scores = scored(predictions, frame)
    clusters = neighbours(folder.sites)
    row = result_row(
        scores,
        protocol_digest=digest,
        data_digest=folder.data_digest,
        synthetic=folder.is_synthetic,
        clusters=clusters,
        **_with_more(declared.row_fields(), beside_scores(predictions, frame)),
    )
    if results is not None:
        write_row(row, results, sites_to_keep(scores, clusters, ceiling_table(frame)))
    return scores


def _with_more(fields: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    return fields | {"more": fields["more"] | more}


def aligned(
    predictions: pd.DataFrame, folder: DatasetFolder, protocol: str, split: str, check_units: bool = True
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return validated predictions and the evaluation frame, row by row the same."""
    from .predictions import require_table, validate_predictions

    require_table(predictions)
    frame = evaluation_frame(folder, protocol, split)
    return validate_predictions(predictions, frame, known_days(folder, protocol, split), check_units), frame


def neighbours(sites: pd.DataFrame) -> dict[str, str]:
    """Return for every tower the first of the towers it stands with, those within 10 km of each other in a chain."""
    placed = sites.dropna(subset=["latitude", "longitude"])
    first = components(placed["latitude"], placed["longitude"], NEIGHBOURS)
    ids = placed["site_id"].to_numpy()
    return dict(zip(sites["site_id"], sites["site_id"], strict=True)) | dict(zip(ids, ids[first], strict=True))


def scored(predictions: pd.DataFrame, frame: pd.DataFrame) -> dict[str, Any]:
    """Return the scores of predictions against a frame `with_reference`."""
    from .report.score import score

    return score(predictions, frame, climatology_of(frame), masks_of(frame))


def beside_scores(predictions: pd.DataFrame, frame: pd.DataFrame) -> dict[str, Any]:
    """Return what stands in a row beside scores: noise ceilings, error by likeness to the training data."""
    from .report.applicability import error_by_dissimilarity
    from .report.ceiling import ceiling_keys

    found = ceiling_keys(frame)
    if DISSIMILARITY in frame:
        found |= error_by_dissimilarity(frame[DISSIMILARITY].to_numpy(), predictions, frame)
    return found
