"""Transformer over patches of days: an encoder whose tokens are a few days each.

Source
------
Nie et al. 2023, arXiv:2211.14730. As there a patch is embedded by one linear layer, and days are read back from a patch
by another (there in pre-training). Unlike there a patch holds all inputs, as in the published benchmark
(arXiv:2603.09868): fluxes are read from several drivers together, not each driver from its own past.
"""

from __future__ import annotations

import torch
from huggingface_hub.dataclasses import strict
from torch import Tensor, nn
from torch.nn import functional

from .modeling_ensemble import ensemble_of
from .modeling_fluxes import FluxConfig, FluxHead, FluxModel, StaticEmbedding
from .modeling_transformer import EncoderLayer, attention_mask


@strict
class CarbonPatchTransformerConfig(FluxConfig):
    """Sizes of a `CarbonPatchTransformer`.

    Parameters
    ----------
    patch_length : int, days of a patch; patches do not overlap and are counted back from the last day
    num_hidden_layers, num_attention_heads, intermediate_size : int, the encoder
    """

    model_type = "carbonbench-patch-transformer"

    patch_length: int = 5
    num_hidden_layers: int = 2
    num_attention_heads: int = 4
    intermediate_size: int = 128


class CarbonPatchTransformer(FluxModel):
    """Daily GPP, RECO and NEE from an encoder over patches of days and from what the place is."""

    config_class = CarbonPatchTransformerConfig

    def __init__(self, config: CarbonPatchTransformerConfig):
        super().__init__(config)
        size, patch = config.hidden_size, config.patch_length
        self.embedding = nn.Linear(patch * 2 * config.dynamic_size, size)
        self.static = StaticEmbedding(config) if config.static_size else None
        self.position_embedding = nn.Embedding(-(-config.length // patch), size)
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.num_hidden_layers))
        self.norm = nn.LayerNorm(size)
        self.days = nn.Linear(size, patch * size)
        self.head = FluxHead(config)
        self.post_init()

    def hidden(self, days: Tensor, static: Tensor, valid: Tensor, last: int) -> Tensor:
        """Return the last days as their patches tell them, see `FluxModel.hidden`."""
        patch = self.config.patch_length
        lacking = -days.shape[1] % patch
        days = functional.pad(days, (0, 0, lacking, 0)).unflatten(1, (-1, patch)).flatten(2)
        seen = functional.pad(valid, (lacking, 0)).unflatten(1, (-1, patch)).any(-1)
        tokens, asked = self.embedding(days), -(-last // patch)
        # counted from the last patch, so that a shorter window means the same days
        distance = torch.arange(tokens.shape[1] - 1, -1, -1, device=days.device)
        tokens = tokens + self.position_embedding(distance)
        if self.static is not None:
            tokens = tokens + self.static(static).unsqueeze(1)
        mask = attention_mask(seen, tokens.dtype)
        for i, layer in enumerate(self.layers):
            tokens = layer(tokens, mask, asked if i + 1 == len(self.layers) else tokens.shape[1])
        return self.days(self.norm(tokens[:, -asked:])).unflatten(-1, (patch, -1)).flatten(1, 2)[:, -last:]


CarbonPatchTransformerConfig.register_for_auto_class()
CarbonPatchTransformer.register_for_auto_class("AutoModel")
CarbonPatchTransformerEnsemble = ensemble_of(CarbonPatchTransformer)
