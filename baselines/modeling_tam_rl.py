"""Task-aware modulation: windows of a tower tell what kind of place it is, and that modulates a shared forward model.

Source
------
Renganathan et al. 2025, doi:10.1137/1.9781611978520.2, arXiv:2310.04727. Encoder and forward model are trained together
by the error of the fluxes; the encoder runs forward in time only, and nothing reconstructs its inputs.
"""

from __future__ import annotations

import torch
from huggingface_hub.dataclasses import strict
from torch import Tensor, nn

from .modeling_ensemble import ensemble_of
from .modeling_fluxes import FluxConfig, FluxHead, FluxModel
from .modeling_recurrent import FromTheStart


@strict
class CarbonTAMRLConfig(FluxConfig):
    """Sizes of a `CarbonTAMRL`.

    Parameters
    ----------
    num_hidden_layers : int, LSTM layers of the forward model
    encoder_size, latent_size : int, width of the LSTM that reads support windows, and of the task embedding
    support_windows : int, support windows per tower; others than this number may be given
    """

    model_type = "carbonbench-tam-rl"

    num_hidden_layers: int = 1
    encoder_size: int = 32
    latent_size: int = 16
    support_windows: int = 8


class TaskEncoder(nn.Module):
    """Support windows of a place -> its task embedding; their order and number are of no account."""

    def __init__(self, config: CarbonTAMRLConfig):
        super().__init__()
        size = config.encoder_size
        # per day the inputs and whether each was observed; the fluxes and whether each was; what the place is
        self.embedding = nn.Linear(2 * config.dynamic_size + 6 + config.static_size, size)
        self.encoder = FromTheStart("lstm", size, size)
        self.task = nn.Linear(size, config.latent_size)

    def forward(self, days: Tensor, fluxes: Tensor, static: Tensor, valid: Tensor) -> Tensor:
        """Return the task embeddings [S, Z].

        Parameters
        ----------
        days : Tensor [S, K, L, 2 Fd], as `FluxModel.hidden` takes them
        fluxes : Tensor [S, K, L, 3], standardised, NaN where not known
        static : Tensor [S, Fs]
        valid : Tensor [S, K, L] bool; a window without a valid day is no support
        """
        known = fluxes.isfinite() & valid.unsqueeze(-1)
        place = static[:, None, None, :].expand(*valid.shape, -1)
        days = torch.cat([days, torch.where(known, fluxes, 0.0), known.to(days.dtype), place], dim=-1)
        states = self.encoder(self.embedding(days).flatten(0, 1), valid.flatten(0, 1)).unflatten(0, valid.shape[:2])
        present = valid.unsqueeze(-1).to(states.dtype)
        # the mean over days of a window, then over windows
        windows = (states * present).sum(2) / present.sum(2).clamp_min(1.0)
        some = valid.any(-1, keepdim=True).to(states.dtype)
        return self.task((windows * some).sum(1) / some.sum(1).clamp_min(1.0))


class Modulation(nn.Module):
    """Scales and shifts states [B, L, D] by what a task embedding [B, Z] asks for: x -> (1 + g(z)) x + b(z)."""

    def __init__(self, latent: int, size: int):
        super().__init__()
        self.scale, self.shift = nn.Linear(latent, size), nn.Linear(latent, size)

    def forward(self, states: Tensor, task: Tensor) -> Tensor:
        """Return the modulated states."""
        return (1 + self.scale(task)).unsqueeze(1) * states + self.shift(task).unsqueeze(1)


class CarbonTAMRL(FluxModel):
    """Daily GPP, RECO and NEE from an LSTM over daily inputs, modulated by what the tower's support windows tell.

    What the place is (static inputs) reaches the forward model through the task embedding only.
    """

    config_class = CarbonTAMRLConfig

    def __init__(self, config: CarbonTAMRLConfig):
        super().__init__(config)
        size, latent = config.hidden_size, config.latent_size
        self.task_encoder = TaskEncoder(config)
        self.embedding = nn.Linear(2 * config.dynamic_size, size)
        self.modulate_days, self.modulate_states = Modulation(latent, size), Modulation(latent, size)
        self.encoder = FromTheStart("lstm", size, size, config.num_hidden_layers, config.dropout)
        self.dropout = nn.Dropout(config.dropout)
        self.head = FluxHead(config)
        self.post_init()

    def hidden(
        self,
        days: Tensor,
        static: Tensor,
        valid: Tensor,
        last: int,
        support_dynamic: Tensor | None = None,
        support_observed: Tensor | None = None,
        support_valid: Tensor | None = None,
        support_static: Tensor | None = None,
        support_fluxes: Tensor | None = None,
        support_of: Tensor | None = None,
    ) -> Tensor:
        """Return the modulated states after the last days, see `FluxModel.hidden`.

        Parameters
        ----------
        days, static, valid, last : as there
        support_dynamic, support_observed : Tensor [S, K, L, Fd], inputs of K support windows of each of S towers
        support_valid : Tensor [S, K, L]
        support_static : Tensor [S, Fs]
        support_fluxes : Tensor [S, K, L, 3], fluxes of the support windows [gC m-2 d-1], NaN where not known; none are
            known if not given
        support_of : Tensor [B] int, which of the S towers each window is of; window b is of tower b if not given

        Raises
        ------
        ValueError : no support windows were given
        """
        if support_dynamic is None or support_observed is None or support_valid is None or support_static is None:
            raise ValueError(
                "TAM-RL knows a tower by its support windows: give support_dynamic, support_observed, "
                "support_valid and support_static."
            )
        seen = support_valid.bool()
        inputs, place = self.inputs(support_dynamic, support_observed, seen, support_static)
        if support_fluxes is None:
            support_fluxes = inputs.new_full((*seen.shape, 3), float("nan"))
        limit = self.config.input_limit
        fluxes = self.standardise(support_fluxes).clamp(-limit, limit)
        task = self.task_encoder(inputs, fluxes, place, seen)
        task = task if support_of is None else task[support_of]
        states = self.encoder(self.modulate_days(self.embedding(days), task), valid)
        return self.dropout(self.modulate_states(states[:, -last:], task))


CarbonTAMRLConfig.register_for_auto_class()
CarbonTAMRL.register_for_auto_class("AutoModel")
CarbonTAMRLEnsemble = ensemble_of(CarbonTAMRL)
