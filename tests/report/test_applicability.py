"""Area of applicability: plain loops as witness, hand-derived cases, and what must not change it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from carbonbench_core.errors import UsageError
from carbonbench_core.report.applicability import SAMPLE, dissimilarity, error_by_dissimilarity


def made(n: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal([10, -3, 0], [2, 5, 1], size=(n, 3)), np.array([f"T{i % 4}" for i in range(n)])


def test_it_agrees_with_the_definition_written_as_loops() -> None:
    train, towers = made(60)
    days = np.random.default_rng(1).normal([10, -3, 0], [4, 9, 2], size=(20, 3))
    found = dissimilarity(train, towers, days)
    a, b = ((x - train.mean(axis=0)) / train.std(axis=0) for x in (train, days))
    pairs = [math.dist(p, q) for i, p in enumerate(a) for q in a[:i]]
    typical = sum(pairs) / len(pairs)
    assert found.index == pytest.approx([min(math.dist(p, q) for q in a) / typical for p in b], rel=1e-9)
    usual = [
        min(math.dist(p, q) for q, u in zip(a, towers, strict=True) if u != t) for p, t in zip(a, towers, strict=True)
    ]
    low, high = np.quantile(np.array(usual) / typical, [0.25, 0.75])
    assert found.threshold == pytest.approx(min(max(usual) / typical, high + 1.5 * (high - low)), rel=1e-9)


def test_a_training_day_is_like_itself_and_a_far_one_is_outside() -> None:
    train, towers = made()
    found = dissimilarity(train, towers, np.vstack([train[:5], [[100.0, 100.0, 100.0]]]))
    assert found.index[:5] == pytest.approx(0.0, abs=1e-6)
    assert found.index[5] > 10 * found.threshold


def test_units_do_not_matter_and_a_feature_that_does_not_vary_or_is_rarely_known_takes_no_part() -> None:
    train, towers = made()
    days, _ = made(30, seed=2)
    base = dissimilarity(train, towers, days)
    scale, shift = np.array([1e3, 1e-3, 7]), np.array([5, -1e4, 0])
    scaled = dissimilarity(train * scale + shift, towers, days * scale + shift)
    assert scaled.index == pytest.approx(base.index, rel=1e-6)
    assert scaled.threshold == pytest.approx(base.threshold, rel=1e-6)
    rare = np.where(np.arange(200) < 170, np.arange(200.0), np.nan)
    wider = dissimilarity(np.column_stack([train, np.ones(200), rare]), towers, np.column_stack([days, days[:, :2]]))
    assert wider.index == pytest.approx(base.index, rel=1e-9)


def test_a_missing_value_stands_at_the_mean_of_the_training_data() -> None:
    train, towers = made()
    days = train[:1].copy()
    at_mean, missing = days.copy(), days.copy()
    at_mean[0, 1], missing[0, 1] = train[:, 1].mean(), np.nan
    found = dissimilarity(train, towers, np.vstack([at_mean, missing]))
    assert found.index[0] == pytest.approx(found.index[1])


def test_of_many_training_days_a_sample_is_taken_that_spans_all_of_them() -> None:
    train, _ = made(20 * SAMPLE)
    towers = np.repeat(np.arange(20), SAMPLE)
    # The last tower is elsewhere: its days are near, since the sample has some of them.
    train[towers == 19] += 50
    found = dissimilarity(train, towers, train[-100:])
    assert found.index.max() < 0.2


def test_nothing_is_said_where_there_is_nothing_to_compare() -> None:
    train, towers = made()
    with pytest.raises(UsageError, match="No feature varies"):
        dissimilarity(np.ones((200, 2)), towers, np.ones((3, 2)))
    with pytest.raises(UsageError, match="two towers or more"):
        dissimilarity(train, np.repeat("T", 200), train)


def test_error_is_given_by_fifths_of_dissimilarity() -> None:
    index = np.arange(10) / 10
    observed = dict.fromkeys(("gpp", "reco"), np.zeros(10)) | {"nee": np.full(10, np.nan)}
    observed["reco"] = np.where(np.arange(10) == 1, np.nan, 0.0)
    predicted = dict.fromkeys(("gpp", "reco", "nee"), np.arange(10.0))
    found = error_by_dissimilarity(index, predicted, observed)
    # Days 0 1, 2 3, ... with errors of as much: sqrt((0 + 1) / 2), sqrt((4 + 9) / 2).
    assert found["gpp.rmse.dissimilarity=1"] == pytest.approx(math.sqrt(0.5))
    assert found["gpp.rmse.dissimilarity=2"] == pytest.approx(math.sqrt(6.5))
    assert found["reco.rmse.dissimilarity=1"] == 0.0
    assert found["gpp.dissimilarity_rank_correlation"] == pytest.approx(1.0)
    assert found["nee.rmse.dissimilarity=5"] is None
    assert found["nee.dissimilarity_rank_correlation"] is None
    assert [found[f"dissimilarity.{i}"] for i in range(1, 6)] == sorted(
        found[f"dissimilarity.{i}"] for i in range(1, 6)
    )
