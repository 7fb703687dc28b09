"""What a run says: scores, the transfer gap, and what days of the test towers were given."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..schema import TARGETS
from .gap import SUPPORT_DAYS

NOTE_FEW_SHOT = (
    "Few-shot protocols score the same days for every k, after the longest support, so none of their scores, that of "
    "k = 0 included, is the headline score of the protocol that they are made of."
)


def describe_scores(scores: dict[str, Any]) -> str:
    """Return the medians over towers as a text table."""
    rows = [("target", "R2 q25", "median", "q75", "RMSE", "towers")]
    for target in TARGETS:
        result = scores[target]
        values = [*(result["r2"][q] for q in ("q25", "q50", "q75")), result["rmse"]["q50"]]
        rows.append((target, *(f"{value:.3f}" for value in values), str(result["n_sites"])))
    return "\n".join(_aligned(rows, (8, 9, 9, 9, 9, 8)))


def describe_gap(row: Mapping[str, Any]) -> str:
    """Return the gap that a row carries as a text table, "" where it carries none."""
    if not any(key.startswith("gap.") for key in row):
        return ""
    rows, intervals = [("target", "unseen towers", "known towers", "gap")], ["95 %"]
    for target in TARGETS:
        key = f"{target}.r2.q50"
        rows.append((target, *(_number(row.get(name)) for name in (key, f"id_test.{key}", f"gap.{key}"))))
        low, high = (_number(row.get(f"gap.{key}.{end}")) for end in ("low", "high"))
        intervals.append(f"[{low}, {high}]")
    lines = [f"{line}  {end}" for line, end in zip(_aligned(rows, (8, 15, 15, 9)), intervals, strict=True)]
    return "\n".join(["transfer gap, median R2", *lines])


def _aligned(rows: Sequence[Sequence[str]], widths: Sequence[int]) -> list[str]:
    """Return rows as lines of columns, at least so wide and two blanks apart, all but the first right-aligned."""
    longest = [max(map(len, column)) for column in zip(*rows, strict=True)]
    first, *others = (max(width, n + 2 * (i > 0)) for i, (width, n) in enumerate(zip(widths, longest, strict=True)))
    return [
        f"{row[0]:{first}}" + "".join(f"{cell:>{width}}" for cell, width in zip(row[1:], others, strict=True))
        for row in rows
    ]


def describe_support(row: Mapping[str, Any]) -> str:
    """Return what a row of a few-shot protocol is a score of, "" for any other row."""
    days = row.get(SUPPORT_DAYS)
    if days is None:
        return ""
    given = f"the first {days} days of every test tower were given" if days else "no day of a test tower was given"
    return f"few-shot, k = {days}: {given}. {NOTE_FEW_SHOT}"


def _number(value: float | None) -> str:
    return "-" if value is None or not math.isfinite(value) else f"{value:.3f}"
