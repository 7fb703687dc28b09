"""What every neural baseline shares, so that its own file names an architecture and its sizes, and little else."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from carbonbench_core.encoding import Scaler
from carbonbench_core.errors import CarbonBenchError, FeatureError
from carbonbench_core.quantile_columns import quantile_column
from carbonbench_core.rows import TARGETS, class_codes, quality, sites, targets
from carbonbench_core.windows import Windows, to_windows

from . import Baseline, need
from ._inputs import input_columns
from ._network_settings import DEFAULTS, FINE_TUNING, PUBLISHED, QUICK, check_network

if TYPE_CHECKING:
    import pyarrow as pa

    from ._checkpoint import Checkpoint
    from ._log import Log
    from ._tower_days import TowerDays, Watch
    from ._training import History, Recipe

WEIGHTS = "model.safetensors"
CHECKPOINTS = "checkpoint"
CLASSES = {"igbp": "igbp", "koppen": "koppen_main"}  # what towers are grouped by -> column
# What a training comes to does not depend on these, or is not meant to: a resumed run may change them.
INCIDENTAL = {"device", "log", "num_threads", "progress"}


class Network(Baseline):
    """A network over the days before, trained on the last `horizon` days of each window by the one loop of `_training`.

    Squared errors are weighted by nee_qc; missing targets add nothing. Training stops by the median site R2 at the
    validation towers. At prediction every day is the last of its own window. With a folder to work in, `fit` keeps a
    checkpoint of every epoch there, and the same call goes on from it.

    A subclass gives `name`, `defaults` (``Network.defaults | {...}``), `architecture` and `sizes`.

    Attributes
    ----------
    architecture : str, "modeling_<file>.<Class>" beside the baseline, a `modeling_fluxes.FluxModel`
    counts : tuple of str, settings of its own that are whole numbers of at least 1
    published : dict, what the networks of arXiv:2603.09868 share: 30 days in, 15 asked for, the loss weighted by
        quality and by balanced classes with a tenth of the closure, AdamW halved every 10 of 100 epochs, ten seeds
        (27-36: ``--seed 27``) averaged. Ours even so: the closure is in gC m-2 d-1 instead of standardised values, the
        loss is the weighted mean of a batch, windows are drawn anew every epoch, and the best epoch is that of the
        benchmark's own score

    Settings
    --------
    hidden, static_size : int, width of the hidden states, and that static inputs are squeezed to
    dropout : float
    length, horizon, stride : int [days], of the windows; an epoch draws one window per `stride` days
    learning_rate, weight_decay, batch_size, max_epochs, patience, schedule, warmup, clip : see `_training.Recipe`
    averaging, noise, hide, compile : see `_training.Recipe`
    balance : "none", or what is drawn equally often: "tower", "igbp" or "koppen" (main class)
    class_weights : list of "igbp", "koppen": the loss of a class is weighted by n / (k n_c) of k classes
    closure : "free", "closed" or "penalty"; closure_weight, non_negative : see `modeling_fluxes.FluxConfig`
    quantiles : list of float, two levels or more, in whole per cent, to predict by the pinball loss; fluxes are medians
    members : int, networks from as many seeds, `seed` the first, whose predictions are averaged
    coordinates : bool, whether latitude and longitude are inputs
    day_of_year : bool, add sine and cosine of the season day, shifted by half a year south of the equator
    device : "auto" (a GPU where there is one), "cpu", "cuda" or "mps"
    precision : "auto" (bf16 on a GPU that has it), "full", "bf16" or "fp16", of the layers in training
    num_threads : int, processor threads
    progress : bool, print a line per epoch
    log : "", or "tensorboard" for files that it shows
    """

    architecture: ClassVar[str]
    counts: ClassVar[tuple[str, ...]] = ()
    defaults: ClassVar[dict[str, Any]] = DEFAULTS
    quick: ClassVar[dict[str, Any]] = QUICK
    fine_tuning: ClassVar[dict[str, Any]] = FINE_TUNING
    published: ClassVar[dict[str, Any]] = PUBLISHED

    def __init__(self, seed: int = 0, **settings: Any) -> None:
        super().__init__(seed, **settings)
        check_network(self.settings, self.counts)

    def sizes(self) -> dict[str, Any]:
        """Return the fields of the architecture's configuration that `modeling_fluxes.FluxConfig` does not have."""
        return {}

    def _choose(self, table: pa.Table) -> list[str]:
        return input_columns(table, self.settings)

    def _beside(self) -> list[str]:
        own = self.settings
        return [CLASSES[name] for name in (own["balance"], *own["class_weights"]) if name in CLASSES]

    def _outputs(self) -> list[str]:
        levels = self.settings["quantiles"]
        return [*TARGETS, *(quantile_column(target, level) for target in TARGETS for level in levels)]

    def _fit(self, train: pa.Table, validation: pa.Table | None) -> None:
        _need_libraries()
        self._scaler = None
        self._learn(train, validation, [None] * self.settings["members"])

    def _finetune(self, train: pa.Table, validation: pa.Table | None) -> None:
        several = self.settings["members"] > 1
        self._learn(train, validation, list(self._model.members) if several else [self._model])

    def _learn(self, train: pa.Table, validation: pa.Table | None, starts: list[Any]) -> None:
        """Train the members, each from a model or, where that is None, from the start."""
        from ._tower_days import Watch

        days = self._tower_days(train, self.settings["horizon"])
        self._scaler = days.windows.scaler
        watch = None if validation is None else Watch(self._tower_days(validation, 1), self.qc_threshold)
        trained = [self._train(member, start, days, watch) for member, start in enumerate(starts)]
        self._histories = [history for _, history in trained]
        self._model = self._joined([model for model, _ in trained])

    def _train(self, member: int, start: Any, days: TowerDays, watch: Watch | None) -> tuple[Any, History]:
        from ._device import choose_device
        from ._training import seeded
        from ._training import train as learn

        seed = self.seed + member
        with seeded(seed, self.settings["num_threads"]) as rng:
            model = self._build(days) if start is None else start.to(choose_device(self.settings["device"]))
            days = days.of_member(seed)
            kept = self._checkpoint(seed, days, watch)
            return model, learn(model, days, watch, self._recipe(), rng, self._log(member), kept)

    def _joined(self, models: list[Any]) -> Any:
        """Return one model: the only one, or the ensemble of all."""
        if len(models) == 1:
            return models[0]
        ensemble = self._empty(models[0].config)
        for empty, trained in zip(ensemble.members, models, strict=True):
            empty.load_state_dict(trained.state_dict())
        return ensemble

    def _empty(self, config: Any, own_device: bool = True) -> Any:
        """Return the model of a configuration, an ensemble where it has several members, with any weights.

        Without `own_device` it is put on the best device there is, since a saved model may come from a machine that has
        others.
        """
        from ._device import choose_device
        from ._training import seeded

        with seeded(self.seed, self.settings["num_threads"]):
            model = self._model_class("Ensemble" if config.members > 1 else "")(config)
        return model.to(choose_device(self.settings["device"] if own_device else "auto"))

    def _log(self, member: int) -> Log:
        from ._log import Log

        own, several = self.settings, self.settings["members"] > 1
        folder = (self.work or Path("logs") / f"{self.name}-seed{self.seed}") / "log" / f"member-{member}"
        return Log(f"member {member + 1}/{own['members']}  " if several else "", own["progress"], own["log"], folder)

    def _checkpoint(self, seed: int, days: TowerDays, watch: Watch | None) -> Checkpoint | None:
        """Return the checkpoint of the member of a seed, where there is a folder to work in."""
        if self.work is None:
            return None
        from ._checkpoint import Checkpoint, code_digest

        identity = {key: value for key, value in self.settings.items() if key not in INCIDENTAL}
        identity |= {"features": self.features, "baseline": self.name, "seed": seed}
        identity |= {
            "data": days.digest(),
            "validation": watch and watch.digest(),
        }
        return Checkpoint(self.work / CHECKPOINTS / f"seed-{seed}.safetensors", identity, code_digest(type(self)))

    def _build(self, days: TowerDays) -> Any:
        from ._device import choose_device

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
            non_negative=own["non_negative"],
            quantiles=[float(q) for q in own["quantiles"]] or None,
            members=own["members"],
            **self.sizes(),
        )
        return made(config).to(choose_device(own["device"]))

    def _model_class(self, suffix: str = "") -> Any:
        module, _, name = self.architecture.partition(".")
        return getattr(need(f"{__package__}.{module}"), name + suffix)

    def _recipe(self) -> Recipe:
        from ._device import choose_device, choose_precision
        from ._training import Recipe

        own = self.settings
        precision = choose_precision(own["precision"], choose_device(own["device"]))
        return Recipe(**{f.name: own[f.name] for f in fields(Recipe)} | {"precision": precision})

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
        from ._tower_days import TowerDays, balanced_factor

        windows = self._windows(table, horizon)
        if not windows.dynamic_names:
            raise FeatureError(f"The inputs {self.features} hold nothing that changes from day to day. Add a driver.")
        site = np.unique(sites(table).astype(str), return_inverse=True)[1]
        y, qc, own = targets(table), np.nan_to_num(quality(table), nan=0.0), self.settings
        codes = {name: class_codes(table, column) for name, column in CLASSES.items() if column in self._beside()}
        weights = [codes[name] for name in own["class_weights"]]
        factor = balanced_factor(weights, np.isfinite(y).any(axis=1) & (qc > 0)) if weights else None
        return TowerDays(windows, y, qc, site, factor, {"tower": site, **codes}.get(own["balance"]))

    def _state(self) -> dict[str, Any]:
        return {"scaler": self._scaler.to_dict(), "histories": [asdict(h) for h in self._histories]}

    def _save(self, folder: Path) -> list[str]:
        self._model.save_pretrained(folder)
        # the architecture and the siblings it imports, which transformers copied beside the weights
        code = [p.name for p in folder.glob("modeling_*.py")]
        return sorted([WEIGHTS, "config.json", *code])

    def _load(self, folder: Path, state: dict[str, Any]) -> None:
        _need_libraries()
        from safetensors.torch import load_file

        if not (folder / WEIGHTS).is_file():
            raise CarbonBenchError(
                f"{folder} has no {WEIGHTS}. Weights are read from safetensors only, never from pickle (.bin, .pt)."
            )
        config = self._model_class().config_class.from_pretrained(folder, local_files_only=True)
        self._adopt(self._empty(config, own_device=False), state)
        self._model.load_state_dict(load_file(folder / WEIGHTS))

    def _adopt(self, model: Any, state: dict[str, Any]) -> None:
        """Take a model of this architecture as one's own, with what `_state` gave."""
        from ._training import History

        self._scaler = Scaler.from_dict(state["scaler"])
        self._histories = [History(**history) for history in state["histories"]]
        self._model = model


def _need_libraries() -> None:
    for library in ("torch", "transformers", "safetensors"):
        need(library, "neural")
