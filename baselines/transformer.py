"""Transformer over 30 days of inputs: the neural reference (architecture in `modeling_transformer`)."""

from __future__ import annotations

from typing import Any, ClassVar

from ._attention import Attention


class Transformer(Attention):
    """A pre-norm encoder over the days before and a linear head.

    Settings
    --------
    causal : bool, whether a day of a window sees only the days before it
    others : see `_attention.Attention`
    """

    name = "transformer"
    architecture = "modeling_transformer.CarbonTransformer"
    defaults: ClassVar[dict[str, Any]] = Attention.defaults | {"causal": False}
    presets: ClassVar[dict[str, dict[str, Any]]] = {"published": Attention.published}

    def sizes(self) -> dict[str, Any]:
        """Return the sizes of the encoder, and which days a day sees."""
        return super().sizes() | {"causal": self.settings["causal"]}
