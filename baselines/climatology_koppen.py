"""Climatology by climate: the mean season of a Koppen main class."""

from __future__ import annotations

from typing import Any, ClassVar

from ._climatology import MeanFlux


class ClimatologyKoppen(MeanFlux):
    """The climatology with the Koppen main class in place of the vegetation class.

    Settings
    --------
    half_width : int, days on either side that a season day is averaged over [days]
    """

    name = "climatology_koppen"
    levels = ("koppen_main", None)
    defaults: ClassVar[dict[str, Any]] = {"half_width": 15}
