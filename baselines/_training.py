"""How the neural baselines learn: one loop for all of them, and the score it stops by.

A loop of our own rather than transformers' `Trainer`: training stops by a score over towers, not by a mean over
windows; windows are drawn anew every epoch and gathered lazily from one padded array; and `Trainer` would bring in
accelerate for what is a page of code. A model is any module whose forward takes the tensors of `Windows.batch`, with
`labels` [gC m-2 d-1], `weight` and `horizon`, and returns an output with `loss` and `fluxes`.
"""

from __future__ import annotations

import copy
import math
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from carbonbench_core.errors import CarbonBenchError

from ._tower_days import TowerDays, Watch, as_tensors, device_of


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Parameters
    ----------
    learning_rate, weight_decay : float, of AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101)
    batch_size : int, windows
    max_epochs, patience : int, epochs at most, and without a better validation score before training stops
    warmup : float, share of all steps in which the rate rises to `learning_rate`; it then falls along a cosine
    clip : float, largest norm of the gradient
    stride : int, an epoch draws one window per so many days, other ones every time [days]
    averaging : float, share of the averaged weights that each step keeps; these are scored and kept. 0 is none
    noise : float, standard deviation of an offset drawn per window and input [training standard deviations]
    hide : float, chance that a group of inputs is hidden from a window
    """

    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    batch_size: int = 256
    max_epochs: int = 12
    patience: int = 5
    warmup: float = 0.05
    clip: float = 1.0
    stride: int = 15
    averaging: float = 0.99
    noise: float = 0.0
    hide: float = 0.0


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


def train(
    model: nn.Module,
    days: TowerDays,
    watch: Watch | None,
    recipe: Recipe,
    rng: np.random.Generator,
    progress: bool = True,
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
    progress : bool, print a line per epoch to stderr

    Raises
    ------
    CarbonBenchError : the loss is no longer finite
    """
    run = _Run(model, days, recipe, rng)
    history, best, best_weights = History(), -math.inf, None
    for epoch in range(1, recipe.max_epochs + 1):
        started = time.perf_counter()
        history.epochs.append({"loss": run.epoch()} | (watch.score(run.average) if watch else {}))
        score = history.epochs[-1].get("score", math.nan)
        if score > best or best == -math.inf:  # no score so far: the last epoch is kept
            best = max(best, score)
            # A copy: the state dict holds the very tensors that the next step changes.
            best_weights, history.best_epoch = copy.deepcopy(run.average.state_dict()), epoch
        if progress:
            _tell(epoch, recipe, history, time.perf_counter() - started)
        if epoch - history.best_epoch >= recipe.patience:
            break
    model.load_state_dict(best_weights)
    return history


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
    """One training: the model, the running average of its weights, the optimiser and its schedule."""

    def __init__(self, model: nn.Module, days: TowerDays, recipe: Recipe, rng: np.random.Generator) -> None:
        self.model, self.recipe, self.rng, self.windows = model, recipe, rng, days.windows
        self.candidates = np.flatnonzero(days.windows.labelled)
        self.per_epoch = max(1, math.ceil(len(self.candidates) / recipe.stride))
        self.groups = days.input_groups() if recipe.hide else []
        self.average = copy.deepcopy(model)
        self.step = 0
        self.optimiser = torch.optim.AdamW(_weight_groups(model, recipe.weight_decay), lr=recipe.learning_rate)
        steps = recipe.max_epochs * math.ceil(self.per_epoch / recipe.batch_size)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, lambda k: rate(k, steps, recipe.warmup))

    def epoch(self) -> float:
        """Take one pass over newly drawn windows and return the mean loss."""
        self.model.train()
        drawn = self.rng.permutation(self.candidates)[: self.per_epoch]
        total = 0.0
        for start in range(0, len(drawn), self.recipe.batch_size):
            indices = drawn[start : start + self.recipe.batch_size]
            total += self._update(self.windows.batch(indices)) * len(indices)
        return total / len(drawn)

    def _update(self, batch: dict[str, np.ndarray]) -> float:
        device = device_of(self.model)
        labels, weight = (torch.from_numpy(batch[k]).to(device) for k in ("y", "weight"))
        inputs = as_tensors(augment(batch, self.groups, self.recipe, self.rng), device)
        loss = self.model(**inputs, labels=labels, weight=weight).loss
        if not torch.isfinite(loss):
            raise CarbonBenchError(
                f"The loss is {loss.item()} after {self.step} steps. Lower learning_rate "
                f"(now {self.recipe.learning_rate}), or look for extreme values in the inputs and targets."
            )
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
        self.optimiser.step()
        self.schedule.step()
        self._average()
        return loss.item()

    @torch.no_grad()
    def _average(self) -> None:
        self.step += 1
        # The first steps weigh less than in the long run, or the average would remember the random start.
        keep = min(self.recipe.averaging, self.step / (self.step + 10))
        for mean, now in zip(self.average.parameters(), self.model.parameters(), strict=True):
            mean.lerp_(now, 1 - keep)
        for mean, now in zip(self.average.buffers(), self.model.buffers(), strict=True):
            mean.copy_(now)


def augment(
    batch: dict[str, np.ndarray], groups: Sequence[np.ndarray], recipe: Recipe, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Return a batch with an offset added to its daily inputs and groups of them hidden, each for whole windows."""
    dynamic, observed = batch["dynamic"], batch["observed"]
    size = (len(dynamic), 1, dynamic.shape[2])
    if recipe.noise:
        dynamic = dynamic + recipe.noise * rng.standard_normal(size, dtype=np.float32)
    if len(groups):
        shown = np.ones(size, dtype=bool)
        for group in groups:
            shown[:, :, group] = rng.random((len(dynamic), 1, 1)) >= recipe.hide
        observed = observed & shown
    return batch | {"dynamic": dynamic, "observed": observed}


def rate(step: int, steps: int, warmup: float) -> float:
    """Return the learning rate at a step as a share of its largest: a linear rise, then half a cosine."""
    rise = max(1, int(warmup * steps))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - rise) / max(1, steps - rise))))


def _weight_groups(model: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Return parameters for AdamW: matrices decay; biases, norms and embeddings do not."""
    free = {id(p) for m in model.modules() if isinstance(m, nn.Embedding) for p in m.parameters()}
    parameters = list(model.parameters())
    decaying = [p for p in parameters if p.dim() > 1 and id(p) not in free]
    chosen = {id(p) for p in decaying}
    others = [p for p in parameters if id(p) not in chosen]
    return [{"params": decaying, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


def _tell(epoch: int, recipe: Recipe, history: History, seconds: float) -> None:
    values = "  ".join(f"{k} {v:.3f}" for k, v in history.epochs[-1].items())
    mark = " *" if history.best_epoch == epoch else ""
    print(f"epoch {epoch}/{recipe.max_epochs}  {values}  {seconds:.1f} s{mark}", file=sys.stderr, flush=True)
