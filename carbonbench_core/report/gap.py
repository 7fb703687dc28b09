"""The transfer gap: what a model scores in held-out years of towers it was trained on, less what at unseen towers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..schema import TARGETS
from .bootstrap import ends, quantile_of, quantile_of_draws
from .intervals import clusters_of, draws_of
from .score import site_table

SUPPORT_DAYS = "support_days"  # the key of rows of few-shot protocols
SCORES = ("r2", "rmse")
SEEDS = (2024, 2025)  # of the draws of test towers and of training towers, which are drawn apart


def gap_keys(
    test: dict[str, dict], id_test: dict[str, dict], protocol: str, clusters: Mapping[str, Any] | None = None
) -> dict[str, float]:
    """Return the gap of the medians over towers, as it stands in a row.

    Parameters
    ----------
    test, id_test : dict, from `report.score.score`
    protocol : str
    clusters : mapping, site id -> the towers it stands with; None: each by itself

    Returns
    -------
    dict, ``gap.gpp.r2.q50`` (id_test less test: what transfer costs) and ``gap.gpp.rmse.q50`` (test less id_test), each
        with ``.low`` and ``.high``, of 95 %: the towers of both are drawn again, apart from each other, since they are
        other towers; without an interval where towers are too few to draw
    """
    sides = [_Side(scores, protocol, clusters, seed) for scores, seed in zip((test, id_test), SEEDS, strict=True)]
    out: dict[str, float] = {}
    for target in TARGETS:
        for score in SCORES:
            sign = 1 if score == "r2" else -1
            (unseen, unseen_drawn), (known, known_drawn) = (side.median(target, score) for side in sides)
            key = f"gap.{target}.{score}.q50"
            out[key] = sign * (known - unseen)
            if unseen_drawn is not None and known_drawn is not None:
                out[f"{key}.low"], out[f"{key}.high"] = ends(sign * (known_drawn - unseen_drawn), 0.95)
    return out


class _Side:
    """The towers of one split, and the draws of them."""

    def __init__(self, scores: dict[str, dict], protocol: str, clusters: Mapping[str, Any] | None, seed: int) -> None:
        self.table = site_table(scores)
        towers = self.table.drop_duplicates("site_id").sort_values("site_id", ignore_index=True)
        towers["cluster"] = clusters_of(towers["site_id"], clusters)
        self.sites = towers["site_id"]
        self.draws = draws_of(towers, protocol, seed=seed) if towers["cluster"].nunique() > 1 else None

    def median(self, target: str, score: str) -> tuple[float, np.ndarray | None]:
        """Return the median of a score over towers, and in every draw."""
        of_target = self.table[self.table["target"] == target].set_index("site_id")
        values = of_target[score].reindex(self.sites).to_numpy(float)
        drawn = None if self.draws is None else quantile_of_draws(values, self.draws, [0.5])[0]
        return quantile_of(values, 0.5), drawn
