"""Towers seen as windows: what a network learns from, predicts, and is watched by while it learns."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from carbonbench_core.schema import TARGETS

from ._inputs import median_site_r2

if TYPE_CHECKING:
    from carbonbench_core.windows import Windows

PREDICT_BATCH = 4096  # windows
DAYS_PER_TOWER = 300  # validation days looked at after each epoch: more of them change a tower's R2 little


@dataclass(frozen=True)
class TowerDays:
    """Windows of some towers, and the days behind them.

    Parameters
    ----------
    windows : Windows
    y, qc : ndarray [N, 3] [gC m-2 d-1], NaN where missing, and [N] nee_qc [0-1], 0 where missing
    site : ndarray [N] int, towers numbered
    factor : ndarray [N] float32, optional, weight of each day in the loss, beside its quality
    group : ndarray [N] int, optional, groups of days that are drawn equally often, as far as their windows go
    """

    windows: Windows
    y: np.ndarray
    qc: np.ndarray
    site: np.ndarray
    factor: np.ndarray | None = None
    group: np.ndarray | None = None

    def batch(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """Gather some windows as `Windows.batch` does; whatever a subclass adds goes to the model as it is."""
        batch = self.windows.batch(indices)
        if self.factor is not None:
            batch["weight"] = batch["weight"] * self.factor[self.windows.ends[indices]][:, None]
        return batch

    def candidates(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the windows with a label [M], and the chance of each to be drawn where groups are balanced."""
        labelled = np.flatnonzero(self.windows.labelled)
        if self.group is None:
            return labelled, None
        group = self.group[self.windows.ends[labelled]]
        return labelled, 1.0 / np.bincount(group)[group]

    def digest(self) -> str:
        """Return a digest of what is learnt from."""
        scaler = self.windows.scaler
        own = (self.y, self.qc, self.site, self.factor, self.group, self.windows.ends)
        return digest_of(*own, scaler.mean, scaler.scale, *self.windows.inputs)

    def of_member(self, seed: int) -> TowerDays:
        """Return the days as the member of an ensemble with this seed draws them."""
        return self

    def target_scaling(self) -> tuple[list[float], list[float]]:
        """Return mean and standard deviation per target over the days of a quality above 0 [gC m-2 d-1]."""
        known = [column[np.isfinite(column) & (self.qc > 0)] for column in self.y.T]
        return [float(k.mean()) for k in known], [float(k.std()) or 1.0 for k in known]

    def input_groups(self) -> list[np.ndarray]:
        """Return the daily inputs that some towers lack, grouped by the towers that have them, as index arrays.

        Whether such a group is there tells towers apart; hiding it at random takes that away.
        """
        windows = self.windows
        # one window in `length` covers every day of a record about once
        indices = np.arange(0, len(windows), max(1, windows.length // windows.stride))
        present = np.zeros((self.site.max() + 1, len(windows.dynamic_names)), dtype=bool)
        for part in np.array_split(indices, max(1, len(indices) // PREDICT_BATCH)):
            batch = windows.batch(part)
            np.logical_or.at(present, self.site[windows.ends[part]], batch["observed"].any(axis=1))
        patterns, group = np.unique(present, axis=1, return_inverse=True)
        some = patterns.any(axis=0) & ~patterns.all(axis=0)
        return [np.flatnonzero(group == g) for g in np.flatnonzero(some)]


class Watch:
    """Scores a model at the validation towers by the benchmark's own score: the median over towers of the daily R2.

    To be quick it takes at most 300 days of a tower, evenly spread, of the quality that the benchmark scores; where no
    day reaches that, days of any quality above 0. Unlike there, the first days of a record count.

    Parameters
    ----------
    days : TowerDays, windows with stride 1 and horizon 1
    qc_threshold : float, nee_qc from which a day is scored
    """

    def __init__(self, days: TowerDays, qc_threshold: float = 1.0) -> None:
        self.days = days
        present = np.isfinite(days.y).any(axis=1)
        scored = present & (days.qc >= qc_threshold)
        self.rows = _spread(np.flatnonzero(scored if scored.any() else present & (days.qc > 0)), days.site)
        self.y, self.site = days.y[self.rows], days.site[self.rows]

    def digest(self) -> str:
        """Return a digest of what is scored."""
        return digest_of(self.y, self.site, self.rows, *self.days.windows.inputs)

    def score(self, model: nn.Module) -> dict[str, float]:
        """Return the score per target and, as "score", their mean; NaN where no tower has a spread."""
        predicted = predict(model, self.days, self.rows)
        scores = {}
        for j, target in enumerate(TARGETS):
            known = np.isfinite(self.y[:, j])
            scores[target] = median_site_r2(self.y[known, j], predicted[known, j], self.site[known])
        there = [s for s in scores.values() if np.isfinite(s)]
        return scores | {"score": float(np.mean(there)) if there else float("nan")}


def predict(
    model: nn.Module, days: TowerDays | Windows, indices: np.ndarray | None = None, batch: int = 0
) -> np.ndarray:
    """Return the fluxes of the last day of each window, then its quantiles, ndarray [N, 3 or more] float32.

    Parameters
    ----------
    model, days : Module, TowerDays or Windows
    indices : ndarray of int, optional, the windows to predict; None is all
    batch : int, windows at a time
    """
    windows = getattr(days, "windows", days)
    indices = np.arange(len(windows)) if indices is None else indices
    batch, device, parts = batch or PREDICT_BATCH, device_of(model), []
    model.eval()
    with torch.inference_mode():
        for start in range(0, len(indices), batch):
            out = model(**as_tensors(days.batch(indices[start : start + batch]), device), horizon=1)
            quantiles = getattr(out, "quantiles", None)
            last = [out.fluxes[:, -1], *([] if quantiles is None else [quantiles[:, -1].flatten(1)])]
            parts.append(torch.cat(last, dim=1).cpu().numpy())
    return np.concatenate(parts) if parts else np.zeros((0, len(TARGETS)), dtype=np.float32)


def as_tensors(batch: dict[str, np.ndarray], device: torch.device) -> dict[str, torch.Tensor]:
    """Return the inputs of a batch as tensors on a device."""
    return {k: torch.from_numpy(v).to(device) for k, v in batch.items() if k not in ("y", "weight")}


def device_of(model: nn.Module) -> torch.device:
    """Return where the weights of a model are."""
    return next(model.parameters()).device


def digest_of(*arrays: np.ndarray | None) -> str:
    """Return a digest of arrays, in order."""
    state = hashlib.sha256()
    for array in arrays:
        state.update(b"none" if array is None else np.ascontiguousarray(array).tobytes())
    return state.hexdigest()[:16]


def balanced_factor(codes: list[np.ndarray], counted: np.ndarray) -> np.ndarray:
    """Return the product over classifications of n / (k n_c): each of k classes weighs the same, 1 on average.

    Parameters
    ----------
    codes : list of ndarray [N] int, class of every day; a class without counted days weighs 1
    counted : ndarray [N] bool, days that are learnt from
    """
    factor = np.ones(len(counted))
    for code in codes:
        n = np.bincount(code[counted], minlength=code.max(initial=0) + 1)
        factor *= np.where(n > 0, n.sum() / ((n > 0).sum() * np.maximum(n, 1)), 1.0)[code]
    return factor.astype(np.float32)


def _spread(rows: np.ndarray, site: np.ndarray) -> np.ndarray:
    """Return at most `DAYS_PER_TOWER` of the rows per tower, evenly spread."""
    kept = []
    for tower in np.unique(site[rows]):
        own = rows[site[rows] == tower]
        kept.append(own[np.linspace(0, len(own) - 1, min(len(own), DAYS_PER_TOWER)).astype(np.int64)])
    return np.concatenate(kept) if kept else rows
