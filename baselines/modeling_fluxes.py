"""What all flux architectures share: inputs, heads, loss. An architecture maps masked days to hidden states, no more.

Architectures import this file relatively; transformers copies such siblings beside the weights, so that
``AutoModel.from_pretrained(folder, trust_remote_code=True)`` runs the very code that was trained.
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

from .modeling_site_days import SiteDaysMixin

GPP, RECO, NEE = range(3)


@strict
class FluxConfig(PreTrainedConfig):
    """Sizes of inputs and outputs, and the scaling of the targets; architectures add their own.

    Parameters
    ----------
    dynamic_size, static_size : int, number of daily inputs Fd and of inputs that do not change Fs (may be 0)
    hidden_size : int, width of the hidden states
    static_embedding_size : int, width that static inputs are squeezed to: a narrow one cannot name every tower
    dropout : float, share of activations dropped in training
    input_limit : float, scaled inputs are kept within this many standard deviations: a line goes wild beyond the data
    length, horizon : int, days of a window and how many of its last days are predicted
    target_mean, target_scale : list of float, daily fluxes of the training towers [gC m-2 d-1]
    closure : str, "free": three outputs; "closed": two, and NEE = RECO - GPP [gC m-2 d-1]; "penalty": three, and the
        squared gap between NEE and RECO - GPP is added to the loss
    closure_weight : float, of that penalty
    non_negative : bool, whether GPP and RECO are kept at 0 or above; partitioned fluxes have real negative values
    quantiles : list of float, levels between 0 and 1 to predict, ascending; fluxes are then medians. None is none
    members : int, networks of an ensemble
    """

    dynamic_size: int = 1
    static_size: int = 1
    hidden_size: int = 64
    static_embedding_size: int = 8
    dropout: float = 0.1
    input_limit: float = 5.0
    length: int = 30
    horizon: int = 15
    target_mean: list[float] | None = None
    target_scale: list[float] | None = None
    closure: str = "free"
    closure_weight: float = 0.1
    non_negative: bool = False
    quantiles: list[float] | None = None
    members: int = 1


@dataclass
class CarbonFluxOutput(ModelOutput):
    """What a flux model returns.

    Parameters
    ----------
    loss : Tensor [], only where `labels` were given
    standardised : Tensor [B, H, 3], GPP, RECO and NEE in units of the training towers' spread
    fluxes : Tensor [B, H, 3], the same [gC m-2 d-1]; the median where the model gives quantiles
    quantiles : Tensor [B, H, 3, Q] [gC m-2 d-1], rising, only where the configuration names levels
    """

    loss: Tensor | None = None
    standardised: Tensor | None = None
    fluxes: Tensor | None = None
    quantiles: Tensor | None = None


def quality_weighted_loss(predicted: Tensor, observed: Tensor, weight: Tensor) -> Tensor:
    """Return the weighted mean squared error over the values that were observed.

    Parameters
    ----------
    predicted, observed : Tensor [B, H, T], NaN in `observed` where missing: those add nothing, nor to the gradient
    weight : Tensor [B, H] or [B, H, T], zero or more
    """
    observed, weight = _present(observed, weight, predicted)
    return _weighted_mean((predicted - observed).square(), weight)


def pinball_loss(quantiles: Tensor, observed: Tensor, weight: Tensor, levels: list[float]) -> Tensor:
    """Return the weighted mean over levels and observed values of max(q (y - p), (q - 1) (y - p)).

    Parameters
    ----------
    quantiles : Tensor [B, H, T, Q]
    observed, weight : as in `quality_weighted_loss`
    levels : list of float [Q]

    Source
    ------
    Koenker and Bassett 1978, doi:10.2307/1913643.
    """
    observed, weight = _present(observed, weight, quantiles[..., 0])
    above = observed.unsqueeze(-1) - quantiles
    level = quantiles.new_tensor(levels)
    return _weighted_mean(torch.maximum(level * above, (level - 1) * above).mean(-1), weight)


def _present(observed: Tensor, weight: Tensor, predicted: Tensor) -> tuple[Tensor, Tensor]:
    weight = weight.unsqueeze(-1) if weight.dim() < observed.dim() else weight
    present = observed.isfinite() & (weight > 0)
    # The target itself is replaced, not the product: NaN times zero is NaN, in the gradient too.
    return torch.where(present, observed, predicted.detach()), torch.where(present, weight, 0.0)


def _weighted_mean(values: Tensor, weight: Tensor) -> Tensor:
    return (weight * values).sum() / weight.sum().clamp_min(torch.finfo(weight.dtype).tiny)


class StaticEmbedding(nn.Sequential):
    """Squeezes static inputs [B, Fs] through a narrow layer to [B, D]."""

    def __init__(self, config: FluxConfig, size: int | None = None):
        super().__init__(
            nn.Linear(config.static_size, config.static_embedding_size),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.static_embedding_size, size or config.hidden_size),
        )


class DayEmbedding(nn.Module):
    """Embeds every day [B, L, 2 Fd] and adds what the place is [B, Fs] unless told not to, giving [B, L, D]."""

    def __init__(self, config: FluxConfig, place: bool = True):
        super().__init__()
        self.dynamic = nn.Linear(2 * config.dynamic_size, config.hidden_size)
        self.static = StaticEmbedding(config) if place and config.static_size else None

    def forward(self, days: Tensor, static: Tensor) -> Tensor:
        """Return the embedded days."""
        embedded = self.dynamic(days)
        return embedded if self.static is None else embedded + self.static(static).unsqueeze(1)


class FluxHead(nn.Module):
    """Reads GPP, RECO and NEE, and their quantiles where asked for, off hidden states.

    Parameters
    ----------
    config : FluxConfig
    size : int, width of the hidden states; `hidden_size` if not given
    """

    def __init__(self, config: FluxConfig, size: int | None = None):
        super().__init__()
        size = size or config.hidden_size
        self.closed, self.non_negative = config.closure == "closed", config.non_negative
        self.point = nn.Linear(size, 2 if self.closed else 3)
        levels = config.quantiles or ()
        self.below, self.above = sum(q < 0.5 for q in levels), sum(q > 0.5 for q in levels)
        self.spread = nn.Linear(size, 3 * (self.below + self.above)) if self.below + self.above else None

    def forward(self, hidden: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
        """Return the levels below the median, the median and those above, [B, H, 3, Q] [gC m-2 d-1].

        Parameters
        ----------
        hidden : Tensor [B, H, D]
        mean, scale : Tensor [3], of the targets [gC m-2 d-1]
        """
        point = self.point(hidden).to(mean.dtype)  # under autocast a layer's output is of half precision
        point = point * scale[: point.shape[-1]] + mean[: point.shape[-1]]
        if self.non_negative:
            point = torch.cat([functional.softplus(point[..., :NEE]), point[..., NEE:]], dim=-1)
        if self.closed:
            point = torch.cat([point, (point[..., RECO] - point[..., GPP]).unsqueeze(-1)], dim=-1)
        median = point.unsqueeze(-1)
        if self.spread is None:
            return median
        # Steps away from the median are positive, so that levels never cross; they start at a third of the spread.
        steps = functional.softplus(self.spread(hidden).to(mean.dtype) - 1).unflatten(-1, (3, -1)) * scale[:, None]
        down, up = steps.split([self.below, self.above], dim=-1)
        levels = [median - down.flip(-1).cumsum(-1).flip(-1), median, median + up.cumsum(-1)]
        levels = torch.cat(levels, dim=-1)
        return (
            torch.cat([levels[..., :NEE, :].clamp_min(0.0), levels[..., NEE:, :]], -2) if self.non_negative else levels
        )


class FluxModel(SiteDaysMixin, PreTrainedModel):
    """Base of all architectures: a subclass builds its layers and `self.head`, and gives `hidden`.

    Its file ends with ``<Config>.register_for_auto_class()``, ``<Model>.register_for_auto_class("AutoModel")`` and
    ``<Model>Ensemble = ensemble_of(<Model>)`` of `modeling_ensemble`.
    """

    config_class = FluxConfig
    main_input_name = "dynamic"

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, nn.Linear):
            init.xavier_uniform_(module.weight)

    def hidden(self, days: Tensor, static: Tensor, valid: Tensor, last: int) -> Tensor:
        """Return hidden states [B, last, D] of the last days of each window.

        Parameters
        ----------
        days : Tensor [B, L, 2 Fd], scaled inputs, 0 where not observed, then for each 1 where it was observed, else 0
        static : Tensor [B, Fs], scaled inputs that do not change
        valid : Tensor [B, L] bool, false before a record starts; `days` are 0 there
        last : int, how many last days are asked for
        """
        raise NotImplementedError

    def forward(
        self,
        dynamic: Tensor,
        observed: Tensor,
        valid: Tensor,
        static: Tensor,
        labels: Tensor | None = None,
        weight: Tensor | None = None,
        horizon: int | None = None,
        **more: Tensor,
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
        more : what else the architecture's `hidden` takes
        """
        valid = valid.bool()
        days, static = self.inputs(dynamic, observed, valid, static)
        hidden = self.hidden(days, static, valid, horizon or self.config.horizon, **more)
        mean, scale = self._target_scaling(dynamic)
        levels = self.head(hidden, mean, scale)
        fluxes = levels[..., self.head.below]
        out = CarbonFluxOutput(standardised=(fluxes - mean) / scale, fluxes=fluxes)
        if labels is not None:
            weight = torch.ones_like(labels[..., 0]) if weight is None else weight
            out.loss = self._loss(out, levels, labels, weight, valid[:, -labels.shape[1] :])
        if asked := self.config.quantiles:
            known = _with_median(asked)
            out.quantiles = levels if len(known) == len(asked) else levels[..., [known.index(q) for q in asked]]
        return out

    def inputs(self, dynamic: Tensor, observed: Tensor, valid: Tensor, static: Tensor) -> tuple[Tensor, Tensor]:
        """Return `days` and `static` as `hidden` takes them."""
        limit = self.config.input_limit
        dynamic, static = dynamic.clamp(-limit, limit), static.clamp(-limit, limit)
        observed = observed.bool() & valid.unsqueeze(-1)
        return torch.cat([torch.where(observed, dynamic, 0.0), observed.to(dynamic.dtype)], dim=-1), static

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

    def _loss(self, out: CarbonFluxOutput, levels: Tensor, labels: Tensor, weight: Tensor, valid: Tensor) -> Tensor:
        config, observed = self.config, self.standardise(labels)
        if config.quantiles:
            mean, scale = self._target_scaling(levels)
            standardised = (levels - mean[:, None]) / scale[:, None]
            loss = pinball_loss(standardised, observed, weight, _with_median(config.quantiles))
        else:
            loss = quality_weighted_loss(out.standardised, observed, weight)
        if config.closure == "penalty":
            gpp, reco, nee = out.fluxes.unbind(-1)
            # On every day of the record, measured or not: the balance is known without a measurement.
            loss = loss + config.closure_weight * _weighted_mean((nee - (reco - gpp)).square(), valid.to(nee.dtype))
        return loss


def _with_median(levels: list[float]) -> list[float]:
    return sorted({*levels, 0.5})
