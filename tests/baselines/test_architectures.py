"""Laws of the architectures: which days a day sees, what the place decides, and steps that are worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from carbonbench_baselines import baseline_class, list_baselines
from carbonbench_baselines._network import Network
from carbonbench_baselines.modeling_ea_lstm import EALSTM, CarbonEALSTM, CarbonEALSTMConfig
from carbonbench_baselines.modeling_mlp import running_mean
from carbonbench_baselines.modeling_recurrent import CarbonRecurrent, CarbonRecurrentConfig, FromTheStart
from carbonbench_baselines.modeling_tcn import CarbonTCN, CarbonTCNConfig

from carbonbench_core.errors import UsageError

NETWORKS = [name for name in list_baselines() if issubclass(baseline_class(name), Network)]
CAUSAL = ["mlp", "lstm", "gru", "ct_lstm", "ct_gru", "ea_lstm", "tcn", "tam_rl"]
FD, FS = 4, 3


def built(name: str, **changes: object) -> torch.nn.Module:
    """Return the small untrained network of a baseline."""
    torch.manual_seed(0)
    baseline = baseline_class(name)()
    model = baseline._model_class()
    sizes = {"dynamic_size": FD, "static_size": FS, "hidden_size": 16, "length": 30, "horizon": 15}
    return model(model.config_class(**(sizes | baseline.sizes() | changes))).eval()


def window(model: torch.nn.Module, days: int = 30, windows: int = 2) -> dict[str, torch.Tensor]:
    """Return inputs of a network, its support windows among them where it reads such."""
    made = torch.Generator().manual_seed(0)
    inputs = {
        "dynamic": torch.randn(windows, days, FD, generator=made),
        "observed": torch.rand(windows, days, FD, generator=made) > 0.2,
        "valid": torch.ones(windows, days, dtype=torch.bool),
        "static": torch.randn(windows, model.config.static_size, generator=made),
    }
    if not hasattr(model.config, "support_windows"):
        return inputs
    return inputs | {
        "support_dynamic": torch.randn(windows, 3, 30, FD, generator=made),
        "support_observed": torch.rand(windows, 3, 30, FD, generator=made) > 0.2,
        "support_valid": torch.ones(windows, 3, 30, dtype=torch.bool),
        "support_static": inputs["static"].clone(),
        "support_fluxes": torch.randn(windows, 3, 30, 3, generator=made),
    }


@pytest.fixture(params=NETWORKS)
def model(request: pytest.FixtureRequest) -> torch.nn.Module:
    return built(request.param)


@torch.no_grad()
def test_what_stands_before_a_record_changes_nothing_and_a_shorter_window_is_the_same(model: torch.nn.Module) -> None:
    inputs = window(model)
    # the first window's record starts on day 20, the other's on day 7
    inputs["valid"][0, :20] = inputs["valid"][1, :7] = False
    wild = {k: v.clone() for k, v in inputs.items()}
    wild["dynamic"][~inputs["valid"]], wild["observed"][~inputs["valid"]] = float("nan"), True
    expected = model(**inputs, horizon=10).fluxes
    assert torch.equal(model(**wild, horizon=10).fluxes, expected)
    short = {k: v[:1, 20:] if k in ("dynamic", "observed", "valid") else v[:1] for k, v in inputs.items()}
    assert torch.allclose(model(**short, horizon=10).fluxes, expected[:1], atol=1e-5)


@torch.no_grad()
def test_a_value_that_was_not_observed_is_not_read(model: torch.nn.Module) -> None:
    inputs = window(model)
    wild = inputs | {"dynamic": torch.where(inputs["observed"], inputs["dynamic"], 1e6)}
    assert torch.equal(model(**wild).fluxes, model(**inputs).fluxes)
    seen = inputs | {"observed": torch.ones_like(inputs["observed"])}
    assert not torch.allclose(model(**seen).fluxes, model(**inputs).fluxes)


@torch.no_grad()
def test_a_day_is_the_same_whatever_the_horizon(model: torch.nn.Module) -> None:
    inputs = window(model)
    whole = model(**inputs).fluxes
    assert whole.shape == (2, 15, 3)
    for horizon in (1, 4):
        assert torch.allclose(model(**inputs, horizon=horizon).fluxes, whole[:, -horizon:], atol=1e-5)


@torch.no_grad()
def test_a_window_does_not_change_with_the_others_of_its_batch(model: torch.nn.Module) -> None:
    inputs = window(model, windows=3)
    alone = {k: v[1:2] for k, v in inputs.items()}
    assert torch.allclose(model(**alone).fluxes, model(**inputs).fluxes[1:2], atol=1e-5)


def test_every_weight_has_a_part_in_the_loss(model: torch.nn.Module) -> None:
    inputs = window(model, windows=8)
    inputs["valid"][0, :12] = False
    model.train()(**inputs, labels=torch.randn(8, 15, 3)).loss.backward()
    idle = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert idle == []


@torch.no_grad()
def test_what_the_place_is_counts_and_is_not_needed(model: torch.nn.Module) -> None:
    inputs = window(model)
    moved = inputs | {k: v + 1 for k, v in inputs.items() if k in ("static", "support_static")}
    assert not torch.allclose(model(**moved).fluxes, model(**inputs).fluxes)
    without = type(model)(type(model.config)(**{**model.config.to_dict(), "static_size": 0})).eval()
    assert without(**window(without)).fluxes.isfinite().all()


@pytest.mark.parametrize("name", CAUSAL)
@torch.no_grad()
def test_a_later_day_does_not_change_an_earlier_one(name: str) -> None:
    model = built(name)
    inputs = window(model)
    inputs["observed"][:] = True
    for day in (29, 20):
        later = inputs | {"dynamic": inputs["dynamic"].clone()}
        later["dynamic"][:, day:] += 1
        same = (model(**later).fluxes - model(**inputs).fluxes).abs().amax((0, 2)) < 1e-6
        assert same.tolist() == [d < day for d in range(15, 30)]


@torch.no_grad()
def test_a_convolutional_network_sees_29_days_and_no_more() -> None:
    # 3 blocks of 2 convolutions over 3 days, dilated 1, 2, 4: 1 + 2 * 2 * (1 + 2 + 4) = 29
    model = CarbonTCN(CarbonTCNConfig(dynamic_size=FD, static_size=FS, length=40)).eval()
    inputs = window(model, 40)
    inputs["observed"][:] = True
    expected = model(**inputs, horizon=1).fluxes
    for days_back, seen in ((28, True), (29, False)):
        moved = inputs | {"dynamic": inputs["dynamic"].clone()}
        moved["dynamic"][:, 39 - days_back] += 3
        assert (not torch.equal(model(**moved, horizon=1).fluxes, expected)) is seen


@torch.no_grad()
def test_a_day_of_a_patch_reaches_all_days_of_the_window() -> None:
    model = built("patch_transformer")
    inputs = window(model)
    inputs["observed"][:] = True
    moved = inputs | {"dynamic": inputs["dynamic"].clone()}
    moved["dynamic"][:, 0] += 1
    assert ((model(**moved).fluxes - model(**inputs).fluxes).abs().amax((0, 2)) > 1e-7).all()


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@torch.no_grad()
def test_a_recurrent_step_is_that_of_the_equations(cell: str) -> None:
    torch.manual_seed(1)
    encoder = FromTheStart(cell, 2, 3)
    for parameter in encoder.parameters():
        parameter.uniform_(-1, 1)
    days, valid = torch.randn(1, 5, 2), torch.tensor([[False, False, True, True, True]])
    w_x, w_h, b_x, b_h = (p.numpy().astype(float) for p in encoder.rnn.parameters())
    states, h, c = encoder(days, valid).numpy()[0], np.zeros(3), np.zeros(3)
    for day in (2, 3, 4):  # the record starts on day 2 with an empty state
        x, y = w_x @ days[0, day].numpy() + b_x, w_h @ h + b_h
        if cell == "lstm":
            i, f, g, o = np.split(x + y, 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        else:
            (r, z, n), (hr, hz, hn) = np.split(x, 3), np.split(y, 3)
            update = sigmoid(z + hz)
            h = (1 - update) * np.tanh(n + sigmoid(r + hr) * hn) + update * h
        np.testing.assert_allclose(states[day], h, atol=1e-6)


@torch.no_grad()
def test_an_entity_aware_step_is_that_of_kratzert_2019() -> None:
    torch.manual_seed(1)
    cell, days, place = EALSTM(2, 3), torch.randn(1, 4, 2), torch.randn(1, 3)
    for parameter in cell.parameters():
        parameter.uniform_(-1, 1)
    valid = torch.tensor([[False, True, True, True]])
    states = cell(days, place.sigmoid(), valid).numpy()[0]
    (wf, wo, wg), (bf, bo, bg) = (np.split(p.numpy().astype(float), 3) for p in (cell.inputs.weight, cell.bias))
    uf, uo, ug = np.split(cell.recurrent.numpy().astype(float), 3)
    i, h, c = sigmoid(place.numpy()[0]), np.zeros(3), np.zeros(3)  # i = sigmoid(W_i x_s + b_i): one for all days
    for day in (1, 2, 3):
        x = days[0, day].numpy()
        f, o, g = sigmoid(wf @ x + uf @ h + bf), sigmoid(wo @ x + uo @ h + bo), np.tanh(wg @ x + ug @ h + bg)
        c = f * c + i * g
        h = o * np.tanh(c)
        np.testing.assert_allclose(states[day], h, atol=1e-6)
    assert (states[0] == 0).all()


@torch.no_grad()
def test_the_gate_of_the_place_is_shut_or_open_by_static_inputs_alone() -> None:
    model = CarbonEALSTM(CarbonEALSTMConfig(dynamic_size=FD, static_size=FS, hidden_size=8)).eval()
    gates: list[torch.Tensor] = []
    model.gate.register_forward_hook(lambda _, inputs, gate: gates.append(gate))
    inputs = window(model)
    model(**inputs)
    model(**(inputs | {"dynamic": inputs["dynamic"] * 2}))
    assert len(gates) == 2  # once per window, not per day
    assert torch.equal(gates[0], gates[1])
    # a shut gate lets no weather in: all days are alike
    model.gate.bias.fill_(-100)
    fluxes = model(**inputs).fluxes
    assert torch.allclose(fluxes, fluxes[:1, :1].expand_as(fluxes), atol=1e-6)


def test_the_forget_gate_starts_open() -> None:
    model = CarbonEALSTM(CarbonEALSTMConfig(dynamic_size=FD, static_size=FS, hidden_size=8, forget_bias=2.5))
    assert model.encoder.bias.tolist() == [2.5] * 8 + [0.0] * 16
    # rows of an orthogonal matrix [24, 8]: its columns are orthonormal
    recurrent = model.encoder.recurrent
    assert torch.allclose(recurrent.T @ recurrent, torch.eye(8), atol=1e-5)


def test_a_running_mean_counts_the_days_that_the_record_holds() -> None:
    days = torch.tensor([9.0, 1.0, 2.0, 3.0, 8.0]).reshape(1, 5, 1)
    valid = torch.tensor([[False, True, True, True, True]])
    # spans of 3: day 0 has none, then 1/1, (1+2)/2, (1+2+3)/3, (2+3+8)/3
    assert running_mean(days, valid, 3).flatten().tolist() == pytest.approx([0, 1, 1.5, 2, 13 / 3])
    assert running_mean(days, valid, 30)[0, -1, 0] == pytest.approx(3.5)


@torch.no_grad()
def test_a_place_is_unseen_joined_or_apart() -> None:
    inputs = window(built("lstm"))
    moved = inputs | {"static": inputs["static"] + 1}
    for place, seen in (("unseen", False), ("joined", True), ("apart", True)):
        model = built("lstm", place=place)
        assert torch.equal(model(**moved).fluxes, model(**inputs).fluxes) is not seen
    # apart: of 16 inputs of the cell the first 8 are of the day alone, the others of the place alone
    days = torch.randn(2, 30, 2 * FD)
    one, other = (model.embedding(days, s["static"]) for s in (inputs, moved))
    assert torch.equal(one[..., :8], other[..., :8])
    assert not torch.isclose(one[..., 8:], other[..., 8:]).all()
    assert torch.equal(one[:, :1, 8:].expand(-1, 30, -1), one[..., 8:])


@pytest.mark.parametrize("wrong", [{"cell": "rnn"}, {"place": "beside"}])
def test_a_recurrent_network_of_an_unknown_kind_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=f"Got {next(iter(wrong))}='{next(iter(wrong.values()))}', expected one of"):
        CarbonRecurrent(CarbonRecurrentConfig(**wrong))


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("lstm", {"place": "beside"}),
        ("mlp", {"means": (1,)}),
        ("mlp", {"means": (7.5,)}),
        ("patch_transformer", {"heads": 5}),
        ("patch_transformer", {"patch": 0}),
        ("tcn", {"kernel": 0}),
        ("gru", {"layers": 0}),
    ],
)
def test_settings_that_make_no_network_are_refused(name: str, wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        baseline_class(name)(**wrong)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))
