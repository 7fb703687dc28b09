"""Transfer to towers of a continent that no training tower stands on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..geography import continent, missing_coordinates
from . import Holdout, require
from ._unseen import unseen_folds

if TYPE_CHECKING:
    import pandas as pd

    from ..errors import ProtocolError

TEXT = (
    "Transfer to a continent that is *not* seen in training: each fold tests all towers of one continent "
    "and validates on other whole continents, which are not trained on either. "
    "No tower within 2 km of a test tower is trained or validated on."
)


def draw(sites: pd.DataFrame, seed: int) -> dict[str, Holdout | ProtocolError]:
    """Hold out each continent of at least five towers; the smaller ones are pooled."""
    require(sites, "latitude", "longitude")
    placed = ~missing_coordinates(sites["latitude"], sites["longitude"])
    labels = sites["site_id"].astype(object).where(placed, None)
    labels[placed] = continent(sites.loc[placed, "latitude"], sites.loc[placed, "longitude"])
    return unseen_folds(sites.assign(continent=labels), "continent", "unseen_continent", seed, TEXT)
