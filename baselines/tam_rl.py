"""TAM-RL: support windows of a tower modulate a shared forward model (architecture in `modeling_tam_rl`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from carbonbench_core.errors import UsageError
from carbonbench_core.rows import quality, sites, targets

from ._network import Network

if TYPE_CHECKING:
    import pyarrow as pa

    from ._support import SupportRecord
    from ._tower_days import TowerDays


class TAMRL(Network):
    """An LSTM over daily inputs, modulated by a task embedding of its tower's support windows.

    In training the support of a window is drawn from the record of its own tower, anew for every batch, and some of it
    shows its fluxes. At prediction it is spread evenly over the inputs of the tower's record, whose fluxes are not
    known; where labelled days are given (few-shot) as many windows of them are added, with their fluxes.

    `published` has the sizes of arXiv:2603.09868. There a window's embedding came from the window itself, its support
    was read for nothing; here it comes from one support window. Losses on reconstructed inputs are left out.

    Settings
    --------
    layers : int, LSTM layers of the forward model
    encoder, latent : int, width of the LSTM that reads the support, and of the task embedding
    support : int, support windows per tower
    shown : float, share of towers of a batch whose support shows fluxes in training; 0: fluxes are never read
    static_size : of no account here, what the place is goes through the encoder
    others : see `_network.Network`
    """

    name = "tam_rl"
    architecture = "modeling_tam_rl.CarbonTAMRL"
    counts = ("layers", "encoder", "latent", "support")
    uses_support = True
    fine_tuning: ClassVar[dict[str, Any]] = {}  # labelled days are its support, nothing is trained on
    defaults: ClassVar[dict[str, Any]] = Network.defaults | {
        "learning_rate": 2e-3,
        "layers": 1,
        "encoder": 32,
        "latent": 8,
        "support": 4,
        "shown": 0.25,
    }
    quick: ClassVar[dict[str, Any]] = Network.quick | {"encoder": 16}
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "published": Network.published
        | {
            "hidden": 128,
            "layers": 2,
            "latent": 64,
            "encoder": 64,
            "dropout": 0.2,
            "learning_rate": 1e-4,
            "batch_size": 128,
            "support": 1,
            "shown": 0.0,
        }
    }

    def __init__(self, seed: int = 0, **settings: Any) -> None:
        super().__init__(seed, **settings)
        if not 0 <= self.settings["shown"] <= 1:
            raise UsageError(f"Got shown={self.settings['shown']}, expected a share from 0 to 1.")

    def sizes(self) -> dict[str, Any]:
        """Return the sizes of the forward model and of the encoder."""
        own = self.settings
        return {
            "num_hidden_layers": own["layers"],
            "encoder_size": own["encoder"],
            "latent_size": own["latent"],
            "support_windows": own["support"],
        }

    def _tower_days(self, table: pa.Table, horizon: int) -> TowerDays:
        days, training = super()._tower_days(table, horizon), self._scaler is None
        fluxes = np.where(days.qc[:, None] > 0, days.y, np.nan) if training and self.settings["shown"] else None
        return self._supported(days, fluxes, self.seed if training else None)

    def _predict(self, table: pa.Table, support: pa.Table | None = None) -> np.ndarray:
        from ._tower_days import TowerDays, predict
        from ._training import seeded

        n = table.num_rows
        site = np.unique(sites(table).astype(str), return_inverse=True)[1]
        days = TowerDays(self._windows(table, 1), np.full((n, 3), np.nan), np.zeros(n), site)
        labelled = () if support is None else self._labelled(support, sites(table))
        with seeded(self.seed, self.settings["num_threads"]):
            return predict(self._model, self._supported(days, None, None, labelled))

    def _supported(
        self, days: TowerDays, fluxes: np.ndarray | None, seed: int | None, more: tuple[SupportRecord, ...] = ()
    ) -> TowerDays:
        from ._support import SupportedDays, SupportRecord

        records = (SupportRecord(days.windows, days.site, fluxes), *more)
        own = self.settings
        return SupportedDays(**vars(days), records=records, count=own["support"], seed=seed, shown=float(own["shown"]))

    def _labelled(self, support: pa.Table, names: np.ndarray) -> tuple[SupportRecord, ...]:
        """Return the record of labelled days of towers that stand in `names` [N]; nothing where there are none."""
        from ._support import SupportRecord

        known = np.unique(names.astype(str))
        own = sites(support).astype(str)
        here = np.isin(own, known)
        if not here.any() or not self.settings["shown"]:
            return ()
        support = support.filter(here)
        fluxes = np.where(np.nan_to_num(quality(support), nan=0.0)[:, None] > 0, targets(support), np.nan)
        return (SupportRecord(self._windows(support, 1), np.searchsorted(known, own[here]), fluxes),)
