"""Transformer over the days that lead to a flux: its configuration and its architecture, nothing else.

The file needs torch and transformers only, so that it travels with the weights:
``AutoModel.from_pretrained(folder, trust_remote_code=True)`` runs the very code that was trained.

Source
------
Encoder: Vaswani et al. 2017, arXiv:1706.03762, normalised before each block as in Xiong et al. 2020, arXiv:2002.04745.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from huggingface_hub.dataclasses import strict
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedConfig, PreTrainedModel
from transformers import initialization as init
from transformers.utils import ModelOutput


@strict
class CarbonTransformerConfig(PreTrainedConfig):
    """Sizes of a `CarbonTransformer` and the scaling of its targets.

    Parameters
    ----------
    dynamic_size, static_size : int, number of daily inputs Fd and of inputs that do not change Fs (may be 0)
    hidden_size, num_hidden_layers, num_attention_heads, intermediate_size : int, the encoder
    static_embedding_size : int, width that static inputs are squeezed to: a narrow one cannot name every tower
    dropout : float, share of activations dropped in training
    input_limit : float, scaled inputs are kept within this many standard deviations: a line goes wild beyond the data
    length, horizon : int, days of a window and how many of its last days are predicted
    causal : bool, whether a day sees only the days before it
    target_mean, target_scale : list of float, daily fluxes of the training towers [gC m-2 d-1]
    """

    model_type = "carbonbench-transformer"

    dynamic_size: int = 1
    static_size: int = 1
    hidden_size: int = 64
    num_hidden_layers: int = 2
    num_attention_heads: int = 4
    intermediate_size: int = 128
    static_embedding_size: int = 8
    dropout: float = 0.1
    input_limit: float = 5.0
    length: int = 30
    horizon: int = 15
    causal: bool = False
    target_mean: list[float] | None = None
    target_scale: list[float] | None = None


@dataclass
class CarbonFluxOutput(ModelOutput):
    """What a flux model returns.

    Parameters
    ----------
    loss : Tensor [], only where `labels` were given
    standardised : Tensor [B, H, 3], GPP, RECO and NEE in units of the training towers' spread
    fluxes : Tensor [B, H, 3], the same [gC m-2 d-1]
    """

    loss: Tensor | None = None
    standardised: Tensor | None = None
    fluxes: Tensor | None = None


def quality_weighted_loss(predicted: Tensor, observed: Tensor, weight: Tensor) -> Tensor:
    """Return the weighted mean squared error over the values that were observed.

    Parameters
    ----------
    predicted, observed : Tensor [B, H, T], NaN in `observed` where missing: those add nothing, nor to the gradient
    weight : Tensor [B, H] or [B, H, T], zero or more
    """
    weight = weight.unsqueeze(-1) if weight.dim() < observed.dim() else weight
    present = observed.isfinite() & (weight > 0)
    weight = torch.where(present, weight, 0.0)
    # The target itself is replaced, not the product: NaN times zero is NaN, in the gradient too.
    error = predicted - torch.where(present, observed, predicted.detach())
    return (weight * error.square()).sum() / weight.sum().clamp_min(torch.finfo(weight.dtype).tiny)


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


class CarbonTransformer(PreTrainedModel):
    """Daily GPP, RECO and NEE from a window of daily inputs and from what the place is.

    Each day is embedded from its inputs, from the mask that says which were observed, from the static inputs and from
    its distance to the window's last day; an encoder mixes the days; a linear head reads the last `horizon` of them.
    """

    config_class = CarbonTransformerConfig
    main_input_name = "dynamic"

    def __init__(self, config: CarbonTransformerConfig):
        super().__init__(config)
        size = config.hidden_size
        self.day_embedding = nn.Linear(2 * config.dynamic_size, size)
        self.static_embedding = _static_embedding(config) if config.static_size else None
        self.position_embedding = nn.Embedding(config.length, size)
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.num_hidden_layers))
        self.norm = nn.LayerNorm(size)
        self.head = nn.Linear(size, 3)
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, nn.Linear):
            init.xavier_uniform_(module.weight)

    def forward(
        self,
        dynamic: Tensor,
        observed: Tensor,
        valid: Tensor,
        static: Tensor,
        labels: Tensor | None = None,
        weight: Tensor | None = None,
        horizon: int | None = None,
        **_: object,
    ) -> CarbonFluxOutput:
        """Return the fluxes of the last days of each window, and the loss where labels are given.

        Parameters
        ----------
        dynamic : Tensor [B, L, Fd], scaled daily inputs; values that were not observed are not read
        observed : Tensor [B, L, Fd], true where `dynamic` was observed
        valid : Tensor [B, L], false before a record starts; those days are not read
        static : Tensor [B, Fs], scaled inputs that do not change
        labels : Tensor [B, H, 3], observed fluxes [gC m-2 d-1], NaN where missing
        weight : Tensor [B, H] or [B, H, 3], weight of each day in the loss; 1 if not given
        horizon : int, how many last days to predict; that of the configuration if not given
        """
        last = horizon or self.config.horizon
        days = self._embed(dynamic, observed, valid, static)
        mask = self._mask(valid, days.dtype)
        for i, layer in enumerate(self.layers):
            # No day before the horizon is read after the last layer.
            days = layer(days, mask, last if i + 1 == len(self.layers) else days.shape[1])
        standardised = self.head(self.norm(days[:, -last:]))
        loss = None
        if labels is not None:
            weight = torch.ones_like(labels[..., 0]) if weight is None else weight
            loss = quality_weighted_loss(standardised, self.standardise(labels), weight)
        return CarbonFluxOutput(loss=loss, standardised=standardised, fluxes=self.to_fluxes(standardised))

    def standardise(self, fluxes: Tensor) -> Tensor:
        """Return `fluxes` [..., 3] in [gC m-2 d-1] in units of the training towers' spread."""
        mean, scale = self._target_scaling(fluxes)
        return (fluxes - mean) / scale

    def to_fluxes(self, standardised: Tensor) -> Tensor:
        """Return standardised values [..., 3] as fluxes [gC m-2 d-1]."""
        mean, scale = self._target_scaling(standardised)
        return standardised * scale + mean

    def _target_scaling(self, like: Tensor) -> tuple[Tensor, Tensor]:
        mean = like.new_tensor(self.config.target_mean or [0.0] * 3)
        return mean, like.new_tensor(self.config.target_scale or [1.0] * 3)

    def _embed(self, dynamic: Tensor, observed: Tensor, valid: Tensor, static: Tensor) -> Tensor:
        limit = self.config.input_limit
        dynamic, static = dynamic.clamp(-limit, limit), static.clamp(-limit, limit)
        observed = observed.bool() & valid.bool().unsqueeze(-1)
        inputs = torch.cat([torch.where(observed, dynamic, 0.0), observed.to(dynamic.dtype)], dim=-1)
        # Counted from the last day, so that a shorter window means the same days.
        distance = torch.arange(dynamic.shape[1] - 1, -1, -1, device=dynamic.device)
        days = self.day_embedding(inputs) + self.position_embedding(distance)
        return days if self.static_embedding is None else days + self.static_embedding(static).unsqueeze(1)

    def _mask(self, valid: Tensor, dtype: torch.dtype) -> Tensor:
        days = valid.shape[1]
        seen = valid.bool()[:, None, None, :].expand(-1, 1, days, days)
        if self.config.causal:
            seen = seen & torch.ones(days, days, dtype=torch.bool, device=valid.device).tril()
        # Finite: a day before the record starts sees nothing, and a softmax over nothing is NaN.
        return torch.zeros(seen.shape, dtype=dtype, device=valid.device).masked_fill(~seen, torch.finfo(dtype).min)


def _static_embedding(config: CarbonTransformerConfig) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(config.static_size, config.static_embedding_size),
        nn.GELU(),
        nn.Dropout(config.dropout),
        nn.Linear(config.static_embedding_size, config.hidden_size),
    )


CarbonTransformerConfig.register_for_auto_class()
CarbonTransformer.register_for_auto_class("AutoModel")
