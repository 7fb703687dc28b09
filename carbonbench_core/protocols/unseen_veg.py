"""Transfer to towers of a vegetation class that no training tower has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import Holdout
from ._unseen import unseen_folds

if TYPE_CHECKING:
    import pandas as pd

    from ..errors import ProtocolError

TEXT = (
    "Transfer to vegetation that is *not* seen in training: each fold tests all towers of one IGBP class "
    "and validates on other whole classes, which are not trained on either. "
    "No tower within 2 km of a test tower is trained or validated on."
)


def draw(sites: pd.DataFrame, seed: int) -> dict[str, Holdout | ProtocolError]:
    """Hold out each `igbp` class of at least five towers; the smaller ones are pooled."""
    return unseen_folds(sites, "igbp", "unseen_veg", seed, TEXT)
