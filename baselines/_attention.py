"""What the baselines with attention share: layers, heads, and how wide they are."""

from __future__ import annotations

from typing import Any, ClassVar

from carbonbench_core.errors import UsageError

from ._network import Network


class Attention(Network):
    """An encoder of `layers` layers with `heads` heads of attention each.

    Settings
    --------
    layers, heads : int, of the encoder
    widening : int, how many times wider than the hidden states the feed-forward blocks are
    others : see `_network.Network`
    """

    counts = ("layers", "heads", "widening")
    defaults: ClassVar[dict[str, Any]] = Network.defaults | {"layers": 2, "heads": 4, "widening": 2}
    quick: ClassVar[dict[str, Any]] = Network.quick | {"layers": 1}
    published: ClassVar[dict[str, Any]] = Network.published | {
        "hidden": 128,
        "layers": 2,
        "heads": 4,
        "widening": 4,
        "dropout": 0.2,
        "learning_rate": 5e-4,
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
            "intermediate_size": own["widening"] * own["hidden"],
        }
