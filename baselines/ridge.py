"""Ridge regression on scaled features: the linear reference."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from carbonbench_core.encoding import Encoder, Scaler
from carbonbench_core.errors import CarbonBenchError, UsageError
from carbonbench_core.schema import TARGETS

from . import Baseline
from ._inputs import Design, best, design, input_columns, median_site_r2, validation_design
from ._saved import read_arrays, write_arrays

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

WEIGHTS = "ridge.npz"
CHUNK = 16384  # rows
ALPHAS = tuple(float(a) for a in 10.0 ** np.arange(0, 7))


class Ridge(Baseline):
    """One linear model per target, penalised, rows weighted by nee_qc; missing inputs have an indicator.

    The penalty of every target is the one of `alphas` with the best median site R2 at the validation towers.

    Settings
    --------
    alpha : float, the penalty where there are no validation towers
    alphas : tuple of float, penalties to choose from
    clip : float, scaled inputs are kept within this many standard deviations; a line goes wild beyond the data
    coordinates : bool, whether latitude and longitude are inputs
    lags : bool, add the day before and the means of 7 and 30 days of every driver
    day_of_year : bool, add sine and cosine of the season day
    """

    name = "ridge"
    defaults: ClassVar[dict[str, Any]] = {
        "alpha": 1000.0,
        "alphas": ALPHAS,
        "clip": 5.0,
        "coordinates": False,
        "lags": False,
        "day_of_year": True,
    }

    def __init__(self, seed: int = 0, **settings: Any) -> None:
        super().__init__(seed, **settings)
        for alpha in (self.settings["alpha"], self.settings["clip"], *(self.settings["alphas"] or ["none"])):
            if not isinstance(alpha, int | float) or not 0 <= alpha < np.inf:
                raise UsageError(f"Got {alpha!r} in alpha, alphas or clip, expected numbers of at least 0.")

    def _choose(self, table: pa.Table) -> list[str]:
        return input_columns(table, self.settings)

    def _fit(self, train: pa.Table, validation: pa.Table | None) -> None:
        from threadpoolctl import threadpool_limits  # comes with scikit-learn

        rows = design(train, self.features, self.settings)
        is_class = np.isin(rows.names, Encoder(self.features).names) & np.array(["=" in n for n in rows.names])
        self._scaler = Scaler().fit(rows.x, keep=is_class)
        missing = np.isnan(rows.x)
        self._indicated = np.flatnonzero(missing.any(axis=0) & ~missing.all(axis=0))
        x = self._scaled(rows)
        held = validation_design(validation, self.features, self.settings, self.qc_threshold)
        z = None if held is None else self._scaled(held)
        # Matrices this small gain nothing from more threads, which on a busy machine wait for each other for minutes.
        with threadpool_limits(1):
            fits = [self._fit_target(j, rows, x, held, z) for j in range(len(TARGETS))]
        self._coefficients = np.stack([f[0] for f in fits])
        self._alphas, self._scores = [f[1] for f in fits], [f[2] for f in fits]

    def _fit_target(
        self, j: int, rows: Design, x: np.ndarray, held: Design | None, z: np.ndarray | None
    ) -> tuple[np.ndarray, float, float | None]:
        """Return intercept and coefficients [1 + F], the penalty, and its validation score."""
        known = rows.labelled(j)
        solve = penalised(x[known], rows.y[known, j], rows.weight[known])
        there = np.zeros(0, dtype=np.int64) if held is None else held.labelled(j)
        if not there.size:
            alpha = float(self.settings["alpha"])
            return solve(alpha), alpha, None
        y, z, site = held.y[there, j], z[there], held.site[there]
        lines = {float(a): solve(float(a)) for a in self.settings["alphas"]}
        alpha, score = best((a, median_site_r2(y, _apply(z, line), site)) for a, line in lines.items())
        return lines[alpha], alpha, None if np.isnan(score) else score

    def _predict(self, table: pa.Table) -> np.ndarray:
        return _apply(self._scaled(design(table, self.features, self.settings)), self._coefficients.T)

    def _scaled(self, rows: Design) -> np.ndarray:
        x = np.clip(self._scaler.transform(rows.x), -self.settings["clip"], self.settings["clip"])
        missing = np.isnan(rows.x[:, self._indicated]).astype(np.float32)
        return np.concatenate([np.nan_to_num(x, nan=0.0, copy=False), missing], axis=1)

    def _state(self) -> dict[str, Any]:
        return {
            "scaler": self._scaler.to_dict(),
            "indicated": self._indicated.tolist(),
            "alpha": dict(zip(TARGETS, self._alphas, strict=True)),
            "validation_r2": dict(zip(TARGETS, self._scores, strict=True)),
        }

    def _save(self, folder: Path) -> list[str]:
        write_arrays(folder / WEIGHTS, coefficients=self._coefficients)
        return [WEIGHTS]

    def _load(self, folder: Path, state: dict[str, Any]) -> None:
        self._scaler = Scaler.from_dict(state["scaler"])
        self._indicated = np.asarray(state["indicated"], dtype=np.int64)
        self._alphas = [state["alpha"][t] for t in TARGETS]
        self._scores = [state["validation_r2"][t] for t in TARGETS]
        n = len(self._scaler.mean)
        if self._indicated.size and not (self._indicated.min() >= 0 and self._indicated.max() < n):
            raise CarbonBenchError(f"{folder}: indicators of missing values name inputs that do not exist.")
        shape = (len(TARGETS), 1 + n + len(self._indicated))
        self._coefficients = read_arrays(folder / WEIGHTS, coefficients=shape)["coefficients"]


def penalised(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> Callable[[float], np.ndarray]:
    """Return a function from the penalty to the ridge line; the products of the data are formed once for all of them.

    It minimises sum w (y - b0 - x b)^2 + alpha |b|^2 (Hoerl and Kennard 1970, doi:10.1080/00401706.1970.10488634): with
    centred x and y, b = (x' w x + alpha 1)^-1 x' w y, and the intercept, which is not penalised, follows.

    Parameters
    ----------
    x : ndarray [N, F]
    y, weight : ndarray [N]

    Returns
    -------
    solve : callable, alpha -> ndarray [1 + F], the intercept first
    """
    # In pieces that stay in the processor's cache: faster than one product over all rows, and without a copy of them.
    pieces = [slice(at, at + CHUNK) for at in range(0, len(x), CHUNK)]
    w = weight / weight.sum()
    mean_x, mean_y = sum(w[p] @ x[p].astype(np.float64) for p in pieces), w @ y
    gram, cross = np.zeros((x.shape[1],) * 2), np.zeros(x.shape[1])
    for p in pieces:
        centred = (x[p] - mean_x) * np.sqrt(weight[p])[:, None]
        gram += centred.T @ centred
        cross += centred.T @ ((y[p] - mean_y) * np.sqrt(weight[p]))
    size, axes = np.linalg.eigh(gram)
    # Class slots add up to one: without a penalty such a direction has no unique coefficient and gets none.
    empty = size <= size.max(initial=0) * 1e-10

    def solve(alpha: float) -> np.ndarray:
        b = axes @ np.where(empty, 0, (axes.T @ cross) / np.where(empty, 1, size + alpha))
        return np.r_[mean_y - mean_x @ b, b]

    return solve


def _apply(x: np.ndarray, line: np.ndarray) -> np.ndarray:
    return x @ line[1:] + line[0]
