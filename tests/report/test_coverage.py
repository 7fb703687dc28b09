"""Whether an interval of 95 % holds the truth in 95 % of the worlds in which it could have been drawn.

A world is a draw of towers from a population whose medians are known: seven vegetation classes of unequal size and
difficulty, some towers standing beside others, scores shaped as R2 is (up to 1, with a long tail below), and two models
that find the same towers hard. Each world gives intervals of the first model's median, of the difference of medians and
of the win rate; their coverage is the share of worlds in which they hold the truth.

The smoothing constant of the bootstrap was set in one kind of world, `BASE`. The others ask whether it holds where it
was not set: heavier tails, towers in groups of four or none beside another, classes that do not differ or differ more,
models that share nothing or differ by much, other numbers of towers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from carbonbench_core.report.bootstrap import quantile_intervals, tower_draws
from carbonbench_core.report.comparison import compare

SHARES = np.array([0.26, 0.22, 0.16, 0.13, 0.1, 0.08, 0.05])
LEVELS = np.array([-0.8, -0.5, -0.2, 0.1, -0.3, 0.4, 0.0])  # of log(1 - R2), by class


@dataclass(frozen=True)
class World:
    """How towers and scores come about.

    Parameters
    ----------
    n : int, towers
    own : float, spread of what the models do not share
    better : float, by which the first model is better, in log(1 - R2)
    tail : int, degrees of freedom of the effects of towers; 0 is normal
    beside : float, share of the towers that stand in the group of the one before
    by_class : float, how much classes differ, 1 as measured
    shared : float, spread of what the models share
    """

    n: int = 80
    own: float = 0.3
    better: float = 0.1
    tail: int = 0
    beside: float = 1 / 7
    by_class: float = 1.0
    shared: float = 0.6


BASE = World()
OTHERS = {
    "heavy tails": World(tail=3),
    "very heavy tails, few towers": World(n=60, tail=2, own=0.5),
    "groups of four": World(beside=0.75, n=100),
    "no neighbours": World(beside=0.0),
    "classes alike": World(by_class=0.0),
    "classes far apart": World(by_class=2.5),
    "nothing shared": World(shared=0.0, own=0.8),
    "far better": World(better=0.5),
    "no better": World(better=0.0),
    "many towers": World(n=200),
    "forty towers": World(n=40),
}


def towers(rng: np.random.Generator, world: World) -> tuple[np.ndarray, ...]:
    """Return class, cluster and the scores of two models at the towers of a world."""
    classes = np.repeat(np.arange(7), np.round(SHARES * world.n).astype(int))
    beside = (rng.random(len(classes)) < world.beside) & np.concatenate([[False], classes[1:] == classes[:-1]])
    cluster = np.cumsum(~beside)

    def drawn(n: int) -> np.ndarray:
        return rng.standard_t(world.tail, n) if world.tail else rng.normal(size=n)

    def effect() -> np.ndarray:
        return 0.8 * drawn(cluster[-1] + 1)[cluster] + 0.6 * drawn(len(classes))

    common = world.by_class * LEVELS[classes] + world.shared * effect()
    a, b = (common + better + world.own * effect() for better in (0.0, world.better))
    return classes, cluster, 1 - np.exp(a), 1 - np.exp(b)


def coverage(world: World, worlds: int, n_draws: int) -> dict[str, float]:
    """Return in which share of worlds the intervals hold the truth."""
    _, _, a, b = towers(np.random.default_rng(0), replace(world, n=world.n * 4000))
    truth = {"median": np.median(a), "difference": np.median(a) - np.median(b), "win_rate": np.mean(a > b)}
    hits, rng = dict.fromkeys(truth, 0), np.random.default_rng(1)
    for seed in range(worlds):
        classes, cluster, a, b = towers(rng, world)
        draws = tower_draws(cluster, classes, n_draws, seed=seed)
        found = compare({"a": a, "b": b}, draws)
        i, j = found.models.index("a"), found.models.index("b")
        intervals = {
            "median": quantile_intervals(a, draws, [0.5])[0][1:],
            "difference": found.difference[1:, i, j],
            "win_rate": found.win_rate[1:, i, j],
        }
        for name, (low, high) in intervals.items():
            hits[name] += low <= truth[name] <= high
    return {name: hit / worlds for name, hit in hits.items()}


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    # 200 worlds: a coverage of 0.95 has a standard error of 0.015; three of them on either side.
    found = coverage(BASE, worlds=200, n_draws=300)
    assert all(0.90 <= share <= 0.995 for share in found.values()), found


@pytest.mark.slow
@pytest.mark.parametrize("n", [60, 100])
@pytest.mark.parametrize("own", [0.15, 0.3, 0.5])
def test_the_coverage_of_95_percent_intervals_is_between_92_and_97(n: int, own: float) -> None:
    found = coverage(World(n=n, own=own), worlds=1000, n_draws=2000)
    assert all(0.92 <= share <= 0.97 for share in found.values()), found


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_intervals_hold_in_worlds_where_nothing_was_set(name: str) -> None:
    # 1,000 worlds, since of 400 a coverage has a standard error of 0.011, and 0.9125 was met. All were between 0.93 and
    # 0.96 but that of the median where classes are far apart, 0.974.
    found = coverage(OTHERS[name], worlds=1000, n_draws=2000)
    assert all(0.92 <= share <= 0.98 for share in found.values()), found


if __name__ == "__main__":
    measured = {f"{n} towers, own {own}": World(n=n, own=own) for n in (60, 80, 100) for own in (0.15, 0.3, 0.5)}
    for name, world in (OTHERS | measured).items():
        print(name, coverage(world, worlds=1000, n_draws=2000), flush=True)
