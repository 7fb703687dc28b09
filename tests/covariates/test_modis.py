"""MOD09GA from every layout: quality, scale, gaps, and what must be refused."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonbench_core import covariates
from carbonbench_core.covariates import _files, _gaps, modis
from carbonbench_core.errors import FeatureError

from . import make


def joined(frame: pd.DataFrame, tmp_path: Path, name: str = "pixels.csv", days: np.ndarray = make.DAYS) -> tuple:
    """Return the columns of a file on a calendar, and what was counted."""
    (file,) = covariates.gather([make.write(tmp_path / name, frame)]).tables
    rows, _ = _files.rows(file, list(file.places), make.PLACE)
    counts: Counter = Counter()
    return modis.join(rows, days, make.PLACE[1], counts), +counts


LAYOUTS = {
    "pixels.csv": lambda f: f,
    "pixels.parquet": lambda f: f,
    "region.csv": lambda f: f.drop(columns="site").assign(id=f["time"].dt.strftime("%Y_%m_%d")),
    "appeears.csv": make.as_appeears,
    "export.csv": make.as_earth_engine,
    "MOD09GA.parquet": make.as_benchmark,
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_gives_the_same_reflectance_and_angles(tmp_path: Path, name: str) -> None:
    columns, counts = joined(LAYOUTS[name](make.pixels()), tmp_path, name)
    day = np.arange(len(make.DAYS))
    for b, band in enumerate(modis.BANDS, start=1):
        np.testing.assert_allclose(columns[band], make.reflectance(b, day), atol=1e-9)
    np.testing.assert_allclose(columns["SolarZenith"], 30.0)
    np.testing.assert_allclose(columns["SensorAzimuth"], 90.0)
    assert (columns["clouds"] == 0).all()
    assert counts == {}


# state_1km: bits 0-1 cloud state, 2 shadow, 8-9 cirrus
@pytest.mark.parametrize(
    ("state", "usable"),
    [(0, True), (1, False), (2, False), (3, True), (4, False), (1 << 8, True), (2 << 8, False), (3 << 8, False)],
)
def test_a_pixel_is_used_as_its_flags_say(state: int, usable: bool) -> None:
    assert modis.clear(np.array([state]))[0] == usable
    # Bits of land, aerosol, fire, snow and neighbouring clouds say nothing of that.
    assert modis.clear(np.array([state | 0b1011_1000_1111_1000 & ~(3 << 8)]))[0] == usable


def test_reflectance_under_cloud_is_not_averaged_and_clouds_are_the_share_of_pixels(tmp_path: Path) -> None:
    frame = make.pixels()
    frame.loc[frame.index % 4 == 1, ["state_1km", "sur_refl_b01"]] = (1, 9000)
    columns, counts = joined(frame, tmp_path)
    np.testing.assert_allclose(columns["sur_refl_b01"], make.reflectance(1, np.arange(60)), atol=1e-9)
    assert (columns["clouds"] == 0.25).all()
    assert (columns["days_since_clear"] == 0).all()
    assert counts == {"MOD09GA: pixels under cloud, shadow or cirrus": 60}


@pytest.mark.parametrize(("gap", "filled"), [(1, True), (16, True), (17, False)])
def test_gaps_of_up_to_sixteen_days_are_interpolated_and_longer_ones_stay_empty(
    tmp_path: Path, gap: int, filled: bool
) -> None:
    frame = make.pixels()
    inside = (frame["time"] > make.DAYS[20]) & (frame["time"] <= make.DAYS[20 + gap])
    frame.loc[inside, "state_1km"] = 1
    columns, _ = joined(frame, tmp_path)
    hole = slice(21, 21 + gap)
    # The true series is linear, so that interpolation gives it back.
    expected = make.reflectance(2, np.arange(60))[hole] if filled else np.full(gap, np.nan)
    np.testing.assert_allclose(columns["sur_refl_b02"][hole], expected, atol=1e-9)
    assert columns["days_since_clear"][hole].tolist() == list(range(1, gap + 1))
    assert (columns["clouds"][hole] == 1).all()
    np.testing.assert_allclose(columns["SolarZenith"], 30.0)  # geometry is known under clouds, too


def test_before_the_first_and_after_the_last_observation_there_is_nothing(tmp_path: Path) -> None:
    days = np.arange("2002-12-30", "2003-03-05", dtype="datetime64[D]")
    columns, _ = joined(make.pixels(), tmp_path, days=days)
    assert np.isnan(columns["sur_refl_b01"]).tolist() == [True, True] + [False] * 60 + [True] * 3
    assert np.isnan(columns["days_since_clear"][:2]).all()
    assert columns["days_since_clear"][-3:].tolist() == [1, 2, 3]


def test_observations_outside_a_record_are_used_at_its_edges(tmp_path: Path) -> None:
    frame = make.pixels()
    frame.loc[frame["time"] == make.DAYS[30], "state_1km"] = 1
    columns, _ = joined(frame, tmp_path, days=make.DAYS[30:35])
    assert columns["sur_refl_b01"][0] == pytest.approx(make.reflectance(1, 30))
    assert columns["days_since_clear"].tolist() == [1, 0, 0, 0, 0]


def test_fill_values_and_what_is_out_of_range_are_no_observations_and_counted(tmp_path: Path) -> None:
    frame = make.pixels()
    frame.loc[frame.index % 4 == 0, "sur_refl_b03"] = -28672
    frame.loc[frame.index % 4 == 1, "sur_refl_b04"] = 16001
    frame.loc[frame.index % 4 == 2, "sur_refl_b05"] = -101
    frame.loc[frame.index % 4 == 3, "SolarZenith"] = -32767
    columns, counts = joined(frame, tmp_path)
    for b in (3, 4, 5):
        np.testing.assert_allclose(columns[f"sur_refl_b0{b}"], make.reflectance(b, np.arange(60)), atol=1e-9)
    np.testing.assert_allclose(columns["SolarZenith"], 30.0)
    assert counts == {"MOD09GA: fill values": 60, "MOD09GA: reflectance out of range": 120}


def test_azimuths_are_averaged_and_interpolated_across_the_south(tmp_path: Path) -> None:
    frame = make.pixels(each=2)
    frame["SensorAzimuth"] = np.where(frame.index % 2 == 0, 17900, -17900)  # the mean is 180, not 0
    frame = frame[~frame["time"].isin(make.DAYS[10:15])]
    columns, _ = joined(frame, tmp_path)
    np.testing.assert_allclose(np.abs(columns["SensorAzimuth"]), 180.0)
    x = np.array(["2003-01-01", "2003-01-03"], dtype="datetime64[D]")
    middle = _gaps.interpolated_angle(x, np.array([170.0, -170.0]), x[0] + np.arange(3))
    np.testing.assert_allclose(np.abs(middle), [170, 180, 170])


def test_a_missing_flag_is_not_clear(tmp_path: Path) -> None:
    frame = make.pixels().astype({"state_1km": float})
    frame.loc[frame["time"] == make.DAYS[5], "state_1km"] = np.nan
    columns, _ = joined(frame, tmp_path)
    assert columns["days_since_clear"][5] == 1
    assert np.isnan(columns["clouds"][5])


def test_averaged_flags_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FeatureError, match=r"state_1km holds 0.5.*flags were averaged"):
        joined(make.pixels().assign(state_1km=0.5), tmp_path)


@pytest.mark.parametrize("what", ["reflectance", "angle"])
def test_numbers_scaled_twice_are_refused(tmp_path: Path, what: str) -> None:
    frame = make.as_benchmark(make.pixels())
    columns, factor = (modis.BANDS, 1e-4) if what == "reflectance" else ((*modis.ZENITHS, *modis.AZIMUTHS), 1e-2)
    frame[list(columns)] *= factor
    with pytest.raises(FeatureError, match=f"{what} of MOD09GA has a median of .* scaled twice"):
        joined(frame, tmp_path, "MOD09GA.parquet")


def test_rows_that_stand_twice_count_once(tmp_path: Path) -> None:
    frame = make.pixels()
    frame.loc[frame.index % 4 == 0, "sur_refl_b01"] += 100
    once, _ = joined(frame, tmp_path)
    twice, counts = joined(pd.concat([frame, frame[frame.index % 4 == 0]]), tmp_path, "twice.csv")
    np.testing.assert_array_equal(once["sur_refl_b01"], twice["sur_refl_b01"])
    assert counts == {"MOD09GA: rows that stand twice": 60}


def test_of_means_that_differ_on_a_day_the_first_counts(tmp_path: Path) -> None:
    frame = make.as_benchmark(make.pixels())
    other = frame.head(3).assign(sur_refl_b01=0.5)
    columns, counts = joined(pd.concat([frame, other]), tmp_path, "MOD09GA.parquet")
    np.testing.assert_allclose(columns["sur_refl_b01"], make.reflectance(1, np.arange(60)))
    assert counts == {"MOD09GA: further rows of a day, the first is used": 3}


def test_a_table_without_any_gap_does_not_say_which_days_were_seen(tmp_path: Path) -> None:
    frame = make.as_benchmark(make.pixels())
    assert "days_since_clear" not in joined(frame, tmp_path, "MOD09GA.parquet")[0]
    gappy, _ = joined(frame.drop(index=[7, 8]), tmp_path, "gappy.parquet")
    assert gappy["days_since_clear"][6:10].tolist() == [0, 1, 2, 0]


@given(seed=st.integers(0, 99))
def test_the_order_of_rows_does_not_matter(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    frame = make.pixels(make.DAYS[:20])
    frame.loc[frame.index % 5 == 0, "state_1km"] = 1
    place = tmp_path_factory.mktemp("order")
    first, counts = joined(frame, place)
    second, others = joined(frame.sample(frac=1, random_state=seed), place, "shuffled.csv")
    assert counts == others
    for name in first:
        np.testing.assert_allclose(first[name], second[name], atol=1e-12)


@given(
    st.lists(st.tuples(st.integers(0, 40), st.floats(-1, 1)), min_size=1, unique_by=lambda t: t[0]), st.integers(0, 20)
)
def test_interpolation_keeps_observations_and_never_leaves_their_range(knots: list, longest: int) -> None:
    knots.sort()
    start = np.datetime64("2003-01-01")
    observed, values = start + np.array([k for k, _ in knots]), np.array([v for _, v in knots])
    days = start + np.arange(41)
    got = _gaps.interpolated(observed, values, days, longest)
    np.testing.assert_array_equal(got[[k for k, _ in knots]], values)
    there = got[np.isfinite(got)]
    assert ((there >= values.min() - 1e-12) & (there <= values.max() + 1e-12)).all()
    gaps = np.diff([k for k, _ in knots]) - 1
    assert np.isfinite(got).sum() == len(knots) + gaps[gaps <= longest].sum()
