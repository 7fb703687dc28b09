"""Transformer over the days that lead to a flux: its configuration and its architecture, nothing else.

Source
------
Encoder: Vaswani et al. 2017, arXiv:1706.03762, normalised before each block as in Xiong et al. 2020, arXiv:2002.04745.
"""

from __future__ import annotations

import torch
from huggingface_hub.dataclasses import strict
from torch import Tensor, nn
from torch.nn import functional

from .modeling_ensemble import ensemble_of
from .modeling_fluxes import DayEmbedding, FluxConfig, FluxHead, FluxModel


@strict
class CarbonTransformerConfig(FluxConfig):
    """Sizes of a `CarbonTransformer`.

    Parameters
    ----------
    num_hidden_layers, num_attention_heads, intermediate_size : int, the encoder
    causal : bool, whether a day sees only the days before it
    """

    model_type = "carbonbench-transformer"

    num_hidden_layers: int = 2
    num_attention_heads: int = 4
    intermediate_size: int = 128
    causal: bool = False


class EncoderLayer(nn.Module):
    """Attention over days and a feed-forward block, each normalised before and added to its input."""

    def __init__(self, config: CarbonTransformerConfig):
        super().__init__()
        size = config.hidden_size
        self.heads = config.num_attention_heads
        self.dropout = config.dropout
        self.attention_norm = nn.LayerNorm(size)
        self.query = nn.Linear(size, size)
        self.key_value = nn.Linear(size, 2 * size)
        self.attention_output = nn.Linear(size, size)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(size),
            nn.Linear(size, config.intermediate_size),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.intermediate_size, size),
            nn.Dropout(config.dropout),
        )

    def forward(self, days: Tensor, mask: Tensor, last: int) -> Tensor:
        """Return the encoding [B, last, D] of the last days of `days` [B, L, D], seen through `mask` [B, 1, L, L]."""
        normed = self.attention_norm(days)
        query = self._split(self.query(normed[:, -last:]))
        key, value = map(self._split, self.key_value(normed).chunk(2, dim=-1))
        dropout = self.dropout if self.training else 0.0
        mixed = functional.scaled_dot_product_attention(query, key, value, mask[:, :, -last:], dropout)
        mixed = self.attention_output(mixed.transpose(1, 2).flatten(2))
        days = days[:, -last:] + functional.dropout(mixed, self.dropout, self.training)
        return days + self.feed_forward(days)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class CarbonTransformer(FluxModel):
    """Daily GPP, RECO and NEE from a window of daily inputs and from what the place is.

    Each day is embedded from its inputs, from the mask that says which were observed, from the static inputs and from
    its distance to the window's last day; an encoder mixes the days; a linear head reads the last `horizon` of them.
    """

    config_class = CarbonTransformerConfig

    def __init__(self, config: CarbonTransformerConfig):
        super().__init__(config)
        self.embedding = DayEmbedding(config)
        self.position_embedding = nn.Embedding(config.length, config.hidden_size)
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.num_hidden_layers))
        self.norm = nn.LayerNorm(config.hidden_size)
        self.head = FluxHead(config)
        self.post_init()

    def hidden(self, days: Tensor, static: Tensor, valid: Tensor, last: int) -> Tensor:
        """Return the encoded last days, see `FluxModel.hidden`."""
        length = days.shape[1]
        # Counted from the last day, so that a shorter window means the same days.
        distance = torch.arange(length - 1, -1, -1, device=days.device)
        days = self.embedding(days, static) + self.position_embedding(distance)
        mask = attention_mask(valid, days.dtype, self.config.causal)
        for i, layer in enumerate(self.layers):
            # No day before the horizon is read after the last layer.
            days = layer(days, mask, last if i + 1 == len(self.layers) else length)
        return self.norm(days[:, -last:])


def attention_mask(valid: Tensor, dtype: torch.dtype, causal: bool = False) -> Tensor:
    """Return what hides steps not `valid` [B, L], and later ones, once added to scores of attention [B, 1, L, L]."""
    days = valid.shape[1]
    seen = valid[:, None, None, :].expand(-1, 1, days, days)
    if causal:
        seen = seen & torch.ones(days, days, dtype=torch.bool, device=valid.device).tril()
    # Finite, in half precision too: a day before the record starts sees nothing, a softmax over nothing is NaN.
    return torch.zeros(seen.shape, dtype=dtype, device=valid.device).masked_fill(~seen, -1e4)


CarbonTransformerConfig.register_for_auto_class()
CarbonTransformer.register_for_auto_class("AutoModel")
CarbonTransformerEnsemble = ensemble_of(CarbonTransformer)
