"""Random forest: threads, missing inputs, and that nothing but a forest is read from a file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from carbonbench_baselines import from_pretrained, load_baseline
from carbonbench_baselines._saved import digest
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.preprocessing import FunctionTransformer

from carbonbench_core.errors import CarbonBenchError, UsageError

QUICK = {"trees": 5, "days": 1000, "min_samples_leaf": 5}


@pytest.fixture
def saved(train: pd.DataFrame, tmp_path: Path) -> Path:
    load_baseline("random_forest", **QUICK).fit(train).save_pretrained(tmp_path)
    return tmp_path


def swap(folder: Path, other: object) -> Path:
    """Put another object in the place of a forest, the digest made good."""
    skops.io.dump(other, folder / "gpp.skops")
    config = json.loads((folder / "config.json").read_text())
    config["files"]["gpp.skops"] = digest(folder / "gpp.skops")
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_the_number_of_threads_does_not_change_the_model(train: pd.DataFrame, test_towers: pd.DataFrame) -> None:
    one, two = (load_baseline("random_forest", n_jobs=n, **QUICK).fit(train).predict(test_towers) for n in (1, 2))
    pd.testing.assert_frame_equal(one, two)


def test_one_tower_is_learnt_by_heart(train: pd.DataFrame) -> None:
    tower = train[train["site_id"] == "TR-0"].dropna(subset=["gpp"]).assign(nee_qc=1.0)
    model = load_baseline("random_forest", trees=50, min_samples_leaf=1, max_features=1.0).fit(tower)
    error = model.predict(tower)["gpp"] - tower["gpp"].to_numpy()
    # A day is in the sample of 63 % of the trees (1 - 1/e), which know it; the others miss it by about its noise of 0.3
    assert error.std() < 0.3 * 0.6


def test_bad_days_teach_nothing(train: pd.DataFrame) -> None:
    bad = train.index % 3 == 0
    clean = train.assign(nee_qc=train["nee_qc"].where(~bad, 0.0))
    spoilt = clean.assign(gpp=clean["gpp"].where(~bad, 500.0))
    a, b = (load_baseline("random_forest", **QUICK).fit(data).predict(train) for data in (clean, spoilt))
    pd.testing.assert_frame_equal(a, b)


@pytest.mark.parametrize("settings", [{"trees": 0}, {"min_samples_leaf": 0}, {"max_features": 1.5}, {"days": 0}])
def test_settings_that_make_no_forest_are_an_error_of_use(train: pd.DataFrame, settings: dict) -> None:
    with pytest.raises(UsageError, match="random forest refuses these settings"):
        load_baseline("random_forest", **settings).fit(train)


def test_when_a_file_holds_a_type_that_no_forest_has_then_it_is_not_read(saved: Path) -> None:
    with pytest.raises(CarbonBenchError, match="which no forest has"):
        from_pretrained(swap(saved, FunctionTransformer(from_pretrained)))


def test_when_a_file_holds_another_model_then_it_is_refused(saved: Path, train: pd.DataFrame) -> None:
    x, y = train[["TA_F", "SW_IN_F"]], train["nee_qc"]
    with pytest.raises(CarbonBenchError, match="is no forest of"):
        from_pretrained(swap(saved, ExtraTreesRegressor(2).fit(x, y)))


@pytest.mark.parametrize("damage", ["backwards", "outside", "input"])
def test_when_a_tree_leads_outside_its_memory_then_it_is_refused(saved: Path, train: pd.DataFrame, damage: str) -> None:
    model = load_baseline("random_forest", **QUICK).fit(train)
    tree = model._forests[0].estimators_[0].tree_
    state = tree.__getstate__()
    nodes = state["nodes"].copy()
    at = int(np.flatnonzero(nodes["left_child"] > 0)[1])
    field, value = {"backwards": ("left_child", 0), "outside": ("right_child", 10**6), "input": ("feature", 10**6)}[
        damage
    ]
    nodes[field][at] = value
    tree.__setstate__(state | {"nodes": nodes})
    with pytest.raises(CarbonBenchError, match="is no forest of"):
        from_pretrained(swap(saved, model._forests[0]))
