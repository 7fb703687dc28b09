"""What every network keeps to, found by scan: it can learn by heart, and its saved folder carries all that it needs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from carbonbench_baselines import baseline_class, list_baselines, load_baseline
from carbonbench_baselines._network import Network

from carbonbench_core.rows import as_table

TARGETS = ["gpp", "reco", "nee"]
NETWORKS = [name for name in list_baselines() if issubclass(baseline_class(name), Network)]
# Drivers and greenness as an archive and a satellite give them, and what the place is.
INPUTS = ["TA_F", "SW_IN_F", "VPD_F", "sur_refl_b01", "sur_refl_b02", "igbp", "koppen_main"]


def quick(name: str, **settings: object) -> Network:
    made = baseline_class(name)
    return made(seed=1, **{**made.quick, "num_threads": 1, "progress": False, "device": "cpu", **settings})


# Standard deviation of the noise of `make_tower` [gC m-2 d-1]: no season and no input tells it, only the day itself.
NOISE = np.array([0.3, 0.2, np.hypot(0.3, 0.2)])


@pytest.mark.parametrize("name", [*NETWORKS, "ridge", "climatology"])
def test_a_network_learns_one_small_tower_by_heart_and_what_is_none_cannot(name: str, make_tower: Callable) -> None:
    tower = make_tower("A", "DBF", 45.0, 60)
    by_heart = {"dropout": 0.0, "noise": 0.0, "hide": 0.0, "weight_decay": 0.0, "averaging": 0.0, "patience": 1000}
    sizes = {"hidden": 32, "learning_rate": 1e-2, "max_epochs": 120, "batch_size": 16, "stride": 1, "horizon": 1}
    model = (quick(name, **by_heart, **sizes) if name in NETWORKS else load_baseline(name)).fit(tower)
    known = ((tower["nee_qc"] > 0) & tower["gpp"].notna()).to_numpy()
    left = (model.predict(tower)[TARGETS].to_numpy() - tower[TARGETS].to_numpy())[known].std(axis=0)
    assert (left < NOISE / 3).all() if name in NETWORKS else (left > NOISE / 3).all()


AUTO = """
import sys
from pathlib import Path
import numpy as np, torch
from transformers import AutoModel
assert not any(name.startswith("carbonbench") for name in sys.modules)
for folder in sorted(Path(sys.argv[1]).iterdir()):
    model = AutoModel.from_pretrained(folder, trust_remote_code=True)
    inputs = {k: torch.from_numpy(v) for k, v in np.load(folder / "inputs.npz").items()}
    with torch.inference_mode():
        np.save(folder / "out.npy", model(**inputs, horizon=1).fluxes[:, -1].numpy())
"""


def test_transformers_alone_loads_each_offline_alone_and_as_an_ensemble_with_the_same_outputs(
    train: pd.DataFrame, tmp_path: Path
) -> None:
    expected, some = {}, train.head(300)
    for name in NETWORKS:
        for members in (1, 2):
            folder = tmp_path / "models" / f"{name}-{members}"
            model = quick(name, max_epochs=1, stride=30, members=members).fit(some)
            model.save_pretrained(folder)
            batch = model._tower_days(as_table(some), 1).batch(np.arange(0, 300, 7))
            np.savez(folder / "inputs.npz", **{k: v for k, v in batch.items() if k not in ("y", "weight")})
            expected[folder] = model.predict(some)[TARGETS].to_numpy()[::7]
    away = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "empty"), "OMP_NUM_THREADS": "1"}
    # without our packages on the path: the folder has to carry all the code
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | away
    command = [sys.executable, "-c", AUTO, str(tmp_path / "models")]
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    for folder, fluxes in expected.items():
        assert np.allclose(np.load(folder / "out.npy"), fluxes, atol=1e-5), folder.name
