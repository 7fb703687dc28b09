"""Constant: the mean flux of the training towers, the zero of every scale."""

from __future__ import annotations

from typing import Any, ClassVar

from ._climatology import MeanFlux


class Constant(MeanFlux):
    """The training mean of each flux: days weigh by nee_qc, every tower as much as any other."""

    name = "constant"
    levels = ()
    defaults: ClassVar[dict[str, Any]] = {}
