"""Settings that all networks have, and their check before anything is read or trained."""

from __future__ import annotations

from typing import Any

from carbonbench_core.errors import UsageError, unknown

DEFAULTS: dict[str, Any] = {
    "hidden": 64,
    "static_size": 8,
    "dropout": 0.3,
    "length": 30,
    "horizon": 15,
    "stride": 15,
    "learning_rate": 1e-3,
    "weight_decay": 0.05,
    "batch_size": 256,
    "max_epochs": 12,
    "patience": 5,
    "schedule": "cosine",
    "warmup": 0.05,
    "clip": 1.0,
    "averaging": 0.99,
    "noise": 0.3,
    "hide": 0.3,
    "balance": "none",
    "class_weights": (),
    "closure": "free",
    "closure_weight": 0.1,
    "non_negative": False,
    "quantiles": (),
    "members": 1,
    "coordinates": False,
    "day_of_year": True,
    "device": "auto",
    "precision": "auto",
    "compile": False,
    "num_threads": 1,  # of these sizes a second one saves little, and costs much where other programs run
    "progress": True,
    "log": "",
}
QUICK: dict[str, Any] = {
    "hidden": 16,
    "max_epochs": 4,
    "batch_size": 64,
    "stride": 5,
    "learning_rate": 5e-3,
    "num_threads": 1,
}
# What the networks of arXiv:2603.09868 share.
PUBLISHED: dict[str, Any] = {
    "length": 30,
    "horizon": 15,
    "stride": 15,
    "batch_size": 2048,
    "max_epochs": 100,
    "patience": 100,
    "weight_decay": 0.01,
    "schedule": "step",
    "warmup": 0.0,
    "clip": 1e6,  # none
    "averaging": 0.0,
    "noise": 0.0,
    "hide": 0.0,
    "closure": "penalty",
    "closure_weight": 0.1,
    "class_weights": ["igbp", "koppen"],
    "members": 10,
    "coordinates": True,
    "day_of_year": False,
}

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

# What `finetune` may change, and its values: few small steps from where the model stands.
FINE_TUNING: dict[str, Any] = {
    "learning_rate": 3e-4,
    "weight_decay": 0.0,  # towards zero is away from what was learnt
    "batch_size": 32,
    "max_epochs": 10,
    "patience": 10,
    "stride": 3,
    "schedule": "cosine",
    "warmup": 0.0,
    "clip": 1.0,
    "averaging": 0.9,
    "noise": 0.0,
    "hide": 0.0,
    "balance": "none",
    "class_weights": (),
    "device": "auto",
    "precision": "auto",
    "compile": False,
    "num_threads": 1,
    "progress": False,
    "log": "",
}


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
