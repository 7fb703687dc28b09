"""LightGBM: gradient-boosted trees, one model per target (Ke et al. 2017, NeurIPS 30)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from carbonbench_core.errors import UsageError

from . import need
from ._boosting import Boosting
from ._inputs import Design

if TYPE_CHECKING:
    from collections.abc import Callable

    import lightgbm


class LightGBM(Boosting):
    """Three boosters by LightGBM; how they are stopped and what `published` is, see `_boosting.Boosting`.

    Settings
    --------
    num_leaves, min_data_in_leaf, feature_fraction, feature_fraction_bynode, bagging_fraction, lambda_l2,
        max_bin : as LightGBM names them; a quarter of the days is enough for a tree, since neighbours tell the same
    num_threads : int, processor threads; more of them help on an idle machine only, and change nothing in the model
    """

    name = "lightgbm"
    suffix = "lightgbm.txt"
    defaults: ClassVar[dict[str, Any]] = Boosting.defaults | {
        "num_leaves": 31,
        "min_data_in_leaf": 200,
        "feature_fraction": 0.5,
        "feature_fraction_bynode": 0.5,
        "bagging_fraction": 0.25,
        "lambda_l2": 1.0,
        "max_bin": 127,
        "num_threads": 1,
    }
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "published": Boosting.published
        | {
            "learning_rate": 0.1,
            "min_data_in_leaf": 20,
            "feature_fraction": 1.0,
            "feature_fraction_bynode": 1.0,
            "bagging_fraction": 1.0,
            "lambda_l2": 0.0,
            "max_bin": 255,
        }
    }
    quick: ClassVar[dict[str, Any]] = Boosting.quick | {"min_data_in_leaf": 20}
    fine_tuning: ClassVar[dict[str, Any]] = Boosting.fine_tuning | {
        "num_leaves": 4,
        "min_data_in_leaf": 5,
        "bagging_fraction": 1.0,
        "lambda_l2": 1.0,
        "num_threads": 1,
    }

    def _grow(
        self, target: int, rows: Design, held: Design | None, tick: Callable[[], Any], start: lightgbm.Booster | None
    ) -> lightgbm.Booster:
        library = need("lightgbm", "trees")
        learn = _dataset(library, rows, target, None)
        watched = [_dataset(library, held, target, learn)] if self._watches(target, held) else []
        callbacks = [lambda _: tick() and None]
        if watched:
            callbacks.append(library.early_stopping(self.settings["patience"], verbose=False))
        try:
            own, rounds = self._parameters(), self.settings["rounds"]
            booster = library.train(own, learn, rounds, watched, init_model=start, callbacks=callbacks)
        except (library.basic.LightGBMError, ValueError) as error:
            raise UsageError(f"LightGBM refuses these settings: {error}.") from error
        return library.Booster(model_str=booster.model_to_string(num_iteration=booster.best_iteration or -1))

    def _parameters(self) -> dict[str, Any]:
        # Same seed, same trees, whatever the number of threads.
        fixed = {"seed": self.seed, "deterministic": True, "force_row_wise": True}
        return super()._parameters() | {"objective": "l2", "bagging_freq": 1, "verbose": -1} | fixed

    def _apply(self, booster: lightgbm.Booster, x: np.ndarray) -> np.ndarray:
        return booster.predict(x, num_threads=self.settings["num_threads"])

    def _count(self, booster: lightgbm.Booster) -> int:
        return booster.num_trees()

    def _write(self, booster: lightgbm.Booster, path: Path) -> None:
        booster.save_model(path)

    def _read(self, path: Path) -> lightgbm.Booster:
        return need("lightgbm", "trees").Booster(model_file=path)


def _dataset(library: Any, rows: Design, target: int, like: Any) -> lightgbm.Dataset:
    known = rows.labelled(target)
    # The names stay out: LightGBM refuses some characters in them, and the order is fixed by the configuration.
    return library.Dataset(rows.x[known], rows.y[known, target], weight=rows.weight[known], reference=like)
