"""LightGBM and XGBoost: early stopping on validation towers, history, settings, saving as the library's own file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from carbonbench_baselines import from_pretrained, load_baseline

from carbonbench_core.errors import CarbonBenchError, UsageError

# so that towers this small can always be split
SMALL = {
    "lightgbm": {"min_data_in_leaf": 20, "bagging_fraction": 1.0},
    "xgboost": {"min_child_weight": 10.0, "subsample": 1.0},
}
THREADS = {"lightgbm": "num_threads", "xgboost": "nthread"}
START = {"lightgbm": b"tree\n", "xgboost": b"{L"}  # text; UBJSON, an object whose first key has a length
WRONG = [
    ("lightgbm", {"rounds": 0}),
    ("lightgbm", {"patience": -5}),
    ("xgboost", {"rounds": 0}),
    ("lightgbm", {"learning_rate": -1.0}),
    ("lightgbm", {"num_leaves": 1}),
    ("xgboost", {"learning_rate": -1.0}),
    ("xgboost", {"max_depth": -3}),
    ("xgboost", {"subsample": 2.0}),
]


@pytest.fixture(params=SMALL)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def test_trees_stop_where_validation_towers_stop_gaining(
    name: str, train: pd.DataFrame, validation: pd.DataFrame
) -> None:
    rng = np.random.default_rng(0)
    noise = {t: rng.normal(size=len(validation)) for t in ("gpp", "reco", "nee")}
    stopped = load_baseline(name, rounds=60, patience=5, **SMALL[name]).fit(train, validation.assign(**noise))
    # nothing learnt in training tells the noise, so that the first trees are the best
    assert max(stopped._state()["trees"].values()) < 20
    never = load_baseline(name, rounds=30, patience=0, **SMALL[name]).fit(train, validation.assign(**noise))
    alone = load_baseline(name, rounds=30, **SMALL[name]).fit(train)
    for model in (never, alone):
        assert model._state()["trees"] == {"gpp": 30, "reco": 30, "nee": 30}


def test_the_number_of_threads_does_not_change_the_model(
    name: str, train: pd.DataFrame, test_towers: pd.DataFrame
) -> None:
    one, two = (
        load_baseline(name, rounds=4, **{THREADS[name]: n}, **SMALL[name]).fit(train).predict(test_towers)
        for n in (1, 2)
    )
    pd.testing.assert_frame_equal(one, two)


def test_another_seed_gives_another_model(name: str, train: pd.DataFrame, test_towers: pd.DataFrame) -> None:
    a, b = (
        load_baseline(name, seed=s, rounds=30, **SMALL[name]).fit(train).predict(test_towers)["gpp"] for s in (1, 2)
    )
    assert (a != b).any()


def test_history_and_season_are_settings(name: str, train: pd.DataFrame, test_towers: pd.DataFrame) -> None:
    plain, history = (
        load_baseline(name, lags=lags, day_of_year=False, coordinates=False, rounds=30, **SMALL[name]).fit(train)
        for lags in (False, True)
    )
    assert plain.features == history.features
    assert "latitude" not in plain.features
    # the last day of a tower is the same, the days before it are not
    last = test_towers.groupby("site_id").tail(1)
    alone, with_past = history.predict(last), history.predict(test_towers).loc[last.index]
    assert (alone["reco"].to_numpy() != with_past["reco"].to_numpy()).any()
    np.testing.assert_array_equal(plain.predict(last)["reco"], plain.predict(test_towers).loc[last.index, "reco"])


def test_bad_days_teach_nothing(name: str, train: pd.DataFrame) -> None:
    bad = train.index % 3 == 0
    clean = train.assign(nee_qc=train["nee_qc"].where(~bad, 0.0))
    spoilt = clean.assign(gpp=clean["gpp"].where(~bad, 500.0))
    a, b = (load_baseline(name, rounds=30, **SMALL[name]).fit(data).predict(train) for data in (clean, spoilt))
    pd.testing.assert_frame_equal(a, b)


def test_validation_towers_without_one_target_grow_all_trees_for_it(
    name: str, train: pd.DataFrame, validation: pd.DataFrame
) -> None:
    model = load_baseline(name, rounds=12, patience=2, **SMALL[name]).fit(train, validation.assign(nee=np.nan))
    assert model._state()["trees"]["nee"] == 12


def test_one_tower_is_learnt_by_heart(name: str, train: pd.DataFrame) -> None:
    tower = train[train["site_id"] == "TR-0"].assign(nee_qc=1.0)
    free = {"lightgbm": {"min_data_in_leaf": 1, "feature_fraction": 1.0, "lambda_l2": 0.0}, "xgboost": {}}[name]
    free |= {"min_child_weight": 0.0, "colsample_bytree": 1.0} if name == "xgboost" else {}
    model = load_baseline(name, rounds=300, learning_rate=0.2, **{**SMALL[name], **free}).fit(tower)
    error = model.predict(tower)["gpp"] - tower["gpp"].to_numpy()
    # the noise of gpp has a standard deviation of 0.3: to come under a third of it is to know the days by heart
    assert error.std() < 0.1


@pytest.mark.parametrize(("name", "settings"), WRONG)
def test_settings_that_the_library_refuses_are_an_error_of_use(name: str, train: pd.DataFrame, settings: dict) -> None:
    with pytest.raises(UsageError, match=r"(LightGBM|XGBoost) refuses these settings|expected at least"):
        load_baseline(name, **settings).fit(train)


def test_the_model_is_the_librarys_own_file(name: str, train: pd.DataFrame, tmp_path: Path) -> None:
    model = load_baseline(name, rounds=3, **SMALL[name]).fit(train)
    model.save_pretrained(tmp_path)
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["config.json", *(f"{t}.{model.suffix}" for t in ("gpp", "nee", "reco"))]
    assert (tmp_path / f"gpp.{model.suffix}").read_bytes().startswith(START[name])


def test_when_trees_are_missing_from_a_file_then_the_model_is_refused(
    name: str, train: pd.DataFrame, tmp_path: Path
) -> None:
    load_baseline(name, rounds=3, **SMALL[name]).fit(train).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["state"]["trees"]["reco"] = 4
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CarbonBenchError, match="holds 3 trees, 4 were saved"):
        from_pretrained(tmp_path)


def test_the_published_setting_is_a_setting_of_the_model(name: str, train: pd.DataFrame) -> None:
    published = type(load_baseline(name)).presets["published"]
    model = load_baseline(name, **(published | {"rounds": 2})).fit(train)
    assert model.settings["day_of_year"] is False
    assert {"latitude", "longitude"} <= set(model.features)


@pytest.mark.parametrize("chosen", ["lightgbm", "xgboost", "ridge"])
def test_choices_are_made_on_the_days_that_the_benchmark_scores(
    chosen: str, train: pd.DataFrame, validation: pd.DataFrame
) -> None:
    rng = np.random.default_rng(0)
    unscored, spoilt = validation["nee_qc"] < 1, validation.copy()
    for flux in ("gpp", "reco", "nee"):
        spoilt.loc[unscored, flux] = rng.normal(50, 20, unscored.sum())

    def choices(held: pd.DataFrame, threshold: float) -> dict:
        settings = {"rounds": 60, "patience": 5, **SMALL[chosen]} if chosen in SMALL else {}
        state = load_baseline(chosen, **settings).fit(train, held, qc_threshold=threshold)._state()
        return {key: state[key] for key in ("trees", "alpha") if key in state}

    assert choices(spoilt, 1.0) == choices(validation, 1.0)
    assert choices(spoilt, 0.1) != choices(validation, 0.1)
