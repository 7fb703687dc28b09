"""The training engine: the loss it minimises, the weights it keeps, when it stops, what it draws."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from carbonbench_baselines._draw import augment
from carbonbench_baselines._tower_days import TowerDays, Watch, predict
from carbonbench_baselines._training import Recipe, rate, seeded, train
from carbonbench_baselines.modeling_fluxes import quality_weighted_loss
from torch import nn

from carbonbench_core.errors import CarbonBenchError
from carbonbench_core.rows import as_table, quality, targets
from carbonbench_core.windows import to_windows

FEATURES = ["TA_F", "SW_IN_F", "VPD_F", "igbp"]
RECIPE = Recipe(batch_size=64, max_epochs=3, patience=3, stride=20)


class Linear(nn.Module):
    """The smallest model the engine can train."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3, 3)

    def forward(self, dynamic, observed, valid, static, labels=None, weight=None, horizon=15):
        fluxes = self.head(dynamic[:, -horizon:])
        loss = None if labels is None else quality_weighted_loss(fluxes, labels, weight)
        return SimpleNamespace(loss=loss, fluxes=fluxes)


class Script:
    """A watch that gives the scores it was told to, and remembers the weights it was shown."""

    def __init__(self, scores: list[float]) -> None:
        self.scores, self.seen = list(scores), []

    def score(self, model: nn.Module) -> dict[str, float]:
        self.seen.append({k: v.clone() for k, v in model.state_dict().items()})
        return {"score": self.scores[len(self.seen) - 1]}


def tower_days(frame: pd.DataFrame, horizon: int = 15) -> TowerDays:
    table = as_table(frame)
    windows = to_windows(table, FEATURES, 30, horizon, 1)
    site = np.unique(frame["site_id"].to_numpy(dtype=str), return_inverse=True)[1]
    return TowerDays(windows, targets(table), np.nan_to_num(quality(table), nan=0.0), site)


@pytest.fixture(scope="module")
def days(train_frame: pd.DataFrame) -> TowerDays:
    return tower_days(train_frame)


@pytest.fixture(scope="module", name="train_frame")
def _train_frame(make_tower) -> pd.DataFrame:
    return pd.concat([make_tower("A", "DBF", 45.0, 300), make_tower("B", "CRO", 40.0, 200)], ignore_index=True)


def trained(days: TowerDays, watch: object, recipe: Recipe = RECIPE, seed: int = 0) -> tuple[Linear, object]:
    with seeded(seed, 1) as rng:
        model = Linear()
        return model, train(model, days, watch, recipe, rng)


def test_the_loss_is_the_weighted_mean_over_the_observed_values() -> None:
    observed = torch.tensor([[[1.0, 2.0, math.nan], [0.0, math.nan, math.nan]]])
    # weights 1 and 0.5: (1*1^2 + 1*2^2 + 0.5*0^2) / (1 + 1 + 0.5) = 2
    loss = quality_weighted_loss(torch.zeros(1, 2, 3), observed, torch.tensor([[1.0, 0.5]]))
    assert loss.item() == pytest.approx(2.0)


def test_missing_targets_and_days_without_weight_leave_no_trace_in_the_gradient() -> None:
    predicted = torch.ones(1, 2, 3, requires_grad=True)
    observed = torch.tensor([[[0.0, math.nan, 5.0], [9.0, 9.0, math.inf]]])
    quality_weighted_loss(predicted, observed, torch.tensor([[1.0, 0.0]])).backward()
    # d/dp of ((1 - 0)^2 + (1 - 5)^2) / 2 is (2 * 1 / 2, 2 * -4 / 2)
    assert predicted.grad[0, 0].tolist() == [1.0, 0.0, -4.0]
    assert predicted.grad[0, 1].tolist() == [0.0, 0.0, 0.0]


def test_a_batch_without_any_target_has_a_loss_of_zero() -> None:
    predicted = torch.ones(2, 2, 3, requires_grad=True)
    loss = quality_weighted_loss(predicted, torch.full((2, 2, 3), math.nan), torch.ones(2, 2))
    loss.backward()
    assert loss.item() == 0
    assert (predicted.grad == 0).all()


def test_the_weights_kept_are_a_copy_of_those_of_the_best_epoch(days: TowerDays) -> None:
    watch = Script([0.1, 0.5, 0.2])
    model, history = trained(days, watch)
    assert history.best_epoch == 2
    assert all(torch.equal(v, watch.seen[1][k]) for k, v in model.state_dict().items())
    # training went on after the best epoch, so a reference would have shown the last weights
    assert not torch.equal(watch.seen[1]["head.weight"], watch.seen[2]["head.weight"])


def test_training_stops_after_patience_epochs_without_a_better_score(days: TowerDays) -> None:
    watch = Script([0.3, 0.3, 0.2, 0.9])
    _, history = trained(days, watch, replace(RECIPE, max_epochs=4, patience=2))
    assert (len(history.epochs), history.best_epoch) == (3, 1)


def test_without_a_score_the_last_epoch_is_kept(days: TowerDays) -> None:
    watch = Script([math.nan] * 3)
    model, history = trained(days, watch)
    assert history.best_epoch == 3
    assert torch.equal(model.head.weight, watch.seen[2]["head.weight"])
    assert trained(days, None)[1].best_epoch == 3


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(days: TowerDays) -> None:
    first, again, other = (trained(days, None, seed=s)[0].head.weight for s in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_seeded_run_leaves_the_callers_random_numbers_and_threads_alone() -> None:
    torch.manual_seed(7)
    expected, before = torch.rand(1), torch.get_num_threads()
    torch.manual_seed(7)
    with seeded(1, 1):
        torch.rand(5)
    assert torch.equal(torch.rand(1), expected)
    assert torch.get_num_threads() == before


def test_a_loss_that_is_not_finite_stops_training_with_a_remedy(days: TowerDays) -> None:
    model = Linear()
    nn.init.constant_(model.head.weight, math.inf)
    with pytest.raises(CarbonBenchError, match="Lower learning_rate"):
        train(model, days, None, RECIPE, np.random.default_rng(0))


def test_averaged_weights_trail_the_steps(days: TowerDays) -> None:
    plain = trained(days, None, replace(RECIPE, averaging=0.0))[0].head.weight
    averaged = trained(days, None, replace(RECIPE, averaging=0.99))[0].head.weight
    assert not torch.allclose(plain, averaged)


def test_the_rate_rises_in_a_line_and_falls_to_zero_along_a_cosine() -> None:
    # 100 steps, the first 10 of them rising: step 4 is the fifth, half way; step 55 is half way down
    recipe = Recipe(max_epochs=10, warmup=0.1)
    assert [rate(k, 10, recipe) for k in (4, 9, 55, 100)] == pytest.approx([0.5, 1.0, 0.5, 0.0])


def test_the_stepped_rate_is_halved_every_ten_epochs() -> None:
    # 5 steps an epoch: step 49 is of the tenth epoch, step 50 of the eleventh, step 100 of the twenty-first
    recipe = Recipe(max_epochs=100, warmup=0.0, schedule="step")
    assert [rate(k, 5, recipe) for k in (0, 49, 50, 100)] == [1.0, 1.0, 0.5, 0.25]


def test_the_score_is_the_median_over_towers_on_days_of_full_quality(days: TowerDays) -> None:
    watch = Watch(tower_days(pd.DataFrame(_two_towers()), 1))

    class Mean(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.p = nn.Parameter(torch.zeros(1))

        def forward(self, dynamic, observed, valid, static, horizon):
            return SimpleNamespace(fluxes=self.p + torch.tensor([1.0, 2.0, 0.0]).expand(len(dynamic), horizon, 3))

    # gpp at A is 0, 1, 2 and at B 1, 2, 3, predicted as 1: R2 = 1 - 2/2 = 0 and 1 - 5/2 = -1.5, median -0.75.
    # reco is predicted as 2 where A has 1, 2, 3 and B has 2, 3, 4: 0 and -1.5 again. nee is 1 everywhere: no R2.
    scores = watch.score(Mean())
    assert scores["gpp"] == pytest.approx(-0.75)
    assert scores["reco"] == pytest.approx(-0.75)
    assert math.isnan(scores["nee"])
    assert scores["score"] == pytest.approx(-0.75)


def _two_towers() -> dict[str, list]:
    # the fourth day of each tower has a quality below 1 and a wild flux that must not count
    gpp, qc = [0.0, 1.0, 2.0, 99.0, 1.0, 2.0, 3.0, 99.0], [1.0, 1.0, 1.0, 0.9] * 2
    return {
        "site_id": ["A"] * 4 + ["B"] * 4,
        "date": [*pd.date_range("2010-06-01", periods=4)] * 2,
        "gpp": gpp,
        "reco": [g + 1 for g in gpp],
        "nee": [1.0] * 8,
        "nee_qc": qc,
        "TA_F": [1.0] * 8,
        "SW_IN_F": [1.0] * 8,
        "VPD_F": [1.0] * 8,
        "igbp": ["DBF"] * 8,
    }


def test_inputs_that_some_towers_lack_are_grouped_by_the_towers_that_have_them(train_frame: pd.DataFrame) -> None:
    at_b = train_frame["site_id"] == "B"
    frame = train_frame.assign(SW_IN_F=train_frame["SW_IN_F"].mask(at_b), VPD_F=train_frame["VPD_F"].mask(at_b))
    assert [g.tolist() for g in tower_days(frame).input_groups()] == [[1, 2]]
    assert tower_days(train_frame).input_groups() == []


def test_a_hidden_group_is_hidden_for_whole_windows_and_the_others_stay(days: TowerDays) -> None:
    batch = days.windows.batch(np.arange(200, 300))
    recipe = replace(RECIPE, hide=0.5, noise=0.2)
    changed = augment(batch, [np.array([1, 2])], recipe, np.random.default_rng(0))
    hidden = ~changed["observed"][:, :, 1].any(axis=1)
    assert 20 < hidden.sum() < 80  # 100 draws of one half
    assert not changed["observed"][hidden][:, :, 2].any()
    assert np.array_equal(changed["observed"][~hidden], batch["observed"][~hidden])
    assert np.array_equal(changed["observed"][:, :, 0], batch["observed"][:, :, 0])
    offset = changed["dynamic"] - batch["dynamic"]
    assert np.allclose(offset, offset[:, :1], atol=1e-6)
    assert offset[:, 0].std() == pytest.approx(0.2, rel=0.2)


def test_every_epoch_draws_other_windows_and_none_without_a_target(days: TowerDays) -> None:
    drawn: list[np.ndarray] = []

    class Spy:
        length, horizon, stride, labelled = 30, 15, 1, days.windows.labelled
        dynamic_names = days.windows.dynamic_names

        def batch(self, indices: np.ndarray) -> dict[str, np.ndarray]:
            drawn.append(np.asarray(indices))
            return days.windows.batch(indices)

    recipe = replace(RECIPE, max_epochs=2, batch_size=1000)
    trained(replace(days, windows=Spy()), None, recipe)
    assert len(drawn) == 2
    assert len(drawn[0]) == math.ceil(days.windows.labelled.sum() / recipe.stride)
    assert len(np.unique(drawn[0])) == len(drawn[0])
    assert days.windows.labelled[np.concatenate(drawn)].all()
    assert not np.array_equal(np.sort(drawn[0]), np.sort(drawn[1]))


def test_predictions_do_not_depend_on_the_batch(days: TowerDays) -> None:
    model = Linear()
    assert np.allclose(predict(model, days.windows, batch=7), predict(model, days.windows), atol=1e-6)
