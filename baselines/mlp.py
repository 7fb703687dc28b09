"""Multilayer perceptron on a day and running means of the days before it (architecture in `modeling_mlp`)."""

from __future__ import annotations

from typing import Any, ClassVar

from carbonbench_core.errors import UsageError

from ._network import Network


class MLP(Network):
    """Hidden layers on the day's inputs, on means over the days before, and on what the place is.

    Settings
    --------
    layers : int, hidden layers
    means : tuple of int, spans of the running means, each of which ends with the day and takes what the window holds
        [days]; may be empty
    others : see `_network.Network`
    """

    name = "mlp"
    architecture = "modeling_mlp.CarbonMLP"
    counts = ("layers",)
    defaults: ClassVar[dict[str, Any]] = Network.defaults | {
        "hidden": 128,
        "learning_rate": 3e-3,
        "layers": 2,
        "means": (7, 30),
    }

    def __init__(self, seed: int = 0, **settings: Any) -> None:
        super().__init__(seed, **settings)
        for span in self.settings["means"]:
            if not isinstance(span, int) or span < 2:
                raise UsageError(f"Got {span!r} in means, expected whole days of at least 2.")

    def sizes(self) -> dict[str, Any]:
        """Return the number of layers and the spans."""
        return {"num_hidden_layers": self.settings["layers"], "means": list(self.settings["means"])}
