"""XGBoost: gradient-boosted trees, one model per target (Chen and Guestrin 2016, doi:10.1145/2939672.2939785)."""

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

    import xgboost


class XGBoost(Boosting):
    """Three boosters by XGBoost; how they are stopped and what `published` is, see `_boosting.Boosting`.

    Settings
    --------
    max_depth, min_child_weight, subsample, colsample_bytree, colsample_bynode, reg_lambda, max_bin
        : as XGBoost names them
    nthread : int, processor threads
    """

    name = "xgboost"
    suffix = "xgboost.ubj"
    defaults: ClassVar[dict[str, Any]] = Boosting.defaults | {
        "max_depth": 6,
        "min_child_weight": 100.0,
        "subsample": 0.25,
        "colsample_bytree": 0.5,
        "colsample_bynode": 0.5,
        "reg_lambda": 1.0,
        "max_bin": 128,
        "nthread": 1,
    }
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "published": Boosting.published
        | {
            "learning_rate": 0.3,
            "min_child_weight": 1.0,
            "subsample": 1.0,
            "colsample_bytree": 1.0,
            "colsample_bynode": 1.0,
            "max_bin": 256,
        }
    }
    quick: ClassVar[dict[str, Any]] = Boosting.quick | {"min_child_weight": 10.0, "max_depth": 4}
    fine_tuning: ClassVar[dict[str, Any]] = Boosting.fine_tuning | {
        "max_depth": 2,
        "min_child_weight": 5.0,
        "subsample": 1.0,
        "reg_lambda": 1.0,
        "nthread": 1,
    }

    def _grow(
        self, target: int, rows: Design, held: Design | None, tick: Callable[[], Any], start: xgboost.Booster | None
    ) -> xgboost.Booster:
        library = need("xgboost", "trees")
        bins = self.settings["max_bin"]
        known = rows.labelled(target)
        try:
            learn = library.QuantileDMatrix(
                rows.x[known], rows.y[known, target], weight=rows.weight[known], max_bin=bins, nthread=self._threads
            )
            watched = [(self._matrix(held, target, learn), "validation")] if self._watches(target, held) else []
            booster = library.train(
                self._parameters(),
                learn,
                self.settings["rounds"],
                evals=watched,
                early_stopping_rounds=self.settings["patience"] if watched else None,
                verbose_eval=False,
                xgb_model=start,
                callbacks=[_ticker(library, tick)],
            )
        except (library.core.XGBoostError, ValueError) as error:
            raise UsageError(f"XGBoost refuses these settings: {str(error).splitlines()[0]}.") from error
        return booster[: booster.best_iteration + 1] if watched else booster

    def _matrix(self, held: Design, target: int, like: Any) -> xgboost.QuantileDMatrix:
        known = held.labelled(target)
        return need("xgboost", "trees").QuantileDMatrix(
            held.x[known],
            held.y[known, target],
            weight=held.weight[known],
            ref=like,
            max_bin=self.settings["max_bin"],
            nthread=self._threads,
        )

    @property
    def _threads(self) -> int:
        return self.settings["nthread"]

    def _parameters(self) -> dict[str, Any]:
        fixed = {"objective": "reg:squarederror", "tree_method": "hist", "seed": self.seed, "verbosity": 0}
        return super()._parameters() | fixed

    def _apply(self, booster: xgboost.Booster, x: np.ndarray) -> np.ndarray:
        booster.set_param({"nthread": self._threads})
        return booster.inplace_predict(x)

    def _count(self, booster: xgboost.Booster) -> int:
        return booster.num_boosted_rounds()

    def _write(self, booster: xgboost.Booster, path: Path) -> None:
        booster.save_model(path)

    def _read(self, path: Path) -> xgboost.Booster:
        return need("xgboost", "trees").Booster(model_file=path)


def _ticker(library: Any, tick: Callable[[], Any]) -> Any:
    """Return a callback that reports each tree."""

    class Ticker(library.callback.TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            tick()
            return False  # go on

    return Ticker()
