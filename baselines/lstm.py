"""LSTM over 30 days of inputs (architecture in `modeling_recurrent`)."""

from __future__ import annotations

from typing import Any, ClassVar

from ._recurrent import Recurrent


class LSTM(Recurrent):
    """The LSTM; settings as in `_recurrent.Recurrent`. The published one does not see what the place is."""

    name = "lstm"
    cell = "lstm"
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "published": Recurrent.published | {"hidden": 256, "dropout": 0.3, "learning_rate": 1e-3, "place": "unseen"}
    }
