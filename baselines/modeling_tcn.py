"""Temporal convolutional network: dilated causal convolutions over the days that lead to a flux.

Source
------
Bai, Kolter and Koltun 2018, arXiv:1803.01271. Blocks as there, but each starts with a normalisation over the channels
of one day in place of weight normalisation; one over time would carry later days into earlier ones.
"""

from __future__ import annotations

from huggingface_hub.dataclasses import strict
from torch import Tensor, nn
from torch.nn import functional

from .modeling_ensemble import ensemble_of
from .modeling_fluxes import DayEmbedding, FluxConfig, FluxHead, FluxModel


@strict
class CarbonTCNConfig(FluxConfig):
    """Sizes of a `CarbonTCN`.

    Parameters
    ----------
    num_hidden_layers : int, blocks; block k has a dilation of 2^k days
    kernel_size : int, days a convolution reads. A day is seen by 1 + 2 (kernel_size - 1) (2^num_hidden_layers - 1)
        days, itself included: 29 for the defaults
    """

    model_type = "carbonbench-tcn"

    num_hidden_layers: int = 3
    kernel_size: int = 3


class CausalBlock(nn.Module):
    """Two dilated causal convolutions, added to their input."""

    def __init__(self, config: CarbonTCNConfig, dilation: int):
        super().__init__()
        size, kernel = config.hidden_size, config.kernel_size
        self.before = (kernel - 1) * dilation
        self.norm = nn.LayerNorm(size)
        self.first = nn.Conv1d(size, size, kernel, dilation=dilation)
        self.second = nn.Conv1d(size, size, kernel, dilation=dilation)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, days: Tensor, valid: Tensor) -> Tensor:
        """Return `days` [B, L, D] with what the days before add to each.

        Parameters
        ----------
        valid : Tensor [B, 1, L], 0 before a record starts: convolutions read zeros there, as before the window
        """
        x = self.norm(days).transpose(1, 2)
        for convolution in (self.first, self.second):
            x = convolution(functional.pad(x * valid, (self.before, 0)))
            x = self.dropout(functional.relu(x))
        return days + x.transpose(1, 2)


class CarbonTCN(FluxModel):
    """Daily GPP, RECO and NEE from dilated causal convolutions over daily inputs."""

    config_class = CarbonTCNConfig

    def __init__(self, config: CarbonTCNConfig):
        super().__init__(config)
        self.embedding = DayEmbedding(config)
        self.blocks = nn.ModuleList(CausalBlock(config, 2**k) for k in range(config.num_hidden_layers))
        self.norm = nn.LayerNorm(config.hidden_size)
        self.head = FluxHead(config)
        self.post_init()

    def hidden(self, days: Tensor, static: Tensor, valid: Tensor, last: int) -> Tensor:
        """Return the last days after all blocks, see `FluxModel.hidden`."""
        x, seen = self.embedding(days, static), valid.unsqueeze(1).to(days.dtype)
        for block in self.blocks:
            x = block(x, seen)
        return self.norm(x[:, -last:])


CarbonTCNConfig.register_for_auto_class()
CarbonTCN.register_for_auto_class("AutoModel")
CarbonTCNEnsemble = ensemble_of(CarbonTCN)
