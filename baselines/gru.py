"""GRU over 30 days of inputs (architecture in `modeling_recurrent`)."""

from __future__ import annotations

from typing import Any, ClassVar

from ._recurrent import Recurrent


class GRU(Recurrent):
    """The GRU; settings as in `_recurrent.Recurrent`. The published one does not see what the place is."""

    name = "gru"
    cell = "gru"
    defaults: ClassVar[dict[str, Any]] = Recurrent.defaults | {"learning_rate": 3e-3}
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "published": Recurrent.published | {"hidden": 128, "dropout": 0.3, "learning_rate": 5e-4, "place": "unseen"}
    }
