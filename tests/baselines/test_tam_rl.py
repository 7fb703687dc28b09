"""TAM-RL: what it says of a tower hangs on the tower's support windows, and those are the tower's own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from carbonbench_baselines._draw import augment
from carbonbench_baselines._support import SupportedDays, SupportRecord
from carbonbench_baselines._tower_days import TowerDays
from carbonbench_baselines._training import Recipe
from carbonbench_baselines.modeling_tam_rl import CarbonTAMRL, CarbonTAMRLConfig
from carbonbench_baselines.tam_rl import TAMRL

from carbonbench_core.errors import UsageError
from carbonbench_core.rows import as_table, quality, targets
from carbonbench_core.windows import to_windows

FLUXES = ["gpp", "reco", "nee"]
QUICK = {**TAMRL.quick, "num_threads": 1, "progress": False}
S, K, L, FD, FS = 2, 5, 30, 4, 3


@pytest.fixture
def model() -> CarbonTAMRL:
    torch.manual_seed(0)
    sizes = {"dynamic_size": FD, "static_size": FS, "hidden_size": 16, "length": L, "horizon": 15}
    return CarbonTAMRL(CarbonTAMRLConfig(**sizes)).eval()


@pytest.fixture
def inputs() -> dict[str, torch.Tensor]:
    made = torch.Generator().manual_seed(0)
    return {
        "dynamic": torch.randn(3, L, FD, generator=made),
        "observed": torch.ones(3, L, FD, dtype=torch.bool),
        "valid": torch.ones(3, L, dtype=torch.bool),
        "static": torch.randn(3, FS, generator=made),
        "support_dynamic": torch.randn(S, K, L, FD, generator=made),
        "support_observed": torch.ones(S, K, L, FD, dtype=torch.bool),
        "support_valid": torch.ones(S, K, L, dtype=torch.bool),
        "support_static": torch.randn(S, FS, generator=made),
        "support_fluxes": torch.randn(S, K, L, 3, generator=made),
        "support_of": torch.tensor([0, 1, 0]),
    }


def changed(model: CarbonTAMRL, inputs: dict[str, torch.Tensor], **other: torch.Tensor) -> list[bool]:
    """Return for each of the three windows whether its fluxes are others with other inputs."""
    with torch.no_grad():
        gap = (model(**{**inputs, **other}).fluxes - model(**inputs).fluxes).abs().amax((1, 2))
    return (gap > 1e-5).tolist()


@pytest.mark.parametrize("key", ["support_dynamic", "support_static", "support_fluxes"])
def test_fluxes_change_with_the_support_of_their_tower_and_no_other(
    key: str, model: CarbonTAMRL, inputs: dict[str, torch.Tensor]
) -> None:
    other = inputs[key].clone()
    other[1] += 1
    assert changed(model, inputs, **{key: other}) == [False, True, False]


def test_the_order_of_support_windows_and_their_repetition_change_nothing(
    model: CarbonTAMRL, inputs: dict[str, torch.Tensor]
) -> None:
    per_window = ["support_dynamic", "support_observed", "support_valid", "support_fluxes"]
    for order in ([4, 2, 0, 3, 1], [0, 1, 2, 3, 4] * 2):
        assert changed(model, inputs, **{k: inputs[k][:, order] for k in per_window}) == [False] * 3
    assert changed(model, inputs, **{k: inputs[k][:, :3] for k in per_window}) == [True] * 3


def test_days_before_a_record_and_windows_without_a_day_are_no_support(
    model: CarbonTAMRL, inputs: dict[str, torch.Tensor]
) -> None:
    inputs["support_valid"][:, 3:] = False
    inputs["support_valid"][:, 0, :20] = False
    wild = inputs["support_dynamic"].clone()
    wild[~inputs["support_valid"]] = float("nan")
    fluxes = inputs["support_fluxes"].clone()
    fluxes[~inputs["support_valid"]] = 1e6
    assert changed(model, inputs, support_dynamic=wild, support_fluxes=fluxes) == [False] * 3
    fewer = {k: v[:, :3] for k, v in inputs.items() if k.startswith("support_") and v.dim() > 2}
    assert changed(model, inputs, **fewer) == [False] * 3


def test_fluxes_that_are_not_known_are_as_good_as_none(model: CarbonTAMRL, inputs: dict[str, torch.Tensor]) -> None:
    inputs["support_fluxes"][:] = float("nan")
    with torch.no_grad():
        expected = model(**inputs).fluxes
        del inputs["support_fluxes"]
        assert torch.equal(model(**inputs).fluxes, expected)


def test_without_support_it_says_what_is_missing(model: CarbonTAMRL, inputs: dict[str, torch.Tensor]) -> None:
    del inputs["support_valid"]
    with pytest.raises(ValueError, match="give support_dynamic, support_observed, support_valid and support_static"):
        model(**inputs)


def test_one_support_per_window_needs_no_index(model: CarbonTAMRL, inputs: dict[str, torch.Tensor]) -> None:
    of = inputs.pop("support_of")
    each = {k: v[of] for k, v in inputs.items() if k.startswith("support_")}
    with torch.no_grad():
        assert torch.allclose(model(**{**inputs, **each}).fluxes, model(**inputs, support_of=of).fluxes, atol=1e-6)


@pytest.fixture(scope="module")
def towers(make_tower) -> pd.DataFrame:
    """Three towers, whose SW_IN_F is their number and whose VPD_F is the day of the record."""
    made = [make_tower(site, "DBF", 45.0, days) for site, days in (("A", 400), ("B", 300), ("C", 20))]
    frames = [t.assign(SW_IN_F=float(i), VPD_F=np.arange(len(t), dtype=float)) for i, t in enumerate(made)]
    return pd.concat(frames, ignore_index=True)


def supported(towers: pd.DataFrame, **settings: object) -> SupportedDays:
    table = as_table(towers)
    windows = to_windows(table, ["SW_IN_F", "VPD_F", "igbp"], L, 15, 1)
    site = np.unique(towers["site_id"].to_numpy(dtype=str), return_inverse=True)[1]
    days = TowerDays(windows, targets(table), np.nan_to_num(quality(table), nan=0.0), site)
    record = SupportRecord(windows, site, days.y)
    return SupportedDays(**vars(days), records=(record,), **{"count": 6, "seed": 3, "shown": 1.0, **settings})


def unscaled(days: SupportedDays, dynamic: np.ndarray) -> np.ndarray:
    scaler = days.windows.scaler
    return dynamic * scaler.scale[:2] + scaler.mean[:2]


@pytest.mark.parametrize("seed", [3, None])
def test_support_is_drawn_from_the_tower_of_the_window(towers: pd.DataFrame, seed: int | None) -> None:
    days = supported(towers, seed=seed)
    batch = days.batch(np.array([50, 710, 390, 450]))
    assert batch["support_of"].tolist() == [0, 2, 0, 1]
    own = unscaled(days, batch["dynamic"])[:, -1, 0]
    of_support = unscaled(days, batch["support_dynamic"])[..., 0]
    for window, tower in enumerate(batch["support_of"]):
        seen = of_support[tower][batch["support_valid"][tower]]
        assert np.allclose(seen, own[window], atol=1e-4)
    assert batch["support_valid"][:2].all()
    # 20 days are no whole window: the longest one stands for the tower
    assert batch["support_valid"][2].sum(-1).tolist() == [20] * 6


def test_support_is_drawn_anew_for_other_windows_and_again_for_the_same(towers: pd.DataFrame) -> None:
    days = supported(towers)
    first, again, other = (days.batch(np.array(i))["support_dynamic"] for i in ([50, 60], [50, 60], [50, 61]))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    # without a seed it hangs on the tower alone, and is spread over its record: 6 of 371 whole windows of tower A
    fixed = supported(towers, seed=None)
    first, other = (fixed.batch(np.array(i))["support_dynamic"] for i in ([50, 60], [51]))
    assert np.array_equal(first, other)
    last_day = unscaled(fixed, first)[0, :, -1, 1]
    assert np.allclose(last_day, [29 + int(371 * (k + 0.5) / 6) for k in range(6)], atol=1e-2)


def test_support_never_shows_the_fluxes_that_are_asked_for(towers: pd.DataFrame) -> None:
    days, shown, hidden = supported(towers), 0, 0
    for end in range(40, 390, 10):
        batch = days.batch(np.array([end, 450]))
        known = np.isfinite(batch["support_fluxes"][0]).any((1, 2))
        last_day = np.rint(unscaled(days, batch["support_dynamic"])[0, :, -1, 1])
        shown, hidden = shown + known.sum(), hidden + (~known).sum()
        assert (np.abs(last_day[known] - end) >= L).all()
        rows = last_day[known].astype(int)[:, None] - np.arange(L - 1, -1, -1)
        assert np.array_equal(batch["support_fluxes"][0][known], days.y[rows].astype(np.float32), equal_nan=True)
    assert 0.3 < shown / (shown + hidden) < 0.5  # one half, less those near the window that is asked for
    never = supported(towers, shown=0.0).batch(np.arange(40, 390, 10))
    assert np.isnan(never["support_fluxes"]).all()


def test_an_input_that_is_hidden_is_hidden_from_all_of_a_towers_support(towers: pd.DataFrame) -> None:
    batch = supported(towers).batch(np.arange(40, 700, 5))
    changed = augment(batch, [np.array([0])], Recipe(hide=0.5, noise=0.2), np.random.default_rng(1))
    hidden = ~changed["support_observed"][..., 0].any((1, 2))
    assert set(hidden.tolist()) == {True, False}
    assert np.array_equal(changed["support_observed"][..., 1], batch["support_observed"][..., 1])
    assert np.array_equal(changed["support_observed"][~hidden], batch["support_observed"][~hidden])
    offset = changed["support_dynamic"] - batch["support_dynamic"]
    assert np.allclose(offset, offset[:, :1, :1], atol=1e-4)


@pytest.fixture(scope="module")
def fitted(train: pd.DataFrame, validation: pd.DataFrame) -> TAMRL:
    return TAMRL(seed=1, **{**QUICK, "shown": 0.5}).fit(train, validation)


def test_predictions_change_with_the_rest_of_the_towers_record(fitted: TAMRL, test_towers: pd.DataFrame) -> None:
    expected = fitted.predict(test_towers)[FLUXES].to_numpy()
    # the first 100 days of the first tower get other inputs, its last 100 days do not see them but as support
    first, last = test_towers.index[:100], np.flatnonzero(test_towers["site_id"] == "TE-0")[-100:]
    moved = test_towers.copy()
    moved.loc[first, "TA_F"] += 15
    got = fitted.predict(moved)[FLUXES].to_numpy()
    assert (np.abs(got[last] - expected[last]).max(axis=1) > 1e-4).all()
    others = (test_towers["site_id"] != "TE-0").to_numpy()
    assert np.allclose(got[others], expected[others], atol=1e-5)


def test_labelled_days_change_the_predictions_at_their_tower_alone(fitted: TAMRL, test_towers: pd.DataFrame) -> None:
    expected = fitted.predict(test_towers)[FLUXES].to_numpy()
    at = (test_towers["site_id"] == "TE-1").to_numpy()
    support = test_towers[at].head(90)
    got, doubled = (
        fitted.predict(test_towers, support=s)[FLUXES].to_numpy()
        for s in (support, support.assign(gpp=support["gpp"] * 2, reco=support["reco"] * 2))
    )
    assert np.allclose(got[~at], expected[~at], atol=1e-5)
    assert not np.allclose(got[at], expected[at], atol=1e-3)
    assert not np.allclose(doubled[at], got[at], atol=1e-3)
    stranger = fitted.predict(test_towers, support=support.assign(site_id="elsewhere"))[FLUXES].to_numpy()
    assert np.array_equal(stranger, expected)


def test_a_model_that_never_saw_fluxes_leaves_labelled_days_aside(train: pd.DataFrame) -> None:
    model = TAMRL(**{**QUICK, "max_epochs": 1, "shown": 0.0}).fit(train)
    assert model.predict(train, support=train.head(60)).equals(model.predict(train))


def test_a_share_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match=r"Got shown=1.5"):
        TAMRL(shown=1.5)
