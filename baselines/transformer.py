"""Transformer over 30 days of inputs: the neural reference (architecture in `modeling_transformer`)."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from carbonbench_core.encoding import Scaler
from carbonbench_core.errors import CarbonBenchError, FeatureError, UsageError
from carbonbench_core.rows import quality, sites, targets
from carbonbench_core.windows import Windows, to_windows

from . import Baseline, need
from ._inputs import input_columns

if TYPE_CHECKING:
    import pyarrow as pa

    from ._tower_days import TowerDays
    from ._training import Recipe

WEIGHTS = "model.safetensors"


class Transformer(Baseline):
    """A pre-norm encoder over the days before and a linear head, trained on the last `horizon` days of each window.

    Squared errors are weighted by nee_qc; missing targets add nothing. Training stops by the median site R2 at the
    validation towers. At prediction every day is the last of its own window.

    Settings
    --------
    hidden, layers, heads, static_size : int, sizes; `static_size` is the width static inputs are squeezed to
    dropout : float
    causal : bool, whether a day of a window sees only the days before it
    length, horizon, stride : int [days], of the windows; an epoch draws one window per `stride` days
    learning_rate, weight_decay, batch_size, max_epochs, patience, warmup, clip : see `_training.Recipe`
    averaging, noise, hide : see `_training.Recipe`
    coordinates : bool, whether latitude and longitude are inputs
    day_of_year : bool, add sine and cosine of the season day, shifted by half a year south of the equator
    num_threads : int, processor threads
    progress : bool, print a line per epoch
    """

    name = "transformer"
    defaults: ClassVar[dict[str, Any]] = {
        "hidden": 64,
        "layers": 2,
        "heads": 4,
        "static_size": 8,
        "dropout": 0.3,
        "causal": False,
        "length": 30,
        "horizon": 15,
        "stride": 15,
        "learning_rate": 1e-3,
        "weight_decay": 0.05,
        "batch_size": 256,
        "max_epochs": 12,
        "patience": 5,
        "warmup": 0.05,
        "clip": 1.0,
        "averaging": 0.99,
        "noise": 0.3,
        "hide": 0.3,
        "coordinates": False,
        "day_of_year": True,
        "num_threads": 2,
        "progress": True,
    }
    quick: ClassVar[dict[str, Any]] = {"hidden": 16, "layers": 1, "max_epochs": 4, "batch_size": 64, "stride": 5}

    def __init__(self, seed: int = 0, **settings: Any) -> None:
        super().__init__(seed, **settings)
        _check_sizes(self.settings)

    def _choose(self, table: pa.Table) -> list[str]:
        return input_columns(table, self.settings)

    def _fit(self, train: pa.Table, validation: pa.Table | None) -> None:
        _need_libraries()
        from ._tower_days import Watch
        from ._training import seeded
        from ._training import train as learn

        own, self._scaler = self.settings, None
        days = self._tower_days(train, own["horizon"])
        self._scaler = days.windows.scaler
        watch = None if validation is None else Watch(self._tower_days(validation, 1))
        with seeded(self.seed, own["num_threads"]) as rng:
            self._model = self._architecture(days)
            self._history = learn(self._model, days, watch, self._recipe(), rng, own["progress"])

    def _architecture(self, days: TowerDays) -> Any:
        from .modeling_transformer import CarbonTransformer, CarbonTransformerConfig

        own, windows = self.settings, days.windows
        mean, scale = days.target_scaling()
        return CarbonTransformer(
            CarbonTransformerConfig(
                dynamic_size=len(windows.dynamic_names),
                static_size=len(windows.static_names),
                hidden_size=own["hidden"],
                num_hidden_layers=own["layers"],
                num_attention_heads=own["heads"],
                intermediate_size=2 * own["hidden"],
                static_embedding_size=own["static_size"],
                dropout=float(own["dropout"]),
                length=own["length"],
                horizon=own["horizon"],
                causal=own["causal"],
                target_mean=mean,
                target_scale=scale,
            )
        )

    def _recipe(self) -> Recipe:
        from ._training import Recipe

        return Recipe(**{f.name: self.settings[f.name] for f in fields(Recipe)})

    def _predict(self, table: pa.Table) -> np.ndarray:
        from ._tower_days import predict
        from ._training import seeded

        with seeded(self.seed, self.settings["num_threads"]):
            return predict(self._model, self._windows(table, 1))

    def _windows(self, table: pa.Table, horizon: int) -> Windows:
        own = self.settings
        hidden = not own["coordinates"] if own["features"] is None else "latitude" not in own["features"]
        features = [c for c in self.features if not (hidden and c == "latitude")]
        return to_windows(table, features, own["length"], horizon, 1, self._scaler, own["day_of_year"])

    def _tower_days(self, table: pa.Table, horizon: int) -> TowerDays:
        from ._tower_days import TowerDays

        windows = self._windows(table, horizon)
        if not windows.dynamic_names:
            raise FeatureError(f"The inputs {self.features} hold nothing that changes from day to day. Add a driver.")
        site = np.unique(sites(table).astype(str), return_inverse=True)[1]
        return TowerDays(windows, targets(table), np.nan_to_num(quality(table), nan=0.0), site)

    def _state(self) -> dict[str, Any]:
        return {"scaler": self._scaler.to_dict(), "history": asdict(self._history)}

    def _save(self, folder: Path) -> list[str]:
        before = {p.name for p in folder.iterdir()}
        self._model.save_pretrained(folder)
        return sorted({p.name for p in folder.iterdir()} - before | {WEIGHTS, "config.json", "modeling_transformer.py"})

    def _load(self, folder: Path, state: dict[str, Any]) -> None:
        _need_libraries()
        from safetensors.torch import load_file

        from ._training import History
        from .modeling_transformer import CarbonTransformer, CarbonTransformerConfig

        if not (folder / WEIGHTS).is_file():
            raise CarbonBenchError(
                f"{folder} has no {WEIGHTS}. Weights are read from safetensors only, never from pickle (.bin, .pt)."
            )
        self._scaler = Scaler.from_dict(state["scaler"])
        self._history = History(**state["history"])
        self._model = CarbonTransformer(CarbonTransformerConfig.from_pretrained(folder, local_files_only=True))
        self._model.load_state_dict(load_file(folder / WEIGHTS))


def _need_libraries() -> None:
    for library in ("torch", "transformers", "safetensors"):
        need(library, "neural")


def _check_sizes(own: dict[str, Any]) -> None:
    whole = ("hidden", "layers", "heads", "static_size", "batch_size", "max_epochs", "patience", "num_threads")
    for key in (*whole, "length", "horizon", "stride"):
        if own[key] < 1:
            raise UsageError(f"Got {key}={own[key]}, expected at least 1.")
    if own["horizon"] > own["length"]:
        raise UsageError(f"Got horizon={own['horizon']} above length={own['length']}, the days of a window.")
    if own["hidden"] % own["heads"]:
        raise UsageError(f"Got hidden={own['hidden']}, which heads={own['heads']} does not divide.")
    for key in ("dropout", "averaging", "hide", "warmup"):
        if not 0 <= own[key] < 1:
            raise UsageError(f"Got {key}={own[key]}, expected a share of at least 0 and below 1.")
    # Written so that NaN, with which no comparison holds, is refused as well.
    for key in ("learning_rate", "clip"):
        if not own[key] > 0:
            raise UsageError(f"Got {key}={own[key]}, expected a number above 0.")
    for key in ("noise", "weight_decay"):
        if not own[key] >= 0:
            raise UsageError(f"Got {key}={own[key]}, expected a number of at least 0.")
