"""Whether an interval of 95 % holds the truth in 95 % of the worlds in which it could have been drawn.

A world is a draw of towers from a population whose medians are known: seven vegetation classes of unequal size and
difficulty, a seventh of the towers standing beside another, scores shaped as R2 is (up to 1, with a long tail below),
and two models that find the same towers hard. Each world gives intervals of the first model's median, of the
difference of medians and of the win rate; their coverage is the share of worlds in which they hold the truth.
"""

from __future__ import annotations

import numpy as np
import pytest

from carbonbench_core.report.bootstrap import quantile_intervals, tower_draws
from carbonbench_core.report.comparison import compare

SHARES = np.array([0.26, 0.22, 0.16, 0.13, 0.1, 0.08, 0.05])
LEVELS = np.array([-0.8, -0.5, -0.2, 0.1, -0.3, 0.4, 0.0])  # of log(1 - R2), by class
BETTER = 0.1  # by which the first model is better, in log(1 - R2)


def towers(rng: np.random.Generator, n: int, own: float) -> tuple[np.ndarray, ...]:
    """Return class, cluster and the scores of two models at n towers; `own` is what a model does not share."""
    classes = np.repeat(np.arange(7), np.round(SHARES * n).astype(int))
    beside = (rng.random(len(classes)) < 1 / 7) & np.concatenate([[False], classes[1:] == classes[:-1]])
    cluster = np.cumsum(~beside)

    def effect() -> np.ndarray:
        return 0.8 * rng.normal(size=cluster[-1] + 1)[cluster] + 0.6 * rng.normal(size=len(classes))

    common = LEVELS[classes] + 0.6 * effect()
    return classes, cluster, 1 - np.exp(common + own * effect()), 1 - np.exp(common + BETTER + own * effect())


def coverage(n: int, own: float, worlds: int, n_draws: int) -> dict[str, float]:
    _, _, a, b = towers(np.random.default_rng(0), n * 4000, own)
    truth = {"median": np.median(a), "difference": np.median(a) - np.median(b), "win_rate": np.mean(a > b)}
    hits, rng = dict.fromkeys(truth, 0), np.random.default_rng(1)
    for world in range(worlds):
        classes, cluster, a, b = towers(rng, n, own)
        draws = tower_draws(cluster, classes, n_draws, seed=world)
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
    found = coverage(n=80, own=0.3, worlds=200, n_draws=300)
    assert all(0.90 <= share <= 0.995 for share in found.values()), found


@pytest.mark.slow
@pytest.mark.parametrize("n", [60, 100])
@pytest.mark.parametrize("own", [0.15, 0.3, 0.5])
def test_the_coverage_of_95_percent_intervals_is_between_92_and_97(n: int, own: float) -> None:
    found = coverage(n, own, worlds=1000, n_draws=2000)
    assert all(0.92 <= share <= 0.97 for share in found.values()), found


if __name__ == "__main__":
    for n in (60, 80, 100):
        for own in (0.15, 0.3, 0.5):
            print(n, own, coverage(n, own, worlds=1000, n_draws=2000), flush=True)
