"""Intervals of the scores of a row, from its table of towers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..schema import TARGETS
from .bootstrap import DRAWS, SEED, quantile_intervals, tower_draws

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

QUANTILES = {"q25": 0.25, "q50": 0.50, "q75": 0.75}  # beyond these, towers are too few for an interval
WITH_QUARTILES = ("r2", "rmse")  # of the other scores the median alone has an interval in a row
ALL_DAYS, DEFAULT_PRESET = "all", "default"
LOW_HIGH = (".low", ".high")
NO_SCORES = ("target", "site_id", "cluster", "days", "igbp", "koppen_main", "continent", "n", "n_dropped", "short")


def stratum_of(protocol: str) -> str:
    """Return the class that a protocol's towers were drawn by."""
    return "koppen_main" if "climate" in protocol else "continent" if "continent" in protocol else "igbp"


def scores_in(table: pd.DataFrame) -> list[str]:
    """Return the columns of a table of towers that are scores."""
    return [name for name in table.columns if name not in NO_SCORES and not name.endswith("_mean")]


def higher_is_better(score: str) -> bool:
    """Whether more of a score is better, as the metric has it."""
    return score.startswith(("r2", "nnse", "kge", "skill"))


def clusters_of(sites: Iterable[str], clusters: Mapping[str, Any] | None) -> list[str]:
    """Return the cluster of every tower; one that is unknown stands by itself.

    Towers that a family of folds has scored several times, "DE-Hai in FOLD", stand together.
    """
    towers = [site.partition(" in ")[0] for site in sites]
    return [str((clusters or {}).get(tower, tower)) for tower in towers]


def draws_of(table: pd.DataFrame, protocol: str, n_draws: int = DRAWS, seed: int = SEED) -> np.ndarray:
    """Return draws [B, S] of the towers of a table with one row per tower.

    The table has site_id and, where known, cluster and the class that the protocol's towers were drawn by.
    """
    clusters = table["cluster"] if "cluster" in table else table["site_id"]
    stratum = stratum_of(protocol)
    strata = table[stratum].fillna("unknown") if stratum in table else None
    return tower_draws(clusters.to_numpy(), None if strata is None else strata.to_numpy(), n_draws, seed)


def intervals(
    table: pd.DataFrame,
    protocol: str,
    clusters: Mapping[str, Any] | None = None,
    prefix: str = "",
    only: tuple[str, ...] | None = None,
) -> dict[str, Any]:
    """Return the intervals of scores over towers, as they stand in a row: of medians, and of the quartiles of some.

    Parameters
    ----------
    table : DataFrame, from `site_table`
    protocol : str
    clusters : mapping, site id -> the towers it stands with; None: each by itself
    prefix : str, of the keys
    only : tuple of str, optional, the scores that are wanted, medians alone

    Returns
    -------
    dict, "bootstrap" (what was drawn) and ``gpp.r2.q50.low`` and ``.high``, for scores that any tower has; empty where
        towers are too few to draw
    """
    towers = table.drop_duplicates("site_id").sort_values("site_id", ignore_index=True)
    towers["cluster"] = clusters_of(towers["site_id"], clusters)
    if towers["cluster"].nunique() < 2:
        return {}
    draws = draws_of(towers, protocol)
    what = "towers, neighbours together" if clusters else "towers"
    out = {f"{prefix}bootstrap": f"{DRAWS} draws of {what}, within {stratum_of(protocol)}, seed {SEED}"}
    for target in TARGETS:
        rows = table[table["target"] == target].set_index("site_id").reindex(towers["site_id"])
        for score in scores_in(table):
            if (only is not None and score not in only) or rows[score].isna().all():
                continue
            names = list(QUANTILES) if score in WITH_QUARTILES and only is None else ["q50"]
            found = quantile_intervals(rows[score].to_numpy(float), draws, [QUANTILES[name] for name in names])
            for name, each in zip(names, found, strict=True):
                key = f"{prefix}{target}.{score}.{name}"
                out |= dict(zip((f"{key}{end}" for end in LOW_HIGH), each[1:], strict=True))
    return out
