"""Ridge: the closed form, the choice of the penalty, missing inputs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from carbonbench_baselines import from_pretrained, load_baseline
from carbonbench_baselines._inputs import median_site_r2
from carbonbench_baselines.ridge import penalised
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from carbonbench_core.errors import CarbonBenchError, UsageError


@given(st.floats(0.1, 1e4), st.integers(0, 1000))
def test_the_line_is_that_of_scikit_learn(alpha: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y, weight = rng.normal(2, 3, (80, 4)), rng.normal(size=80), rng.uniform(0.1, 1, 80)
    line = penalised(x, y, weight)(alpha)
    reference = Ridge(alpha=alpha).fit(x, y, sample_weight=weight)
    np.testing.assert_allclose(line, np.r_[reference.intercept_, reference.coef_], rtol=1e-6, atol=1e-9)


def test_a_penalty_of_zero_on_slots_that_add_up_to_one_is_still_a_line() -> None:
    x = np.repeat(np.eye(2), 5, axis=0)
    line = penalised(x, np.repeat([1.0, 3.0], 5), np.ones(10))(0.0)
    np.testing.assert_allclose(line[0] + x @ line[1:], np.repeat([1.0, 3.0], 5), atol=1e-9)


def test_rows_weigh_by_quality(train: pd.DataFrame) -> None:
    spoilt = train.copy()
    bad = spoilt.index % 3 == 0
    spoilt.loc[bad, "gpp"] = 500.0
    spoilt.loc[bad, "nee_qc"] = 0.0
    clean = train.copy()
    clean.loc[bad, "nee_qc"] = 0.0
    a, b = (load_baseline("ridge").fit(data).predict(train)["gpp"] for data in (spoilt, clean))
    np.testing.assert_allclose(a, b, rtol=1e-9)


def test_a_row_without_one_target_still_teaches_the_others(train: pd.DataFrame) -> None:
    full = load_baseline("ridge").fit(train).predict(train)
    holed = load_baseline("ridge").fit(train.assign(nee=train["nee"].where(train.index % 2 == 0))).predict(train)
    np.testing.assert_allclose(holed["gpp"], full["gpp"], rtol=1e-9)
    assert (holed["nee"] != full["nee"]).any()


def test_the_penalty_is_the_best_at_the_validation_towers(train: pd.DataFrame, validation: pd.DataFrame) -> None:
    model = load_baseline("ridge", alphas=[0.1, 1e9]).fit(train, validation)
    # a penalty of 1e9 leaves the mean; the season is worth more
    assert model._state()["alpha"] == {"gpp": 0.1, "reco": 0.1, "nee": 0.1}
    assert load_baseline("ridge", alpha=7.0).fit(train)._state()["alpha"]["gpp"] == 7.0


def test_the_score_of_the_choice_is_the_median_over_towers() -> None:
    y = np.array([0.0, 2.0, 0.0, 2.0, 0.0, 2.0, 5.0])
    p = np.array([0.0, 2.0, 1.0, 1.0, 2.0, 0.0, 5.0])
    # perfect 1, the mean 0, the reverse 1 - 8 / 2 = -3; the tower of one day has no R2
    assert median_site_r2(y, p, np.array([0, 0, 1, 1, 2, 2, 3])) == 0.0
    assert np.isnan(median_site_r2(y[-1:], p[-1:], np.zeros(1, int)))


def test_missing_inputs_have_an_indicator_and_an_input_never_seen_has_no_say(train: pd.DataFrame) -> None:
    model = load_baseline("ridge").fit(train.assign(P_F=np.nan))
    assert len(model._state()["indicated"]) == 1  # VPD_F alone has gaps in some rows
    with_rain = model.predict(train.assign(P_F=1000.0))
    pd.testing.assert_frame_equal(with_rain, model.predict(train.assign(P_F=np.nan)))


def test_inputs_beyond_the_training_data_are_held_back(train: pd.DataFrame, test_towers: pd.DataFrame) -> None:
    model = load_baseline("ridge").fit(train)
    far, farther = (model.predict(test_towers.assign(TA_F=t)) for t in (1e4, 1e6))
    pd.testing.assert_frame_equal(far, farther)


def test_coordinates_are_inputs_only_on_request(train: pd.DataFrame) -> None:
    assert "longitude" not in load_baseline("ridge").fit(train).features
    assert "longitude" in load_baseline("ridge", coordinates=True).fit(train).features
    # the hemisphere of the season day asks for the latitude, which is then no input of its own
    model = load_baseline("ridge", day_of_year=True).fit(train)
    assert "latitude" in model.features
    north, norther = (model.predict(train.assign(latitude=x)) for x in (20.0, 60.0))
    pd.testing.assert_frame_equal(north, norther)


@pytest.mark.parametrize("settings", [{"alphas": []}, {"alphas": ["1"]}, {"alpha": -1.0}, {"alphas": [np.inf]}])
def test_penalties_that_are_none_are_refused(settings: dict) -> None:
    with pytest.raises(UsageError, match="numbers of at least 0"):
        load_baseline("ridge", **settings)


def test_when_the_coefficients_are_of_another_model_then_they_are_refused(train: pd.DataFrame, tmp_path: Path) -> None:
    load_baseline("ridge").fit(train).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    for changes in ({"indicated": [0, 1, 2]}, {"indicated": [-1]}, {"indicated": [999]}):
        (tmp_path / "config.json").write_text(json.dumps(config | {"state": config["state"] | changes}))
        with pytest.raises(CarbonBenchError, match=r"expected finite numbers|do not exist"):
            from_pretrained(tmp_path)
