"""Which windows an epoch sees, and what is changed in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ._training import Recipe


def draw(candidates: np.ndarray, chance: np.ndarray | None, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return `count` different candidates in random order, by chance where chances are given.

    Source
    ------
    The smallest exponential keys are a weighted sample: Efraimidis and Spirakis 2006, doi:10.1016/j.ipl.2005.11.003.
    """
    if chance is None:
        return rng.permutation(candidates)[:count]
    keys = rng.exponential(size=len(candidates)) / chance
    return rng.permutation(candidates[np.argpartition(keys, count - 1)[:count]])


def augment(
    batch: dict[str, np.ndarray], groups: Sequence[np.ndarray], recipe: Recipe, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Return a batch with an offset added to its daily inputs and groups of them hidden, each for whole windows.

    The support of a tower, where the batch has such, is one such window.
    """
    changed = {}
    for of in ("", "support_"):
        if (dynamic := batch.get(f"{of}dynamic")) is not None:
            inputs = _augmented(dynamic, batch[f"{of}observed"], groups, recipe, rng)
            changed |= dict(zip((f"{of}dynamic", f"{of}observed"), inputs, strict=True))
    return batch | changed


def _augmented(
    dynamic: np.ndarray,
    observed: np.ndarray,
    groups: Sequence[np.ndarray],
    recipe: Recipe,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    each = (len(dynamic), *[1] * (dynamic.ndim - 1))
    size = (*each[:-1], dynamic.shape[-1])
    if recipe.noise:
        dynamic = dynamic + recipe.noise * rng.standard_normal(size, dtype=np.float32)
    if len(groups):
        shown = np.ones(size, dtype=bool)
        for group in groups:
            shown[..., group] = rng.random(each) >= recipe.hide
        observed = observed & shown
    return dynamic, observed
