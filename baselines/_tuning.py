"""What a fine-tuned model keeps of the one that it started from, and what cannot be fine-tuned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from carbonbench_core.errors import UsageError, unknown

if TYPE_CHECKING:
    from ._baseline import Baseline


def check_tuning(model: Baseline, settings: Mapping[str, Any]) -> None:
    """Refuse a model whose training cannot go on, and settings that belong to the model it is.

    Raises
    ------
    UsageError : says what to do instead, or which settings there are
    """
    if not model.fine_tuning:
        raise UsageError(
            f"{model.name} has no training that could go on. Fit it anew with the days in its training data: "
            f"carbonbench run PROTOCOL_few_30 --model {model.name} gives it the first days of the test towers."
        )
    for key in settings:
        if key not in model.fine_tuning:
            raise unknown(f"setting of fine-tuning {model.name}", key, model.fine_tuning)


def lineage(model: Baseline, origin: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what is kept of a model that another one starts from: `origin`, its settings, and its own base."""
    return {**(origin or {}), "settings": model.settings, **({"base_model": model.base} if model.base else {})}


def towers_after(before: Mapping[str, list[str]], given: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return the towers that a model knows: earlier fine-tuning counts as training, `given` has its own."""
    earlier = {split: before.get(split, []) for split in ("train", "validation")}
    earlier["train"] = [*earlier["train"], *before.get("finetune", [])]
    both = {split: {*earlier.get(split, []), *given.get(split, [])} for split in {**earlier, **given}}
    return {split: sorted(ids) for split, ids in both.items() if ids}
