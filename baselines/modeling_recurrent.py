"""LSTM and GRU over the days that lead to a flux; what the place is may be unseen, joined to the days, or apart.

Source
------
LSTM: Hochreiter and Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735. GRU: Cho et al. 2014, arXiv:1406.1078.
Static and daily inputs encoded apart (CT-LSTM, CT-GRU): the published benchmark, arXiv:2603.09868.
"""

from __future__ import annotations

import torch
from huggingface_hub.dataclasses import strict
from torch import Tensor, nn

from .modeling_ensemble import ensemble_of
from .modeling_fluxes import DayEmbedding, FluxConfig, FluxHead, FluxModel, StaticEmbedding


@strict
class CarbonRecurrentConfig(FluxConfig):
    """Sizes of a `CarbonRecurrent`.

    Parameters
    ----------
    cell : str, "lstm" or "gru"
    place : str, what becomes of static inputs: "unseen"; "joined": added to the embedding of each day; "apart": half of
        each day's embedding is of the day, the other half of the place
    num_hidden_layers : int, cells on top of each other
    """

    model_type = "carbonbench-recurrent"

    cell: str = "lstm"
    place: str = "joined"
    num_hidden_layers: int = 1


class FromTheStart(nn.Module):
    """A fused LSTM or GRU whose state is empty when a record starts, wherever in the window that is.

    Parameters
    ----------
    cell : str, "lstm" or "gru"
    size_in, size : int, width of a day and of the state
    layers : int
    dropout : float, between layers
    bidirectional : bool
    """

    def __init__(
        self, cell: str, size_in: int, size: int, layers: int = 1, dropout: float = 0.0, bidirectional: bool = False
    ):
        super().__init__()
        cells = {"lstm": nn.LSTM, "gru": nn.GRU}
        if cell not in cells:
            raise ValueError(f"Got cell={cell!r}, expected one of {', '.join(cells)}.")
        between = dropout if layers > 1 else 0.0
        self.rnn = cells[cell](size_in, size, layers, batch_first=True, dropout=between, bidirectional=bidirectional)

    def forward(self, days: Tensor, valid: Tensor) -> Tensor:
        """Return the states [B, L, D] after each day of `days` [B, L, E]; after days not `valid` they mean nothing.

        Days before a record starts stand first; they are moved behind the others, where they change no earlier state.
        """
        length = days.shape[1]
        missing = length - valid.sum(1, keepdim=True)
        day = torch.arange(length, device=days.device)
        states, _ = self.rnn(_take(days, (day + missing) % length))
        return _take(states, (day - missing) % length)


def _take(x: Tensor, day: Tensor) -> Tensor:
    return x.gather(1, day.unsqueeze(-1).expand(-1, -1, x.shape[-1]))


class ApartEmbedding(nn.Module):
    """Embeds a day [B, L, 2 Fd] and the place [B, Fs] apart, each in one half of [B, L, D]."""

    def __init__(self, config: CarbonRecurrentConfig):
        super().__init__()
        half = config.hidden_size // 2
        self.dynamic = nn.Linear(2 * config.dynamic_size, config.hidden_size - half)
        self.static = StaticEmbedding(config, half)

    def forward(self, days: Tensor, static: Tensor) -> Tensor:
        """Return the embedded days."""
        place = self.static(static).unsqueeze(1).expand(-1, days.shape[1], -1)
        return torch.cat([self.dynamic(days), place], dim=-1)


class CarbonRecurrent(FluxModel):
    """Daily GPP, RECO and NEE from the state of an LSTM or GRU after each of the last days."""

    config_class = CarbonRecurrentConfig

    def __init__(self, config: CarbonRecurrentConfig):
        super().__init__(config)
        size = config.hidden_size
        self.embedding = _embedding(config)
        self.encoder = FromTheStart(config.cell, size, size, config.num_hidden_layers, config.dropout)
        self.dropout = nn.Dropout(config.dropout)
        self.head = FluxHead(config)
        self.post_init()

    def hidden(self, days: Tensor, static: Tensor, valid: Tensor, last: int) -> Tensor:
        """Return the states after the last days, see `FluxModel.hidden`."""
        states = self.encoder(self.embedding(days, static), valid)
        return self.dropout(states[:, -last:])


def _embedding(config: CarbonRecurrentConfig) -> nn.Module:
    ways = ("unseen", "joined", "apart")
    if config.place not in ways:
        raise ValueError(f"Got place={config.place!r}, expected one of {', '.join(ways)}.")
    if config.place == "apart" and config.static_size:
        return ApartEmbedding(config)
    return DayEmbedding(config, place=config.place != "unseen")


CarbonRecurrentConfig.register_for_auto_class()
CarbonRecurrent.register_for_auto_class("AutoModel")
CarbonRecurrentEnsemble = ensemble_of(CarbonRecurrent)
