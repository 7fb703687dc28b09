"""The leaderboard: a pure function of a folder of result rows.

Rows compare only where they share protocol, its digest, the data and the feature set; each such group is a table.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UsageError, first_few
from ..schema import TARGETS

GROUP = ("protocol", "feature_set", "protocol_digest", "data_digest")
SHOWN = {
    f"{label} {target.upper()}": f"{target}.{score}.q50"
    for label, score in (("R2", "r2"), ("RMSE", "rmse"))
    for target in TARGETS
}
SORTED_BY = f"{TARGETS[0]}.r2.q50"
NOTE = "Medians over test towers, RMSE in gC m-2 d-1; sorted by R2 of GPP."


@dataclass(frozen=True)
class Table:
    """The rows that may be compared with one another, best first.

    Parameters
    ----------
    group : dict, the values of `GROUP` they share
    rows : list of dict, whole result rows
    """

    group: dict[str, str]
    rows: list[dict[str, Any]]

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

    def cells(self) -> list[list[str]]:
        """Return the header and the lines of the table as text."""
        header = ["model", "seed", *SHOWN, "towers"]
        return [header] + [
            [label, str(row["seed"]), *(_number(row[key]) for key in SHOWN.values()), str(row["n_sites"])]
            for label, row in zip(_labels(self.rows), self.rows, strict=True)
        ]


@dataclass(frozen=True)
class Leaderboard:
    """All tables of a folder, and the files in it that are no result rows.

    Parameters
    ----------
    tables : list of Table
    skipped : dict, path -> why
    """

    tables: list[Table]
    skipped: dict[str, str]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """All result rows, table by table."""
        return [row for table in self.tables for row in table.rows]

    def markdown(self) -> str:
        """Return the tables in Markdown."""
        return "\n\n".join([*(f"### {t.title}\n\n{_markdown(t.cells())}" for t in self.tables), *self._notes()])

    def __str__(self) -> str:
        return "\n\n".join([*(f"{t.title}\n{_text(t.cells())}" for t in self.tables), *self._notes()])

    def _notes(self) -> list[str]:
        if not self.skipped:
            return [NOTE]
        reasons = first_few(f"{path} ({why})" for path, why in self.skipped.items())
        return [NOTE, f"Skipped {len(self.skipped)} files that are no result rows: {reasons}."]


def leaderboard(results: str | Path) -> Leaderboard:
    """Read every result row below a folder.

    Parameters
    ----------
    results : path, what `write_row` wrote into

    Returns
    -------
    Leaderboard, to print, or as `markdown()` or `rows`

    Raises
    ------
    UsageError : no such folder, or no result row in it
    """
    folder = Path(results)
    if not folder.is_dir():
        raise UsageError(f"No folder {folder} of result rows. Name one, or run a model first: carbonbench run.")
    groups, skipped = defaultdict(list), {}
    for path in sorted(p for p in folder.rglob("*.json") if not p.name.startswith(".")):
        try:
            row = _read(path)
            groups[tuple(row[name] for name in GROUP)].append(row)
        except ValueError as error:
            skipped[str(path.relative_to(folder))] = str(error)
    board = Leaderboard([_table(key, groups[key]) for key in sorted(groups)], skipped)
    if not groups:
        found = board._notes()[1] if skipped else "It holds no .json file."
        raise UsageError(f"No result row in {folder}. {found} Run a model first: carbonbench run.")
    return board


def _read(path: Path) -> dict[str, Any]:
    try:
        row = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"unreadable: {type(error).__name__}") from error
    if not isinstance(row, dict):
        raise ValueError("not a JSON object")
    for kind, names in ((str, (*GROUP, "model", "settings")), (bool, ("synthetic",)), (int, ("seed", "n_sites"))):
        wrong = [name for name in names if not isinstance(row.get(name), kind)]
        if wrong:
            raise ValueError(f"no {wrong[0]}")
    wrong = [key for key in SHOWN.values() if key not in row or not isinstance(row[key], int | float | None)]
    if wrong:
        raise ValueError(f"no {wrong[0]}")
    return row


def _table(key: tuple[str, ...], rows: list[dict[str, Any]]) -> Table:
    def rank(row: dict[str, Any]) -> tuple:
        skill = row[SORTED_BY]
        return (-skill if _defined(skill) else math.inf, row["model"], row["settings"], row["seed"])

    return Table(dict(zip(GROUP, key, strict=True)), sorted(rows, key=rank))


def _labels(rows: list[dict[str, Any]]) -> list[str]:
    """Return the name of each row's model, with the settings in which rows of the same model differ."""
    settings = [_settings(row) for row in rows]
    labels = []
    for row, own in zip(rows, settings, strict=True):
        others = [s for r, s in zip(rows, settings, strict=True) if r["model"] == row["model"]]
        differ = sorted(k for k in own if any(s.get(k, _ABSENT) != own[k] for s in others))
        labels.append(row["model"] + (f" ({', '.join(f'{k}={own[k]}' for k in differ)})" if differ else ""))
    return labels


_ABSENT = object()


def _settings(row: dict[str, Any]) -> dict[str, Any]:
    try:
        settings = json.loads(row["settings"])
    except ValueError:
        settings = {"settings": row["settings"]}
    return settings if isinstance(settings, dict) else {"settings": settings}


def _defined(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _number(value: float | None) -> str:
    return f"{value:.3f}" if _defined(value) else "-"


def _text(cells: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True)))
        for line in cells
    )


def _markdown(cells: list[list[str]]) -> str:
    rule = ["---", *["---:"] * (len(cells[0]) - 1)]
    escaped = [[cell.replace("|", "\\|") for cell in line] for line in cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in [escaped[0], rule, *escaped[1:]])
