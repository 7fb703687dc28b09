"""Site-days as matrices: records, encoding, scaling, lags, season day."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from carbonbench_core.errors import FeatureError, UsageError
from carbonbench_core.schema import KOPPEN, VOCABULARIES
from carbonbench_core.tabular import Encoder, History, Scaler, as_table, records, season_day, to_tabular


def tower(site: str = "DE-Hai", n: int = 5, start: date = date(2010, 1, 1), **columns: object) -> pa.Table:
    """Return n days of one tower, its air temperature counting up from 0."""
    base = {
        "site_id": [site] * n,
        "date": pa.array([start + timedelta(days=i) for i in range(n)], pa.date32()),
        "latitude": pa.array([50.0] * n, pa.float32()),
        "igbp": ["DBF"] * n,
        "gpp": pa.array(np.arange(n), pa.float64()),
        "reco": pa.array(np.ones(n), pa.float64()),
        "nee": pa.array([None] * n, pa.float64()),
        "nee_qc": pa.array(np.full(n, 0.5), pa.float64()),
        "TA_F": pa.array(np.arange(n), pa.float32()),
    }
    return pa.table(base | {k: pa.array([v] * n) if isinstance(v, str) else v for k, v in columns.items()})


def join(*parts: pa.Table) -> pa.Table:
    return pa.concat_tables(parts)


def test_a_record_ends_at_a_new_tower_and_at_a_missing_day() -> None:
    later = tower("DE-Hai", 3, date(2010, 1, 7))  # the sixth of January is missing
    # 5 days, then 3 after the jump, then 4 of the other tower
    assert records(join(tower(), later, tower("US-Ha1", 4))).tolist() == [0, 5, 8, 12]


def test_two_towers_whose_days_follow_each_other_are_two_records() -> None:
    assert records(join(tower("A", 2), tower("B", 2, date(2010, 1, 3)))).tolist() == [0, 2, 4]


def test_no_rows_are_no_records() -> None:
    assert records(tower(n=0)).tolist() == [0]


@pytest.mark.parametrize("qc", [50.0, -0.1, 1.1])
def test_a_quality_beyond_0_to_1_is_refused(qc: float) -> None:
    share = pa.array([0.0, None, 1.0, np.nan, qc], pa.float64())
    with pytest.raises(FeatureError, match=rf"'nee_qc' is beyond 0 to 1 in 1 of 5 rows \(first: {qc:g}\).*by 100"):
        to_tabular(tower(nee_qc=share), ["TA_F"])
    known = to_tabular(tower(nee_qc=pa.array([0.0, None, 1.0, np.nan, 0.5], pa.float64())), ["TA_F"]).qc
    np.testing.assert_array_equal(known, [0, np.nan, 1, np.nan, 0.5])


@pytest.mark.parametrize("name", ["gpp", "reco", "nee"])
def test_a_flux_in_milligrams_is_refused_once_there_are_days_to_tell(name: str) -> None:
    # Half of 40 days above 2 gC m-2 d-1, in mg 2,000; of 29 days nothing is said.
    flux = np.tile([1.5, 2.5], 20)
    assert to_tabular(tower(n=40, **{name: pa.array(flux)}), ["TA_F"]).y.shape == (40, 3)
    with pytest.raises(FeatureError, match=rf"'{name}' are beyond 2,000 in size, expected gC m-2 d-1"):
        to_tabular(tower(n=40, **{name: pa.array(-1000 * flux)}), ["TA_F"])
    assert to_tabular(tower(n=29, **{name: pa.array(1000 * flux[:29])}), ["TA_F"]).y.shape == (29, 3)


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        (join(tower(n=2), tower(n=2)), "2010-01-01 of DE-Hai comes after a later day"),
        (join(tower(n=2), tower(n=1, start=date(2010, 1, 2))), "2010-01-02 of DE-Hai stands twice"),
        (join(tower("A"), tower("B"), tower("A", start=date(2011, 1, 1))), "do not stand together"),
    ],
)
def test_when_days_are_not_in_order_then_the_first_one_is_named(rows: pa.Table, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        records(rows)


@pytest.mark.parametrize("column", ["site_id", "date"])
def test_when_a_key_is_missing_then_the_error_says_which(column: str) -> None:
    with pytest.raises(FeatureError, match=f"lack the column '{column}'"):
        records(tower().drop_columns([column]))
    at = tower().column_names.index(column)
    holed = tower().set_column(at, column, pa.nulls(5, tower().schema.field(column).type))
    with pytest.raises(UsageError, match=f"5 rows have no {column}"):
        records(holed)


def test_dates_of_every_usual_kind_are_read() -> None:
    days = np.arange("2010-01-01", "2010-01-06", dtype="datetime64[D]")
    for column in (pa.array(days.astype("datetime64[ns]")), pa.array([str(d) for d in days])):
        got = to_tabular(tower().set_column(1, "date", column)).date
        assert (got == days).all()
        assert got.dtype == "datetime64[D]"
    with pytest.raises(FeatureError, match="expected days"):
        to_tabular(tower().set_column(1, "date", pa.array([1.5] * 5)))


def test_a_dataset_a_frame_and_a_table_give_the_same_matrix() -> None:
    table = join(tower(), tower("US-Ha1", 4))
    expected = to_tabular(table)
    dataset = datasets.Dataset(table)
    for data in (table.to_pandas(), dataset, dataset.with_format("numpy")):
        got = to_tabular(data)
        np.testing.assert_array_equal(got.x, expected.x)
        np.testing.assert_array_equal(got.y, expected.y)
        assert (got.site_id == expected.site_id).all()
    # a selection of a dataset is an index over its table
    np.testing.assert_array_equal(to_tabular(dataset.select(range(5, 9))).x, expected.x[5:])


def test_a_dictionary_of_splits_is_refused_with_the_remedy() -> None:
    with pytest.raises(UsageError, match=r"data\['train'\]"):
        as_table(datasets.DatasetDict({"train": datasets.Dataset(tower())}))
    with pytest.raises(UsageError, match="Got list"):
        as_table([1, 2])


def test_targets_and_quality_are_none_where_the_data_have_none() -> None:
    got = to_tabular(tower().drop_columns(["gpp", "reco", "nee", "nee_qc"]))
    assert got.y is None
    assert got.qc is None
    full = to_tabular(tower())
    assert full.y[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert np.isnan(full.y[:, 2]).all()
    assert full.qc.tolist() == [0.5] * 5


def test_every_feature_column_is_an_input_and_no_other_column_is() -> None:
    table = tower(koppen_main="D", network="ICOS").append_column("mine", pa.array(np.ones(5)))
    got = to_tabular(table)
    # latitude, 17 IGBP classes + unknown, 5 Koppen main classes + unknown, air temperature
    assert len(got.names) == got.x.shape[1] == 1 + 18 + 6 + 1
    assert to_tabular(table, ["mine"]).x.tolist() == [[1.0]] * 5


@pytest.mark.parametrize("name", ["gpp", "nee_qc", "site_id", "gpp_true"])
def test_a_target_its_quality_and_a_key_cannot_be_inputs(name: str) -> None:
    with pytest.raises(FeatureError, match=f"'{name}' cannot be an input"):
        to_tabular(tower(), ["TA_F", name])


def test_when_a_feature_is_missing_then_it_is_named() -> None:
    with pytest.raises(FeatureError, match="lack the column 'VPD_F'"):
        to_tabular(tower(), ["TA_F", "VPD_F"])
    with pytest.raises(FeatureError, match="no feature column"):
        to_tabular(tower().select(["site_id", "date", "gpp", "reco", "nee"]))


def test_text_in_a_number_and_a_number_in_a_class_are_named() -> None:
    with pytest.raises(FeatureError, match="'TA_F' is string, expected numbers"):
        to_tabular(tower().set_column(8, "TA_F", pa.array(["1"] * 5)))
    with pytest.raises(FeatureError, match="'igbp' is int64, expected class codes"):
        to_tabular(tower().set_column(3, "igbp", pa.array([1] * 5)))


@pytest.mark.parametrize("column", ["igbp", "koppen_main", "koppen"])
def test_every_class_has_its_slot_and_anything_else_is_unknown(column: str) -> None:
    codes = VOCABULARIES[column]
    values = [*codes, "Xx", "", None]
    encoder = Encoder([column])
    x = encoder.transform(pa.table({column: values}))
    assert encoder.names == [*(f"{column}={c}" for c in codes), f"{column}=unknown"]
    # one slot per code; the three others share the last slot
    np.testing.assert_array_equal(x, np.eye(len(codes) + 1)[[*range(len(codes)), *[len(codes)] * 3]])
    as_categories = pa.table({column: pa.array(values).dictionary_encode()})
    np.testing.assert_array_equal(encoder.transform(as_categories), x)


def test_train_and_test_are_encoded_alike_whatever_classes_they_show() -> None:
    encoder = Encoder(["koppen"])
    one, other = (encoder.transform(pa.table({"koppen": [c]})) for c in (KOPPEN[3], KOPPEN[20]))
    assert one.shape == other.shape
    assert (one.argmax(), other.argmax()) == (3, 20)


def test_missing_and_infinite_numbers_are_nan_and_an_empty_column_is_too() -> None:
    x = Encoder(["a", "b"]).transform(pa.table({"a": [1.0, None, np.inf, np.nan], "b": pa.nulls(4)}))
    np.testing.assert_array_equal(x[:, 0], [1.0, np.nan, np.nan, np.nan])
    assert np.isnan(x[:, 1]).all()
    assert x.dtype == np.float32


def test_lags_and_means_look_back_within_a_record_only() -> None:
    table = join(tower(n=4), tower("US-Ha1", 3))
    got = to_tabular(table, ["TA_F"], lags=(2,), means=(3,))
    assert got.names == ("TA_F", "TA_F_lag2", "TA_F_mean3")
    # temperatures 0 1 2 3 | 0 1 2: two days earlier, and the mean of up to three days
    np.testing.assert_array_equal(got.x[:, 1], [np.nan, np.nan, 0, 1, np.nan, np.nan, 0])
    np.testing.assert_allclose(got.x[:, 2], [0, 0.5, 1, 2, 0, 0.5, 1])


def test_classes_and_coordinates_have_no_lags() -> None:
    assert to_tabular(tower(), lags=(1,)).names[-2:] == ("TA_F", "TA_F_lag1")


def test_a_mean_leaves_gaps_out_and_is_missing_where_all_days_are() -> None:
    x = np.array([[np.nan], [np.nan], [4.0], [2.0]], dtype=np.float32)
    got = History(np.array([0, 4])).trailing_mean(x, 2)
    # days 1-2 have nothing; day 3 has 4 alone; day 4 the mean of 4 and 2
    np.testing.assert_array_equal(got[:, 0], [np.nan, np.nan, 4, 3])


@given(arrays(np.float32, (40, 2), elements=st.floats(-50, 50, width=32)), st.integers(1, 45), st.integers(1, 39))
def test_a_trailing_mean_is_the_mean_of_the_days_before(x: np.ndarray, days: int, cut: int) -> None:
    got = History(np.array([0, cut, 40])).trailing_mean(x, days)
    for row in (0, cut - 1, cut, 39):
        first = max(row - days + 1, 0 if row < cut else cut)
        np.testing.assert_allclose(got[row], x[first : row + 1].mean(axis=0, dtype=np.float64), atol=1e-3)


@pytest.mark.parametrize("bad", [{"lags": (0,)}, {"means": (-1,)}, {"lags": (1.5,)}])
def test_a_lag_below_a_day_is_refused(bad: dict) -> None:
    with pytest.raises(UsageError, match="whole days of at least 1"):
        to_tabular(tower(), **bad)


def test_the_season_is_shifted_by_half_a_year_in_the_south() -> None:
    days = np.array(["2010-01-01", "2010-07-02", "2010-12-31"], dtype="datetime64[D]")
    north, south = season_day(days, np.full(3, 50.0)), season_day(days, np.full(3, -50.0))
    # days 1, 183 and 365 of a common year: 0/365, 182/365, 364/365
    np.testing.assert_allclose(north, [0, 182 / 365, 364 / 365])
    np.testing.assert_allclose(south, [0.5, (182 / 365 + 0.5) % 1, 364 / 365 - 0.5])
    assert (season_day(days, np.full(3, np.nan)) == north).all()


def test_a_leap_year_has_366_season_days() -> None:
    days = np.array(["2012-12-31"], dtype="datetime64[D]")
    np.testing.assert_allclose(season_day(days, np.zeros(1)), 365 / 366)


def test_the_season_day_comes_as_sine_and_cosine() -> None:
    got = to_tabular(tower(n=1), ["TA_F"], day_of_year=True)
    assert got.names == ("TA_F", "season_sin", "season_cos")
    np.testing.assert_allclose(got.x[0, 1:], [0, 1], atol=1e-7)
    with pytest.raises(FeatureError, match="latitude"):
        to_tabular(tower().drop_columns(["latitude"]), ["TA_F"], day_of_year=True)


@given(arrays(np.float32, (30, 3), elements=st.floats(-1e4, 1e4, width=32)))
def test_scaling_back_gives_the_values_again(x: np.ndarray) -> None:
    scaler = Scaler().fit(x)
    np.testing.assert_allclose(scaler.inverse(scaler.transform(x)), x, rtol=1e-4, atol=1e-2)


def test_scaled_training_values_have_mean_0_and_standard_deviation_1() -> None:
    x = np.random.default_rng(0).normal(300, 7, (1000, 2)).astype(np.float32)
    x[::3, 1] = np.nan
    z = Scaler().fit(x).transform(x)
    np.testing.assert_allclose(np.nanmean(z, axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(np.nanstd(z, axis=0), 1, atol=1e-4)
    assert (np.isnan(z) == np.isnan(x)).all()


def test_constant_and_empty_columns_scale_to_finite_numbers() -> None:
    x = np.array([[293.15, np.nan, 2.0]] * 7, dtype=np.float32)
    scaler = Scaler().fit(x, keep=np.array([False, False, True]))
    # constant: centred only; all missing: mean 0; kept: as it is
    assert scaler.scale.tolist() == [1, 1, 1]
    assert scaler.mean[1:].tolist() == [0, 0]
    np.testing.assert_allclose(scaler.transform(np.array([[294.15, 3.0, 5.0]])), [[1, 3, 5]], atol=1e-4)


def test_a_scaler_survives_json() -> None:
    scaler = Scaler().fit(np.random.default_rng(1).normal(size=(9, 4)))
    again = Scaler.from_dict(scaler.to_dict())
    np.testing.assert_array_equal(again.mean, scaler.mean)
    np.testing.assert_array_equal(again.scale, scaler.scale)


@pytest.mark.parametrize(
    "saved",
    [
        {},
        {"mean": [0]},
        {"mean": [0, 1], "scale": [1]},
        {"mean": [0], "scale": [0]},
        {"mean": ["x"], "scale": [1]},
        None,
    ],
)
def test_when_a_saved_scaler_is_broken_then_it_is_refused(saved: object) -> None:
    with pytest.raises(UsageError, match="Not a saved scaler"):
        Scaler.from_dict(saved)


def test_real_towers_become_a_matrix_without_a_row_lost(shared_data: Path) -> None:
    frame = pd.read_parquet(shared_data / "site_days.parquet", columns=["site", "date", "lat", "IGBP", "TA", "FAPAR"])
    frame = frame.set_axis(["site_id", "date", "latitude", "igbp", "TA_F", "FAPAR"], axis=1)
    got = to_tabular(frame.sort_values(["site_id", "date"]), lags=(1,), means=(30,), day_of_year=True)
    # latitude, 17 + 1 classes, 2 drivers with a lag and a mean each, 2 of the season
    assert got.x.shape == (442_689, 1 + 18 + 2 * 3 + 2)
    assert not got.x[:, got.names.index("igbp=unknown")].any()
