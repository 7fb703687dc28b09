"""What the constant and the climatologies share: a mean flux by class and season day."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from carbonbench_core import schema
from carbonbench_core.errors import UsageError
from carbonbench_core.rows import quality, targets

from . import Baseline
from ._saved import read_arrays, write_arrays
from ._seasons import BINS, class_seasons, places, season_bin, table_shape, tower_weights

if TYPE_CHECKING:
    import pyarrow as pa

WEIGHTS = "climatology.npz"


class MeanFlux(Baseline):
    """Mean flux of a class on a season day; days weigh by nee_qc, every tower as much as any other.

    `levels` says what is averaged over and where a class or season that training towers do not show is looked for.
    """

    levels: ClassVar[tuple[str | None, ...]]

    def __init__(self, seed: int = 0, **settings: Any) -> None:
        super().__init__(seed, **settings)
        if not 0 <= self._half_width <= BINS // 2:
            raise UsageError(f"Got half_width={self._half_width}, expected 0 to {BINS // 2} days.")
        if self.settings["features"] is not None:
            raise UsageError(f"{self.name} takes no features: it is a function of class and season day.")

    @property
    def _half_width(self) -> int:
        return self.settings.get("half_width", 0)

    def _choose(self, table: pa.Table) -> list[str]:
        return [c for c in self.levels if c] + ["latitude"] * bool(self.levels)

    def _fit(self, train: pa.Table, validation: pa.Table | None) -> None:
        y = targets(train)
        weight = tower_weights(train, np.nan_to_num(quality(train), nan=0.0) * np.isfinite(y).any(axis=1))
        self._table = class_seasons(train, y, weight, self.levels, self._half_width)

    def _predict(self, table: pa.Table) -> np.ndarray:
        day = season_bin(table) if self.levels else np.zeros(table.num_rows, dtype=np.int64)
        return self._table[(*places(table, self.levels), day)]

    def _save(self, folder: Path) -> list[str]:
        write_arrays(folder / WEIGHTS, table=self._table)
        return [WEIGHTS]

    def _load(self, folder: Path, state: dict[str, Any]) -> None:
        shape = (*table_shape(self.levels), BINS if self.levels else 1, len(schema.TARGETS))
        self._table = read_arrays(folder / WEIGHTS, table=shape)["table"]
