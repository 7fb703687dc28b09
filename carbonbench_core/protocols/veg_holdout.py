"""Transfer to unseen towers of vegetation classes that are seen in training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import Holdout
from ._stratified import stratified_holdout

if TYPE_CHECKING:
    import pandas as pd

TEXT = (
    "Spatial transfer to unseen towers within vegetation classes that are *seen* in training; "
    "it does not test unseen vegetation, `unseen_veg` does. Towers are stratified by IGBP: classes of at most "
    "10 towers give half of theirs to test, the others a fifth. Towers within 2 km of each other stay on one side."
)
RARE = 10  # as published


def draw(sites: pd.DataFrame, seed: int) -> dict[str, Holdout]:
    """Draw test and validation towers stratified by `igbp`."""
    return {"veg_holdout": stratified_holdout(sites, "igbp", seed, RARE)}
