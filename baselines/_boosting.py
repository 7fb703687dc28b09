"""What boosted trees share: a booster per target, stopped at the validation towers, saved by its own library."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from carbonbench_core.errors import CarbonBenchError, UsageError
from carbonbench_core.schema import TARGETS

from . import Baseline
from ._inputs import Design, design, input_columns, validation_design

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

# Settings that are ours; every other one goes to the library under its own name.
OURS = {"features", "coordinates", "lags", "day_of_year", "rounds", "patience"}


class Boosting(Baseline):
    """Three boosters, rows weighted by nee_qc, stopped where the squared error at validation towers stops falling.

    A library is bound by `_grow`, `_apply`, `_count`, `_write`, `_read` and `suffix`, the end of its files' names.

    Attributes
    ----------
    published : dict, of the tree baselines of arXiv:2603.09868 what both libraries share: the day's features, classes
        and coordinates, no history, no season day, no stopping. Its authors state no settings of the boosters; a
        library's own defaults stand there

    Settings
    --------
    coordinates : bool, whether latitude and longitude are inputs
    lags : bool, add 30 days of history: the day before, and means of 7 and 30 days, of every driver
    day_of_year : bool, add sine and cosine of the season day, shifted by half a year south of the equator
    rounds : int, most trees per target; as many are grown where there are no validation towers
    patience : int, trees without improvement at the validation towers before growing stops; 0 never stops
    learning_rate : float, share of its own that a tree adds
    """

    suffix: ClassVar[str]
    defaults: ClassVar[dict[str, Any]] = {
        "coordinates": True,
        "lags": False,
        "day_of_year": True,
        "rounds": 500,
        "patience": 50,
        "learning_rate": 0.05,
    }
    published: ClassVar[dict[str, Any]] = {"day_of_year": False, "rounds": 100, "patience": 0}
    quick: ClassVar[dict[str, Any]] = {"rounds": 40, "learning_rate": 0.2}
    fine_tuning: ClassVar[dict[str, Any]] = {"rounds": 50, "patience": 20, "learning_rate": 0.02}

    def __init__(self, seed: int = 0, **settings: Any) -> None:
        super().__init__(seed, **settings)
        for key, least in (("rounds", 1), ("patience", 0)):
            if self.settings[key] < least:
                raise UsageError(f"Got {key}={self.settings[key]}, expected at least {least}.")

    def _choose(self, table: pa.Table) -> list[str]:
        return input_columns(table, self.settings)

    def _fit(self, train: pa.Table, validation: pa.Table | None) -> None:
        self._grow_all(train, validation, [None] * len(TARGETS))

    def _finetune(self, train: pa.Table, validation: pa.Table | None) -> None:
        self._grow_all(train, validation, self._boosters)

    def _grow_all(self, train: pa.Table, validation: pa.Table | None, starts: list[Any]) -> None:
        from tqdm import tqdm

        rows = design(train, self.features, self.settings)
        held = validation_design(validation, self.features, self.settings, self.qc_threshold)
        total = len(TARGETS) * self.settings["rounds"]
        # disable=None shows the bar on a terminal only
        with tqdm(total=total, desc=self.name, unit="tree", disable=None) as bar:
            self._boosters = [self._grow(j, rows, held, bar.update, start) for j, start in enumerate(starts)]

    def _grow(self, target: int, rows: Design, held: Design | None, tick: Callable[[], Any], start: Any) -> Any:
        """Return the booster of a target, grown on from `start` if there is one; `tick` is called after each tree."""
        raise NotImplementedError

    def _watches(self, target: int, held: Design | None) -> bool:
        """Return whether there are validation days to stop at."""
        return held is not None and self.settings["patience"] > 0 and held.labelled(target).size > 0

    def _parameters(self) -> dict[str, Any]:
        return {k: v for k, v in self.settings.items() if k not in OURS}

    def _predict(self, table: pa.Table) -> np.ndarray:
        rows = design(table, self.features, self.settings)
        if not len(rows.x):
            return np.zeros((0, len(TARGETS)))
        return np.stack([self._apply(booster, rows.x) for booster in self._boosters], axis=1)

    def _apply(self, booster: Any, x: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _count(self, booster: Any) -> int:
        """Return the number of trees."""
        raise NotImplementedError

    def _state(self) -> dict[str, Any]:
        return {"trees": {t: self._count(b) for t, b in zip(TARGETS, self._boosters, strict=True)}}

    def _save(self, folder: Path) -> list[str]:
        for target, booster in zip(TARGETS, self._boosters, strict=True):
            self._write(booster, folder / f"{target}.{self.suffix}")
        return [f"{target}.{self.suffix}" for target in TARGETS]

    def _load(self, folder: Path, state: dict[str, Any]) -> None:
        paths = [folder / f"{target}.{self.suffix}" for target in TARGETS]
        self._boosters = [self._read(path) for path in paths]
        for target, path, booster in zip(TARGETS, paths, self._boosters, strict=True):
            if self._count(booster) != state["trees"][target]:
                raise CarbonBenchError(
                    f"{path} holds {self._count(booster)} trees, {state['trees'][target]} were saved."
                )

    def _write(self, booster: Any, path: Path) -> None:
        raise NotImplementedError

    def _read(self, path: Path) -> Any:
        raise NotImplementedError
