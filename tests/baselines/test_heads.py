"""Heads and losses of the networks: closed fluxes, the price of a gap, quantiles that never cross."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from carbonbench_baselines import baseline_class, from_pretrained
from carbonbench_baselines.modeling_fluxes import FluxConfig, FluxHead, pinball_loss
from carbonbench_baselines.modeling_transformer import CarbonTransformer, CarbonTransformerConfig
from carbonbench_baselines.transformer import Transformer
from hypothesis import given
from hypothesis import strategies as st

from carbonbench_core.dataset_folder import DatasetFolder
from carbonbench_core.errors import UsageError
from carbonbench_core.run import run

QUICK = {**Transformer.quick, "num_threads": 1, "progress": False, "device": "cpu"}
MEAN, SCALE = [3.0, 2.0, -2.0], [4.0, 1.5, 2.5]


def model(**changes: object) -> CarbonTransformer:
    torch.manual_seed(0)
    sizes = {"dynamic_size": 4, "static_size": 3, "hidden_size": 16, "target_mean": MEAN, "target_scale": SCALE}
    return CarbonTransformer(CarbonTransformerConfig(**sizes, **changes)).eval()


def window(windows: int = 5) -> dict[str, torch.Tensor]:
    return {
        "dynamic": torch.randn(windows, 30, 4),
        "observed": torch.ones(windows, 30, 4, dtype=torch.bool),
        "valid": torch.ones(windows, 30, dtype=torch.bool),
        "static": torch.randn(windows, 3),
    }


def constant(**changes: object) -> CarbonTransformer:
    """Return a model that gives the targets' mean: GPP 3, RECO 2, NEE -2, so that NEE misses RECO - GPP by -1."""
    made = model(**changes)
    torch.nn.init.zeros_(made.head.point.weight)
    torch.nn.init.zeros_(made.head.point.bias)
    return made


@torch.no_grad()
def test_a_closed_head_gives_nee_as_reco_less_gpp_in_flux_units() -> None:
    gpp, reco, nee = model(closure="closed")(**window()).fluxes.unbind(-1)
    assert torch.equal(nee, reco - gpp)
    gpp, reco, nee = model()(**window()).fluxes.unbind(-1)
    assert (nee - (reco - gpp)).abs().max() > 0.1


def test_a_gap_before_a_record_starts_has_no_price() -> None:
    inputs = window()
    labels = torch.full((5, 15, 3), math.nan)
    net = model(closure="penalty", closure_weight=0.3)
    inputs["valid"][:, :-1] = False  # the last day is the first of the record
    gpp, reco, nee = net(**inputs).fluxes[:, -1].unbind(-1)
    expected = 0.3 * (nee - (reco - gpp)).square().mean()
    assert net(**inputs, labels=labels).loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_price_of_a_gap_is_its_square_in_flux_units() -> None:
    inputs = window()
    labels = torch.tensor(MEAN).expand(5, 15, 3)
    # predictions are the labels, so the gap of -1 is all that the loss sees: 0.3 x 1
    assert constant(closure="penalty", closure_weight=0.3)(**inputs, labels=labels).loss.item() == pytest.approx(0.3)
    assert constant()(**inputs, labels=labels).loss.item() == pytest.approx(0.0, abs=1e-12)


@torch.no_grad()
def test_a_non_negative_head_gives_no_negative_gpp_and_reco_and_leaves_nee() -> None:
    low = {"target_mean": [0.0, 0.0, 0.0], "non_negative": True}
    torch.manual_seed(0)
    config = {"dynamic_size": 4, "static_size": 3, "hidden_size": 16, **low, "quantiles": [0.05, 0.95]}
    out = CarbonTransformer(CarbonTransformerConfig(**config))(**window())
    assert (out.fluxes[..., :2] >= 0).all()
    assert (out.quantiles[..., :2, :] >= 0).all()
    assert (out.fluxes[..., 2] < 0).any()


@given(
    st.lists(st.integers(1, 99), min_size=1, max_size=7, unique=True),
    st.integers(0, 2**31),
    st.sampled_from(["free", "closed"]),
)
def test_levels_never_cross_and_their_median_is_the_flux(levels: list[int], seed: int, closure: str) -> None:
    torch.manual_seed(seed)
    quantiles = [level / 100 for level in sorted(levels)]
    head = FluxHead(FluxConfig(hidden_size=8, quantiles=quantiles, closure=closure))
    out = head(10 * torch.randn(2, 3, 8), torch.tensor(MEAN), torch.tensor(SCALE))
    assert out.shape[-1] == len({*quantiles, 0.5})
    assert (out.diff(dim=-1) >= 0).all()
    if closure == "closed":
        gpp, reco, nee = out[..., head.below].unbind(-1)
        assert torch.equal(nee, reco - gpp)


def test_the_pinball_loss_weighs_misses_above_by_q_and_below_by_its_rest() -> None:
    observed = torch.tensor([[[2.0, math.nan, -1.0]]])
    quantiles = torch.tensor([[[[1.0, 4.0], [0.0, 9.0], [-1.0, 0.0]]]])
    # levels 0.1, 0.9. At 2: 0.1 (2 - 1) = 0.1 and 0.1 (4 - 2) = 0.2, mean 0.15. At -1: 0 and 0.1 (0 + 1) = 0.1, mean
    # 0.05. One day of weight 1 has both: (0.15 + 0.05) / 2
    loss = pinball_loss(quantiles, observed, torch.ones(1, 1), [0.1, 0.9])
    assert loss.item() == pytest.approx(0.1)


def test_a_pinball_loss_without_any_target_is_zero_and_leaves_no_trace() -> None:
    quantiles = torch.zeros(1, 2, 3, 2, requires_grad=True)
    loss = pinball_loss(quantiles, torch.full((1, 2, 3), math.nan), torch.ones(1, 2), [0.1, 0.9])
    loss.backward()
    assert loss.item() == 0
    assert (quantiles.grad == 0).all()


@pytest.fixture(scope="module")
def with_quantiles(train: pd.DataFrame) -> Transformer:
    levels = {"quantiles": [0.05, 0.25, 0.5, 0.95]}
    more = levels | {"max_epochs": 12, "averaging": 0.9, "learning_rate": 1e-2, "noise": 0.0, "hide": 0.0}
    return Transformer(seed=1, **{**QUICK, **more}).fit(train)


def test_quantiles_are_columns_beside_the_median(with_quantiles: Transformer, test_towers: pd.DataFrame) -> None:
    out = with_quantiles.predict(test_towers)
    levels = [f"{t}_q{level}" for t in ("gpp", "reco", "nee") for level in ("05", "25", "50", "95")]
    assert list(out.columns) == ["site_id", "date", "gpp", "reco", "nee", *levels]
    for target in ("gpp", "reco", "nee"):
        assert np.array_equal(out[f"{target}_q50"], out[target])
        assert (np.diff(out[[c for c in levels if c.startswith(target)]], axis=1) >= 0).all()


def test_as_many_days_lie_below_a_level_as_it_says(with_quantiles: Transformer, train: pd.DataFrame) -> None:
    # at the towers it was trained on, where the loss says how wide the spread is
    out = with_quantiles.predict(train)
    bounds = {"q05": (0.01, 0.12), "q25": (0.15, 0.35), "q50": (0.35, 0.65), "q95": (0.88, 0.99)}
    for target in ("reco", "nee"):
        known = train[target].notna().to_numpy()
        for level, (low, high) in bounds.items():
            assert low < (train[target] < out[f"{target}_{level}"])[known].mean() < high


def test_quantiles_of_a_run_are_scored(small_folder: Path, tmp_path: Path) -> None:
    settings = {**QUICK, "max_epochs": 1, "quantiles": [0.05, 0.95], "features": ["TA_F", "SW_IN_F", "igbp"]}
    folder = DatasetFolder.open(small_folder)
    row = run("veg_holdout", "transformer", folder, "tower", 0, settings, tmp_path, None).row
    assert 0 <= row["gpp.coverage.q50"] <= 1
    assert row["nee.interval_width.q50"] > 0
    assert row["reco.n_crossed"] == 0


def test_quantiles_are_saved_with_the_model(
    with_quantiles: Transformer, test_towers: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("quantiles")
    with_quantiles.save_pretrained(folder)
    assert from_pretrained(folder).predict(test_towers).equals(with_quantiles.predict(test_towers))


@pytest.mark.parametrize(
    "wrong", [[0.95, 0.05], [0.5, 0.5], [0.0], [1.0], [0.5], [0.025, 0.5], ["q05"], [5, 95], [math.nan]]
)
def test_levels_that_are_no_rising_whole_per_cents_are_refused(wrong: list[object]) -> None:
    with pytest.raises(UsageError, match="expected two rising levels or more in whole per cent"):
        Transformer(quantiles=wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"closure": "open"},
        {"balance": "site"},
        {"precision": "half"},
        {"device": "tpu"},
        {"schedule": "flat"},
        {"log": "wandb"},
        {"class_weights": ["biome"]},
        {"members": 0},
        {"closure_weight": -1.0},
    ],
)
def test_settings_of_the_engine_that_there_are_not_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Transformer(**wrong)


@pytest.mark.parametrize("name", ["transformer", "lstm", "tam_rl"])
def test_the_mean_of_two_members_is_what_an_ensemble_predicts(
    name: str, train: pd.DataFrame, test_towers: pd.DataFrame
) -> None:
    made = baseline_class(name)
    settings = {**made.quick, "num_threads": 1, "progress": False, "max_epochs": 1, "quantiles": [0.1, 0.9]}
    both = made(seed=5, **settings, members=2).fit(train).predict(test_towers)
    each = [made(seed=seed, **settings).fit(train).predict(test_towers) for seed in (5, 6)]
    columns = list(both.columns[2:])
    assert np.allclose(both[columns], (each[0][columns] + each[1][columns]) / 2, atol=1e-5)
    assert not np.allclose(each[0][columns], each[1][columns], atol=1e-2)


def test_a_network_that_was_trained_on_another_device_opens_here(
    train: pd.DataFrame, test_towers: pd.DataFrame, tmp_path: Path
) -> None:
    model = Transformer(**{**QUICK, "max_epochs": 1}).fit(train)
    model.save_pretrained(tmp_path / "model")
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    absent = "mps" if not torch.backends.mps.is_available() else "cuda"
    config["settings"]["device"] = absent
    (tmp_path / "model" / "config.json").write_text(json.dumps(config))
    again = from_pretrained(tmp_path / "model")
    pd.testing.assert_frame_equal(again.predict(test_towers), model.predict(test_towers))
