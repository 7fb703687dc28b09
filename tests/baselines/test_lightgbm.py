"""LightGBM: early stopping on validation towers, history, saving as text."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from carbonbench_baselines import from_pretrained, load_baseline

from carbonbench_core.errors import CarbonBenchError, UsageError

SMALL = {"min_data_in_leaf": 20, "bagging_fraction": 1.0}  # so that towers this small can always be split
QUICK = {"rounds": 30, **SMALL}


def test_trees_stop_where_validation_towers_stop_gaining(train: pd.DataFrame, validation: pd.DataFrame) -> None:
    rng = np.random.default_rng(0)
    noise = {t: rng.normal(size=len(validation)) for t in ("gpp", "reco", "nee")}
    stopped = load_baseline("lightgbm", rounds=60, patience=5, **SMALL).fit(train, validation.assign(**noise))
    # nothing learnt in training tells the noise, so that the first trees are the best
    assert max(stopped._state()["trees"].values()) < 20
    assert load_baseline("lightgbm", **QUICK).fit(train)._state()["trees"] == {"gpp": 30, "reco": 30, "nee": 30}


def test_the_number_of_threads_does_not_change_the_model(train: pd.DataFrame, test_towers: pd.DataFrame) -> None:
    one, two = (
        load_baseline("lightgbm", num_threads=n, rounds=4, **SMALL).fit(train).predict(test_towers) for n in (1, 2)
    )
    pd.testing.assert_frame_equal(one, two)


def test_another_seed_gives_another_model(train: pd.DataFrame, test_towers: pd.DataFrame) -> None:
    a, b = (load_baseline("lightgbm", seed=s, **QUICK).fit(train).predict(test_towers)["gpp"] for s in (1, 2))
    assert (a != b).any()


def test_history_and_season_are_settings(train: pd.DataFrame, test_towers: pd.DataFrame) -> None:
    plain = load_baseline("lightgbm", lags=False, day_of_year=False, coordinates=False, **QUICK).fit(train)
    history = load_baseline("lightgbm", lags=True, day_of_year=False, coordinates=False, **QUICK).fit(train)
    assert plain.features == history.features
    assert "latitude" not in plain.features
    # the last day of a tower is the same, the days before it are not
    last = test_towers.groupby("site_id").tail(1)
    alone, with_past = history.predict(last), history.predict(test_towers).loc[last.index]
    assert (alone["reco"].to_numpy() != with_past["reco"].to_numpy()).any()
    np.testing.assert_array_equal(plain.predict(last)["reco"], plain.predict(test_towers).loc[last.index, "reco"])


def test_bad_days_teach_nothing(train: pd.DataFrame) -> None:
    bad = train.index % 3 == 0
    clean = train.assign(nee_qc=train["nee_qc"].where(~bad, 0.0))
    spoilt = clean.assign(gpp=clean["gpp"].where(~bad, 500.0))
    a, b = (load_baseline("lightgbm", **QUICK).fit(data).predict(train) for data in (clean, spoilt))
    pd.testing.assert_frame_equal(a, b)


def test_validation_towers_without_one_target_grow_all_trees_for_it(
    train: pd.DataFrame, validation: pd.DataFrame
) -> None:
    model = load_baseline("lightgbm", rounds=12, patience=2, **SMALL).fit(train, validation.assign(nee=np.nan))
    assert model._state()["trees"]["nee"] == 12


@pytest.mark.parametrize("settings", [{"rounds": 0}, {"learning_rate": -1.0}, {"num_leaves": 1}])
def test_settings_that_lightgbm_refuses_are_an_error_of_use(train: pd.DataFrame, settings: dict) -> None:
    with pytest.raises(UsageError, match="LightGBM refuses these settings"):
        load_baseline("lightgbm", **settings).fit(train)


def test_the_model_is_lightgbms_own_text(train: pd.DataFrame, tmp_path: Path) -> None:
    load_baseline("lightgbm", rounds=3, **SMALL).fit(train).save_pretrained(tmp_path)
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["config.json", "gpp.lightgbm.txt", "nee.lightgbm.txt", "reco.lightgbm.txt"]
    assert (tmp_path / "gpp.lightgbm.txt").read_text().startswith("tree\n")


def test_when_trees_are_missing_from_a_file_then_the_model_is_refused(train: pd.DataFrame, tmp_path: Path) -> None:
    load_baseline("lightgbm", rounds=3, **SMALL).fit(train).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["state"]["trees"]["reco"] = 4
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CarbonBenchError, match="holds 3 trees, 4 were saved"):
        from_pretrained(tmp_path)
