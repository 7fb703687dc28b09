"""The published split by Koppen main class, rule for rule, for comparison with the published tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import Holdout
from ._stratified import published_holdout

if TYPE_CHECKING:
    import pandas as pd

TEXT = (
    "The published split by Koppen main class (arXiv:2603.09868), rule for rule, on merged towers. "
    "Neighbours may stand on both sides; validation is on late parts of the training towers, "
    "a deviation, so there is no id_test."
)
RARE = 0


def draw(sites: pd.DataFrame, seed: int) -> dict[str, Holdout]:
    """Draw the published test towers; `seed` is not used: the published random state is part of the rule."""
    return {"published_climate": published_holdout(sites, "koppen_main", RARE)}
