"""Windows: every row once, nothing across records, masks instead of dropped windows."""

from __future__ import annotations

import tracemalloc
from datetime import date, timedelta
from pathlib import Path

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonbench_core.errors import FeatureError, UsageError
from carbonbench_core.tabular import Scaler
from carbonbench_core.windows import Windows, to_windows

UNSCALED = Scaler(np.zeros(1), np.ones(1))
DAYS = st.lists(st.integers(1, 70), min_size=1, max_size=4)


def tower(site: str, n: int, first: int = 0, start: date = date(2010, 1, 1), **columns: object) -> pa.Table:
    """Return n days of a tower, its air temperature counting up from `first`, so that a value names its row."""
    base = {
        "site_id": [site] * n,
        "date": pa.array([start + timedelta(days=i) for i in range(n)], pa.date32()),
        "gpp": pa.array(np.arange(first, first + n) / 64, pa.float64()),  # of a size that a flux has, and exact
        "reco": pa.array(np.ones(n), pa.float64()),
        "nee": pa.array([None] * n, pa.float64()),
        "nee_qc": pa.array(np.full(n, 0.5), pa.float64()),
        "TA_F": pa.array(np.arange(first, first + n), pa.float32()),
    }
    return pa.table(base | columns)


def world(lengths: list[int]) -> pa.Table:
    starts = np.r_[0, np.cumsum(lengths)]
    return pa.concat_tables([tower(f"T{i}", n, int(starts[i])) for i, n in enumerate(lengths)])


def everything(windows: Windows) -> dict[str, np.ndarray]:
    return windows.batch(np.arange(len(windows)))


def test_a_window_holds_the_days_up_to_its_last_one() -> None:
    windows = to_windows(world([40]), length=30, horizon=15, stride=15, scaler=UNSCALED)
    batch = everything(windows)
    # last days 39, 24 and 9, the first of them with ten days of history: rows -5..-1 of its outputs do not exist
    assert windows.ends.tolist() == [9, 24, 39]
    assert batch["dynamic"][2, :, 0].tolist() == list(range(10, 40))
    assert batch["dynamic"][0, :, 0].tolist() == [0] * 20 + list(range(10))
    assert batch["valid"].sum(axis=1).tolist() == [10, 25, 30]
    assert windows.rows[0].tolist() == [-1] * 5 + list(range(10))
    assert (64 * batch["y"][2, :, 0]).tolist() == list(range(25, 40))
    assert np.isnan(batch["y"][0, :5]).all()
    assert batch["weight"][0].tolist() == [0] * 5 + [0.5] * 10


@given(DAYS, st.integers(1, 40))
def test_every_row_is_the_last_day_of_one_window_at_stride_and_horizon_1(lengths: list[int], length: int) -> None:
    table = world(lengths)
    windows = to_windows(table, length=length, horizon=1, stride=1, scaler=UNSCALED)
    assert windows.rows[:, 0].tolist() == list(range(table.num_rows))
    batch = everything(windows)
    # the value of a row is its number, of gpp its 64th part
    assert (64 * batch["y"][:, 0, 0]).tolist() == list(range(table.num_rows))
    assert batch["valid"][:, -1].all()


@given(DAYS, st.integers(1, 40), st.integers(1, 40))
def test_every_row_is_asked_for_once_when_the_stride_is_the_horizon(lengths: list[int], length: int, h: int) -> None:
    h = min(h, length)
    rows = to_windows(world(lengths), length=length, horizon=h, stride=h).rows
    assert sorted(rows[rows >= 0].tolist()) == list(range(sum(lengths)))


@given(DAYS, st.integers(1, 40), st.integers(1, 20))
def test_no_window_crosses_records(lengths: list[int], length: int, stride: int) -> None:
    windows = to_windows(world(lengths), length=length, horizon=1, stride=stride, scaler=UNSCALED)
    batch = everything(windows)
    start = np.repeat(np.r_[0, np.cumsum(lengths)[:-1]], lengths)[windows.ends]
    row = windows.ends[:, None] - np.arange(length - 1, -1, -1)
    inside = row >= start[:, None]
    np.testing.assert_array_equal(batch["valid"], inside)
    np.testing.assert_array_equal(batch["observed"][..., 0], inside)
    np.testing.assert_array_equal(batch["dynamic"][..., 0], np.where(inside, row, 0))


@given(st.permutations(range(4)))
def test_when_towers_change_places_then_their_windows_do_and_nothing_else(order: list[int]) -> None:
    parts = [tower(f"T{i}", n, 100 * i) for i, n in enumerate((3, 31, 45, 60))]
    scaler = Scaler(np.full(1, 7.0), np.full(1, 3.0))
    plain, moved = (to_windows(pa.concat_tables(p), scaler=scaler) for p in (parts, [parts[i] for i in order]))
    alone = [len(to_windows(p, scaler=scaler)) for p in parts]
    of_tower = np.split(np.arange(len(plain)), np.cumsum(alone)[:-1])
    expected = plain.batch(np.concatenate([of_tower[i] for i in order]))
    for name, values in everything(moved).items():
        np.testing.assert_array_equal(values, expected[name], err_msg=name)


def test_a_missing_day_starts_a_new_record() -> None:
    table = pa.concat_tables([tower("A", 5), tower("A", 5, 5, date(2010, 1, 7))])
    valid = everything(to_windows(table, length=3, horizon=1, stride=1))["valid"].sum(axis=1)
    assert valid.tolist() == [1, 2, 3, 3, 3] * 2


def test_days_without_targets_still_feed_windows() -> None:
    dark = tower("A", 40, gpp=pa.nulls(40, pa.float64()), reco=pa.nulls(40, pa.float64()))
    windows = to_windows(dark, scaler=UNSCALED)
    assert len(windows) == 3
    assert not windows.labelled.any()
    batch = everything(windows)
    assert batch["dynamic"][2, :, 0].tolist() == list(range(10, 40))
    assert (batch["weight"] == 0).all()


def test_one_missing_target_leaves_the_others_and_a_missing_quality_weighs_nothing() -> None:
    quality = pa.array([None, 1.0], pa.float64())
    batch = everything(to_windows(tower("A", 2, nee_qc=quality), length=2, horizon=2, stride=2))
    assert batch["weight"].tolist() == [[0.0, 1.0]]
    # nee is missing on both days, gpp and reco are there
    assert np.isnan(batch["y"]).tolist() == [[[False, False, True]] * 2]


def test_without_target_columns_there_are_no_targets_and_no_weights() -> None:
    windows = to_windows(tower("A", 20).select(["site_id", "date", "TA_F"]))
    assert np.isnan(everything(windows)["y"]).all()
    assert not windows.labelled.any()


def test_a_missing_value_is_the_training_mean_and_masked() -> None:
    holed = tower("A", 3, TA_F=pa.array([10.0, None, 30.0], pa.float32()))
    batch = everything(to_windows(holed, length=3, horizon=1, stride=3))
    # mean 20, standard deviation 10
    np.testing.assert_allclose(batch["dynamic"][0, :, 0], [-1, 0, 1])
    assert batch["observed"][0, :, 0].tolist() == [True, False, True]
    assert batch["valid"].all()


def test_the_scaler_of_training_serves_other_towers_and_keeps_class_slots() -> None:
    train = tower("A", 4, igbp=["DBF"] * 4, latitude=[10.0] * 4)
    windows = to_windows(train)
    other = to_windows(tower("B", 4, 100, igbp=["zzz"] * 4, latitude=[13.0] * 4), scaler=windows.scaler)
    static = dict(zip(other.static_names, everything(other)["static"][0].tolist(), strict=True))
    # train: temperatures 0..3 with mean 1.5 and standard deviation sqrt(1.25); latitude constant, so only centred
    np.testing.assert_allclose(everything(other)["dynamic"][-1, -1, 0], (103 - 1.5) / 1.25**0.5, rtol=1e-6)
    assert static["latitude"] == 3.0
    assert static["igbp=unknown"] == 1.0
    assert static["igbp=DBF"] == 0.0


def test_static_inputs_are_those_of_the_last_day() -> None:
    table = pa.concat_tables(
        [tower("A", 3, igbp=["ENF", "ENF", "CRO"]), tower("B", 2, igbp=["CRO"] * 2), tower("C", 1, igbp=["ENF"])]
    )
    windows = to_windows(table, length=2, horizon=1, stride=1)
    static = everything(windows)["static"]
    codes = [windows.static_names[i] for i in static.argmax(axis=1)]
    assert codes == ["igbp=ENF", "igbp=ENF", "igbp=CRO", "igbp=CRO", "igbp=CRO", "igbp=ENF"]


def test_a_missing_coordinate_is_zero_and_does_not_split_a_tower() -> None:
    windows = to_windows(tower("A", 4, latitude=pa.nulls(4, pa.float32())), length=2, horizon=1, stride=1)
    assert everything(windows)["static"].tolist() == [[0.0]] * 4


def test_the_season_day_can_be_a_dynamic_input() -> None:
    table = tower("A", 2, latitude=[-40.0] * 2)
    windows = to_windows(table, ["TA_F"], length=2, horizon=1, stride=2, day_of_year=True)
    assert windows.dynamic_names == ("TA_F", "season_sin", "season_cos")
    assert windows.static_names == ()
    assert everything(windows)["static"].shape == (1, 0)


def test_a_batch_takes_a_slice_a_list_and_an_array() -> None:
    windows = to_windows(world([50]), horizon=1, stride=1)
    for indices in (slice(3, 6), [3, 4, 5], np.array([3, 4, 5])):
        np.testing.assert_array_equal(windows.batch(indices)["dynamic"], everything(windows)["dynamic"][3:6])


def test_a_batch_is_the_callers_own() -> None:
    windows = to_windows(world([50]))
    windows.batch([0])["dynamic"][:] = 99
    assert (windows.batch([0])["dynamic"] != 99).all()


def test_no_days_are_no_windows() -> None:
    windows = to_windows(world([5]).slice(0, 0))
    assert len(windows) == 0
    assert windows.batch(slice(None))["dynamic"].shape == (0, 30, 1)


def test_a_dataset_is_cut_like_its_table() -> None:
    table = world([40, 7])
    a, b = everything(to_windows(table)), everything(to_windows(datasets.Dataset(table)))
    for name in a:
        np.testing.assert_array_equal(a[name], b[name])


@pytest.mark.parametrize(
    ("sizes", "what"),
    [
        ({"length": 0}, "length=0"),
        ({"horizon": 0}, "horizon=0"),
        ({"stride": -1}, "stride=-1"),
        ({"length": 10, "horizon": 11}, "horizon=11 above length=10"),
    ],
)
def test_sizes_that_make_no_window_are_refused(sizes: dict, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        to_windows(world([40]), **sizes)


def test_when_the_scaler_was_fitted_on_other_inputs_then_it_is_refused() -> None:
    with pytest.raises(FeatureError, match="fitted on 3 inputs, this data give 1"):
        to_windows(world([40]), scaler=Scaler(np.zeros(3), np.ones(3)))
    with pytest.raises(FeatureError, match="VPD_F"):
        to_windows(world([40]), ["VPD_F"])


def test_nothing_of_the_size_of_all_windows_exists_until_asked_for() -> None:
    table = tower("A", 3000, VPD_F=np.ones(3000, np.float32), SW_IN_F=np.ones(3000, np.float32))
    tracemalloc.start()
    windows = to_windows(table, horizon=1, stride=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # 3,000 windows x 30 days x 3 inputs x 4 bytes
    assert len(windows) == 3000
    assert peak < 3000 * 30 * 3 * 4


def test_real_towers_give_one_window_per_day(shared_data: Path) -> None:
    frame = pd.read_parquet(shared_data / "site_days.parquet", columns=["site", "date", "IGBP", "TA", "SW_IN"])
    frame = frame.set_axis(["site_id", "date", "igbp", "TA_F", "SW_IN_F"], axis=1).sort_values(["site_id", "date"])
    windows = to_windows(frame, horizon=1, stride=1)
    assert len(windows) == 442_689
    some = np.arange(0, len(windows), 5000)
    batch = windows.batch(some)
    scaled = (frame["TA_F"].to_numpy()[some] - windows.scaler.mean[0]) / windows.scaler.scale[0]
    np.testing.assert_allclose(batch["dynamic"][:, -1, 0], np.nan_to_num(scaled), atol=1e-5)
