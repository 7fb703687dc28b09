"""The leaky control: random days of towers that are trained on."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

from ..errors import ProtocolError
from . import FEWEST_TOWERS, Parts, whole

if TYPE_CHECKING:
    import pandas as pd

TEXT = (
    "The leaky control, not a test of transfer: a fifth of the days of every tower, drawn at random, "
    "while the days before and after are trained on."
)
# Split -> where the hash of (site_id, date) must fall; a fifth is test, a fifth of the others validation.
SHARES = {"test": [0.0, 0.2], "validation": [0.2, 0.36], "train": [0.36, 1.0]}


def draw(sites: pd.DataFrame, seed: int) -> dict[str, Parts]:
    """Put all parts into every split; a row's targets are seen by one split alone."""
    if len(sites) < FEWEST_TOWERS:
        raise ProtocolError(f"{len(sites)} towers, fewer than {FEWEST_TOWERS}")
    parts = whole(sites["site_id"], dict(zip(sites["site_id"], sites["has_late"], strict=True)))
    return {"random_days": Parts(dict.fromkeys(SHARES, parts), rows={"seed": seed, "shares": deepcopy(SHARES)})}
