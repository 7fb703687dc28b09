"""Support windows: windows of a tower's own record, by which a model may know what kind of place the tower is.

A model that reads them gets, beside the tensors of `Windows.batch`, S towers of K windows and which tower each window
of the batch is of: ``support_dynamic``, ``support_observed`` [S, K, L, Fd], ``support_valid`` [S, K, L],
``support_static`` [S, Fs], ``support_fluxes`` [S, K, L, 3] (NaN where not known) and ``support_of`` [B].
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ._tower_days import TowerDays

if TYPE_CHECKING:
    from carbonbench_core.windows import Windows

GATHERED = ("dynamic", "observed", "valid", "static", "fluxes")


class SupportRecord:
    """The windows that support may be taken from.

    Parameters
    ----------
    windows : Windows, stride 1
    tower : ndarray [N] int, tower of every row of the data
    fluxes : ndarray [N, 3] or None, fluxes to give with the windows [gC m-2 d-1], NaN where not known
    """

    def __init__(self, windows: Windows, tower: np.ndarray, fluxes: np.ndarray | None = None) -> None:
        self.windows, self.fluxes = windows, fluxes
        self.tower = tower[windows.ends]
        # Whole windows where a tower has any; else the one that reaches furthest.
        age = windows.age
        order = np.lexsort((np.arange(len(age)), self.tower))
        self.pools: dict[int, np.ndarray] = {}
        for own in np.split(order, np.flatnonzero(np.diff(self.tower[order])) + 1) if len(order) else []:
            whole = own[age[own] >= windows.length - 1]
            self.pools[int(self.tower[own[0]])] = whole if len(whole) else own[[age[own].argmax()]]

    def choose(self, towers: np.ndarray, share: np.ndarray) -> np.ndarray:
        """Return windows [S, K], as far into a tower's record as their `share` [S, K] says; -1 for no such tower."""
        chosen = np.full(share.shape, -1)
        for row, tower in enumerate(towers):
            if (pool := self.pools.get(int(tower))) is not None:
                # a share just below 1 may round to it
                chosen[row] = pool[np.minimum(share[row] * len(pool), len(pool) - 1).astype(np.int64)]
        return chosen

    def gather(self, chosen: np.ndarray) -> dict[str, np.ndarray]:
        """Return the support of windows [S, K] that were chosen; where -1 no day is valid."""
        flat = np.maximum(chosen, 0).ravel()
        batch = self.windows.batch(flat)
        batch["valid"] &= (chosen >= 0).ravel()[:, None]
        batch["fluxes"] = self._fluxes(flat, batch["valid"])
        own = {key: batch[key].reshape(*chosen.shape, *batch[key].shape[1:]) for key in GATHERED}
        # what the place is, as it is last
        return {f"support_{key}": value for key, value in (own | {"static": own["static"][:, -1]}).items()}

    def _fluxes(self, chosen: np.ndarray, valid: np.ndarray) -> np.ndarray:
        if self.fluxes is None:
            return np.full((*valid.shape, 3), np.nan, dtype=np.float32)
        rows = self.windows.ends[chosen][:, None] - np.arange(valid.shape[1] - 1, -1, -1)
        return np.where(valid[..., None], self.fluxes[np.maximum(rows, 0)], np.nan).astype(np.float32)


@dataclass(frozen=True)
class SupportedDays(TowerDays):
    """Days of some towers, whose batches carry support windows of those towers.

    Parameters
    ----------
    records : tuple of SupportRecord, each gives `count` windows per tower
    count : int, K
    seed : int or None, support is drawn anew for every batch; None: always the same, evenly spread over the record
    shown : float, chance that the fluxes of a drawn tower's support are shown, each window's then with a chance of one
        half; without `seed` all are
    """

    records: tuple[SupportRecord, ...] = ()
    count: int = 8
    seed: int | None = None
    shown: float = 0.0

    def of_member(self, seed: int) -> SupportedDays:
        """Return the days with support that is drawn by this seed; as they are where it is not drawn."""
        return self if self.seed is None else replace(self, seed=seed)

    def batch(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """Gather some windows and the support of their towers."""
        ends = self.windows.ends[indices]
        towers, of = np.unique(self.site[ends], return_inverse=True)
        size = (len(towers), self.count)
        # Seeded by the windows that are asked for: a training that was resumed draws the same again.
        rng = None if self.seed is None else np.random.default_rng([self.seed, *map(int, ends)])
        share = (np.arange(self.count) + (np.full(size, 0.5) if rng is None else rng.random(size))) / self.count
        parts = []
        for record in self.records:
            chosen = record.choose(towers, share)
            parts.append(record.gather(chosen))
            if rng is not None:
                hidden = self._hidden(record, chosen, ends, of, rng)
                parts[-1]["support_fluxes"][hidden] = np.nan
        support = {k: np.concatenate([part[k] for part in parts], axis=1) for k in parts[0]}
        # the first record is that of the windows themselves, and has every tower
        support["support_static"] = parts[0]["support_static"]
        return super().batch(indices) | support | {"support_of": of}

    def _hidden(
        self, record: SupportRecord, chosen: np.ndarray, ends: np.ndarray, of: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Return which of the windows [S, K] keep their fluxes to themselves."""
        shown = (rng.random((len(chosen), 1)) < self.shown) & (rng.random(chosen.shape) < 0.5)
        # A window that meets one that is asked for would give the answer away.
        apart = np.abs(record.windows.ends[chosen][..., None] - ends) >= self.windows.length
        return ~(shown & (apart | (of != np.arange(len(chosen))[:, None, None])).all(-1))
