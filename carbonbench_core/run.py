"""From a protocol and a model to predictions, scores and a result row."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import schema
from .asked import protocol_digest
from .dataset_folder import DatasetFolder
from .errors import FeatureError, first_few
from .files import make_folder, write_text
from .fold import ROW, Fold, Task, forget, run_fold
from .integrity import require_unchanged, shards_of
from .protocols import split_name
from .reference import with_reference
from .scoring import aligned, beside_scores, neighbours, scored

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd


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
    CarbonBenchError : no such model, preset, protocol or feature set, predictions that do not fit the index, or data
        that are not those of the folder's digest
    """
    from .report.ceiling import ceiling_table
    from .report.rows import result_row, sites_to_keep, write_row

    for folder_to_write in filter(None, (out, results)):
        make_folder(Path(folder_to_write))
    feature_set = feature_set or default_feature_set(folder)
    if folder.is_synthetic:
        print("SYNTHETIC data: no number below says anything about the Earth.", file=sys.stderr)
    require_unchanged(folder, shards_of(folder, folder.folds(protocol)))
    is_family = folder.folds(protocol) != [protocol]
    place = Path(out) / (protocol if is_family else "")
    tasks = [
        Task(name, model, folder, feature_set, seed, settings or {}, place, preset) for name in folder.folds(protocol)
    ]
    folds, tables = zip(*map(_fitted, tasks), strict=True)
    joined = {split: _joined(folds, tables, split) for split in tables[0]}
    scores = {split: scored(*pair) for split, pair in joined.items()}
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
        more=beside_scores(*joined["test"]) | _seen(folds) | _transfer(scores, protocol, clusters),
        **{key: sum(fold.seconds[key] for fold in folds) for key in folds[0].seconds},
    )
    if results is not None:
        write_row(row, results, sites_to_keep(scores["test"], clusters, ceiling_table(joined["test"][1])))
    if not is_family:
        write_text(folds[0].place / ROW, json.dumps(row, indent=1) + "\n")
    forget(folds)
    place = folds[0].place.parent.parent if is_family else folds[0].place
    return Result(row, place, scores)


def _fitted(task: Task) -> tuple[Fold, dict[str, tuple]]:
    """Return a fold and, by split, its predictions and the frame they are read against."""
    fold = run_fold(task)
    if fold.taken_up:
        print(
            f"{fold.name}: taken up from {fold.place}, where a run that was stopped had finished it.", file=sys.stderr
        )

    def read(split: str) -> tuple:
        # Checked at once: predictions that do not fit the index should not cost the folds that follow.
        predictions, frame = aligned(fold.predictions(split), task.folder, fold.name, split)
        beside = fold.place.parent
        return predictions, with_reference(frame, task.folder, fold.name, split, task.feature_set, beside)

    return fold, {split: read(split) for split in fold.splits}


def _seen(folds: Sequence[Fold]) -> dict[str, bool]:
    """Return the mark of a row whose saved model knows test towers, and say so."""
    seen = sorted({site for fold in folds for site in fold.seen})
    if seen:
        print(
            f"The model was trained or chosen on {len(seen)} of the test towers ({first_few(seen)}): it is not ranked.",
            file=sys.stderr,
        )
    return {"test_towers_seen": True} if seen else {}


def _transfer(scores: dict[str, dict], protocol: str, clusters: dict[str, str]) -> dict[str, Any]:
    """Return what a row says of the step to unseen towers: its cost, and the days of them that were given."""
    from .report.gap import SUPPORT_DAYS, gap_keys

    days = split_name(protocol)[1]
    found = {} if days is None else {SUPPORT_DAYS: days}
    return found | (gap_keys(scores["test"], scores["id_test"], protocol, clusters) if "id_test" in scores else {})


def _joined(folds: Sequence[Fold], tables: Sequence[dict[str, tuple]], split: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return predictions and frame of all folds; a training tower of several folds counts once for each."""
    import pandas as pd

    of_split = [pair[split] for pair in tables if split in pair]
    if split != "test" and len(folds) > 1:
        named = zip(folds, of_split, strict=True)
        of_split = [tuple(t.assign(site_id=t["site_id"] + f" in {fold.name}") for t in pair) for fold, pair in named]
    return tuple(pd.concat(column, ignore_index=True) for column in zip(*of_split, strict=True))


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
