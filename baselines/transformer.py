"""Transformer over 30 days of inputs: the neural reference (architecture in `modeling_transformer`)."""

from __future__ import annotations

from typing import Any, ClassVar

from carbonbench_core.errors import UsageError

from ._network import Network


class Transformer(Network):
    """A pre-norm encoder over the days before and a linear head.

    Settings
    --------
    layers, heads : int, of the encoder
    causal : bool, whether a day of a window sees only the days before it
    others : see `_network.Network`
    """

    name = "transformer"
    architecture = "modeling_transformer.CarbonTransformer"
    counts = ("layers", "heads")
    defaults: ClassVar[dict[str, Any]] = Network.defaults | {"layers": 2, "heads": 4, "causal": False}
    quick: ClassVar[dict[str, Any]] = Network.quick | {"layers": 1}
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "published": Network.published | {"hidden": 128, "layers": 2, "heads": 4, "dropout": 0.2, "learning_rate": 5e-4}
    }

    def __init__(self, seed: int = 0, **settings: Any) -> None:
        super().__init__(seed, **settings)
        own = self.settings
        if own["hidden"] % own["heads"]:
            raise UsageError(f"Got hidden={own['hidden']}, which heads={own['heads']} does not divide.")

    def sizes(self) -> dict[str, Any]:
        """Return the sizes of the encoder."""
        own = self.settings
        return {
            "num_hidden_layers": own["layers"],
            "num_attention_heads": own["heads"],
            "intermediate_size": 2 * own["hidden"],
            "causal": own["causal"],
        }
