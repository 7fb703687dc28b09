"""What the process models share: light-use efficiency for GPP, Lloyd-Taylor for RECO, parameters by class of towers.

GPP  = efficiency x potential, where the potential is what a model makes of light, leaves and weather
RECO = (base + share x recent GPP) x exp(E0 (1 / (Tref - T0) - 1 / (T - T0)))
NEE  = RECO - GPP, all in gC m-2 d-1

The response to temperature is that of Lloyd and Taylor 1994 (doi:10.2307/2389824): T0 = -46.02 degC, and E0 = 308.56 K
in their universal form; the link of the base rate to recent GPP is that of Migliavacca et al. 2011
(doi:10.1111/j.1365-2486.2010.02243.x). Efficiency, base and share are least squares over training towers, every tower
as much as any other. A class takes them from its own towers and, as if they were `pooling` towers more, from those of
the Koppen main class, which leans on all towers in the same way: a class without towers has its climate's, a climate
without towers everyone's. Nothing else is known of a tower.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from warnings import warn

import numpy as np

from carbonbench_core.errors import FeatureError, UsageError
from carbonbench_core.rows import choose_features, class_codes, quality, records, sites, targets
from carbonbench_core.schema import TARGETS
from carbonbench_core.tabular import History

from . import Baseline
from ._meteorology import DRIVERS, columns_of, read_drivers
from ._pooling import by_class
from ._saved import read_arrays, write_arrays
from ._seasons import AXES, BINS, LEVELS, class_seasons, places, season_bin, table_shape, tower_weights

if TYPE_CHECKING:
    import pyarrow as pa

WEIGHTS = "process.npz"
T0 = -46.02  # [degC]
REFERENCE = 10.0  # [degC]
UNIVERSAL = 308.56  # E0 [K]
COLDEST = -40.0  # [degC] below which respiration stays what it is
MEMORY = 30  # [d] of recent GPP
SEASON = 15  # [d] on either side that a class's season of a driver is averaged over
GPP, RECO = TARGETS.index("gpp"), TARGETS.index("reco")


class ProcessModel(Baseline):
    """A model of GPP by light-use efficiency with RECO after Lloyd and Taylor.

    A driver that a tower has no source for, or a gap in it, takes the season of its class at the training towers.
    `fit` writes into the configuration how many training days each source gave; `predict` warns of towers without any.

    A model is its `drivers` (names of `DRIVERS`) and `_potential`.
    """

    drivers: ClassVar[tuple[str, ...]]

    def __init__(self, seed: int = 0, **settings: Any) -> None:
        super().__init__(seed, **settings)
        for key in ("pooling", "e0", "efficiency"):
            value = self.settings[key]
            if not (isinstance(value, str) or 0 <= value < np.inf):
                raise UsageError(f"Got {key}={value!r}, expected a number of at least 0.")
        if self.settings["efficiency"] not in ("calibrated", "published"):
            raise UsageError(f"Got efficiency={self.settings['efficiency']!r}, expected 'calibrated' or 'published'.")

    def _potential(self, table: pa.Table, drivers: dict[str, np.ndarray]) -> np.ndarray:
        """Return GPP at an efficiency of one, ndarray [N]."""
        raise NotImplementedError

    def _published(self) -> np.ndarray:
        """Return the efficiency that the model was published with, ndarray [I, J]."""
        raise NotImplementedError

    def _choose(self, table: pa.Table) -> list[str]:
        chosen = choose_features(table, self.settings["features"])
        return [*AXES, "latitude", *columns_of(self._names, chosen, self.name)]

    @property
    def _names(self) -> list[str]:
        return list(dict.fromkeys([*self.drivers, "air"]))

    def _fit(self, train: pa.Table, validation: pa.Table | None) -> None:
        values, self._given = read_drivers(train, self._names)
        weight = np.nan_to_num(quality(train), nan=0.0)
        self._refuse_unknown(values)
        for given, gaps in zip(self._given, np.isnan(values).sum(axis=0), strict=True):
            given["season of the class"] = int(gaps)
        self._seasons = class_seasons(train, values, tower_weights(train, np.ones(len(values))), LEVELS, SEASON)
        drivers = self._filled(train, values)
        potential, y = self._potential(train, drivers), targets(train)
        if self.settings["efficiency"] == "published":
            self._efficiency = np.broadcast_to(self._published(), table_shape(LEVELS)).copy()
        else:
            self._efficiency = self._calibrate(train, potential[:, None], y[:, GPP], weight)[..., 0]
        supply = self._supply(train, drivers["air"], self._gpp(train, potential))
        self._respiration = self._calibrate(train, supply, y[:, RECO], weight)

    def _refuse_unknown(self, values: np.ndarray) -> None:
        lacking = [DRIVERS[d].text for d, none in zip(self._names, np.isnan(values).all(axis=0), strict=True) if none]
        if lacking:
            raise FeatureError(
                f"{self.name}: the columns are there, but no training day has {' or '.join(lacking)} within its range."
            )

    def _predict(self, table: pa.Table) -> np.ndarray:
        values, _ = read_drivers(table, self._names)
        self._say_what_is_filled(table, values)
        drivers = self._filled(table, values)
        gpp = self._gpp(table, self._potential(table, drivers))
        supply = self._supply(table, drivers["air"], gpp)
        reco = (self._respiration[places(table, LEVELS)] * supply).sum(axis=1)
        return np.stack([gpp, reco, reco - gpp], axis=1)

    def _gpp(self, table: pa.Table, potential: np.ndarray) -> np.ndarray:
        return self._efficiency[places(table, LEVELS)] * potential

    def _supply(self, table: pa.Table, air: np.ndarray, gpp: np.ndarray) -> np.ndarray:
        """Return respiration at a base of one and at a share of one, ndarray [N, 2]."""
        response = lloyd_taylor(air, self.settings["e0"])
        if not self.settings["respire_gpp"]:
            return np.stack([response, np.zeros_like(response)], axis=1)
        recent = History(records(table)).trailing_mean(gpp[:, None].astype(np.float32), MEMORY)[:, 0]
        return np.stack([response, response * recent], axis=1)

    def _calibrate(self, table: pa.Table, x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
        known = np.flatnonzero(np.isfinite(y) & (weight > 0))
        rows = table.take(known)
        codes = [class_codes(rows, c) for c in AXES]
        return by_class(x[known], y[known], tower_weights(rows, weight[known]), codes, self.settings["pooling"])

    def _filled(self, table: pa.Table, values: np.ndarray) -> dict[str, np.ndarray]:
        season = self._seasons[(*places(table, LEVELS), season_bin(table))]
        return dict(zip(self._names, np.where(np.isfinite(values), values, season).T, strict=True))

    def _say_what_is_filled(self, table: pa.Table, values: np.ndarray) -> None:
        name, tower = np.unique(sites(table).astype(str), return_inverse=True)
        found = [np.bincount(tower, np.isfinite(v), len(name)) > 0 for v in values.T]
        parts = [
            f"{DRIVERS[d].text} ({(~f).sum():,} towers)" for d, f in zip(self._names, found, strict=True) if not f.all()
        ]
        if parts:
            warn(
                f"{self.name}: of {len(name):,} towers some have no {', or no '.join(parts)} on any day. "
                "The season of their class at training towers stands in.",
                stacklevel=4,
            )

    def _state(self) -> dict[str, Any]:
        sources = dict(zip(self._names, self._given, strict=True))
        return {"training_days_by_source": sources}

    def _save(self, folder: Path) -> list[str]:
        write_arrays(
            folder / WEIGHTS, efficiency=self._efficiency, respiration=self._respiration, seasons=self._seasons
        )
        return [WEIGHTS]

    def _load(self, folder: Path, state: dict[str, Any]) -> None:
        self._given = [state["training_days_by_source"][d] for d in self._names]
        shape = table_shape(LEVELS)
        arrays = read_arrays(
            folder / WEIGHTS, efficiency=shape, respiration=(*shape, 2), seasons=(*shape, BINS, len(self._names))
        )
        self._efficiency, self._respiration, self._seasons = arrays.values()


def lloyd_taylor(temperature: np.ndarray, e0: float) -> np.ndarray:
    """Return respiration relative to that at 10 degC.

    Parameters
    ----------
    temperature : ndarray [N] [degC]
    e0 : float [K]
    """
    return np.exp(e0 * (1 / (REFERENCE - T0) - 1 / (np.maximum(temperature, COLDEST) - T0)))
