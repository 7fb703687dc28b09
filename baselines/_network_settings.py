"""Settings of a network, checked before anything is read or trained."""

from __future__ import annotations

from typing import Any

from carbonbench_core.errors import UsageError, unknown

CHOICES = {
    "schedule": ("cosine", "step"),
    "balance": ("none", "tower", "igbp", "koppen"),
    "closure": ("free", "closed", "penalty"),
    "device": ("auto", "cpu", "cuda", "mps"),
    "precision": ("auto", "full", "bf16", "fp16"),
    "log": ("", "tensorboard"),
}
COUNTS = ("hidden", "static_size", "batch_size", "max_epochs", "patience", "num_threads", "members")
DAYS = ("length", "horizon", "stride")


def check_network(own: dict[str, Any], counts: tuple[str, ...] = ()) -> None:
    """Refuse settings that make no network.

    Parameters
    ----------
    own : dict, all settings
    counts : tuple of str, those of the architecture that are whole numbers of at least 1

    Raises
    ------
    UsageError : says which, what was got and what was expected
    """
    for key in (*COUNTS, *DAYS, *counts):
        _require(own[key] >= 1, own, key, "at least 1")
    if own["horizon"] > own["length"]:
        raise UsageError(f"Got horizon={own['horizon']} above length={own['length']}, the days of a window.")
    for key, choices in CHOICES.items():
        if own[key] not in choices:
            raise unknown(key, own[key], choices)
    for name in own["class_weights"]:
        if name not in ("igbp", "koppen"):
            raise unknown("class of class_weights", str(name), ("igbp", "koppen"))
    for key in ("dropout", "averaging", "hide", "warmup"):
        _require(0 <= own[key] < 1, own, key, "a share of at least 0 and below 1")
    # Written so that NaN, with which no comparison holds, is refused as well.
    for key in ("learning_rate", "clip"):
        _require(own[key] > 0, own, key, "a number above 0")
    for key in ("noise", "weight_decay", "closure_weight"):
        _require(own[key] >= 0, own, key, "a number of at least 0")
    check_levels(own["quantiles"])


def check_levels(levels: list[float] | tuple[float, ...]) -> None:
    """Refuse levels that are no rising whole per cents, since columns are named by them, and one, which has no width.

    Raises
    ------
    UsageError : they are not
    """
    numbers = all(isinstance(q, float) and 0 < q < 1 and abs(100 * q - round(100 * q)) < 1e-9 for q in levels)
    if not numbers or sorted(set(levels)) != list(levels) or len(levels) == 1:
        raise UsageError(
            f"Got quantiles={list(levels)!r}, expected two rising levels or more in whole per cent, e.g. [0.05, 0.95]."
        )


def _require(fine: bool, own: dict[str, Any], key: str, expected: str) -> None:
    if not fine:
        raise UsageError(f"Got {key}={own[key]}, expected {expected}.")
