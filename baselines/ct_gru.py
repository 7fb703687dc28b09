"""CT-GRU: daily inputs and what the place is are encoded apart, then joined (architecture in `modeling_recurrent`)."""

from __future__ import annotations

from typing import Any, ClassVar

from ._recurrent import Recurrent


class CTGRU(Recurrent):
    """The GRU whose input is half of the day, half of the place; settings as in `_recurrent.Recurrent`."""

    name = "ct_gru"
    cell = "gru"
    defaults: ClassVar[dict[str, Any]] = Recurrent.defaults | {"place": "apart", "learning_rate": 3e-3}
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "published": Recurrent.published | {"hidden": 128, "dropout": 0.3, "learning_rate": 5e-4, "static_size": 64}
    }
