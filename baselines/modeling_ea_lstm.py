"""Entity-aware LSTM: what the place is decides, once, how far each cell of the state is open to the weather.

Source
------
Kratzert et al. 2019, doi:10.5194/hess-23-5089-2019, equations 7 to 12.
"""

from __future__ import annotations

import torch
from huggingface_hub.dataclasses import strict
from torch import Tensor, nn
from transformers import initialization as init

from .modeling_ensemble import ensemble_of
from .modeling_fluxes import FluxConfig, FluxHead, FluxModel


@strict
class CarbonEALSTMConfig(FluxConfig):
    """Sizes of a `CarbonEALSTM`.

    Parameters
    ----------
    forget_bias : float, bias the forget gate starts with: a large one remembers from the first step on
    """

    model_type = "carbonbench-ea-lstm"

    forget_bias: float = 3.0


class EALSTM(nn.Module):
    """The recurrence: i is the gate of the place, one for all days.

        f[t] = sigmoid(Wf x[t] + Uf h[t-1] + bf)        g[t] = tanh(Wg x[t] + Ug h[t-1] + bg)
        o[t] = sigmoid(Wo x[t] + Uo h[t-1] + bo)        c[t] = f[t] c[t-1] + i g[t]        h[t] = o[t] tanh(c[t])

    Parameters
    ----------
    size_in, size : int, width of a day and of the state
    """

    def __init__(self, size_in: int, size: int):
        super().__init__()
        # forget gate, output gate, candidate
        self.inputs = nn.Linear(size_in, 3 * size, bias=False)
        self.recurrent = nn.Parameter(torch.zeros(3 * size, size))
        self.bias = nn.Parameter(torch.zeros(3 * size))

    def forward(self, days: Tensor, gate: Tensor, valid: Tensor) -> Tensor:
        """Return the states h [B, L, D] for `days` [B, L, E] and the input `gate` [B, D].

        Parameters
        ----------
        valid : Tensor [B, L] bool, false before a record starts: the state stays empty there
        """
        size = gate.shape[-1]
        # what does not hang on the state is computed for all days at once
        inputs = (self.inputs(days) + self.bias).unbind(1)
        opened = (gate.unsqueeze(1) * valid.unsqueeze(-1)).unbind(1)
        h = c = torch.zeros_like(gate)
        states = []
        for now, i in zip(inputs, opened, strict=True):
            gates = torch.addmm(now, h, self.recurrent.T)
            f, o = gates[:, : 2 * size].sigmoid().chunk(2, dim=-1)
            c = torch.addcmul(f * c, i, gates[:, 2 * size :].tanh())
            h = o * c.tanh()
            states.append(h)
        return torch.stack(states, dim=1)


class CarbonEALSTM(FluxModel):
    """Daily GPP, RECO and NEE from an LSTM over daily inputs whose input gate is a function of static inputs alone.

    Where there are no static inputs the gate is one constant per cell.
    """

    config_class = CarbonEALSTMConfig

    def __init__(self, config: CarbonEALSTMConfig):
        super().__init__(config)
        self.gate = nn.Linear(max(1, config.static_size), config.hidden_size)
        self.encoder = EALSTM(2 * config.dynamic_size, config.hidden_size)
        self.dropout = nn.Dropout(config.dropout)
        self.head = FluxHead(config)
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, EALSTM):
            init.orthogonal_(module.recurrent)
            forget = torch.arange(len(module.bias), device=module.bias.device) < len(module.bias) // 3
            init.copy_(module.bias, forget * self.config.forget_bias)

    def hidden(self, days: Tensor, static: Tensor, valid: Tensor, last: int) -> Tensor:
        """Return the states after the last days, see `FluxModel.hidden`."""
        place = static if static.shape[1] else static.new_zeros(len(static), 1)
        states = self.encoder(days, self.gate(place).sigmoid(), valid)
        return self.dropout(states[:, -last:])


CarbonEALSTMConfig.register_for_auto_class()
CarbonEALSTM.register_for_auto_class("AutoModel")
CarbonEALSTMEnsemble = ensemble_of(CarbonEALSTM)
