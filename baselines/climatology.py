"""Climatology: the mean season of a vegetation class, the reference of every skill score."""

from __future__ import annotations

from typing import Any, ClassVar

from ._climatology import MeanFlux
from ._seasons import LEVELS


class Climatology(MeanFlux):
    """Mean flux of a vegetation class on a season day, smoothed over neighbouring days.

    Days weigh by nee_qc and every tower as much as any other, whatever the length of its record.
    The season is shifted by half a year south of the equator. A class or a season that training towers do not show
    takes the next level: IGBP, then Koppen main class, then all towers.

    Settings
    --------
    half_width : int, days on either side that a season day is averaged over [days]
    """

    name = "climatology"
    levels = LEVELS
    defaults: ClassVar[dict[str, Any]] = {"half_width": 15}
