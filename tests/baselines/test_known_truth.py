"""What is learnt of the SYNTHETIC world at towers never seen, measured against the fluxes behind its observations.

Skill is 1 - (squared error of the model) / (squared error of the climatology), over all days of the 12 test towers. The
margins stand well below what was measured; a model that learns nothing from weather and leaves has a skill of 0.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from carbonbench_baselines import baseline_class, list_baselines
from carbonbench_baselines._network import Network

from carbonbench_core.dataset_folder import DatasetFolder
from carbonbench_core.schema import TARGETS, columns

TRUTH = [f"{t}_true" for t in TARGETS]
NETWORKS = [name for name in list_baselines() if issubclass(baseline_class(name), Network)]
FLOORS = ("constant", "climatology", "climatology_koppen")
LEARNT = {"hidden": 32, "max_epochs": 10, "stride": 10, "learning_rate": 3e-3, "num_threads": 1, "progress": False}
# Skill of gpp, reco and nee asked for; measured with these settings on the feature set standard:
MARGINS = {
    "ridge": (0.30, 0.40, 0.30),  # 0.40, 0.58, 0.41
    "lightgbm": (0.40, 0.35, 0.30),  # 0.56, 0.52, 0.42
    "xgboost": (0.40, 0.30, 0.30),  # 0.61, 0.45, 0.44
    "random_forest": (0.35, 0.30, 0.30),  # 0.48, 0.46, 0.42
    "mod17": (0.30, 0.30, 0.0),  # 0.42, 0.40, 0.14
    "pmodel": (0.20, 0.20, None),  # 0.28, 0.34, -0.06: the small difference of two models is left to its errors
    # the least of the ten are 0.52 (mlp), 0.49 (mlp) and 0.33 (ea_lstm)
    **dict.fromkeys(NETWORKS, (0.35, 0.35, 0.20)),
}


@pytest.fixture(scope="module")
def splits(small_folder: Path) -> dict[str, pa.Table]:
    folder = DatasetFolder.open(small_folder)
    frozen = folder.protocol("veg_holdout")
    wanted = [*columns("standard"), *TRUTH]
    return {s: pa.concat_tables(folder.tables(frozen, s, wanted)) for s in ("train", "validation", "test")}


def squared_error(name: str, splits: dict[str, pa.Table]) -> np.ndarray:
    cls = baseline_class(name)
    train, validation, test = (t.drop_columns(TRUTH) for t in splits.values())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # gaps that the season of the class fills
        got = cls(seed=1, **cls.quick | (LEARNT if name in NETWORKS else {})).fit(train, validation).predict(test)
    truth = np.stack([splits["test"][c].to_numpy() for c in TRUTH], axis=1)
    return ((got[list(TARGETS)].to_numpy() - truth) ** 2).mean(axis=0)


@pytest.mark.parametrize("name", [name for name in list_baselines() if name not in FLOORS])
def test_a_model_is_clearly_nearer_to_the_truth_than_the_climatology(name: str, splits: dict[str, pa.Table]) -> None:
    skill = 1 - squared_error(name, splits) / squared_error("climatology", splits)
    for target, reached, margin in zip(TARGETS, skill, MARGINS[name], strict=True):
        assert margin is None or reached > margin, f"{target}: {reached:.3f}"


def test_a_constant_is_worse_than_the_climatology(splits: dict[str, pa.Table]) -> None:
    assert (squared_error("constant", splits) > squared_error("climatology", splits)).all()
