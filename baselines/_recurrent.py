"""What the recurrent baselines share; each names its cell, and where static inputs come in."""

from __future__ import annotations

from typing import Any, ClassVar

from carbonbench_core.errors import unknown

from ._network import Network

PLACES = ("unseen", "joined", "apart")


class Recurrent(Network):
    """An LSTM or GRU over the days before, whose state after a day gives the day's fluxes.

    A subclass gives `name`, `cell`, and the default of `place`.

    Settings
    --------
    layers : int, cells on top of each other
    place : str, what becomes of static inputs: "unseen"; "joined", added to the embedding of each day; "apart", encoded
        apart: half of the cell's input is of the day, half of the place
    others : see `_network.Network`
    """

    cell: ClassVar[str]
    architecture = "modeling_recurrent.CarbonRecurrent"
    counts = ("layers",)
    defaults: ClassVar[dict[str, Any]] = Network.defaults | {"layers": 1, "place": "joined"}
    # of the published split by IGBP; the sizes differ somewhat for the one by Koppen class
    published: ClassVar[dict[str, Any]] = Network.published | {"layers": 1}

    def __init__(self, seed: int = 0, **settings: Any) -> None:
        super().__init__(seed, **settings)
        if self.settings["place"] not in PLACES:
            raise unknown("place", self.settings["place"], PLACES)

    def sizes(self) -> dict[str, Any]:
        """Return the cell, the number of layers, and where static inputs come in."""
        return {"cell": self.cell, "num_hidden_layers": self.settings["layers"], "place": self.settings["place"]}
