"""How the neural baselines learn: one loop for all of them, and the score it stops by.

A loop of our own rather than transformers' `Trainer`: training stops by a score over towers, not by a mean over
windows; windows are drawn anew every epoch and gathered lazily from one padded array; a resumed training has to give
the same weights bit by bit, running averages and drawn windows included; and `Trainer` would bring in accelerate for
what is two pages of code. A model is any module whose forward takes the tensors of `TowerDays.batch`, with `labels`
[gC m-2 d-1], `weight` and `horizon`, and returns an output with `loss` and `fluxes`.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from carbonbench_core.errors import CarbonBenchError

from ._checkpoint import Checkpoint, State
from ._device import autocast
from ._draw import augment, draw
from ._log import Log
from ._tower_days import TowerDays, Watch, as_tensors, device_of

STEP_EPOCHS = 10  # of the schedule "step", as published


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Parameters
    ----------
    learning_rate, weight_decay : float, of AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101)
    batch_size : int, windows
    max_epochs, patience : int, epochs at most, and without a better validation score before training stops
    schedule : "cosine", or "step": the rate is halved every 10 epochs
    warmup : float, share of all steps in which the rate rises to `learning_rate`
    clip : float, largest norm of the gradient
    stride : int, an epoch draws one window per so many days, other ones every time [days]
    averaging : float, share of the averaged weights that each step keeps; these are scored and kept. 0 is none
    noise : float, standard deviation of an offset drawn per window and input [training standard deviations]
    hide : float, chance that a group of inputs is hidden from a window
    precision : "full", "bf16" or "fp16", of the layers in training
    compile : bool, whether `torch.compile` makes the step
    """

    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    batch_size: int = 256
    max_epochs: int = 12
    patience: int = 5
    schedule: str = "cosine"
    warmup: float = 0.05
    clip: float = 1.0
    stride: int = 15
    averaging: float = 0.99
    noise: float = 0.0
    hide: float = 0.0
    precision: str = "full"
    compile: bool = False


@dataclass
class History:
    """What training went through.

    Parameters
    ----------
    epochs : list of dict, per epoch its loss and, with validation towers, its score per target and their mean
    best_epoch : int, the epoch whose weights were kept, counted from 1
    """

    epochs: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0

    def ended(self, recipe: Recipe) -> bool:
        """Return whether training is over."""
        done = len(self.epochs)
        return done >= recipe.max_epochs or (done > 0 and done - self.best_epoch >= recipe.patience)

    def add(self, values: dict[str, float]) -> bool:
        """Add an epoch and return whether it is the best; without any score so far the last one is."""
        scores = [e.get("score", math.nan) for e in self.epochs]
        known = [s for s in scores if not math.isnan(s)]
        self.epochs.append(values)
        better = not known or values.get("score", math.nan) > max(known)
        self.best_epoch = len(self.epochs) if better else self.best_epoch
        return better


def train(
    model: nn.Module,
    days: TowerDays,
    watch: Watch | None,
    recipe: Recipe,
    rng: np.random.Generator,
    log: Log | None = None,
    checkpoint: Checkpoint | None = None,
) -> History:
    """Train a model in place and leave it with the weights of its best epoch.

    Without validation towers, or where none has a score, those are the weights of the last epoch.

    Parameters
    ----------
    model : Module, as the module's first lines say
    days : TowerDays, windows with stride 1, so that an epoch can draw any of them
    watch : Watch or None
    recipe : Recipe
    rng : Generator, draws windows and augmentation; dropout follows torch's own seed, see `seeded`
    log : Log, optional
    checkpoint : Checkpoint, optional, written after every epoch; training goes on from one that is there

    Raises
    ------
    CarbonBenchError : the loss is no longer finite
    UsageError : the checkpoint is another training's
    """
    run, log = _Run(model, days, recipe, rng), log or Log(progress=False)
    if checkpoint is not None and (state := checkpoint.load()) is not None:
        run.restore(state)
    while not run.history.ended(recipe):
        started = time.perf_counter()
        values = {"loss": run.epoch()} | (watch.score(run.average) if watch else {})
        if better := run.history.add(values):
            run.keep()
        if checkpoint is not None:
            checkpoint.save(*run.state())
        number = len(run.history.epochs)
        log.epoch(number, recipe.max_epochs, values, time.perf_counter() - started, better)
    log.close()
    model.load_state_dict(run.best)
    return run.history


@contextmanager
def seeded(seed: int, threads: int) -> Iterator[np.random.Generator]:
    """Run with torch seeded and on so many threads, then leave torch as it was."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            yield np.random.default_rng(seed)
    finally:
        torch.set_num_threads(before)


class _Run:
    """One training: the model, the running average of its weights, the optimiser, the best weights so far."""

    def __init__(self, model: nn.Module, days: TowerDays, recipe: Recipe, rng: np.random.Generator) -> None:
        self.model, self.recipe, self.rng, self.days = model, recipe, rng, days
        self.device = device_of(model)
        self.candidates, self.chance = days.candidates()
        self.per_epoch = math.ceil(len(self.candidates) / recipe.stride)
        self.steps = math.ceil(self.per_epoch / recipe.batch_size)
        self.groups = days.input_groups() if recipe.hide else []
        self.average, self.best = copy.deepcopy(model), {}
        self.step, self.history = 0, History()
        self.optimiser = torch.optim.AdamW(_weight_groups(model, recipe.weight_decay), lr=recipe.learning_rate)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=recipe.precision == "fp16")
        self.forward = _compiled(model) if recipe.compile else model

    def epoch(self) -> float:
        """Take one pass over newly drawn windows and return the mean loss."""
        self.model.train()
        drawn = draw(self.candidates, self.chance, self.per_epoch, self.rng)
        total = 0.0
        for start in range(0, len(drawn), self.recipe.batch_size):
            indices = drawn[start : start + self.recipe.batch_size]
            total += self._update(self.days.batch(indices)) * len(indices)
        return total / len(drawn)

    def keep(self) -> None:
        """Remember the averaged weights as the best; a copy, since the next step changes the very tensors."""
        self.best = copy.deepcopy(self.average.state_dict())

    def state(self) -> State:
        """Return everything that the next epoch depends on."""
        weights = {"model": self.model.state_dict(), "average": self.average.state_dict(), "best": self.best}
        moments = {str(i): state for i, state in self.optimiser.state_dict()["state"].items()}
        tensors = {f"{part}/{name}": t for part, named in weights.items() for name, t in named.items()}
        tensors |= {f"optimiser/{i}/{name}": t for i, named in moments.items() for name, t in named.items()}
        tensors["random/cpu"] = torch.get_rng_state()
        if self.device.type == "cuda":
            tensors["random/cuda"] = torch.cuda.get_rng_state(self.device)
        plain = {"step": self.step, "history": asdict(self.history), "scaler": self.scaler.state_dict()}
        return tensors, plain | {"numpy": self.rng.bit_generator.state}

    def restore(self, state: State) -> None:
        """Go back to where `state` was taken."""
        tensors, plain = state
        self.model.load_state_dict(_part(tensors, "model/"))
        self.average.load_state_dict(_part(tensors, "average/"))
        self.best = _part(tensors, "best/")
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in _part(tensors, "optimiser/").items():
            index, _, key = name.partition("/")
            moments.setdefault(int(index), {})[key] = tensor
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": moments})
        self.scaler.load_state_dict(plain["scaler"])
        self.step, self.history = plain["step"], History(**plain["history"])
        self.rng.bit_generator.state = plain["numpy"]
        torch.set_rng_state(tensors["random/cpu"])
        if self.device.type == "cuda" and "random/cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random/cuda"], self.device)

    def _update(self, batch: dict[str, np.ndarray]) -> float:
        labels, weight = (torch.from_numpy(batch[k]).to(self.device) for k in ("y", "weight"))
        inputs = as_tensors(augment(batch, self.groups, self.recipe, self.rng), self.device)
        with autocast(self.recipe.precision, self.device):
            loss = self.forward(**inputs, labels=labels, weight=weight).loss
        if not math.isfinite(value := loss.item()):
            raise CarbonBenchError(
                f"The loss is {value} after {self.step} steps. Lower learning_rate "
                f"(now {self.recipe.learning_rate}), or look for extreme values in the inputs and targets."
            )
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.learning_rate * rate(self.step, self.steps, self.recipe)
        self.optimiser.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimiser)
        nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self._average()
        return value

    @torch.no_grad()
    def _average(self) -> None:
        self.step += 1
        # The first steps weigh less than in the long run, or the average would remember the random start.
        keep = min(self.recipe.averaging, self.step / (self.step + 10))
        torch._foreach_lerp_(list(self.average.parameters()), list(self.model.parameters()), 1 - keep)
        for mean, now in zip(self.average.buffers(), self.model.buffers(), strict=True):
            mean.copy_(now)


def _compiled(model: nn.Module) -> Callable[..., Any]:
    step = torch.compile(model)

    def forward(**inputs: torch.Tensor) -> Any:
        try:
            return step(**inputs)
        except torch._dynamo.exc.TorchDynamoException as error:
            why = next(iter(str(error).splitlines()), type(error).__name__)
            raise CarbonBenchError(f"torch.compile cannot make the step here: {why}. Set compile=false.") from error

    return forward


def rate(step: int, steps: int, recipe: Recipe) -> float:
    """Return the learning rate at a step as a share of its largest: a linear rise, then a cosine or steps down.

    Parameters
    ----------
    step, steps : int, steps taken, and steps of an epoch
    recipe : Recipe
    """
    whole = recipe.max_epochs * steps
    rise = max(1, int(recipe.warmup * whole))
    if step < rise:
        return (step + 1) / rise
    if recipe.schedule == "step":
        return 0.5 ** (step // steps // STEP_EPOCHS)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - rise) / max(1, whole - rise))))


def _weight_groups(model: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Return parameters for AdamW: matrices decay; biases, norms and embeddings do not."""
    free = {id(p) for m in model.modules() if isinstance(m, nn.Embedding) for p in m.parameters()}
    parameters = list(model.parameters())
    decaying = [p for p in parameters if p.dim() > 1 and id(p) not in free]
    chosen = {id(p) for p in decaying}
    others = [p for p in parameters if id(p) not in chosen]
    return [{"params": decaying, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


def _part(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
