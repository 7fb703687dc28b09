"""The mean of several networks of one architecture, as one model that travels with its code.

A mean over seeds is what the published benchmark scores (arXiv:2603.09868).
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from .modeling_fluxes import CarbonFluxOutput, FluxConfig, FluxModel
from .modeling_site_days import SiteDaysMixin


class FluxEnsemble(SiteDaysMixin, PreTrainedModel):
    """The mean of `config.members` networks that were trained from different seeds; see `ensemble_of`."""

    main_input_name = "dynamic"
    architecture: ClassVar[type[FluxModel]]

    def __init__(self, config: FluxConfig):
        super().__init__(config)
        self.members = nn.ModuleList(self.architecture(config) for _ in range(config.members))
        self.post_init()

    def forward(self, **inputs: Tensor) -> CarbonFluxOutput:
        """Return the mean over the members; parameters are those of `FluxModel.forward`."""
        outputs = [member(**inputs) for member in self.members]
        # An output iterates over what it holds.
        return CarbonFluxOutput(**{key: torch.stack([out[key] for out in outputs]).mean(0) for key in outputs[0]})


def ensemble_of(architecture: type[FluxModel]) -> type[FluxEnsemble]:
    """Return the ensemble of an architecture, to stand in its file as ``<Architecture>Ensemble``."""
    of = {
        "architecture": architecture,
        "config_class": architecture.config_class,
        "__module__": architecture.__module__,
        "__doc__": f"The mean of several `{architecture.__name__}`.",
    }
    made = type(f"{architecture.__name__}Ensemble", (FluxEnsemble,), of)
    made.register_for_auto_class("AutoModel")
    return made
