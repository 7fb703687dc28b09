"""The ladder of protocols: what a model loses with every way of knowing the test towers that is taken away.

A pure function of result rows. A rung is a protocol, or a family with all its folds; what a step costs is taken tower
by tower, at those that both rungs test: the median of a tower's score before less its score here, which leaves out that
some towers are harder than others. The days scored there differ from rung to rung, and so do the numbers of training
towers: what a step costs is the whole change, not that of one cause in isolation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ..schema import TARGETS
from .bootstrap import Interval, quantile_intervals
from .intervals import draws_of
from .leaderboard import Leaderboard, leaderboard, markdown_table
from .table import Entry, Model, Table, labels, latest, number

SCORE = "r2"
_ENDS = ("", "_low", "_high")
_At = tuple[Table, Entry]  # a model at one rung


class Rung(NamedTuple):
    """A protocol of the ladder.

    Parameters
    ----------
    protocol : str
    after : str, the protocol a step leads from; "" for the first
    removes : str, the way of knowing the test towers that the step takes away
    """

    protocol: str
    after: str
    removes: str


LADDER = (
    Rung("random_days", "", "nothing but the day itself"),
    Rung("temporal_holdout", "random_days", "the weeks around the day"),
    Rung("veg_holdout", "temporal_holdout", "the tower, and towers within 2 km"),
    Rung("spatial_blocks_0km", "veg_holdout", "the balance of classes; neighbours come back"),
    Rung("spatial_blocks_10km", "spatial_blocks_0km", "towers within 10 km: its reanalysis cell"),
    Rung("spatial_blocks_50km", "spatial_blocks_10km", "towers within 50 km: its weather"),
    Rung("spatial_blocks_200km", "spatial_blocks_50km", "towers within 200 km: its region"),
    # Not after the last block: distance comes back, the class alone goes.
    Rung("unseen_veg", "veg_holdout", "its vegetation class"),
)


@dataclass(frozen=True)
class Step:
    """What a model has at one rung, and what it lost on the way there.

    Parameters
    ----------
    rung : Rung
    value : Interval, the median over the rung's test towers
    n_towers : int, of the rung
    cost : Interval or None, what the median tower lost of those that both rungs test; None without such towers
    n_common : int, towers of both
    before : str, the protocol the step leads from, "" for the first that was run
    """

    rung: Rung
    value: Interval
    n_towers: int
    cost: Interval | None
    n_common: int
    before: str

    def to_json(self) -> dict[str, Any]:
        """Return the step as JSON types; what is not known is None."""
        ends = {f"median{end}": value for end, value in zip(_ENDS, self.value, strict=True)}
        cost = {f"cost{end}": value for end, value in zip(_ENDS, self.cost or (None,) * 3, strict=True)}
        known = {key: None if value is None or math.isnan(value) else value for key, value in (ends | cost).items()}
        of_step = {"before": self.before or None, "n_common": self.n_common}
        return {"protocol": self.rung.protocol, "n_sites": self.n_towers, **known, **of_step}


@dataclass(frozen=True)
class Ladder:
    """The steps of all models of one data set and feature set.

    Parameters
    ----------
    feature_set, data_digest : str
    synthetic : bool
    steps : dict, target -> model -> list of Step, in the order of `LADDER`
    """

    feature_set: str
    data_digest: str
    synthetic: bool
    steps: dict[str, dict[str, list[Step]]]

    @property
    def title(self) -> str:
        """What the ladder is about."""
        mark = "SYNTHETIC " if self.synthetic else ""
        return f"{mark}What each step costs, feature set {self.feature_set} (data {self.data_digest[:12]})"

    def cells(self, target: str) -> list[list[str]]:
        """Return the header and a line for every rung, with every model's median and what the step cost it."""
        models = self.steps[target]
        rungs = [rung for rung in LADDER if any(step.rung == rung for steps in models.values() for step in steps)]
        header = [f"{target.upper()}, median R2", "takes away", *models]
        return [header, *([rung.protocol, rung.removes, *self._line(target, rung)] for rung in rungs)]

    def _line(self, target: str, rung: Rung) -> list[str]:
        found = [next((step for step in steps if step.rung == rung), None) for steps in self.steps[target].values()]
        return [_cell(step) if step else "-" for step in found]

    def to_json(self) -> dict[str, Any]:
        """Return the ladder as JSON types, a flat dict for every step."""
        steps = [
            {"target": target, "model": model, **step.to_json()}
            for target, models in self.steps.items()
            for model, of_model in models.items()
            for step in of_model
        ]
        head = {"feature_set": self.feature_set, "data_digest": self.data_digest, "synthetic": self.synthetic}
        return {**head, "score": SCORE, "steps": steps}

    def markdown(self) -> str:
        """Return a table for every target in Markdown."""
        return "\n\n".join([f"### {self.title}", *(markdown_table(self.cells(target)) for target in self.steps), NOTE])


NOTE = (
    "Median R2 over the test towers (their number); then what the step costs: the median, over the towers that both "
    "rungs test, of a tower's R2 before less its R2 here, with the 95 % interval over draws of towers, neighbours "
    "together, and the number of those towers. `unseen_veg` and `spatial_blocks_0km` are compared with `veg_holdout`, "
    "every other rung with the one above it. Rungs also differ in their days and in the number of training towers."
)


def ladders(results: str | Path | Leaderboard) -> list[Ladder]:
    """Return a ladder for every data set and feature set with measured rows of two rungs or more.

    Parameters
    ----------
    results : path of a folder of result rows, or its leaderboard

    Raises
    ------
    UsageError : no such folder, or no result row in it
    """
    board = results if isinstance(results, Leaderboard) else leaderboard(results)
    groups: dict[tuple[str, str], list[Table]] = {}
    for table in board.tables:
        if table.group["protocol"] in {rung.protocol for rung in LADDER}:
            groups.setdefault((table.group["feature_set"], table.group["data_digest"]), []).append(table)
    found = [_ladder(key, latest(tables)) for key, tables in sorted(groups.items()) if len(latest(tables)) > 1]
    return [ladder for ladder in found if any(ladder.steps.values())]


def describe(found: list[Ladder]) -> str:
    """Return ladders in Markdown, or what is lacking for one."""
    if not found:
        rungs = ", ".join(rung.protocol for rung in LADDER)
        return f"No model has rows of two rungs of the ladder on the same data. Its rungs: {rungs}."
    return "\n\n".join(ladder.markdown() for ladder in found)


def _ladder(key: tuple[str, str], tables: Mapping[str, Table]) -> Ladder:
    climbed: dict[Model, dict[str, _At]] = {}
    for protocol, table in tables.items():
        for entry in table.ranked:
            climbed.setdefault(entry.model, {})[protocol] = (table, entry)
    several = {model: rungs for model, rungs in sorted(climbed.items()) if len(rungs) > 1}
    named = labels(entry for rungs in several.values() for _, entry in rungs.values())
    steps = {target: {named[model]: _steps(target, rungs) for model, rungs in several.items()} for target in TARGETS}
    synthetic = any(table.synthetic for table in tables.values())
    return Ladder(*key, synthetic, steps if several else {})


def _steps(target: str, rungs: Mapping[str, _At]) -> list[Step]:
    steps = []
    for rung in (rung for rung in LADDER if rung.protocol in rungs):
        table, entry = rungs[rung.protocol]
        value = table.intervals(target, SCORE).get(entry.label)
        value = value or Interval(entry.value(f"{target}.{SCORE}.q50"), math.nan, math.nan)
        before = _before(rung, rungs)
        cost, n_common = _cost(rungs[before][1], entry, target) if before else (None, 0)
        steps.append(Step(rung, value, int(entry.rows[0]["n_sites"]), cost, n_common, before))
    return steps


def _before(rung: Rung, rungs: Mapping[str, _At]) -> str:
    """Return the protocol a step leads from: the rung it comes after, or the nearest one before that; "" if none."""
    after = {each.protocol: each.after for each in LADDER}
    protocol = rung.after
    while protocol and protocol not in rungs:
        protocol = after[protocol]
    return protocol


def _cost(before: Entry, here: Entry, target: str) -> tuple[Interval | None, int]:
    """Return what the median tower lost between two rungs, of those that have a score at both, and their number."""
    if any(sites is None for sites in (*before.sites, *here.sites)):
        return None, 0
    towers = here.sites[0].drop_duplicates("site_id").sort_values("site_id", ignore_index=True)
    towers = towers[towers["site_id"].isin(before.sites[0]["site_id"])].reset_index(drop=True)
    if towers["cluster"].nunique() < 2:
        return None, len(towers)
    index = pd.Index(towers["site_id"])
    first, second = (_mean_over_seeds(entry, target, index) for entry in (before, here))
    lost = first - second
    known = ~np.isnan(lost)
    if not known.any():
        return None, 0
    draws = draws_of(towers, here.rows[0]["protocol"])
    return quantile_intervals(lost, draws, [0.5])[0], int(known.sum())


def _mean_over_seeds(entry: Entry, target: str, towers: pd.Index) -> np.ndarray:
    """Return the score of every tower [S], NaN where a seed has none."""
    return entry.scores(target, SCORE, towers).mean(axis=0)


def _cell(step: Step) -> str:
    text = f"{number(step.value.value)} ({step.n_towers})"
    if step.cost is None:
        return text
    cost = step.cost
    return f"{text}; costs {cost.value:.2f} [{cost.low:.2f}, {cost.high:.2f}] at {step.n_common}"
