"""Models over protocols: their mean rank, and their mean skill against the climatology.

Ranks and skills are averaged over protocols, so every protocol counts the same, whatever its scores are like. They are
those that at least half of the models have rows in; a model that has all of them is ranked, the others stand below
with the number they have. Protocols that test known towers, or that give days of the test towers, are no transfer and
take no part; of several lists of one protocol the one with the newest row does.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

from ..schema import TARGETS
from .gap import SUPPORT_DAYS
from .table import Model, Table, labels, latest, number

CONTROLS = ("random_days", "temporal_holdout")  # their test towers are trained on


@dataclass(frozen=True)
class Line:
    """One model over protocols.

    Parameters
    ----------
    label : str
    protocols : int, in which it has rows
    ranks : dict, target -> mean rank over protocols by the median R2, NaN where it lacks a protocol
    skills : dict, target -> mean over protocols of the median skill, NaN where a row has none
    """

    label: str
    protocols: int
    ranks: dict[str, float]
    skills: dict[str, float]

    @property
    def rank(self) -> float:
        """Mean of the ranks over targets."""
        return sum(self.ranks.values()) / len(self.ranks)


@dataclass(frozen=True)
class Standing:
    """The models of one data set and feature set over its protocols.

    Parameters
    ----------
    feature_set, data_digest : str
    protocols : list of str
    lines : list of Line, best mean rank first
    synthetic : bool
    """

    feature_set: str
    data_digest: str
    protocols: list[str]
    lines: list[Line]
    synthetic: bool

    @property
    def title(self) -> str:
        """What the standing is about."""
        mark = "SYNTHETIC " if self.synthetic else ""
        return (
            f"{mark}Over {len(self.protocols)} protocols, feature set {self.feature_set} (data {self.data_digest[:12]})"
        )

    def cells(self) -> list[list[str]]:
        """Return the header and the lines as text."""
        figures = ["mean rank", *(f"{what} {t.upper()}" for what in ("rank", "skill") for t in TARGETS)]
        lines = [
            [line.label, *map(number, (line.rank, *line.ranks.values(), *line.skills.values())), str(line.protocols)]
            for line in self.lines
        ]
        return [["model", *figures, "protocols"], *lines]


def standings(tables: list[Table]) -> list[Standing]:
    """Return the standing of every data set and feature set where half of the models share two protocols or more."""
    groups = defaultdict(list)
    for table in tables:
        if is_transfer(table):
            groups[table.group["feature_set"], table.group["data_digest"]].append(table)
    found = [(key, latest(of_group)) for key, of_group in sorted(groups.items())]
    shared = [(key, _shared(list(of_group.values()))) for key, of_group in found]
    return [_standing(*key, of_group) for key, of_group in shared if len(of_group) > 1]


def is_transfer(table: Table) -> bool:
    """Whether a table is of unseen towers of which nothing is given."""
    return table.group["protocol"] not in CONTROLS and not any(SUPPORT_DAYS in row for row in table.rows)


def _shared(tables: list[Table]) -> list[Table]:
    """Return the tables that at least half of all models stand in."""
    models = [{entry.model for entry in table.ranked} for table in tables]
    everyone = set().union(*models)
    return [table for table, of_table in zip(tables, models, strict=True) if 2 * len(of_table) >= len(everyone)]


def _standing(feature_set: str, data_digest: str, tables: list[Table]) -> Standing:
    has = [{entry.model: entry for entry in table.ranked} for table in tables]
    names = labels(entry for entries in has for entry in entries.values())
    everywhere = [model for model in names if all(model in entries for entries in has)]
    ranks = {target: _mean_ranks(has, everywhere, f"{target}.r2.q50") for target in TARGETS}
    lines = [
        Line(
            label,
            sum(model in entries for entries in has),
            {target: ranks[target].get(model, math.nan) for target in TARGETS},
            {target: _mean_skill(has, model, f"{target}.skill.q50") for target in TARGETS},
        )
        for model, label in names.items()
    ]
    lines.sort(key=lambda line: (math.inf if math.isnan(line.rank) else line.rank, line.label))
    protocols = sorted(table.group["protocol"] for table in tables)
    return Standing(feature_set, data_digest, protocols, lines, any(table.synthetic for table in tables))


def _mean_ranks(has: list[dict], models: list[Model], key: str) -> dict[Model, float]:
    """Return the mean rank of every model; models of the same figure share the mean of their ranks."""
    total = dict.fromkeys(models, 0.0)
    for entries in has:
        values = {model: _or_worst(entries[model].value(key)) for model in models}
        for model, value in values.items():
            better = sum(other > value for other in values.values())
            equal = sum(other == value for other in values.values()) - 1
            total[model] += (1 + better + equal / 2) / len(has)
    return total


def _or_worst(value: float) -> float:
    return -math.inf if math.isnan(value) else value


def _mean_skill(has: list[dict], model: Model, key: str) -> float:
    values = [entries[model].value(key) if model in entries else math.nan for entries in has]
    return sum(values) / len(values)
