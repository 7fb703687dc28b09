"""What every neural baseline shares, so that its own file names an architecture and its sizes, and little else."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from carbonbench_core.encoding import Scaler
from carbonbench_core.errors import CarbonBenchError, FeatureError, UsageError, unknown
from carbonbench_core.rows import quality, sites, targets
from carbonbench_core.windows import Windows, to_windows

from . import Baseline, need
from ._inputs import input_columns

if TYPE_CHECKING:
    import pyarrow as pa

    from ._tower_days import TowerDays
    from ._training import Recipe

WEIGHTS = "model.safetensors"
CLOSURES = ("free", "closed", "penalty")


class Network(Baseline):
    """A network over the days before, trained on the last `horizon` days of each window by the one loop of `_training`.

    Squared errors are weighted by nee_qc; missing targets add nothing. Training stops by the median site R2 at the
    validation towers. At prediction every day is the last of its own window.

    A subclass gives `name`, `defaults` (``Network.defaults | {...}``), `architecture` and `sizes`.

    Attributes
    ----------
    architecture : str, "modeling_<file>.<Class>" beside the baseline, a `modeling_fluxes.FluxModel`
    counts : tuple of str, settings of its own that are whole numbers of at least 1

    Settings
    --------
    hidden, static_size : int, width of the hidden states, and that static inputs are squeezed to
    dropout : float
    length, horizon, stride : int [days], of the windows; an epoch draws one window per `stride` days
    learning_rate, weight_decay, batch_size, max_epochs, patience, warmup, clip : see `_training.Recipe`
    averaging, noise, hide : see `_training.Recipe`
    closure : "free", "closed" or "penalty"; closure_weight : float; see `modeling_fluxes.FluxConfig`
    coordinates : bool, whether latitude and longitude are inputs
    day_of_year : bool, add sine and cosine of the season day, shifted by half a year south of the equator
    num_threads : int, processor threads
    progress : bool, print a line per epoch
    """

    architecture: ClassVar[str]
    counts: ClassVar[tuple[str, ...]] = ()
    defaults: ClassVar[dict[str, Any]] = {
        "hidden": 64,
        "static_size": 8,
        "dropout": 0.3,
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
        "closure": "free",
        "closure_weight": 0.1,
        "coordinates": False,
        "day_of_year": True,
        "num_threads": 2,
        "progress": True,
    }
    quick: ClassVar[dict[str, Any]] = {
        "hidden": 16,
        "max_epochs": 4,
        "batch_size": 64,
        "stride": 5,
        "learning_rate": 5e-3,
        "num_threads": 1,
    }
    published: ClassVar[dict[str, Any]] = {
        "length": 30,
        "horizon": 15,
        "stride": 15,
        "batch_size": 2048,
        "max_epochs": 100,
        "patience": 100,
        "weight_decay": 0.01,
        "averaging": 0.0,
        "noise": 0.0,
        "hide": 0.0,
        "closure": "penalty",
        "closure_weight": 0.1,
        "coordinates": True,
        "day_of_year": False,
    }

    def __init__(self, seed: int = 0, **settings: Any) -> None:
        super().__init__(seed, **settings)
        _check(self.settings, self.counts)

    def sizes(self) -> dict[str, Any]:
        """Return the fields of the architecture's configuration that `modeling_fluxes.FluxConfig` does not have."""
        return {}

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
            self._model = self._build(days)
            self._history = learn(self._model, days, watch, self._recipe(), rng, own["progress"])

    def _build(self, days: TowerDays) -> Any:
        own, windows, made = self.settings, days.windows, self._model_class()
        mean, scale = days.target_scaling()
        config = made.config_class(
            dynamic_size=len(windows.dynamic_names),
            static_size=len(windows.static_names),
            hidden_size=own["hidden"],
            static_embedding_size=own["static_size"],
            dropout=float(own["dropout"]),
            length=own["length"],
            horizon=own["horizon"],
            target_mean=mean,
            target_scale=scale,
            closure=own["closure"],
            closure_weight=float(own["closure_weight"]),
            **self.sizes(),
        )
        return made(config)

    def _model_class(self) -> Any:
        module, _, name = self.architecture.partition(".")
        return getattr(need(f"{__package__}.{module}"), name)

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
        self._model.save_pretrained(folder)
        # the architecture and the siblings it imports, which transformers copied beside the weights
        code = [p.name for p in folder.glob("modeling_*.py")]
        return sorted([WEIGHTS, "config.json", *code])

    def _load(self, folder: Path, state: dict[str, Any]) -> None:
        _need_libraries()
        from safetensors.torch import load_file

        from ._training import History

        if not (folder / WEIGHTS).is_file():
            raise CarbonBenchError(
                f"{folder} has no {WEIGHTS}. Weights are read from safetensors only, never from pickle (.bin, .pt)."
            )
        self._scaler = Scaler.from_dict(state["scaler"])
        self._history = History(**state["history"])
        made = self._model_class()
        self._model = made(made.config_class.from_pretrained(folder, local_files_only=True))
        self._model.load_state_dict(load_file(folder / WEIGHTS))


def _need_libraries() -> None:
    for library in ("torch", "transformers", "safetensors"):
        need(library, "neural")


def _check(own: dict[str, Any], counts: tuple[str, ...]) -> None:
    """Refuse settings that make no network."""
    whole = ("hidden", "static_size", "batch_size", "max_epochs", "patience", "num_threads")
    for key in (*whole, "length", "horizon", "stride", *counts):
        if own[key] < 1:
            raise UsageError(f"Got {key}={own[key]}, expected at least 1.")
    if own["horizon"] > own["length"]:
        raise UsageError(f"Got horizon={own['horizon']} above length={own['length']}, the days of a window.")
    if own["closure"] not in CLOSURES:
        raise unknown("closure", own["closure"], CLOSURES)
    for key in ("dropout", "averaging", "hide", "warmup"):
        if not 0 <= own[key] < 1:
            raise UsageError(f"Got {key}={own[key]}, expected a share of at least 0 and below 1.")
    # Written so that NaN, with which no comparison holds, is refused as well.
    for key in ("learning_rate", "clip"):
        if not own[key] > 0:
            raise UsageError(f"Got {key}={own[key]}, expected a number above 0.")
    for key in ("noise", "weight_decay", "closure_weight"):
        if not own[key] >= 0:
            raise UsageError(f"Got {key}={own[key]}, expected a number of at least 0.")
