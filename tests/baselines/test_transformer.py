"""The transformer: what it reads, what it does not, and that the model that is saved is the model that was trained."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from carbonbench_baselines import from_pretrained
from carbonbench_baselines.modeling_transformer import CarbonTransformer, CarbonTransformerConfig
from carbonbench_baselines.transformer import Transformer

from carbonbench_core.errors import CarbonBenchError, FeatureError, UsageError

FLUXES = ["gpp", "reco", "nee"]
QUICK = {**Transformer.quick, "num_threads": 1, "progress": False}


def small(**changes: object) -> CarbonTransformer:
    torch.manual_seed(0)
    sizes = {"dynamic_size": 4, "static_size": 3, "hidden_size": 16, "length": 30, "horizon": 15}
    return CarbonTransformer(CarbonTransformerConfig(**(sizes | changes))).eval()


def window(days: int = 30, windows: int = 2, seed: int = 0) -> dict[str, torch.Tensor]:
    made = torch.Generator().manual_seed(seed)
    return {
        "dynamic": torch.randn(windows, days, 4, generator=made),
        "observed": torch.rand(windows, days, 4, generator=made) > 0.2,
        "valid": torch.ones(windows, days, dtype=torch.bool),
        "static": torch.randn(windows, 3, generator=made),
    }


@pytest.fixture(scope="module")
def fitted(train: pd.DataFrame, validation: pd.DataFrame) -> Transformer:
    return Transformer(seed=1, **QUICK).fit(train, validation)


@pytest.fixture(scope="module")
def saved(fitted: Transformer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "model"
    fitted.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("causal", [False, True])
@torch.no_grad()
def test_what_stands_before_the_record_changes_nothing(causal: bool) -> None:
    model, inputs = small(causal=causal), window()
    inputs["valid"][:, :20] = False
    wild = {k: v.clone() for k, v in inputs.items()}
    wild["dynamic"][:, :20] = float("nan")
    wild["observed"][:, :20] = True
    assert torch.equal(model(**wild, horizon=10).fluxes, model(**inputs, horizon=10).fluxes)
    short = {k: v if k == "static" else v[:, 20:] for k, v in inputs.items()}
    assert torch.allclose(model(**short, horizon=10).fluxes, model(**inputs, horizon=10).fluxes, atol=1e-5)


@torch.no_grad()
def test_a_value_that_was_not_observed_is_not_read() -> None:
    model, inputs = small(), window()
    wild = inputs | {"dynamic": torch.where(inputs["observed"], inputs["dynamic"], 1e6)}
    assert torch.equal(model(**wild).fluxes, model(**inputs).fluxes)
    seen = inputs | {"observed": torch.ones_like(inputs["observed"])}
    assert not torch.allclose(model(**seen).fluxes, model(**inputs).fluxes)


@torch.no_grad()
def test_a_causal_model_does_not_see_later_days_and_the_other_does() -> None:
    inputs = window()
    later = inputs | {"dynamic": inputs["dynamic"].clone(), "observed": torch.ones_like(inputs["observed"])}
    inputs = inputs | {"observed": later["observed"]}
    later["dynamic"][:, -1] += 1
    for causal in (True, False):
        model = small(causal=causal)
        same = torch.allclose(model(**inputs).fluxes[:, :-1], model(**later).fluxes[:, :-1], atol=1e-6)
        assert same is causal


@torch.no_grad()
def test_the_last_day_is_the_same_whatever_the_horizon() -> None:
    model, inputs = small(), window()
    assert model(**inputs).fluxes.shape == (2, 15, 3)
    assert torch.allclose(model(**inputs, horizon=1).fluxes[:, 0], model(**inputs).fluxes[:, -1], atol=1e-5)


@torch.no_grad()
def test_fluxes_are_the_standardised_values_in_their_own_unit() -> None:
    model = small(target_mean=[3.0, 2.0, -1.0], target_scale=[4.0, 2.0, 0.5])
    out = model(**window())
    assert torch.allclose(out.fluxes, out.standardised * torch.tensor([4.0, 2.0, 0.5]) + torch.tensor([3.0, 2.0, -1.0]))
    assert torch.allclose(model.standardise(out.fluxes), out.standardised, atol=1e-5)


def test_labels_with_gaps_give_a_finite_loss_and_finite_gradients() -> None:
    model, labels = small().train(), torch.randn(2, 15, 3)
    labels[0, :10], labels[1, :, 2] = float("nan"), float("nan")
    model(**window(), labels=labels, weight=torch.ones(2, 15)).loss.backward()
    gradients = [p.grad for p in model.parameters()]
    assert all(g is not None and g.isfinite().all() for g in gradients)


def test_it_transfers_a_season_to_towers_it_never_saw(
    fitted: Transformer,
    test_towers: pd.DataFrame,
    site_r2,
) -> None:
    assert site_r2(test_towers, fitted.predict(test_towers), "reco").median() > 0.3


def test_days_later_than_a_day_do_not_change_its_prediction(fitted: Transformer, test_towers: pd.DataFrame) -> None:
    one = test_towers[test_towers["site_id"] == "TE-0"]
    first = fitted.predict(one.iloc[:100])[FLUXES]
    assert np.allclose(fitted.predict(one)[FLUXES].iloc[:100], first, atol=1e-4)


def test_coordinates_are_no_inputs_unless_asked_for(fitted: Transformer, test_towers: pd.DataFrame) -> None:
    # latitude says which hemisphere the season is of, and nothing more
    moved = test_towers.assign(latitude=test_towers["latitude"] * 1.5)
    assert np.array_equal(fitted.predict(moved)[FLUXES], fitted.predict(test_towers)[FLUXES])
    assert "longitude" not in fitted.features


def test_a_missing_input_is_named(fitted: Transformer, test_towers: pd.DataFrame) -> None:
    with pytest.raises(FeatureError, match="SW_IN_F"):
        fitted.predict(test_towers.drop(columns="SW_IN_F"))


def test_without_daily_inputs_there_is_nothing_to_learn_from(train: pd.DataFrame) -> None:
    with pytest.raises(FeatureError, match="Add a driver"):
        Transformer(**QUICK, features=["igbp"], day_of_year=False).fit(train)


def test_daily_inputs_alone_are_enough(train: pd.DataFrame) -> None:
    model = Transformer(**{**QUICK, "max_epochs": 1}, features=["TA_F"], day_of_year=False).fit(train)
    assert model.features == ["TA_F"]
    assert np.isfinite(model.predict(train)[FLUXES]).all(axis=None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"heads": 3},
        {"dropout": 1.0},
        {"layers": 0},
        {"stride": 0},
        {"horizon": 31},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"clip": 0.0},
        {"noise": -1.0},
        {"averaging": -0.1},
        {"warmup": 1.0},
    ],
)
def test_sizes_that_make_no_network_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Transformer(**wrong)


def test_a_saved_model_is_safetensors_one_configuration_and_its_code(saved: Path) -> None:
    assert sorted(p.name for p in saved.iterdir()) == [
        "config.json",
        "model.safetensors",
        "modeling_ensemble.py",
        "modeling_fluxes.py",
        "modeling_site_days.py",
        "modeling_transformer.py",
    ]
    config = json.loads((saved / "config.json").read_text())
    assert config["model_type"] == "carbonbench-transformer"
    assert config["baseline"] == "transformer"
    assert config["auto_map"]["AutoModel"] == "modeling_transformer.CarbonTransformer"


def test_a_loaded_model_gives_the_very_same_predictions(
    fitted: Transformer, saved: Path, test_towers: pd.DataFrame
) -> None:
    assert from_pretrained(saved).predict(test_towers).equals(fitted.predict(test_towers))


def test_saving_again_over_an_older_model_replaces_it(
    fitted: Transformer, test_towers: pd.DataFrame, train: pd.DataFrame, tmp_path: Path
) -> None:
    Transformer(**{**QUICK, "max_epochs": 1}).fit(train).save_pretrained(tmp_path)
    fitted.save_pretrained(tmp_path)
    assert from_pretrained(tmp_path).predict(test_towers).equals(fitted.predict(test_towers))


def test_pickled_weights_are_never_read(saved: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    config = json.loads((saved / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"files": {}}))
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(CarbonBenchError, match="never from pickle"):
        from_pretrained(folder)


@pytest.mark.parametrize("library", ["torch", "transformers", "safetensors"])
def test_a_library_that_is_not_installed_is_named_with_the_extra_that_brings_it(
    library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    table = pd.DataFrame(
        {"site_id": "AA", "date": pd.date_range("2001-01-01", periods=40), "latitude": 50.0, "TA_F": 1.0}
        | {"gpp": 1.0, "reco": 1.0, "nee": 0.0, "nee_qc": 1.0}
    )
    with pytest.raises(CarbonBenchError, match=rf"{library} is not installed.*carbonbench\[neural\]"):
        Transformer().fit(table)
