"""What a run says: scores, the transfer gap, and what days of the test towers were given."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..schema import TARGETS
from .gap import SUPPORT_DAYS

NOTE_FEW_SHOT = (
    "Few-shot protocols score the same days for every k, after the longest support, so none of their scores, that of "
    "k = 0 included, is the headline score of the protocol that they are made of."
)


def describe_scores(scores: dict[str, Any]) -> str:
    """Return the medians over towers as a text table."""
    lines = [f"{'target':8}{'R2 q25':>9}{'median':>9}{'q75':>9}{'RMSE':>9}{'towers':>8}"]
    for target in TARGETS:
        result = scores[target]
        r2, rmse = result["r2"], result["rmse"]
        lines.append(
            f"{target:8}{r2['q25']:9.3f}{r2['q50']:9.3f}{r2['q75']:9.3f}{rmse['q50']:9.3f}{result['n_sites']:8d}"
        )
    return "\n".join(lines)


def describe_gap(row: Mapping[str, Any]) -> str:
    """Return the gap that a row carries as a text table, "" where it carries none."""
    if not any(key.startswith("gap.") for key in row):
        return ""
    lines = ["transfer gap, median R2", f"{'target':8}{'unseen towers':>15}{'known towers':>15}{'gap':>9}  95 %"]
    for target in TARGETS:
        key = f"{target}.r2.q50"
        shown = "".join(
            f"{_number(row.get(name)):>{width}}"
            for name, width in ((key, 15), (f"id_test.{key}", 15), (f"gap.{key}", 9))
        )
        low, high = (_number(row.get(f"gap.{key}.{end}")) for end in ("low", "high"))
        lines.append(f"{target:8}{shown}  [{low}, {high}]")
    return "\n".join(lines)


def describe_support(row: Mapping[str, Any]) -> str:
    """Return what a row of a few-shot protocol is a score of, "" for any other row."""
    days = row.get(SUPPORT_DAYS)
    if days is None:
        return ""
    given = f"the first {days} days of every test tower were given" if days else "no day of a test tower was given"
    return f"few-shot, k = {days}: {given}. {NOTE_FEW_SHOT}"


def _number(value: float | None) -> str:
    return "-" if value is None or not math.isfinite(value) else f"{value:.3f}"
