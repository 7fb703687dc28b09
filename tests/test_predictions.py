"""The evaluation index and the validation of predictions."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonbench_core.errors import PredictionError
from carbonbench_core.predictions import (
    FIRST_DAY,
    TARGETS,
    WARM_UP_DAYS,
    evaluation_frame,
    read_predictions,
    scored,
    validate_predictions,
)
from carbonbench_core.suspect_units import UNITS, suspect_units


def part(n: int = 60, start: date = date(2010, 1, 1), site: str = "DE-Hai", **columns: list) -> pa.Table:
    """Return a shard of n days, every one of which would be scored but for the warm-up."""
    season = np.sin(np.arange(n) / 58)
    base = {
        "site_id": [site] * n,
        "date": pa.array([start + timedelta(days=i) for i in range(n)], pa.date32()),
        "igbp": ["DBF"] * n,
        "koppen_main": ["C"] * n,
        "koppen": ["Cfb"] * n,
        "gpp": 5 + 4 * season,
        "reco": 4 + 2 * season,
        "nee": -1 - 2 * season,
        "nee_qc": [1.0] * n,
    }
    return pa.table(base | columns)


def perfect(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[["site_id", "date", *TARGETS]].fillna(1.0)


@pytest.fixture
def frame() -> pd.DataFrame:
    return evaluation_frame([part(400), part(400, site="US-Ha1"), part(400, start=date(2015, 1, 1))])


class TestScored:
    def test_the_first_thirty_days_of_a_part_are_never_scored(self):
        mask = scored(part(40))
        assert mask.shape == (40, 3)
        assert not mask[:30].any()
        assert mask[30:].all()

    def test_days_before_the_first_modis_day_are_not_scored(self):
        # 60 days before the first day: rows 60 and later are scored.
        assert scored(part(100, start=FIRST_DAY - timedelta(days=60)))[:, 0].argmax() == 60

    def test_each_target_is_scored_where_it_is_present_itself(self):
        gpp = [1.0] * 58 + [None, float("nan")]
        mask = scored(part(60, gpp=gpp))
        assert mask[58:].tolist() == [[False, True, True]] * 2

    @pytest.mark.parametrize(
        ("threshold", "expected"), [(1.0, [1, 0, 0, 0]), (0.75, [1, 1, 0, 0]), (0.0, [1, 1, 1, 0])]
    )
    def test_a_day_is_scored_only_where_its_quality_reaches_the_threshold(self, threshold, expected):
        quality = [1.0] * 30 + [1.0, 0.75, 0.5, None]
        assert scored(part(34, nee_qc=quality), threshold)[30:, 2].tolist() == [bool(e) for e in expected]

    def test_a_part_shorter_than_the_warm_up_has_no_scored_day(self):
        assert not scored(part(WARM_UP_DAYS)).any()

    def test_a_part_without_quality_is_refused(self):
        with pytest.raises(PredictionError, match="no column nee_qc"):
            scored(part().drop_columns("nee_qc"))

    def test_a_part_out_of_date_order_is_refused(self):
        with pytest.raises(PredictionError, match="not in date order"):
            scored(part().take(list(range(60))[::-1]))


class TestEvaluationFrame:
    def test_it_holds_the_days_with_a_scored_target_and_blanks_the_targets_that_are_not(self):
        reco = [4.0] * 59 + [None]
        frame = evaluation_frame([part(60), part(60, site="US-Ha1", reco=reco, nee_qc=[0.5] * 40 + [1.0] * 20)])
        assert frame["site_id"].value_counts().to_dict() == {"DE-Hai": 30, "US-Ha1": 20}
        assert frame[list(TARGETS)].isna().sum().to_dict() == {"gpp": 0, "reco": 1, "nee": 0}
        assert list(frame) == ["site_id", "date", "igbp", "koppen_main", "koppen", *TARGETS]
        assert frame["date"].dtype.kind == "M"
        assert frame["date"].iloc[0] == pd.Timestamp("2010-01-31")

    def test_the_warm_up_counts_anew_in_a_late_part(self):
        parts = [part(400), part(400, start=date(2010, 1, 1) + timedelta(days=400))]
        assert len(evaluation_frame(parts)) == 2 * 370

    def test_observations_are_taken_over_exactly(self):
        frame = evaluation_frame([part(60)])
        np.testing.assert_array_equal(frame["gpp"], part(60)["gpp"].to_numpy()[30:])

    def test_a_part_given_twice_is_refused(self):
        with pytest.raises(PredictionError, match=r"30 site-days more than once, the first: DE-Hai 2010-01-31"):
            evaluation_frame([part(), part()])

    def test_a_split_in_which_nothing_is_scored_is_refused_with_the_rule(self):
        with pytest.raises(PredictionError, match=r"None of 60 site-days in 1 parts is scored.*nee_qc >= 1"):
            evaluation_frame([part(nee_qc=[0.9] * 60)])
        with pytest.raises(PredictionError, match="None of 0 site-days"):
            evaluation_frame([])

    @given(st.lists(st.tuples(st.floats(0, 1), st.none() | st.floats(-5, 20)), min_size=1, max_size=80))
    @settings(deadline=None, max_examples=50)
    def test_a_stricter_threshold_never_adds_a_day(self, days):
        quality, gpp = (pa.array(column, pa.float64()) for column in zip(*days, strict=True))
        one = part(len(days), nee_qc=quality, gpp=gpp)
        assert not (scored(one, 0.9) & ~scored(one, 0.5)).any()


class TestRead:
    @pytest.mark.parametrize("suffix", [".csv", ".parquet"])
    def test_what_was_written_is_read_back(self, tmp_path: Path, frame: pd.DataFrame, suffix: str):
        path = tmp_path / f"predictions{suffix}"
        wide = perfect(frame).assign(note="x")
        wide.to_csv(path, index=False) if suffix == ".csv" else wide.to_parquet(path)
        got = read_predictions(path)
        assert list(got) == ["site_id", "date", *TARGETS]
        pd.testing.assert_frame_equal(validate_predictions(got, frame), perfect(frame), check_dtype=False)

    @pytest.mark.parametrize(
        "dates",
        [["2010-01-31"], [date(2010, 1, 31)], [20100131], ["20100131"], [pd.Timestamp("2010-01-31", tz="UTC")]],
    )
    def test_dates_may_come_in_any_usual_form(self, tmp_path: Path, dates: list):
        table = pd.DataFrame({"site_id": ["A"], "date": dates, "gpp": [1.0], "reco": [1.0], "nee": [0.0]})
        table.to_parquet(tmp_path / "p.parquet")
        assert read_predictions(tmp_path / "p.parquet")["date"].tolist() == [pd.Timestamp("2010-01-31")]

    @pytest.mark.parametrize("dates", [["31.01.2010"], ["2010-01-31 12:00"], [None], [5], [201001]])
    def test_what_is_no_day_is_refused(self, tmp_path: Path, dates: list):
        table = pd.DataFrame({"site_id": ["A"], "date": dates, "gpp": [1.0], "reco": [1.0], "nee": [0.0]})
        table.to_parquet(tmp_path / "p.parquet")
        with pytest.raises(PredictionError, match=r"Column date .* Write YYYY-MM-DD"):
            read_predictions(tmp_path / "p.parquet")

    @pytest.mark.parametrize(
        ("name", "content", "words"),
        [
            ("absent.parquet", None, "No file"),
            ("broken.parquet", b"not parquet", "cannot be read"),
            ("empty.csv", b"", "cannot be read"),
            ("latin.csv", b"site_id,date\n\xff\xfe,1\n", "cannot be read"),
            ("p.xlsx", b"", "expected a .parquet or a .csv"),
            ("other.csv", b"site,day\nA,2010-01-01\n", "no column site_id, date, gpp, reco, nee; they have site, day"),
        ],
    )
    def test_a_file_that_is_no_table_of_predictions_is_one_clear_message(self, tmp_path: Path, name, content, words):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(PredictionError, match=words):
            read_predictions(tmp_path / name)


class TestValidate:
    def test_rows_in_any_order_are_aligned_to_the_frame(self, frame: pd.DataFrame):
        shuffled = perfect(frame).sample(frac=1, random_state=0)
        got = validate_predictions(shuffled, frame)
        pd.testing.assert_frame_equal(got, perfect(frame))
        assert got.attrs["n_not_scored"] == 0

    def test_days_of_the_split_that_are_not_scored_are_accepted_and_counted(self, frame: pd.DataFrame):
        known = pd.concat([part(400, site=s).select(["site_id", "date"]).to_pandas() for s in ("DE-Hai", "US-Ha1")])
        more = known.iloc[:10].assign(gpp=np.nan, reco=1.0, nee=1.0)
        got = validate_predictions(pd.concat([perfect(frame), more]), frame, known)
        assert got.attrs["n_not_scored"] == 10
        assert len(got) == len(frame)

    def test_without_known_days_only_those_of_the_frame_are_accepted(self, frame: pd.DataFrame):
        more = perfect(frame).iloc[:1].assign(date=pd.Timestamp("2010-01-01"))
        with pytest.raises(PredictionError, match=r"1 site-days that are not in this test split.*DE-Hai 2010-01-01"):
            validate_predictions(pd.concat([perfect(frame), more]), frame)

    def test_days_outside_the_split_are_refused(self, frame: pd.DataFrame):
        more = perfect(frame).iloc[:4].assign(site_id="XX-Xxx")
        with pytest.raises(PredictionError, match=r"4 site-days.*XX-Xxx 2010-01-31.*and 1 more"):
            validate_predictions(pd.concat([perfect(frame), more]), frame, frame[["site_id", "date"]])

    def test_missing_site_days_are_refused_and_named(self, frame: pd.DataFrame):
        with pytest.raises(PredictionError, match=r"lack 2 of 1,110 scored site-days, the first: DE-Hai 2010-01-31"):
            validate_predictions(perfect(frame).iloc[2:], frame)

    def test_site_days_that_stand_twice_are_refused(self, frame: pd.DataFrame):
        with pytest.raises(PredictionError, match=r"1 site-days more than once, the first: DE-Hai 2010-02-01"):
            validate_predictions(pd.concat([perfect(frame), perfect(frame).iloc[1:2]]), frame)

    def test_a_missing_column_is_refused(self, frame: pd.DataFrame):
        with pytest.raises(PredictionError, match=r"no column reco; they have site_id, date, gpp, nee"):
            validate_predictions(perfect(frame).drop(columns="reco"), frame)

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -9999.0])
    def test_a_value_that_is_no_flux_is_refused_where_it_is_scored(self, frame: pd.DataFrame, value: float):
        bad = perfect(frame)
        bad.loc[[5, 7], "nee"] = value
        with pytest.raises(PredictionError, match=r"Predicted nee is NaN, infinite or -9999 on 2 .* DE-Hai 2010-02-05"):
            validate_predictions(bad, frame)

    def test_a_target_that_is_not_scored_on_a_day_may_be_missing_there(self, frame: pd.DataFrame):
        frame.loc[5, "nee"] = np.nan
        bad = perfect(frame)
        bad.loc[5, "nee"] = np.nan
        assert len(validate_predictions(bad, frame)) == len(frame)

    def test_text_among_the_numbers_is_refused_with_its_place(self, frame: pd.DataFrame):
        bad = perfect(frame).astype({"gpp": object})
        bad.loc[3, "gpp"] = "n/a"
        with pytest.raises(PredictionError, match=r"Predicted gpp is no number in 1 rows, the first: 'n/a' at DE-Hai"):
            validate_predictions(bad, frame)

    def test_a_row_without_a_site_is_refused(self, frame: pd.DataFrame):
        bad = perfect(frame)
        bad.loc[3, "site_id"] = None
        with pytest.raises(PredictionError, match="site_id is missing in 1 rows"):
            validate_predictions(bad, frame)

    def test_an_empty_table_lacks_every_day(self, frame: pd.DataFrame):
        with pytest.raises(PredictionError, match=r"lack 1,110 of 1,110"):
            validate_predictions(perfect(frame).iloc[:0], frame)

    def test_neither_input_is_changed(self, frame: pd.DataFrame):
        given_table, before = perfect(frame), frame.copy()
        validate_predictions(given_table, frame)
        pd.testing.assert_frame_equal(given_table, perfect(before))
        pd.testing.assert_frame_equal(frame, before)


def world(seed: int = 0, n: int = 3000) -> np.ndarray:
    """Return observations [n, 3] that close: a season, weather and noise, around the size of a forest's fluxes."""
    rng = np.random.default_rng(seed)
    season = 1 - np.cos(2 * np.pi * np.arange(n) / 365)
    gpp = 5 * season * rng.uniform(0.5, 1.2, n) + 0.2 * rng.normal(size=n)
    reco = 1 + 2.5 * season * rng.uniform(0.7, 1.3, n)
    return np.stack([gpp, reco, reco - gpp], axis=1)


class TestUnits:
    @pytest.mark.parametrize("unit", UNITS)
    def test_a_good_model_in_another_unit_is_told_which(self, unit: str):
        y = world()
        noisy = y + 0.3 * y.std(axis=0) * np.random.default_rng(1).normal(size=y.shape)
        assert f"Predicted GPP and RECO seem to be in {unit}." in suspect_units(UNITS[unit] * noisy, y)
        assert suspect_units(noisy, y) is None

    @pytest.mark.parametrize(("factor", "words"), [(1e-3, "less than 1/200"), (1e3, "larger than any ecosystem's")])
    def test_even_a_constant_is_caught_when_its_size_is_impossible(self, factor: float, words: str):
        y = world()
        assert words in suspect_units(np.broadcast_to(y.mean(axis=0) * factor, y.shape), y)

    @pytest.mark.parametrize("flux", TARGETS)
    @pytest.mark.parametrize("factor", [1e-3, 1e3])
    def test_one_flux_alone_in_another_unit_is_told_by_name(self, flux: str, factor: float):
        y = world()
        p = y + 0.3 * y.std(axis=0) * np.random.default_rng(1).normal(size=y.shape)
        p[:, TARGETS.index(flux)] *= factor
        assert suspect_units(p, y).startswith(f"Predicted values of {flux.upper()} seem to be in ")

    @pytest.mark.parametrize(
        ("flux", "factor", "words"),
        [
            ("gpp", 1e3, "values of GPP are larger than any ecosystem's"),
            ("reco", 1e3, "values of RECO are larger than any ecosystem's"),
            ("nee", 1e3, "values of NEE are larger than any ecosystem's"),
            ("gpp", 1e-3, "values of GPP follow what was observed at less than 1/200"),
            ("reco", 1e-3, "values of RECO follow what was observed at less than 1/200"),
            ("nee", 1e-3, "values of NEE follow what was observed at less than 1/200"),
        ],
    )
    def test_one_flux_of_a_poor_model_is_told_by_its_size(self, flux: str, factor: float, words: str):
        # Noise of 1.2 spreads: R2 about -0.4, r about 0.64, so that no unit can be told; NEE closes.
        y = world()
        p = y + 1.2 * y.std(axis=0) * np.random.default_rng(1).normal(size=y.shape)
        p[:, 2] = p[:, 1] - p[:, 0]
        assert suspect_units(p, y) is None
        p[:, TARGETS.index(flux)] *= factor
        assert words in suspect_units(p, y)

    def test_net_exchange_of_another_size_than_its_own_parts_is_told_even_if_it_is_wrong(self):
        # Towers shuffled: nothing follows the observations, but NEE is RECO - GPP / 1000.
        y = world()
        p = np.random.default_rng(1).permutation(y)
        p[:, 2] /= 1000
        assert "NEE varies 0.001 times as much as the predicted RECO - GPP" in suspect_units(p, y)

    @pytest.mark.parametrize(("constant", "refused"), [(0.0, False), (0.001, False), (25.0, False), (500.0, True)])
    def test_a_constant_flux_is_refused_only_at_an_impossible_size(self, constant: float, refused: bool):
        y = world()
        for target in range(3):
            p = y.copy()
            p[:, target] = constant
            assert bool(suspect_units(p, y)) is refused, TARGETS[target]

    def test_standardised_predictions_are_recognised(self):
        y = world()
        assert "standardised" in suspect_units((y - y.mean(axis=0)) / y.std(axis=0), y)

    def test_net_exchange_with_uptake_positive_is_recognised(self):
        y = world()
        assert "opposite sign" in suspect_units(y * [1, 1, -1], y)

    def test_a_sign_is_recognised_in_a_weak_model_by_its_own_fluxes(self):
        # Noise of twice the spread: R2 of NEE is about -3 with either sign, but the model contradicts itself.
        y = world()
        noise = 2 * y.std(axis=0) * np.random.default_rng(1).normal(size=y.shape)
        p = y + noise
        p[:, 2] = p[:, 1] - p[:, 0]
        assert suspect_units(p, y) is None
        assert "opposite sign" in suspect_units(p * [1, 1, -1], y)

    def test_the_refusal_says_how_to_convert_or_force(self, frame: pd.DataFrame):
        wrong = perfect(frame)
        wrong[list(TARGETS)] *= 44.009 / 12.011
        with pytest.raises(PredictionError, match=r"gCO2 m-2 d-1.*Expected gC m-2 d-1\. Convert.*check_units=False"):
            validate_predictions(wrong, frame)
        assert len(validate_predictions(wrong, frame, check_units=False)) == len(frame)

    @pytest.mark.parametrize(
        "model",
        [
            lambda y, rng: np.zeros_like(y),
            lambda y, rng: np.broadcast_to(y.mean(axis=0), y.shape),
            lambda y, rng: np.broadcast_to([0.8, 0.9, 0.1], y.shape),  # the mean of a desert, on a forest
            lambda y, rng: rng.normal(size=y.shape),
            lambda y, rng: y.mean(axis=0) + y.std(axis=0) * rng.normal(size=y.shape),
            lambda y, rng: np.roll(y, 182, axis=0),  # the season of the other hemisphere
            lambda y, rng: 3 * y + y.std(axis=0) * rng.normal(size=y.shape),
            lambda y, rng: y / 4,
            lambda y, rng: y * [1, 1, 0] - 0.01,  # a flat NEE
            lambda y, rng: rng.permutation(y),
            lambda y, rng: y * [1, 1, 0.05],  # NEE that hardly varies
            lambda y, rng: y * [0.05, 1, 1],
            lambda y, rng: y * [8, 1, 1],
        ],
    )
    def test_poor_but_honest_predictions_are_let_through(self, model):
        y = world()
        assert suspect_units(model(y, np.random.default_rng(2)), y) is None

    def test_a_forest_model_on_an_ice_sheet_is_let_through(self):
        y = 0.05 * np.random.default_rng(0).normal(size=(400, 3))
        assert suspect_units(world(1, 400), y) is None

    def test_the_season_of_the_other_hemisphere_is_not_taken_for_a_wrong_sign(self):
        # gpp = 4 + 4 s, reco = 4, nee = -4 s; half a year off, s becomes -s: NEE is exactly negated, and so is GPP.
        s = np.sin(2 * np.pi * np.arange(730) / 365)
        y = np.stack([4 + 4 * s, np.full(730, 4.0), -4 * s], axis=1)
        assert suspect_units(np.stack([4 - 4 * s, np.full(730, 4.0), 4 * s], axis=1), y) is None
        assert "opposite sign" in suspect_units(y * [1, 1, -1], y)

    def test_a_linear_model_below_zero_in_the_tundra_is_let_through(self):
        # Observed means about 0.3 gC m-2 d-1: a small offset makes most predictions negative.
        y = 0.06 * world()
        assert suspect_units(y - 0.5, y) is None
        assert "standardised" in suspect_units(world() - 8.5, world())

    def test_too_few_days_are_not_judged(self):
        y = world()[:29]
        assert suspect_units(1000 * y, y) is None

    def test_targets_that_are_not_scored_are_not_judged(self):
        y = world()
        y[:, 1] = np.nan
        assert "Predicted GPP seem to be in kgC" in suspect_units(np.nan_to_num(world() / 1000), y)
        y[:] = np.nan
        assert suspect_units(world() / 1000, y) is None

    def test_no_class_of_real_towers_raises_a_false_alarm(self, shared_data):
        """Constant, climatology and a linear model from all other classes, predicted on each class in turn."""
        columns = ["date", "lat", "IGBP", "GPP", "RECO", "NEE", "TA", "SW_IN", "suspect"]
        data = pd.read_parquet(shared_data / "site_days.parquet", columns=columns)
        data = data[~data["suspect"]].dropna(subset=columns[2:8]).iloc[::3]
        y, x = data[["GPP", "RECO", "NEE"]].to_numpy(float), data[["TA", "SW_IN"]].to_numpy(float)
        x = np.c_[np.ones(len(x)), x]
        day = data["date"].dt.day_of_year.to_numpy() // 10
        judged, caught = 0, 0
        for name in data["IGBP"].unique():
            test = (data["IGBP"] == name).to_numpy()
            season = pd.DataFrame(y[~test]).groupby(day[~test]).mean().reindex(range(37)).ffill().to_numpy()
            models = [
                np.broadcast_to(y[~test].mean(axis=0), (test.sum(), 3)),
                season[day[test]],  # hemispheres mixed
                x[test] @ np.linalg.lstsq(x[~test], y[~test], rcond=None)[0],
            ]
            assert [suspect_units(p, y[test]) for p in models] == [None] * 3, name
            caught += sum(suspect_units(p / 1000, y[test]) is not None for p in models)
            judged += len(models)
        assert judged == 3 * data["IGBP"].nunique() > 30
        # In kilogrammes the same models are too small wherever the class has fluxes to speak of.
        assert caught > 0.8 * judged
