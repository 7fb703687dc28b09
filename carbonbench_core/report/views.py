"""Other views of a table of the leaderboard: models beside the best of them, medians by class or by kind of days."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import UsageError
from ..schema import TARGETS
from .table import number

if TYPE_CHECKING:
    from .bootstrap import Interval
    from .comparison import Comparison
    from .table import Table

# What a view is by -> the figure it shows. Keys of rows are such as gpp.r2.q50.igbp=ENF.
BY = {
    "igbp": "r2.q50",
    "koppen_main": "r2.q50",
    "continent": "r2.q50",
    "days": "r2.q50",
    "dissimilarity": "rmse",
}


def comparison_cells(table: Table) -> list[list[str]]:
    """Return header and lines of a table's models beside the best of each flux, none where fewer than two compare.

    Of every flux: the rank and its interval, by how much the median R2 is better than that of the best, and the share
    of towers at which the model is better than the best, each with its interval.
    """
    found = {target: table.compare(target) for target in TARGETS}
    found = {target: compared for target, compared in found.items() if compared and len(compared.models) > 1}
    if not found:
        return []
    columns = [f"{what} {target.upper()}" for target in found for what in ("rank", "to the best", "towers won")]
    labels = [entry.label for entry in table.ranked if any(entry.label in c.models for c in found.values())]
    lines = [[label, *(cell for c in found.values() for cell in _beside_best(c, label))] for label in labels]
    return [["model", *columns], *lines]


def _beside_best(compared: Comparison, label: str) -> list[str]:
    if label not in compared.models:
        return ["-"] * 3
    i = compared.models.index(label)
    rank = compared.rank[i]
    if i == 0:
        return [_rank(rank), "best", "-"]
    difference, won = compared.difference[:, i, 0], compared.win_rate[:, i, 0]
    return [
        _rank(rank),
        f"{difference[0]:+.3f} [{difference[1]:+.2f}, {difference[2]:+.2f}]",
        f"{100 * won[0]:.0f} % [{100 * won[1]:.0f}, {100 * won[2]:.0f}]",
    ]


def _rank(rank: Interval) -> str:
    return f"{rank.value:g} [{rank.low:g}, {rank.high:g}]"


def cells_by(table: Table, by: str, target: str = TARGETS[0]) -> list[list[str]]:
    """Return header and lines of the medians of every class, of one of `BY`; the header has how many towers.

    Raises
    ------
    UsageError : no such view
    """
    if by not in BY:
        raise UsageError(f"Got by={by!r}, expected one of {', '.join(BY)}.")
    start = f"{target}.{BY[by]}.{by}="
    names = sorted({key.removeprefix(start) for row in table.rows for key in row if key.startswith(start)})
    names = [name for name in names if not name.endswith((".low", ".high"))]
    if not names:
        return []
    header = []
    for name in names:
        towers = [row[key] for row in table.rows if (key := f"{target}.n_sites.{by}={name}") in row]
        header.append(f"{name} ({towers[0]})" if towers else name)
    lines = [
        [entry.name, *(number(entry.value(f"{start}{name}")) for name in names)]
        for entry in table.entries
        if any(f"{start}{name}" in row for row in entry.rows for name in names)
    ]
    return [["model", *header], *lines]
