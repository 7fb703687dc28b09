"""Entity-aware LSTM: what the place is sets the input gate (architecture in `modeling_ea_lstm`)."""

from __future__ import annotations

from typing import Any, ClassVar

from ._network import Network


class EALSTM(Network):
    """One LSTM layer over daily inputs whose input gate depends on static inputs only.

    Settings
    --------
    forget_bias : float, bias the forget gate starts with
    others : see `_network.Network`; `static_size` is of no account here
    """

    name = "ea_lstm"
    architecture = "modeling_ea_lstm.CarbonEALSTM"
    defaults: ClassVar[dict[str, Any]] = Network.defaults | {
        "hidden": 128,
        "learning_rate": 3e-3,
        "forget_bias": 3.0,
    }

    def sizes(self) -> dict[str, Any]:
        """Return the bias of the forget gate."""
        return {"forget_bias": float(self.settings["forget_bias"])}
