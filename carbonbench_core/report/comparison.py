"""Models beside one another: by how much, how often and how surely one is better than another.

All models are compared on the same towers and the same draws, so that what is hard for all does not hide a difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..errors import UsageError
from .bootstrap import LEVEL, Interval, ends, mean_of, quantile_of, seed_draws, smooth_quantile_of_draws


@dataclass(frozen=True)
class Comparison:
    """Models beside one another on the same towers.

    Parameters
    ----------
    models : list of str [M], best first
    value : list of Interval [M], the statistic
    rank : list of Interval [M], 1 for the best
    difference : ndarray [3, M, M], by how much row is better than column by the smooth quantile: value, low, high; all
        three by the same estimator, so that the value does not stand outside its own interval
    win_rate : ndarray [3, M, M], share of towers at which row is better than column, ties by half: value, low, high
    tied : list of bool [M], not separable from the best: the interval of the difference reaches zero
    n_towers, n_left_out : int, towers where every model has a score, and the others
    """

    models: list[str]
    value: list[Interval]
    rank: list[Interval]
    difference: np.ndarray
    win_rate: np.ndarray
    tied: list[bool]
    n_towers: int
    n_left_out: int


def compare(
    scores: Mapping[str, np.ndarray],
    draws: np.ndarray,
    quantile: float = 0.5,
    higher_is_better: bool = True,
    level: float = LEVEL,
) -> Comparison:
    """Compare models by a quantile over towers of one score.

    Parameters
    ----------
    scores : dict, model -> ndarray [S] or [K, S], a score of every tower, of one run or of K seeds
    draws : ndarray [B, S], from `tower_draws`, the same for every model
    quantile : float
    higher_is_better : bool
    level : float, of the intervals

    Returns
    -------
    Comparison

    Raises
    ------
    UsageError : no model, models of different towers, or no tower where all have a score
    """
    runs = {model: np.atleast_2d(np.asarray(values, float)) for model, values in scores.items()}
    n_towers = {run.shape[1] for run in runs.values()}
    if n_towers != {draws.shape[1]}:
        raise UsageError(f"Models have scores of {sorted(n_towers)} towers, draws are of {draws.shape[1]}. Align them.")
    common = ~np.any([np.isnan(run).any(axis=0) for run in runs.values()], axis=0)
    if not common.any():
        raise UsageError("There is no tower at which every model has a score.")
    sign = 1 if higher_is_better else -1
    # Of scores where less is better, the negative: its q quantile is the negative of the 1 - q quantile.
    place = quantile if higher_is_better else 1 - quantile
    runs = {model: sign * run[:, common] for model, run in runs.items()}
    points = {model: mean_of([quantile_of(seed, place) for seed in run]) for model, run in runs.items()}
    models = sorted(runs, key=lambda model: (-points[model], model))
    draws = draws[:, common]
    drawn = np.array([_statistic(runs[model], draws, place, model) for model in models])
    value = [Interval(points[m], *ends(d, level)) for m, d in zip(models, drawn, strict=True)]
    once = np.ones((1, int(common.sum())))
    point = np.array([_smooth_value(runs[model], once, place) for model in models])
    difference = _with_ends(point[:, None] - point, drawn[:, None] - drawn, level)
    return Comparison(
        models,
        value if higher_is_better else [Interval(-v.value, -v.high, -v.low) for v in value],
        _ranks(drawn, level),
        difference,
        _win_rates({model: runs[model] for model in models}, draws, level),
        [bool(low <= 0) for low in difference[1, 0]],
        int(common.sum()),
        int((~common).sum()),
    )


def _statistic(run: np.ndarray, draws: np.ndarray, quantile: float, model: str) -> np.ndarray:
    weights = seed_draws(len(run), len(draws), model)
    return sum(weights[k] * smooth_quantile_of_draws(seed, draws, quantile) for k, seed in enumerate(run))


def _smooth_value(run: np.ndarray, once: np.ndarray, quantile: float) -> float:
    return float(np.mean([smooth_quantile_of_draws(seed, once, quantile)[0] for seed in run]))


def _ranks(drawn: np.ndarray, level: float) -> list[Interval]:
    better = (drawn[None] > drawn[:, None]).sum(axis=1)
    equal = (drawn[None] == drawn[:, None]).sum(axis=1) - 1
    ranks = 1 + better + equal / 2
    low = np.quantile(ranks, (1 - level) / 2, axis=1, method="lower")
    high = np.quantile(ranks, (1 + level) / 2, axis=1, method="higher")
    return [Interval(i + 1.0, float(a), float(b)) for i, (a, b) in enumerate(zip(low, high, strict=True))]


def _win_rates(runs: dict[str, np.ndarray], draws: np.ndarray, level: float) -> np.ndarray:
    """Return win rates [3, M, M]; with several seeds a tower counts by the share of pairs of seeds that win there.

    Seeds are drawn again too, as those of medians are.
    """
    total = draws.sum(axis=1)
    weights = {model: seed_draws(len(run), len(draws), model) for model, run in runs.items()}
    out = np.full((3, len(runs), len(runs)), 0.5)
    for i, (a, of_a) in enumerate(runs.items()):
        for j, (b, of_b) in enumerate(list(runs.items())[:i]):
            wins = (1 + np.sign(of_a[:, None] - of_b[None])) / 2  # [K, L, S]
            drawn = np.einsum("kb,lb,klb->b", weights[a], weights[b], wins @ draws.T) / total
            value, low, high = wins.mean(), *ends(drawn, level)
            out[:, i, j], out[:, j, i] = (value, low, high), (1 - value, 1 - high, 1 - low)
    return out


def _with_ends(value: np.ndarray, drawn: np.ndarray, level: float) -> np.ndarray:
    return np.array([value, *np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=-1)])
