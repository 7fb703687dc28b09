"""LightGBM: gradient-boosted trees, one model per target (Ke et al. 2017, NeurIPS 30)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from carbonbench_core.errors import CarbonBenchError, UsageError
from carbonbench_core.schema import TARGETS

from . import Baseline, need
from ._inputs import Design, design, input_columns

if TYPE_CHECKING:
    import lightgbm
    import pyarrow as pa


class LightGBM(Baseline):
    """Three boosters, rows weighted by nee_qc, stopped where the squared error at validation towers stops falling.

    Settings
    --------
    coordinates : bool, whether latitude and longitude are inputs
    lags : bool, add 30 days of history: the day before, and means of 7 and 30 days, of every driver
    day_of_year : bool, add sine and cosine of the season day, shifted by half a year south of the equator
    rounds : int, most trees per target; as many are grown where there are no validation towers
    patience : int, trees without improvement at the validation towers before growing stops
    learning_rate, num_leaves, min_data_in_leaf, feature_fraction, feature_fraction_bynode, bagging_fraction, lambda_l2
        : as LightGBM names them; a quarter of the days is enough for a tree, since neighbouring days tell the same
    num_threads : int, processor threads; more of them help on an idle machine only, and change nothing in the model
    """

    name = "lightgbm"
    defaults: ClassVar[dict[str, Any]] = {
        "coordinates": True,
        "lags": False,
        "day_of_year": True,
        "rounds": 500,
        "patience": 50,
        "learning_rate": 0.05,
        "num_leaves": 31,
        "min_data_in_leaf": 200,
        "feature_fraction": 0.5,
        "feature_fraction_bynode": 0.5,
        "bagging_fraction": 0.25,
        "lambda_l2": 1.0,
        "num_threads": 1,
    }
    quick: ClassVar[dict[str, Any]] = {"rounds": 40, "learning_rate": 0.2, "min_data_in_leaf": 20}

    def _choose(self, table: pa.Table) -> list[str]:
        return input_columns(table, self.settings)

    def _fit(self, train: pa.Table, validation: pa.Table | None) -> None:
        from tqdm import tqdm

        rows = design(train, self.features, self.settings)
        held = None if validation is None else design(validation, self.features, self.settings)
        total = len(TARGETS) * self.settings["rounds"]
        # disable=None shows the bar on a terminal only
        with tqdm(total=total, desc="lightgbm", unit="tree", disable=None) as bar:
            self._boosters = [self._fit_target(j, rows, held, bar) for j in range(len(TARGETS))]

    def _fit_target(self, j: int, rows: Design, held: Design | None, bar: Any) -> lightgbm.Booster:
        library = need("lightgbm", "trees")
        learn = _dataset(library, rows, j, None)
        watched = [] if held is None or not held.labelled(j).size else [_dataset(library, held, j, learn)]
        callbacks = [lambda _: bar.update() and None]
        if watched:
            callbacks.append(library.early_stopping(self.settings["patience"], verbose=False))
        try:
            booster = library.train(self._parameters(), learn, self.settings["rounds"], watched, callbacks=callbacks)
        except (library.basic.LightGBMError, ValueError) as error:
            raise UsageError(f"LightGBM refuses these settings: {error}.") from error
        return library.Booster(model_str=booster.model_to_string(num_iteration=booster.best_iteration or -1))

    def _parameters(self) -> dict[str, Any]:
        ours = {"features", "coordinates", "lags", "day_of_year", "rounds", "patience"}
        fixed = {"objective": "l2", "bagging_freq": 1, "max_bin": 127, "verbose": -1}
        # Same seed, same trees, whatever the number of threads.
        fixed |= {"seed": self.seed, "deterministic": True, "force_row_wise": True}
        return {k: v for k, v in self.settings.items() if k not in ours} | fixed

    def _predict(self, table: pa.Table) -> np.ndarray:
        rows = design(table, self.features, self.settings)
        if not len(rows.x):
            return np.zeros((0, len(TARGETS)))
        threads = self.settings["num_threads"]
        return np.stack([b.predict(rows.x, num_threads=threads) for b in self._boosters], axis=1)

    def _state(self) -> dict[str, Any]:
        return {"trees": {t: b.num_trees() for t, b in zip(TARGETS, self._boosters, strict=True)}}

    def _save(self, folder: Path) -> list[str]:
        for target, booster in zip(TARGETS, self._boosters, strict=True):
            booster.save_model(folder / _file(target))
        return [_file(target) for target in TARGETS]

    def _load(self, folder: Path, state: dict[str, Any]) -> None:
        library = need("lightgbm", "trees")
        self._boosters = [library.Booster(model_file=folder / _file(target)) for target in TARGETS]
        for target, booster in zip(TARGETS, self._boosters, strict=True):
            if booster.num_trees() != state["trees"][target]:
                raise CarbonBenchError(
                    f"{folder / _file(target)} holds {booster.num_trees()} trees, {state['trees'][target]} were saved."
                )


def _dataset(library: Any, rows: Design, j: int, like: Any) -> lightgbm.Dataset:
    known = rows.labelled(j)
    # The names stay out: LightGBM refuses some characters in them, and the order is fixed by the configuration.
    return library.Dataset(rows.x[known], rows.y[known, j], weight=rows.weight[known], reference=like)


def _file(target: str) -> str:
    return f"{target}.lightgbm.txt"
