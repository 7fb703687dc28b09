"""Transformer over patches of days (architecture in `modeling_patch_transformer`)."""

from __future__ import annotations

from typing import Any, ClassVar

from ._attention import Attention


class PatchTransformer(Attention):
    """A pre-norm encoder whose tokens are `patch` days each.

    `published` has the sizes of arXiv:2603.09868. There patches of 4 days were counted from the first of 30 days, so
    that the last two were not read; here they are counted back from the last.

    Settings
    --------
    patch : int, days of a patch
    others : see `_attention.Attention`
    """

    name = "patch_transformer"
    architecture = "modeling_patch_transformer.CarbonPatchTransformer"
    counts = (*Attention.counts, "patch")
    defaults: ClassVar[dict[str, Any]] = Attention.defaults | {"patch": 5}
    presets: ClassVar[dict[str, dict[str, Any]]] = {"published": Attention.published | {"patch": 4}}

    def sizes(self) -> dict[str, Any]:
        """Return the sizes of the encoder and of a patch."""
        return super().sizes() | {"patch_length": self.settings["patch"]}
