"""Models beside one another: what is better, by how much, how often, and what cannot be told apart."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonbench_core.errors import UsageError
from carbonbench_core.report.bootstrap import tower_draws
from carbonbench_core.report.comparison import Comparison, compare

N = 80
DRAWS = tower_draws(range(N))


def towers(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.5, 0.3, N)


def of(found: Comparison, part: np.ndarray, row: str, column: str) -> list[float]:
    return part[:, found.models.index(row), found.models.index(column)].tolist()


def test_a_model_that_is_better_everywhere_is_separated_whatever_the_spread_over_towers() -> None:
    base = towers()
    found = compare({"worse": base - 0.05, "better": base}, DRAWS)
    assert (found.models, found.tied) == (["better", "worse"], [True, False])
    # Every draw has the same difference: the spread over towers cancels, though each median varies by more than it.
    assert of(found, found.difference, "better", "worse") == pytest.approx([0.05] * 3)
    assert found.value[0].high - found.value[0].low > 0.05
    assert of(found, found.win_rate, "better", "worse") == [1.0] * 3
    assert [rank[:3] for rank in found.rank] == [(1.0, 1.0, 1.0), (2.0, 2.0, 2.0)]


def test_models_of_equal_skill_are_tied_and_may_change_ranks() -> None:
    base, rng = towers(), np.random.default_rng(1)
    found = compare({f"m{i}": base + rng.normal(0, 0.1, N) for i in range(4)}, DRAWS)
    assert found.tied == [True] * 4
    assert found.rank[0].low == 1
    assert found.rank[0].high > 1


def test_the_same_predictions_twice_are_no_difference() -> None:
    found = compare({"a": towers(), "b": towers()}, DRAWS)
    assert found.difference.tolist() == np.zeros((3, 2, 2)).tolist()
    assert found.win_rate == pytest.approx(0.5)
    assert found.tied == [True, True]
    assert [rank.low for rank in found.rank] == [1.5, 1.5]


def test_of_errors_less_is_better() -> None:
    base = np.abs(towers())
    found = compare({"worse": base + 0.2, "better": base}, DRAWS, higher_is_better=False)
    assert found.models == ["better", "worse"]
    assert found.value[0].value == pytest.approx(np.median(base))
    assert found.value[0].low <= found.value[0].value <= found.value[0].high
    assert of(found, found.difference, "better", "worse") == pytest.approx([0.2] * 3)
    upper = compare({"a": base}, DRAWS, quantile=0.75, higher_is_better=False)
    assert upper.value[0].value == pytest.approx(np.quantile(base, 0.75))


def test_win_rates_are_shares_of_towers_with_ties_by_half() -> None:
    a = np.zeros(N)
    b = np.concatenate([np.full(40, -1.0), np.zeros(20), np.ones(20)])
    found = compare({"a": a, "b": b}, DRAWS)
    value, low, high = of(found, found.win_rate, "a", "b")
    assert value == (40 + 10) / N
    # A mean of 1 1/2 0 in shares 1/2 1/4 1/4: standard deviation 0.41, standard error 0.046.
    assert (high - low) / (2 * 1.96) == pytest.approx(0.046, rel=0.15)
    assert of(found, found.win_rate, "b", "a") == pytest.approx([1 - value, 1 - high, 1 - low])


@given(st.integers(0, 2**16))
def test_what_is_said_of_two_models_does_not_depend_on_others_or_on_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = {name: rng.normal(size=(2, N)) for name in "abc"}
    pair = {name: scores[name] for name in "ba"}
    draws = DRAWS[:200]
    few, many = compare(pair, draws), compare(scores, draws)
    for name in ("difference", "win_rate"):
        assert of(few, getattr(few, name), "a", "b") == pytest.approx(of(many, getattr(many, name), "a", "b"))


def test_differences_and_win_rates_are_mirror_images() -> None:
    rng = np.random.default_rng(0)
    found = compare({name: rng.normal(size=N) for name in "abc"}, DRAWS)
    value, low, high = found.difference
    assert value == pytest.approx(-value.T)
    assert low == pytest.approx(-high.T)
    assert found.win_rate[1] == pytest.approx(1 - found.win_rate[2].T)


def test_seeds_that_scatter_make_a_difference_less_sure() -> None:
    base = towers()
    lone = compare({"a": base, "b": base - 0.1}, DRAWS)
    seeds = compare({"a": np.stack([base + d for d in (-0.3, 0.0, 0.3)]), "b": base - 0.1}, DRAWS)
    assert (lone.tied, seeds.tied) == ([True, False], [True, True])
    assert of(seeds, seeds.difference, "a", "b")[0] == pytest.approx(0.1)
    # Two of three seeds of a win everywhere.
    assert of(seeds, seeds.win_rate, "a", "b")[0] == pytest.approx(2 / 3)


def test_seeds_that_scatter_make_a_win_rate_less_sure() -> None:
    base = towers()
    # One of two seeds of a wins everywhere: with towers alone drawn again the rate of 1/2 would have no spread at all.
    found = compare({"a": np.stack([base + 0.2, base - 0.2]), "b": base}, DRAWS)
    assert of(found, found.win_rate, "a", "b") == [0.5, 0.0, 1.0]


@given(st.integers(0, 2**16))
def test_the_value_of_a_difference_stands_in_its_own_interval(seed: int) -> None:
    rng = np.random.default_rng(seed)
    # R2 has a long tail below: the plain medians of skewed scores differ by other amounts than the smooth ones.
    base = 1 - np.exp(rng.normal(0, 1, N))
    found = compare({"a": base, "b": base - rng.exponential(0.3, N) ** 2}, DRAWS[:300])
    value, low, high = of(found, found.difference, found.models[0], found.models[1])
    assert low <= value <= high


def test_towers_where_a_score_is_undefined_for_one_model_are_left_out_for_all_and_counted() -> None:
    a, b = towers(0), towers(1)
    b[:5] = np.nan
    found = compare({"a": a, "b": b}, DRAWS)
    assert (found.n_towers, found.n_left_out) == (N - 5, 5)
    values = {m: v.value for m, v in zip(found.models, found.value, strict=True)}
    assert values["a"] == pytest.approx(np.median(a[5:]))
    assert not any(math.isnan(v) for v in found.difference.ravel())


def test_models_of_other_towers_are_refused() -> None:
    with pytest.raises(UsageError, match=r"scores of \[79, 80\] towers, draws are of 80"):
        compare({"a": towers(), "b": towers()[1:]}, DRAWS)
    with pytest.raises(UsageError, match="no tower at which every model has a score"):
        compare({"a": towers(), "b": np.full(N, np.nan)}, DRAWS)
    with pytest.raises(UsageError, match=r"scores of \[\] towers"):
        compare({}, DRAWS)
