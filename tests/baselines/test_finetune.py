"""Fine-tuning: what goes on from the weights, what stays as it was, and what has no training to go on with."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from carbonbench_baselines import baseline_class, from_pretrained, list_baselines, load_baseline

from carbonbench_core.errors import CarbonBenchError, FeatureError, UsageError
from carbonbench_core.models import Pretrained

TARGETS = ["gpp", "reco", "nee"]
SMALL = {
    "lightgbm": {"rounds": 30, "min_data_in_leaf": 20, "bagging_fraction": 1.0},
    "xgboost": {"rounds": 30, "min_child_weight": 10.0, "subsample": 1.0},
    "mlp": {"hidden": 16, "max_epochs": 2, "progress": False},
}


@pytest.fixture(scope="module")
def bases(train: pd.DataFrame) -> dict:
    return {name: load_baseline(name, **settings).fit(train) for name, settings in SMALL.items()}


@pytest.fixture(params=SMALL)
def base(request: pytest.FixtureRequest, bases: dict) -> object:
    return bases[request.param]


@pytest.fixture(scope="module")
def new_tower(make_tower: object) -> pd.DataFrame:
    """Return a tower that takes up and gives off twice as much as any other of its class."""
    tower = make_tower("NE-W", "ENF", 45, 730, seed=5)
    return tower.assign(**{t: 2 * tower[t] for t in TARGETS})


def squared_error(model: object, days: pd.DataFrame) -> float:
    return float(np.nanmean((days[TARGETS].to_numpy() - model.predict(days)[TARGETS].to_numpy()) ** 2))


def test_a_year_of_a_new_tower_makes_the_model_better_on_its_next_year(base: object, new_tower: pd.DataFrame) -> None:
    tuned = base.finetune(new_tower.iloc[:365])
    assert squared_error(tuned, new_tower.iloc[365:]) < 0.9 * squared_error(base, new_tower.iloc[365:])


def test_the_model_it_starts_from_stays_as_it_was(
    base: object, new_tower: pd.DataFrame, test_towers: pd.DataFrame
) -> None:
    before, settings, towers = base.predict(test_towers), dict(base.settings), dict(base.towers)
    tuned = base.finetune(new_tower.iloc[:60])
    pd.testing.assert_frame_equal(base.predict(test_towers), before)
    assert (base.settings, base.towers, base.base) == (settings, towers, None)
    assert not tuned.predict(test_towers).equals(before)


def test_small_steps_stay_near_the_model_it_starts_from(bases: dict, new_tower: pd.DataFrame) -> None:
    base, tiny = bases["mlp"], {"learning_rate": 1e-8, "max_epochs": 1}
    near, far = base.finetune(new_tower, **tiny), base.finetune(new_tower)
    was = base.predict(new_tower)[TARGETS].to_numpy()
    steps = [np.abs(tuned.predict(new_tower)[TARGETS].to_numpy() - was).max() for tuned in (near, far)]
    assert steps[0] < 1e-3 < steps[1]


def test_scaling_stays_that_of_the_training_towers(bases: dict, new_tower: pd.DataFrame) -> None:
    base = bases["mlp"]
    tuned = base.finetune(new_tower)
    assert tuned._state()["scaler"] == base._state()["scaler"]
    assert tuned._model.config.target_mean == base._model.config.target_mean


def test_trees_are_grown_on_top_of_those_that_are_there(bases: dict, new_tower: pd.DataFrame) -> None:
    for name in ("lightgbm", "xgboost"):
        assert bases[name].finetune(new_tower, rounds=7)._state()["trees"] == dict.fromkeys(TARGETS, 37)


def test_every_member_of_an_ensemble_goes_on_by_itself(
    train: pd.DataFrame, new_tower: pd.DataFrame, tmp_path: Path
) -> None:
    base = load_baseline("mlp", members=2, hidden=8, max_epochs=1, progress=False).fit(train)
    tuned = base.finetune(new_tower)
    for before, after in zip(base._model.members, tuned._model.members, strict=True):
        pairs = zip(before.state_dict().values(), after.state_dict().values(), strict=True)
        assert any(not old.equal(new) for old, new in pairs)
    tuned.save_pretrained(tmp_path / "m")
    pd.testing.assert_frame_equal(from_pretrained(tmp_path / "m").predict(new_tower), tuned.predict(new_tower))


def test_validation_days_stop_the_trees(bases: dict, new_tower: pd.DataFrame, validation: pd.DataFrame) -> None:
    rng = np.random.default_rng(0)
    noise = validation.assign(**{t: rng.normal(size=len(validation)) for t in TARGETS})
    tuned = bases["lightgbm"].finetune(new_tower, noise, rounds=60, patience=3)
    assert max(tuned._state()["trees"].values()) < 30 + 60
    assert tuned.towers["validation"] == sorted(noise["site_id"].unique())


def test_what_it_came_from_and_every_tower_it_has_seen_are_kept(
    base: object, new_tower: pd.DataFrame, make_tower: object, tmp_path: Path
) -> None:
    once = base.finetune(new_tower, origin={"model": "org/base"})
    once.save_pretrained(tmp_path / "once")
    again = from_pretrained(tmp_path / "once")
    pd.testing.assert_frame_equal(again.predict(new_tower), once.predict(new_tower))
    assert again.base == {"model": "org/base", "settings": json.loads(json.dumps(base.settings))}
    assert again.towers == {"train": base.towers["train"], "finetune": ["NE-W"]}
    twice = again.finetune(make_tower("NE-X", "ENF", 45, 100))
    assert twice.towers == {"train": sorted([*base.towers["train"], "NE-W"]), "finetune": ["NE-X"]}
    assert twice.base["base_model"] == again.base


def test_support_that_the_protocol_gives_is_no_tower_seen(bases: dict, new_tower: pd.DataFrame, tmp_path: Path) -> None:
    bases["mlp"].finetune(new_tower, origin={"protocol_digest": "abc"}).save_pretrained(tmp_path / "m")
    model, first = Pretrained(str(tmp_path / "m")), bases["mlp"].towers["train"][0]
    assert model.has_seen(["NE-W", "ZZ-1"]) == ["NE-W"]
    assert model.has_seen(["NE-W"], "another") == ["NE-W"]
    assert model.has_seen(["NE-W", first], "abc") == [first]


def test_a_setting_of_the_architecture_is_refused(bases: dict, new_tower: pd.DataFrame) -> None:
    with pytest.raises(UsageError, match="Unknown setting of fine-tuning mlp 'hidden'"):
        bases["mlp"].finetune(new_tower, hidden=32)
    with pytest.raises(UsageError, match="Got max_epochs='many', expected int"):
        bases["mlp"].finetune(new_tower, max_epochs="many")


def test_days_without_a_target_or_an_input_are_an_error(base: object, new_tower: pd.DataFrame) -> None:
    with pytest.raises(CarbonBenchError, match="730 training rows has reco"):
        base.finetune(new_tower.assign(reco=np.nan))
    with pytest.raises(FeatureError, match="TA_F"):
        base.finetune(new_tower.drop(columns="TA_F"))


def test_an_unfitted_model_cannot_be_fine_tuned(new_tower: pd.DataFrame) -> None:
    with pytest.raises(UsageError, match="not fitted"):
        load_baseline("mlp").finetune(new_tower)


def test_a_model_without_training_says_what_to_do_instead(train: pd.DataFrame, new_tower: pd.DataFrame) -> None:
    with pytest.raises(UsageError, match=r"ridge has no training that could go on. Fit it anew"):
        load_baseline("ridge").fit(train).finetune(new_tower)


@pytest.mark.parametrize("name", list_baselines())
def test_settings_of_a_fine_tuning_are_settings_of_the_baseline(name: str) -> None:
    baseline = baseline_class(name)
    assert set(baseline.fine_tuning) <= set(baseline.defaults)
    load_baseline(name, **baseline.fine_tuning)
