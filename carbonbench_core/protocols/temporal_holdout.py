"""Forecasting of known towers: the last years of towers whose earlier years are trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ProtocolError
from . import FEWEST_TOWERS, Parts
from ._groups import rank

if TYPE_CHECKING:
    import pandas as pd

TEXT = (
    "Forecasting of known towers, not a test of transfer: the late years of towers whose early years are trained on; "
    "the first 30 days of a late part are not scored, and the late parts of a fifth of the towers validate."
)
VALIDATION_SHARE = 0.2


def draw(sites: pd.DataFrame, seed: int) -> dict[str, Parts]:
    """Train on all early parts; draw a fifth of the late parts for validation, the others are test."""
    late = sorted(sites.loc[sites["has_late"], "site_id"], key=lambda site: rank(seed, "temporal_holdout", site))
    n = round(VALIDATION_SHARE * len(late))
    if len(late) - n < FEWEST_TOWERS:
        raise ProtocolError(f"{len(late)} towers have a late part, too few for {FEWEST_TOWERS} to be tested")
    return {
        "temporal_holdout": Parts(
            {
                "train": tuple((site, "early") for site in sites["site_id"]),
                "validation": tuple((site, "late") for site in late[:n]),
                "test": tuple((site, "late") for site in late[n:]),
            }
        )
    }
