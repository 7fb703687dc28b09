"""What every baseline keeps to: the scan, the frame of predictions, no look at targets, saving without pickle."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from carbonbench_baselines import Baseline, baseline_class, from_pretrained, list_baselines, load_baseline, need

from carbonbench_core.errors import CarbonBenchError, FeatureError, UsageError

TARGETS = ["gpp", "reco", "nee"]


@pytest.fixture(scope="module", params=list_baselines())
def fitted(request: pytest.FixtureRequest, train: pd.DataFrame, validation: pd.DataFrame) -> Baseline:
    cls = baseline_class(request.param)
    return cls(seed=1, **cls.quick).fit(train, validation)


@pytest.fixture
def saved(fitted: Baseline, tmp_path: Path) -> Path:
    fitted.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def values(predictions: pd.DataFrame) -> np.ndarray:
    return predictions[TARGETS].to_numpy()


def edit(folder: Path, **changes: object) -> Path:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))
    return folder


def test_every_file_is_one_baseline_of_its_name() -> None:
    files = {p.stem for p in (Path(__file__).parents[2] / "baselines").glob("*.py")}
    expected = {f for f in files if not f.startswith(("_", "modeling_"))}
    assert set(list_baselines()) == expected
    assert {baseline_class(name).name for name in expected} == expected
    assert {"climatology", "ridge", "lightgbm"} <= expected


def test_every_row_gets_one_finite_prediction_in_its_place(fitted: Baseline, test_towers: pd.DataFrame) -> None:
    got = fitted.predict(test_towers)
    assert list(got.columns) == ["site_id", "date", *TARGETS]
    assert (got["site_id"] == test_towers["site_id"]).all()
    assert (got["date"] == test_towers["date"]).all()
    assert np.isfinite(values(got)).all()


def test_predictions_do_not_change_with_the_targets(fitted: Baseline, test_towers: pd.DataFrame) -> None:
    expected = values(fitted.predict(test_towers))
    rng = np.random.default_rng(0)
    changed = test_towers.assign(**{t: rng.normal(size=len(test_towers)) for t in [*TARGETS, "nee_qc"]})
    without = test_towers.drop(columns=[*TARGETS, "nee_qc"])
    for data in (changed, without, test_towers.assign(gpp=np.nan)):
        np.testing.assert_array_equal(values(fitted.predict(data)), expected)


def test_a_dataset_a_table_and_a_frame_are_predicted_alike(fitted: Baseline, test_towers: pd.DataFrame) -> None:
    expected = values(fitted.predict(test_towers))
    table = pa.Table.from_pandas(test_towers, preserve_index=False)
    for data in (table, datasets.Dataset(table)):
        np.testing.assert_array_equal(values(fitted.predict(data)), expected)


def test_when_towers_change_places_then_their_predictions_do(fitted: Baseline, test_towers: pd.DataFrame) -> None:
    moved = pd.concat([g for _, g in reversed(list(test_towers.groupby("site_id")))])
    got = fitted.predict(moved.reset_index(drop=True)).sort_values(["site_id", "date"])
    np.testing.assert_allclose(values(got), values(fitted.predict(test_towers)), rtol=1e-4, atol=1e-5)


def test_towers_of_unknown_classes_and_without_any_measurement_are_predicted(
    fitted: Baseline, test_towers: pd.DataFrame
) -> None:
    strange = test_towers.assign(igbp="SNO", koppen_main=None, koppen="?", TA_F=np.nan, SW_IN_F=1e30, VPD_F=None)
    assert np.isfinite(values(fitted.predict(strange))).all()


def test_no_rows_give_no_predictions(fitted: Baseline, test_towers: pd.DataFrame) -> None:
    assert len(fitted.predict(test_towers.iloc[:0])) == 0


@pytest.mark.parametrize("name", list_baselines())
def test_ten_days_of_one_tower_are_enough_to_fit(name: str, train: pd.DataFrame, test_towers: pd.DataFrame) -> None:
    few = train.dropna(subset=TARGETS).query("nee_qc > 0").head(10)
    model = load_baseline(name, **baseline_class(name).quick).fit(few)
    assert np.isfinite(values(model.predict(test_towers))).all()


def test_the_same_seed_gives_the_same_predictions(
    fitted: Baseline, train: pd.DataFrame, validation: pd.DataFrame, test_towers: pd.DataFrame
) -> None:
    again = type(fitted)(seed=1, **fitted.quick).fit(train, validation)
    np.testing.assert_array_equal(values(again.predict(test_towers)), values(fitted.predict(test_towers)))


def test_a_season_is_learnt(fitted: Baseline, test_towers: pd.DataFrame, site_r2: Callable) -> None:
    if fitted.name == "constant":
        pytest.skip("a constant has no season")
    # two towers in the north and one in the south: a model that mixes the hemispheres is worse than the site mean
    assert (site_r2(test_towers, fitted.predict(test_towers), "reco") > 0.3).all()


def test_a_saved_model_predicts_the_same(fitted: Baseline, saved: Path, test_towers: pd.DataFrame) -> None:
    for again in (from_pretrained(saved), type(fitted).from_pretrained(saved)):
        assert type(again) is type(fitted)
        np.testing.assert_array_equal(values(again.predict(test_towers)), values(fitted.predict(test_towers)))


def test_the_configuration_says_what_the_model_is(fitted: Baseline, saved: Path) -> None:
    config = json.loads((saved / "config.json").read_text())
    assert config["baseline"] == fitted.name
    assert config["seed"] == 1
    assert config["features"] == fitted.features
    assert config["units"]["gpp"] == "gC m-2 d-1"
    assert set(fitted.defaults) <= set(config["settings"])
    assert len(config["vocabularies"]["koppen"]) == 30
    assert config["version"]


def test_nothing_saved_is_a_pickle(saved: Path) -> None:
    for path in saved.iterdir():
        start = path.read_bytes()[:2]
        assert path.suffix in (".json", ".npz", ".txt", ".ubj", ".skops", ".safetensors", ".py"), path
        # pickle protocol 2 and later starts with 0x80 and its number
        assert start[:1] != b"\x80" or path.suffix == ".safetensors", path


def test_when_an_input_is_missing_then_it_is_named(saved: Path, test_towers: pd.DataFrame) -> None:
    model = from_pretrained(saved)
    for name in model.features:
        with pytest.raises(FeatureError, match=f"'{name}'"):
            model.predict(test_towers.drop(columns=[name]))


def test_when_a_weights_file_is_cut_short_or_gone_then_one_clear_error_says_so(saved: Path) -> None:
    weights = next(p for p in sorted(saved.iterdir()) if p.name != "config.json")
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CarbonBenchError, match=f"{weights.name} is not the file that was saved"):
        from_pretrained(saved)
    weights.unlink()
    with pytest.raises(CarbonBenchError, match=f"lacks its file {weights.name}"):
        from_pretrained(saved)


def test_when_state_is_broken_then_one_clear_error_says_so(fitted: Baseline, saved: Path) -> None:
    if not fitted._state():
        pytest.skip("this baseline keeps no state beside its weights")
    with pytest.raises(CarbonBenchError, match=r"damaged|Not a saved scaler"):
        from_pretrained(edit(saved, state={}))


@pytest.mark.parametrize("files", [{"../outside.txt": "0"}, {"/etc/passwd": "0"}, ["a"], {"..": "0"}])
def test_when_the_configuration_points_outside_its_folder_then_it_is_refused(saved: Path, files: object) -> None:
    with pytest.raises(CarbonBenchError, match=r"outside its folder|lacks its file"):
        from_pretrained(edit(saved, files=files))


@pytest.mark.parametrize("name", ["no_such", "../ridge", "_saved", "modeling_transformer", "os.path", 7, None])
def test_when_the_configuration_names_no_baseline_then_it_is_refused(saved: Path, name: object) -> None:
    with pytest.raises(CarbonBenchError, match="Unknown baseline"):
        from_pretrained(edit(saved, baseline=name))


def test_when_classes_were_coded_otherwise_then_the_model_is_refused(saved: Path) -> None:
    with pytest.raises(CarbonBenchError, match="other class codes"):
        from_pretrained(edit(saved, vocabularies={"igbp": ["ENF"]}))


def test_a_model_that_does_not_say_which_towers_it_knows_is_refused(saved: Path) -> None:
    config = json.loads((saved / "config.json").read_text())
    del config["towers"]
    (saved / "config.json").write_text(json.dumps(config))
    with pytest.raises(CarbonBenchError, match="lacks towers"):
        from_pretrained(saved)


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CarbonBenchError, match="no saved baseline"):
        from_pretrained(tmp_path)
    for text in ("{", "[]", '{"baseline": "ridge"}', "\x00"):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(CarbonBenchError, match="no saved baseline"):
            from_pretrained(tmp_path)


def test_a_model_of_another_baseline_is_refused(fitted: Baseline, saved: Path) -> None:
    other = next(n for n in list_baselines() if n != fitted.name)
    with pytest.raises(CarbonBenchError, match=f"holds baseline '{fitted.name}', not '{other}'"):
        baseline_class(other).from_pretrained(saved)


def test_saving_onto_a_file_and_before_fitting_is_refused(fitted: Baseline, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is a file"):
        fitted.save_pretrained(tmp_path / "file")
    with pytest.raises(UsageError, match="not fitted"):
        load_baseline(fitted.name).save_pretrained(tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_predicting_before_fitting_is_refused(test_towers: pd.DataFrame) -> None:
    with pytest.raises(UsageError, match=r"ridge is not fitted. Call fit"):
        load_baseline("ridge").predict(test_towers)


def test_a_file_without_a_baseline_of_its_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baseline_class("ridge"), "name", "rigde")
    with pytest.raises(UsageError, match=r"ridge\.py has 0 baselines named 'ridge', expected one"):
        baseline_class("ridge")


def test_a_seed_below_zero_is_wrong_use() -> None:
    with pytest.raises(UsageError, match="Got seed -1"):
        load_baseline("mlp", seed=-1)


def test_an_unknown_baseline_brings_the_nearest_name() -> None:
    with pytest.raises(UsageError, match=r"Unknown baseline 'lightgmb'. Did you mean 'lightgbm'\?"):
        load_baseline("lightgmb")


@pytest.mark.parametrize("name", list_baselines())
def test_an_unknown_setting_and_a_wrong_type_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"Unknown setting of {name} 'nonsense'"):
        load_baseline(name, nonsense=1)
    for features in ("TA_F", [], [1], 7):
        with pytest.raises(UsageError, match="expected a list of column names"):
            load_baseline(name, features=features)


def test_a_target_cannot_be_made_an_input(train: pd.DataFrame) -> None:
    with pytest.raises(FeatureError, match="'nee' cannot be an input"):
        load_baseline("ridge", features=["TA_F", "nee"]).fit(train)


def test_when_training_rows_lack_a_target_then_it_is_named(train: pd.DataFrame) -> None:
    with pytest.raises(FeatureError, match="'nee_qc'"):
        load_baseline("climatology").fit(train.drop(columns=["nee_qc"]))
    with pytest.raises(CarbonBenchError, match="training rows has reco or nee with nee_qc above 0"):
        load_baseline("climatology").fit(train.assign(reco=np.nan, nee=np.nan))
    with pytest.raises(CarbonBenchError, match="gpp or reco or nee"):
        load_baseline("climatology").fit(train.assign(nee_qc=0.0))


def test_a_model_never_sees_target_columns(train: pd.DataFrame, test_towers: pd.DataFrame) -> None:
    class Spy(Baseline):
        name = "spy"

        def _fit(self, train: pa.Table, validation: pa.Table | None) -> None:
            self.fitted_on = train.column_names

        def _predict(self, table: pa.Table) -> np.ndarray:
            self.shown = table.column_names
            return np.zeros((table.num_rows, 3))

    spy = Spy(features=["TA_F", "igbp"]).fit(train)
    spy.predict(test_towers)
    assert spy.shown == ["site_id", "date", "TA_F", "igbp"]
    assert spy.fitted_on == ["site_id", "date", "TA_F", "igbp", *TARGETS, "nee_qc"]


def test_predictions_that_are_not_finite_are_refused(train: pd.DataFrame) -> None:
    class Broken(Baseline):
        name = "broken"

        def _fit(self, train: pa.Table, validation: pa.Table | None) -> None:
            pass

        def _predict(self, table: pa.Table) -> np.ndarray:
            return np.full((table.num_rows, 3), np.nan)

    with pytest.raises(CarbonBenchError, match=r"broken gave .* not finite"):
        Broken().fit(train).predict(train)


def test_when_a_library_is_not_installed_then_the_extra_is_named() -> None:
    with pytest.raises(CarbonBenchError, match=r"no_such_library is not installed.*carbonbench\[neural\]"):
        need("no_such_library")


def test_a_preset_is_a_named_set_of_settings_that_others_override() -> None:
    made = load_baseline("transformer", "published", hidden=64, heads=2)
    assert made.settings["max_epochs"] == baseline_class("transformer").presets["published"]["max_epochs"]
    assert (made.settings["hidden"], made.settings["heads"]) == (64, 2)
    assert load_baseline("transformer", "default").settings == load_baseline("transformer").settings
    with pytest.raises(UsageError, match=r"Unknown preset of ridge 'publishd'"):
        load_baseline("ridge", "publishd")


@pytest.mark.parametrize("name", list_baselines())
def test_every_preset_makes_a_model(name: str) -> None:
    for preset in baseline_class(name).presets:
        assert load_baseline(name, preset).name == name


def test_labelled_days_of_test_towers_reach_only_a_model_that_says_it_uses_them(train: pd.DataFrame) -> None:
    class Plain(Baseline):
        name = "plain"

        def _fit(self, train: pa.Table, validation: pa.Table | None) -> None:
            pass

        def _predict(self, table: pa.Table) -> np.ndarray:
            return np.zeros((table.num_rows, 3))

    class Fed(Plain):
        uses_support = True

        def _predict(self, table: pa.Table, support: pa.Table | None = None) -> np.ndarray:
            assert support is None or support.column_names == ["site_id", "date", "TA_F", *TARGETS, "nee_qc"]
            return np.full((table.num_rows, 3), 0.0 if support is None else support.num_rows)

    inputs = train.drop(columns=[*TARGETS, "nee_qc"])
    assert (values(Plain(features=["TA_F"]).fit(train).predict(inputs, support=train.head(7))) == 0).all()
    fed = Fed(features=["TA_F"]).fit(train)
    assert (values(fed.predict(inputs)) == 0).all()
    assert (values(fed.predict(inputs, support=train.head(7))) == 7).all()
