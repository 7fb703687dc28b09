"""Temporal convolutional network (architecture in `modeling_tcn`)."""

from __future__ import annotations

from typing import Any, ClassVar

from ._network import Network


class TCN(Network):
    """Dilated causal convolutions over the days before.

    Settings
    --------
    layers : int, blocks of two convolutions; the dilation doubles from one to the next
    kernel : int, days that a convolution reads
    others : see `_network.Network`
    """

    name = "tcn"
    architecture = "modeling_tcn.CarbonTCN"
    counts = ("layers", "kernel")
    defaults: ClassVar[dict[str, Any]] = Network.defaults | {"layers": 3, "kernel": 3}

    def sizes(self) -> dict[str, Any]:
        """Return the number of blocks and the days of a convolution."""
        return {"num_hidden_layers": self.settings["layers"], "kernel_size": self.settings["kernel"]}
