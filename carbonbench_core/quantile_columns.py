"""Columns of predicted quantiles: ``gpp_q05`` is the quantile of GPP at level 0.05."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .errors import PredictionError
from .schema import TARGETS

_NAME = re.compile(rf"({'|'.join(TARGETS)})_q(.*)")


def quantile_column(target: str, level: float) -> str:
    """Return the name of the column of a quantile.

    Raises
    ------
    PredictionError : the level is no whole percentage between 1 and 99
    """
    percent = round(100 * level)
    if abs(100 * level - percent) > 1e-9 or not 0 < percent < 100:
        raise PredictionError(f"Got the quantile level {level:g}, expected whole hundredths between 0.01 and 0.99.")
    return f"{target}_q{percent:02d}"


def quantile_levels(columns: Iterable[str]) -> dict[str, list[float]]:
    """Return the levels of the quantiles among the columns of predictions.

    Returns
    -------
    dict, target -> levels, ascending; without targets that have none

    Raises
    ------
    PredictionError : a column looks like a quantile and is none, or a target has a single one
    """
    found: dict[str, list[float]] = {}
    for name in map(str, columns):
        if not (match := _NAME.fullmatch(name)):
            continue
        if not re.fullmatch(r"\d\d", match[2]) or match[2] == "00":
            raise PredictionError(
                f"Predictions have the column {name}, which is no quantile. Write two digits from 01 to 99: "
                f"{match[1]}_q05 for the level 0.05."
            )
        found.setdefault(match[1], []).append(int(match[2]) / 100)
    for target, levels in found.items():
        if len(levels) < 2:
            raise PredictionError(
                f"Predictions have one quantile of {target}, {quantile_column(target, levels[0])}. Give two or more, "
                f"such as {target}_q05 and {target}_q95, or none."
            )
    return {target: sorted(levels) for target, levels in found.items()}


def quantile_columns(columns: Iterable[str]) -> list[str]:
    """Return the columns of quantiles, target by target in ascending order; errors as `quantile_levels`."""
    return [quantile_column(t, level) for t, levels in quantile_levels(columns).items() for level in levels]
