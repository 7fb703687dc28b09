"""The picture of a ladder: every model's median at every rung, and what each step costs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..figure import new_figure
from .ladder import LADDER, Ladder, Step

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .bootstrap import Interval

APART = 0.12  # between the models at one rung


def picture(found: list[Ladder], path: str | Path) -> None:
    """Draw medians above and the cost of each step below, a column for each target.

    Parameters
    ----------
    found : list of Ladder; the one with most steps is drawn
    path : path, .png, .svg or .pdf

    Raises
    ------
    CarbonBenchError : matplotlib is not installed; says which extra brings it
    UsageError : there is no ladder to draw, or the path has no such suffix
    """
    if not found:
        raise UsageError("There is no ladder to draw: no model has rows of two rungs on the same data.")
    ladder = max(found, key=lambda each: sum(len(s) for models in each.steps.values() for s in models.values()))
    figure = new_figure(path, (12, 7))
    figure.suptitle(ladder.title, fontsize=10)
    rows = figure.subplots(2, len(ladder.steps), sharex=True, sharey="row")
    for (above, below), (target, models) in zip(rows.T, ladder.steps.items(), strict=True):
        above.set_title(target.upper(), fontsize=10)
        _draw(above, below, models)
        names = [rung.protocol for rung in LADDER]
        below.set_xticks(range(len(LADDER)), names, rotation=60, ha="right", fontsize=8)
    rows[0, 0].set_ylabel("median R2 over test towers")
    rows[1, 0].set_ylabel("R2 that the median tower lost")
    rows[0, -1].legend(fontsize=8)
    figure.savefig(path, dpi=150)


def _draw(above: Axes, below: Axes, models: Mapping[str, list[Step]]) -> None:
    for axes in (above, below):
        axes.axhline(0, color="black", linewidth=0.6)
    for i, (model, steps) in enumerate(models.items()):
        shift = APART * (i - (len(models) - 1) / 2)
        x = {rung.protocol: place + shift for place, rung in enumerate(LADDER)}
        value = {step.rung.protocol: step.value for step in steps}
        _points(above, f"C{i}", {x[name]: each for name, each in value.items()}, model)
        for step in (step for step in steps if step.before):
            ends = (step.before, step.rung.protocol)
            above.plot([x[e] for e in ends], [value[e].value for e in ends], color=f"C{i}", linewidth=0.8)
        _points(below, f"C{i}", {x[step.rung.protocol]: step.cost for step in steps if step.cost}, model)


def _points(axes: Axes, colour: str, at: Mapping[float, Interval], label: str) -> None:
    """Draw values with their intervals; one without an interval is a point."""
    value, low, high = ([each[end] for each in at.values()] for end in range(3))
    axes.plot(list(at), value, "o", color=colour, markersize=4, label=label)
    axes.vlines(list(at), low, high, color=colour, linewidth=1.2)
