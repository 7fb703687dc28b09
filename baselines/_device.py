"""Where a network runs and in which precision."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch

from carbonbench_core.errors import UsageError

_HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}


def choose_device(name: str) -> torch.device:
    """Return the device of a name; "auto" is a GPU where there is one.

    Raises
    ------
    UsageError : this machine has no such device
    """
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = next(d for d in ("cuda", "mps", "cpu") if there[d])
    if not there[name]:
        able = ", ".join(d for d, here in there.items() if here)
        raise UsageError(f"Got device={name}, which this machine does not have. It has: {able}.")
    return torch.device(name)


def choose_precision(name: str, device: torch.device) -> str:
    """Return "full", "bf16" or "fp16"; "auto" is bf16 on a GPU that computes in it, else full."""
    if name != "auto":
        return name
    return "bf16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "full"


def autocast(precision: str, device: torch.device) -> AbstractContextManager:
    """Return the context in which layers compute in a precision; weights and losses stay in float32."""
    return torch.autocast(device.type, dtype=_HALF.get(precision, torch.bfloat16), enabled=precision in _HALF)
