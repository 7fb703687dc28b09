"""Scores of one set of predictions: the metric `stratified_skill`, for every target and for the three together."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import PredictionError
from ..predictions import KEYS
from ..quantile_columns import quantile_column, quantile_levels
from ..schema import TARGETS

if TYPE_CHECKING:
    import evaluate
    import pandas as pd

METRIC = Path(find_spec("carbonbench_metrics.stratified_skill").origin).parent
STRATA = ("igbp", "koppen_main", "continent")
PHYSICS = "physics"  # what the three fluxes are together
INTERVAL = (0.05, 0.95)  # of predicted quantiles, where there are these; else the outermost


@cache
def metric() -> evaluate.Metric:
    """Return the metric, loaded as anyone would load it."""
    import evaluate

    return evaluate.load(str(METRIC))


def score(
    predictions: pd.DataFrame,
    frame: pd.DataFrame,
    climatology: pd.DataFrame | None = None,
    masks: dict[str, np.ndarray] | None = None,
) -> dict[str, dict[str, Any]]:
    """Score predictions that `validate_predictions` has aligned.

    Parameters
    ----------
    predictions : DataFrame [N rows], site_id, date, gpp, reco, nee [gC m-2 d-1], and quantiles such as gpp_q05
    frame : DataFrame [N rows], from `evaluation_frame`; a column continent, if it has one, is one more stratum
    climatology : DataFrame [N rows], optional, as `predictions`: what the climatology of the training towers predicts
    masks : dict, name -> ndarray [N] of bool, optional, days to score once more by themselves

    Returns
    -------
    dict, target -> what the metric returns: quantiles over towers, by class, and under "sites" one dict per tower with
        its classes, its n and its scores; NaN where undefined; and "physics" -> the same for closure and signs;
        scores of quantiles stand among the others of their target

    Raises
    ------
    PredictionError : the rows of predictions or climatology are not those of the frame
    """
    _require_aligned(predictions, frame, "Predictions")
    if climatology is not None:
        _require_aligned(climatology, frame, "Predictions of the climatology")
    rows = {name: frame[name].to_numpy() for name in (*KEYS, *STRATA) if name in frame}
    classes = _classes(rows)
    beside = {name: rows.pop(name) for name in ("continent",) if name in rows}
    targets = list(TARGETS)
    scores = metric().of_vectors(
        predictions[targets].to_numpy(),
        frame[targets].to_numpy(),
        **rows,
        climatology=None if climatology is None else climatology[targets].to_numpy(),
        strata=beside,
        masks=masks,
    )
    for target, levels in quantile_levels(predictions.columns).items():
        names = [quantile_column(target, level) for level in levels]
        ends = INTERVAL if set(INTERVAL) <= set(levels) else (levels[0], levels[-1])
        given = {"levels": levels, "interval": ends, "strata": beside}
        _merge(scores[target], metric().of_quantiles(predictions[names].to_numpy(), frame[target], **rows, **given))
    for result in scores.values():
        result["sites"] = {site: classes[site] | values for site, values in result["sites"].items()}
    return scores


def _require_aligned(predictions: pd.DataFrame, frame: pd.DataFrame, who: str) -> None:
    aligned = len(predictions) == len(frame) and all(
        np.array_equal(predictions[key].to_numpy(), frame[key].to_numpy()) for key in KEYS
    )
    if not aligned:
        raise PredictionError(
            f"{who} do not stand row by row beside the evaluation frame. Pass them through validate_predictions."
        )


def _merge(into: dict, more: dict) -> None:
    """Add what a nested dict does not have yet."""
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into.setdefault(key, value)


def site_table(scores: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """Return the scores of every tower as a table, one row per target and tower."""
    import pandas as pd

    rows = [
        {"target": target, "site_id": site} | values
        for target in TARGETS
        for site, values in scores[target]["sites"].items()
    ]
    return pd.DataFrame(rows)


def site_table_of_days(scores: dict[str, dict[str, Any]], days: str) -> pd.DataFrame:
    """Return the scores of every tower on chosen days alone, as `site_table`; towers without such days are left out."""
    chosen = {target: scores[target]["days"][days] for target in TARGETS}
    table = site_table(chosen)
    return table[table["n"] > 0].reset_index(drop=True)


def _classes(rows: dict[str, np.ndarray]) -> dict[str, dict[str, str]]:
    sites, first = np.unique(rows["site_id"].astype(str), return_index=True)
    given = [name for name in STRATA if name in rows]
    return {site: {name: rows[name][row] for name in given} for site, row in zip(sites.tolist(), first, strict=True)}
