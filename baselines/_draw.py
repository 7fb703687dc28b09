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
    """Return a batch with an offset added to its daily inputs and groups of them hidden, each for whole windows."""
    dynamic, observed = batch["dynamic"], batch["observed"]
    size = (len(dynamic), 1, dynamic.shape[2])
    if recipe.noise:
        dynamic = dynamic + recipe.noise * rng.standard_normal(size, dtype=np.float32)
    if len(groups):
        shown = np.ones(size, dtype=bool)
        for group in groups:
            shown[:, :, group] = rng.random((len(dynamic), 1, 1)) >= recipe.hide
        observed = observed & shown
    return batch | {"dynamic": dynamic, "observed": observed}
