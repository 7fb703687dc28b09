"""Transfer to unseen towers of climates that are seen in training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import Holdout
from ._stratified import stratified_holdout

if TYPE_CHECKING:
    import pandas as pd

TEXT = (
    "Spatial transfer to unseen towers within climates that are *seen* in training; "
    "it does not test unseen climates, `unseen_climate` does. "
    "Towers are stratified by Koppen main class: each gives a fifth to test. Towers within "
    "2 km of each other stay on one side."
)
RARE = 1  # as published: every class gives a fifth


def draw(sites: pd.DataFrame, seed: int) -> dict[str, Holdout]:
    """Draw test and validation towers stratified by `koppen_main`."""
    return {"climate_holdout": stratified_holdout(sites, "koppen_main", seed, RARE)}
