"""Transfer as a function of distance: folds of spatial blocks with nothing trained on within a distance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ProtocolError
from ..geography import missing_coordinates
from . import FEWEST_TOWERS, Holdout, require
from ._apart import blocks
from ._groups import rank, validation_groups

if TYPE_CHECKING:
    import pandas as pd

TEXT = (
    "Transfer as a function of distance: five folds of spatial blocks, every tower tested once, no training or "
    "validation tower within the distance of a test tower, nor a training tower within it of a validation tower."
)
DISTANCES = (0, 10, 50, 200)  # km; 0 keeps towers of one place together
FOLDS = 5
VALIDATION_SHARE = 0.2
LARGEST_SHARE = 0.1  # a block of more of the towers left is needed for training


def draw(sites: pd.DataFrame, seed: int) -> dict[str, Holdout | ProtocolError]:
    """Put whole blocks into folds, for every distance.

    A block is a connected component of towers under the distance, so that towers of two blocks are always farther
    apart. Its fold is the lowest hash of its towers, modulo the number of folds: nothing that stands elsewhere has a
    say in it. A fold may be small for that; of fewer than `FEWEST_TOWERS` test or training towers it is left out.
    """
    require(sites, "latitude", "longitude")
    lacking = missing_coordinates(sites["latitude"], sites["longitude"])
    placed, left_out = sites[~lacking], {"no coordinates": tuple(sites.loc[lacking, "site_id"])}
    drawn: dict[str, Holdout | ProtocolError] = {}
    for km in DISTANCES:
        folds: dict[int, list[list[str]]] = {fold: [] for fold in range(1, FOLDS + 1)}
        for block in blocks(placed, km):
            folds[_fold_of(block, seed)].append(block)
        for fold in folds:
            drawn[f"spatial_blocks_{km}km_{fold}"] = _fold(km, fold, folds, left_out, seed)
    if not any(isinstance(fold, Holdout) for fold in drawn.values()):
        raise ProtocolError(
            f"none of {FOLDS} folds of {len(placed)} towers with coordinates has {FEWEST_TOWERS} test towers and as "
            "many training towers"
        )
    return drawn


def _fold_of(towers: list[str], seed: int) -> int:
    lowest = min(rank(seed, "spatial_blocks", site) for site in towers)
    return int.from_bytes(lowest[-8:]) % FOLDS + 1


def _fold(km: int, fold: int, folds: dict[int, list[list[str]]], left_out: dict, seed: int) -> Holdout | ProtocolError:
    family = f"spatial_blocks_{km}km"
    test = [site for block in folds[fold] for site in block]
    left = {block[0]: block for other, of_other in folds.items() if other != fold for block in of_other}
    try:
        validation = validation_groups(left, VALIDATION_SHARE, LARGEST_SHARE, seed, family, fold)
    except ProtocolError as error:
        return error
    train = sorted({site for towers in left.values() for site in towers} - set(validation))
    if min(len(test), len(train)) < FEWEST_TOWERS:
        return ProtocolError(
            f"the fold has {len(test)} test towers and {len(train)} training towers; "
            f"at least {FEWEST_TOWERS} of each are needed for a score"
        )
    text = f"{TEXT} Fold {fold} of {FOLDS}, {km} km."
    return Holdout(tuple(train), tuple(test), tuple(validation), left_out, family=family, text=text)
