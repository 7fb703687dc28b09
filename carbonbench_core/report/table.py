"""One table of the leaderboard: the models that may be compared with one another, and who is tied with the best."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..schema import TARGETS
from .bootstrap import Interval, quantile_intervals
from .comparison import Comparison, compare
from .intervals import ALL_DAYS, DEFAULT_PRESET, draws_of, higher_is_better

if TYPE_CHECKING:
    import pandas as pd

GROUP = ("protocol", "feature_set", "protocol_digest", "data_digest")
R2 = {f"R2 {target.upper()}": f"{target}.r2.q50" for target in TARGETS}
RMSE = {f"RMSE {target.upper()}": f"{target}.rmse.q50" for target in TARGETS}
SHOWN = R2 | RMSE
SORTED_BY = f"{TARGETS[0]}.r2.q50"
TIED = "="
UNRANKED = {"published": "as published", "product": "product"}
CEILING = "ceiling_"  # keys such as gpp.ceiling_partitioning.q50
Model = tuple[str, str, str, str]  # name, preset, kind and settings


@dataclass(frozen=True)
class Entry:
    """One model with its settings, in one or more seeds.

    Parameters
    ----------
    label : str, the model, with the settings in which others of its name differ
    rows : list of dict, result rows, one per seed
    sites : list of DataFrame or None, the scores of every tower, one per row
    """

    label: str
    rows: list[dict[str, Any]]
    sites: list[pd.DataFrame | None]

    @property
    def unranked(self) -> str:
        """Why it is not ranked, or nothing; one seed that has seen test towers is enough."""
        if any(row.get("test_towers_seen") for row in self.rows):
            return "has seen test towers"
        return UNRANKED.get(self.rows[0].get("kind", "measured"), "")

    @property
    def model(self) -> Model:
        """What makes it the same model in the table of another protocol."""
        return _model(self.rows[0])

    @property
    def name(self) -> str:
        """The label, with the reason where it is not ranked."""
        return f"{self.label} ({self.unranked})" if self.unranked else self.label

    def value(self, key: str) -> float:
        """Return the mean over seeds of one figure of the rows, NaN where it is not defined."""
        values = [row[key] for row in self.rows if is_defined(row.get(key))]
        return sum(values) / len(values) if values else math.nan

    def scores(self, target: str, score: str, towers: pd.Index) -> np.ndarray | None:
        """Return one score of every tower [K seeds, S], None where a seed has no table of towers."""
        if any(sites is None or score not in sites for sites in self.sites):
            return None
        tables = [_of(sites, target).set_index("site_id") for sites in self.sites]
        return np.stack([table[score].reindex(towers).to_numpy(float) for table in tables])


@dataclass(frozen=True)
class Table:
    """The models that may be compared with one another, best first, those that are not ranked last.

    Parameters
    ----------
    group : dict, the values of `GROUP` they share
    entries : list of Entry
    not_run : dict, label -> why a planned model has no row
    """

    group: dict[str, str]
    entries: list[Entry]
    not_run: dict[str, str] = field(default_factory=dict)
    _compared: dict[tuple[str, str], Comparison | None] = field(default_factory=dict, repr=False, compare=False)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """All result rows, entry by entry."""
        return [row for entry in self.entries for row in entry.rows]

    @property
    def ranked(self) -> list[Entry]:
        """The entries that are ranked."""
        return [entry for entry in self.entries if not entry.unranked]

    @property
    def synthetic(self) -> bool:
        """Whether any row comes from made-up data."""
        return any(row["synthetic"] for row in self.rows)

    @property
    def title(self) -> str:
        """What the table is about."""
        g = self.group
        mark = "SYNTHETIC " if self.synthetic else ""
        digests = f"protocol {g['protocol_digest'][:12]}, data {g['data_digest'][:12]}"
        return f"{mark}{g['protocol']}, feature set {g['feature_set']} ({digests})"

    @cached_property
    def _towers(self) -> pd.DataFrame | None:
        """One row per tower with its cluster and classes, of the first table there is."""
        tables = [sites for entry in self.ranked for sites in entry.sites if sites is not None]
        if not tables:
            return None
        towers = tables[0].drop_duplicates("site_id").sort_values("site_id", ignore_index=True)
        return towers if towers["cluster"].nunique() > 1 else None

    @cached_property
    def _draws(self) -> np.ndarray:
        return draws_of(self._towers, self.group["protocol"])

    def _scores(self, target: str, score: str) -> dict[str, np.ndarray]:
        if self._towers is None:
            return {}
        towers = self._towers.set_index("site_id").index
        found = {entry.label: entry.scores(target, score, towers) for entry in self.ranked}
        return {label: values for label, values in found.items() if values is not None and not np.isnan(values).all()}

    def compare(self, target: str = TARGETS[0], score: str = "r2") -> Comparison | None:
        """Return the ranked models beside one another by the median of a score, None where no tower is known."""
        key = (target, score)
        if key not in self._compared:
            scores = self._scores(target, score)
            found = compare(scores, self._draws, higher_is_better=higher_is_better(score)) if scores else None
            self._compared[key] = found
        return self._compared[key]

    def intervals(self, target: str, score: str) -> dict[str, Interval]:
        """Return the interval of the median of a score for every ranked model whose towers are known."""
        scores = self._scores(target, score)
        return {label: quantile_intervals(values, self._draws, [0.5])[0] for label, values in scores.items()}

    def tied(self, target: str = TARGETS[0], score: str = "r2") -> set[str]:
        """Return the labels of the models that may be as good as the best, it included; none where one stands alone."""
        compared = self.compare(target, score)
        if compared is None or len(compared.models) < 2:
            return set()
        return {label for label, tied in zip(compared.models, compared.tied, strict=True) if tied}

    @property
    def ceilings(self) -> dict[str, list[float | None]]:
        """Kind of noise ceiling that the rows carry -> its median R2 per target."""
        first = {key: row[key] for row in self.rows for key in row if CEILING in key and key.endswith(".q50")}
        kinds = sorted({key.split(".")[1].removeprefix(CEILING) for key in first})
        return {kind: [first.get(f"{target}.{CEILING}{kind}.q50") for target in TARGETS] for kind in kinds}

    def cells(self) -> list[list[str]]:
        """Return the header and the lines of the table as text."""
        columns = [self._column(key) for key in SHOWN.values()]
        header = ["model", "seeds", *SHOWN, "towers"]
        lines = [
            [entry.name, str(len(entry.rows)), *(column[i] for column in columns), str(entry.rows[0]["n_sites"])]
            for i, entry in enumerate(self.entries)
        ]
        lines += [[f"{label} (not run: {why})", "", *["-"] * (len(SHOWN) + 1)] for label, why in self.not_run.items()]
        return [header, *lines, *self._ceilings(len(header))]

    def _column(self, key: str) -> list[str]:
        texts = [number(entry.value(key)) for entry in self.entries]
        if key not in R2.values():
            return texts
        target, score, _ = key.split(".")
        intervals, tied = self.intervals(target, score), self.tied(target, score)
        for i, entry in enumerate(self.entries):
            if entry.label in intervals and not entry.unranked:
                found = intervals[entry.label]
                mark = f" {TIED}" if entry.label in tied else ""
                texts[i] += f" [{found.low:.2f}, {found.high:.2f}]{mark}"
        return texts

    def _ceilings(self, width: int) -> list[list[str]]:
        """Return a line for every kind of noise ceiling that the rows carry."""
        rest = [""] * (width - 2 - len(TARGETS))
        return [[f"noise ceiling: {kind}", "", *map(number, values), *rest] for kind, values in self.ceilings.items()]


def _of(sites: pd.DataFrame, target: str) -> pd.DataFrame:
    """Return the rows of a table of towers that are about one target on all its days."""
    chosen = sites["target"] == target
    return sites[chosen & (sites["days"] == ALL_DAYS)] if "days" in sites else sites[chosen]


def table(
    key: tuple[str, ...],
    rows: Iterable[tuple[dict[str, Any], pd.DataFrame | None]],
    not_run: dict[str, str] | None = None,
) -> Table:
    """Return the table of rows of one group, each with its towers, and of the models that were not run."""
    found: dict[tuple, list] = {}
    for row, sites in rows:
        found.setdefault(_model(row), []).append((row, sites))
    parts = [sorted(part, key=lambda pair: pair[0]["seed"]) for part in found.values()]
    named = zip(_labels([part[0][0] for part in parts]), parts, strict=True)
    entries = [Entry(label, [row for row, _ in part], [sites for _, sites in part]) for label, part in named]

    def rank(entry: Entry) -> tuple:
        skill = entry.value(SORTED_BY)
        return (bool(entry.unranked), math.inf if math.isnan(skill) else -skill, entry.label)

    return Table(dict(zip(GROUP, key, strict=True)), sorted(entries, key=rank), not_run or {})


def latest(tables: Iterable[Table]) -> dict[str, Table]:
    """Return the table of every protocol; of several lists of one protocol that with the newest row."""

    def newest(table: Table) -> str:
        return max(str(row.get("created", "")) for row in table.rows)

    return {table.group["protocol"]: table for table in sorted(tables, key=newest)}


def labels(entries: Iterable[Entry]) -> dict[Model, str]:
    """Return the name of every model of several tables, those of another preset or other settings apart."""
    first = {entry.model: entry.rows[0] for entry in entries}
    return dict(zip(first, _labels(list(first.values())), strict=True))


def _model(row: Mapping[str, Any]) -> Model:
    return (*_name(row), row["settings"])


def _name(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return model, preset and kind of a row."""
    return row["model"], row.get("preset", DEFAULT_PRESET), row.get("kind", "measured")


def _labels(rows: list[dict[str, Any]]) -> list[str]:
    """Return the name of each row's model, with its preset and the settings in which rows of the same name differ."""
    settings = [_settings(row) for row in rows]
    labels = []
    for row, own in zip(rows, settings, strict=True):
        model, preset, kind = _name(row)
        others = [s for r, s in zip(rows, settings, strict=True) if _name(r) == (model, preset, kind)]
        differ = sorted(k for k in own if any(s.get(k, _ABSENT) != own[k] for s in others))
        marks = [preset] * (preset != DEFAULT_PRESET) + [f"{k}={own[k]}" for k in differ]
        marks += ["submitted"] * (kind == "submitted")
        labels.append(model + (f" ({', '.join(marks)})" if marks else ""))
    return labels


_ABSENT = object()


def _settings(row: Mapping[str, Any]) -> dict[str, Any]:
    try:
        settings = json.loads(row["settings"])
    except ValueError:
        settings = {"settings": row["settings"]}
    return settings if isinstance(settings, dict) else {"settings": settings}


def is_defined(value: float | None) -> bool:
    """Whether a figure is there and finite."""
    return value is not None and math.isfinite(value)


def number(value: float | None) -> str:
    """Return a figure as text, "-" where it is not defined."""
    return f"{value:.3f}" if is_defined(value) else "-"
