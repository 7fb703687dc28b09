"""What the engine learns from and how: balanced draws and weights, precision, devices, logs, the scored threshold."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from carbonbench_baselines import _training
from carbonbench_baselines._draw import draw
from carbonbench_baselines._tower_days import Watch, balanced_factor
from carbonbench_baselines.transformer import Transformer

from carbonbench_core.errors import CarbonBenchError, FeatureError, UsageError
from carbonbench_core.rows import as_table

QUICK = {**Transformer.quick, "num_threads": 1, "progress": False, "device": "cpu", "max_epochs": 2}
FLUXES = ["gpp", "reco", "nee"]


def test_each_class_weighs_the_same_and_the_mean_weight_is_one() -> None:
    code, counted = np.array([0, 0, 0, 1, 1, 2, 5]), np.array([True, True, True, True, False, False, False])
    # counted: three days of class 0, one of class 1: 4 / (2 x 3) and 4 / (2 x 1); classes without a counted day 1
    factor = balanced_factor([code], counted)
    assert factor == pytest.approx([2 / 3] * 3 + [2.0] * 2 + [1.0] * 2)
    assert factor[counted].mean() == pytest.approx(1.0)
    assert balanced_factor([code, code], counted) == pytest.approx(factor**2)


def test_a_balanced_draw_takes_from_small_groups_as_often_as_from_large_ones() -> None:
    group = np.repeat([0, 1], [9000, 1000])
    chance = 1.0 / np.bincount(group)[group]
    rng = np.random.default_rng(0)
    drawn = draw(np.arange(10_000), chance, 400, rng)
    assert len(np.unique(drawn)) == 400
    # 400 draws of one half: the standard deviation is 10
    assert 150 < (group[drawn] == 1).sum() < 250
    assert (group[draw(np.arange(10_000), None, 400, rng)] == 1).sum() < 80
    # what is asked for is more than a group has: it is drawn whole and the other fills up
    assert (group[draw(np.arange(10_000), chance, 9_999, rng)] == 1).sum() >= 999


def test_what_is_balanced_is_what_the_setting_names(train: pd.DataFrame) -> None:
    def share(balance: str) -> pd.Series:
        model = Transformer(**QUICK, balance=balance)
        model.features, model._scaler = model._choose(as_table(train)), None
        days = model._tower_days(as_table(train), 15)
        candidates, chance = days.candidates()
        ends = train.iloc[days.windows.ends[candidates]]
        weight = np.ones(len(ends)) if chance is None else chance
        return {k: pd.Series(weight).groupby(ends[k].to_numpy()).sum() / weight.sum() for k in ("site_id", "igbp")}

    assert share("none")["site_id"].std() > 0
    assert share("tower")["site_id"].to_numpy() == pytest.approx(np.full(6, 1 / 6))
    assert share("igbp")["igbp"].to_numpy() == pytest.approx(np.full(4, 1 / 4))
    assert share("koppen")["igbp"]["OSH"] == pytest.approx(0.5)  # the only tower of climate B


@pytest.mark.parametrize("balance", ["tower", "igbp", "koppen"])
def test_classes_that_training_never_saw_are_validated_and_predicted(
    balance: str, train: pd.DataFrame, validation: pd.DataFrame, test_towers: pd.DataFrame
) -> None:
    model = Transformer(**QUICK, balance=balance, class_weights=["igbp", "koppen"], features=["TA_F"])
    model.fit(train.assign(igbp=train["igbp"].replace("OSH", "?")), validation.assign(igbp="SNO", koppen_main=None))
    inputs = test_towers.drop(columns=["igbp", "koppen_main", *FLUXES, "nee_qc"])
    assert np.isfinite(model.predict(inputs)[FLUXES]).all(axis=None)
    with pytest.raises(FeatureError, match="'igbp'"):
        Transformer(**QUICK, balance="igbp", features=["TA_F"]).fit(train.drop(columns="igbp"))


def test_class_weights_change_what_is_learnt_and_nothing_where_classes_are_even(make_tower) -> None:
    even = pd.concat([make_tower("A", "DBF", 45.0, 300), make_tower("B", "CRO", 40.0, 300)], ignore_index=True)
    even = even.assign(nee_qc=1.0, **{f: even[f].fillna(1.0) for f in FLUXES})
    plain, weighted = (Transformer(**QUICK, class_weights=w).fit(even).predict(even)[FLUXES] for w in ([], ["igbp"]))
    assert np.allclose(plain, weighted, atol=1e-4)
    uneven = pd.concat([even, make_tower("C", "DBF", 45.0, 600)], ignore_index=True)
    plain, weighted = (Transformer(**QUICK, class_weights=w).fit(uneven).predict(even)[FLUXES] for w in ([], ["igbp"]))
    assert not np.allclose(plain, weighted, atol=1e-2)


def test_days_below_the_protocols_threshold_are_not_scored(train: pd.DataFrame) -> None:
    model = Transformer(**QUICK)
    model.features, model._scaler = model._choose(as_table(train)), None
    days = model._tower_days(as_table(train), 1)
    for threshold in (1.0, 0.5):
        rows = Watch(days, threshold).rows
        assert days.qc[rows].min() == threshold
    told = Transformer(**QUICK, features=["TA_F"]).fit(train, train, qc_threshold=0.5)
    other = Transformer(**QUICK, features=["TA_F"]).fit(train, train, qc_threshold=1.0)
    assert told._histories[0].epochs != other._histories[0].epochs


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_learns_nearly_the_same(precision: str, train: pd.DataFrame, test_towers: pd.DataFrame) -> None:
    full, half = (Transformer(**QUICK, precision=p, causal=True).fit(train) for p in ("full", precision))
    a, b = (m.predict(test_towers)["gpp"].to_numpy() for m in (full, half))
    assert not np.array_equal(a, b)
    assert np.corrcoef(a, b)[0, 1] > 0.98
    assert all(p.dtype.is_floating_point and p.element_size() == 4 for p in half._model.parameters())


def test_a_device_that_is_not_there_is_named(train: pd.DataFrame) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has the device")
    with pytest.raises(UsageError, match=r"device=cuda, which this machine does not have. It has: cpu"):
        Transformer(**{**QUICK, "device": "cuda"}).fit(train)


@pytest.mark.slow
def test_a_compiled_step_learns_nearly_the_same(train: pd.DataFrame, test_towers: pd.DataFrame) -> None:
    same = QUICK | {"dropout": 0.0}  # a compiled step draws other masks
    a, b = (Transformer(**same, compile=c).fit(train).predict(test_towers)[FLUXES] for c in (False, True))
    assert np.allclose(a, b, atol=1e-2)


def test_when_a_step_cannot_be_compiled_then_the_setting_is_named(
    train: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    def fail(**_: object) -> None:
        raise torch._dynamo.exc.TorchDynamoException("no compiler")

    monkeypatch.setattr(torch, "compile", lambda model: fail)
    with pytest.raises(CarbonBenchError, match=r"no compiler. Set compile=false"):
        Transformer(**QUICK, compile=True).fit(train)


def test_tensorboard_shows_every_epoch_once_even_after_a_resume(
    train: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    settings = {**QUICK, "max_epochs": 3, "log": "tensorboard"}
    add = _training.History.add

    def stop_after_two(self, values):
        if len(self.epochs) == 2:
            raise KeyboardInterrupt
        return add(self, values)

    with monkeypatch.context() as patch:
        patch.setattr(_training.History, "add", stop_after_two)
        with pytest.raises(KeyboardInterrupt):
            Transformer(**settings).fit(train, work=tmp_path)
    model = Transformer(**settings).fit(train, work=tmp_path)
    files = EventAccumulator(str(tmp_path / "log" / "member-0"))
    files.Reload()
    seen = files.Scalars("loss")
    assert [s.step for s in seen] == [1, 2, 3]
    assert [s.value for s in seen] == pytest.approx([e["loss"] for e in model._histories[0].epochs], rel=1e-5)


def test_without_tensorboard_its_extra_is_named(train: pd.DataFrame, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(CarbonBenchError, match=r"tensorboard is not installed.*carbonbench\[log\]"):
        Transformer(**QUICK, log="tensorboard").fit(train, work=tmp_path)
