"""Multilayer perceptron on a day and on running means of the days before it: the network without a sequence model."""

from __future__ import annotations

from dataclasses import field

import torch
from huggingface_hub.dataclasses import strict
from torch import Tensor, nn

from .modeling_ensemble import ensemble_of
from .modeling_fluxes import DayEmbedding, FluxConfig, FluxHead, FluxModel


@strict
class CarbonMLPConfig(FluxConfig):
    """Sizes of a `CarbonMLP`.

    Parameters
    ----------
    num_hidden_layers : int, hidden layers, the embedding of the days included
    means : list of int, running means that are read beside the day itself [days, the day included]; may be empty
    """

    model_type = "carbonbench-mlp"

    num_hidden_layers: int = 2
    means: list[int] = field(default_factory=lambda: [7, 30])


def running_mean(days: Tensor, valid: Tensor, span: int) -> Tensor:
    """Return for each day the mean over the `span` days that end with it, of those that the window and record hold.

    Parameters
    ----------
    days : Tensor [B, L, D]
    valid : Tensor [B, L] bool, false before a record starts: those days do not count
    span : int [days]
    """
    present = valid.unsqueeze(-1).to(days.dtype)
    total, count = (days * present).cumsum(1), present.cumsum(1)
    if span < days.shape[1]:
        total, count = (torch.cat([x[:, :span], x[:, span:] - x[:, :-span]], dim=1) for x in (total, count))
    return total / count.clamp_min(1.0)


class CarbonMLP(FluxModel):
    """Daily GPP, RECO and NEE from the inputs of the day and means of the days before it."""

    config_class = CarbonMLPConfig

    def __init__(self, config: CarbonMLPConfig):
        super().__init__(config)
        size = config.hidden_size
        # linear, so that the mean of embedded days is the embedded mean of the days
        self.embeddings = nn.ModuleList(DayEmbedding(config) for _ in (1, *config.means))
        layers = [nn.GELU(), nn.Dropout(config.dropout)]
        for _ in range(config.num_hidden_layers - 1):
            layers += [nn.Linear(size, size), nn.GELU(), nn.Dropout(config.dropout)]
        self.layers = nn.Sequential(*layers)
        self.head = FluxHead(config)
        self.post_init()

    def hidden(self, days: Tensor, static: Tensor, valid: Tensor, last: int) -> Tensor:
        """Return the last layer of the last days, see `FluxModel.hidden`."""
        seen = [days, *(running_mean(days, valid, span) for span in self.config.means)]
        return self.layers(sum(e(x[:, -last:], static) for e, x in zip(self.embeddings, seen, strict=True)))


CarbonMLPConfig.register_for_auto_class()
CarbonMLP.register_for_auto_class("AutoModel")
CarbonMLPEnsemble = ensemble_of(CarbonMLP)
