"""Scores of one set of predictions: the metric `stratified_skill`, once per target."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import PredictionError
from ..predictions import KEYS
from ..schema import TARGETS

if TYPE_CHECKING:
    import evaluate
    import pandas as pd

METRIC = Path(find_spec("carbonbench_metrics.stratified_skill").origin).parent
STRATA = ("igbp", "koppen_main")


@cache
def metric() -> evaluate.Metric:
    """Return the metric, loaded as anyone would load it."""
    import evaluate

    return evaluate.load(str(METRIC))


def score(predictions: pd.DataFrame, frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Score predictions that `validate_predictions` has aligned.

    Parameters
    ----------
    predictions : DataFrame [N rows], site_id, date, gpp, reco, nee [gC m-2 d-1]
    frame : DataFrame [N rows], from `evaluation_frame`

    Returns
    -------
    dict, target -> what the metric returns: quantiles over towers, by class, and under "sites" one dict per tower with
        its classes, its n and its scores; NaN where undefined

    Raises
    ------
    PredictionError : the rows of the two are not those of the same site-days
    """
    aligned = len(predictions) == len(frame) and all(
        np.array_equal(predictions[key].to_numpy(), frame[key].to_numpy()) for key in KEYS
    )
    if not aligned:
        raise PredictionError(
            "Predictions do not stand row by row beside the evaluation frame. Pass them through validate_predictions."
        )
    rows = {name: frame[name].to_numpy() for name in (*KEYS, *STRATA) if name in frame}
    classes = _classes(rows)
    scores = {}
    for target in TARGETS:
        result = metric().of_arrays(predictions[target].to_numpy(), frame[target].to_numpy(), **rows)
        result["sites"] = {site: classes[site] | values for site, values in result["sites"].items()}
        scores[target] = result
    return scores


def site_table(scores: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """Return the scores of every tower as a table, one row per target and tower."""
    import pandas as pd

    rows = [
        {"target": target, "site_id": site} | values
        for target, result in scores.items()
        for site, values in result["sites"].items()
    ]
    return pd.DataFrame(rows)


def _classes(rows: dict[str, np.ndarray]) -> dict[str, dict[str, str]]:
    sites, first = np.unique(rows["site_id"].astype(str), return_index=True)
    given = [name for name in STRATA if name in rows]
    return {site: {name: rows[name][row] for name in given} for site, row in zip(sites.tolist(), first, strict=True)}
