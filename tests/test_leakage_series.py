"""Series of drivers and days: what is the same is found, what merely looks alike is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonbench_core.geography import distances
from carbonbench_core.leakage_months import month_hashes
from carbonbench_core.leakage_parts import Kept, of_table
from carbonbench_core.leakage_parts import read as read_kept
from carbonbench_core.leakage_parts import write as write_kept
from carbonbench_core.leakage_series import DISTINCT_MONTHS, Tower, candidates, close_days, duplicates, read
from tests.protocols.tables import days, real_sites

days_of_a_tower = st.lists(st.integers(0, 400), max_size=30)


def shared(one: pa.Table, other: pa.Table) -> list[str]:
    return duplicates(read([("train", one)]), read([("test", other)])).get(("test", "train"), [])


def test_the_same_driver_series_at_two_towers_is_found() -> None:
    assert shared(days(1), days(1)) == ["temperature_2m", "total_precipitation_sum"]
    assert shared(days(1), days(2)) == []


def test_a_series_is_compared_on_common_days_only() -> None:
    early, late = days(1).slice(0, 1000), days(1).slice(500)
    assert shared(early, late) == ["temperature_2m", "total_precipitation_sum"]
    # 2001-01-01 + 700 days is December 2002; from there to day 1000 not a year is common.
    assert shared(early, days(1).slice(700)) == []


def test_rounding_is_forgiven_and_a_change_of_one_percent_is_not() -> None:
    noise = 1 + 1e-7 * np.random.default_rng(0).normal(size=1461)
    values = np.random.default_rng(3).normal(280, 10, 1461)
    assert shared(days(1, temperature_2m=values), days(2, temperature_2m=values * noise)) == ["temperature_2m"]
    assert shared(days(1, temperature_2m=values), days(2, temperature_2m=values * 1.01)) == []


def test_months_that_were_revised_do_not_hide_the_others() -> None:
    values = np.random.default_rng(3).normal(280, 10, 1461)
    revised = np.where(np.arange(1461) < 600, values + 1, values)  # 20 of 48 months
    assert shared(days(1, temperature_2m=values), days(2, temperature_2m=revised)) == ["temperature_2m"]


@pytest.mark.parametrize("value", [0.0, 0.3, np.nan])
def test_a_series_that_stands_still_or_is_missing_is_no_evidence(value: float) -> None:
    assert shared(days(1, snow_depth=value), days(2, snow_depth=value)) == []


def test_a_series_that_is_mostly_zero_is_no_evidence() -> None:
    def snow(seed: int) -> np.ndarray:
        random = np.random.default_rng(seed)
        winter = (np.arange(1461) % 365) < 60
        return np.where(winter, random.exponential(1, 1461), 0)

    assert shared(days(1, snow_depth=snow(1)), days(2, snow_depth=snow(2))) == []


def test_a_step_function_by_month_is_compared_by_its_steps() -> None:
    month = (np.datetime64("2001-01-01") + np.arange(1461)).astype("datetime64[M]").astype(int) % 12
    climatology = np.random.default_rng(5).uniform(0, 1, 12)[month]
    assert shared(days(1, b1_CLIM=climatology), days(2, b1_CLIM=climatology)) == ["b1_CLIM"]


def test_a_step_function_is_the_same_where_other_days_are_missing() -> None:
    random = np.random.default_rng(5)
    month = (np.datetime64("2001-01-01") + np.arange(1461)).astype("datetime64[M]").astype(int)
    steps = random.uniform(0, 1, 1000)[month]
    one, other = (np.where(random.uniform(size=1461) < 0.2, np.nan, steps) for _ in range(2))
    assert shared(days(1, Lai_M=one), days(2, Lai_M=other)) == ["Lai_M"]


def test_what_follows_from_the_date_alone_is_no_evidence() -> None:
    day = np.arange(1461) % 365 / 365.0
    assert shared(days(1, season_day=day), days(2, season_day=day)) == []


def test_a_tower_is_not_compared_with_itself() -> None:
    tower = read([("A", days(1))])
    assert duplicates(tower, tower) == {}


def test_only_whole_months_have_a_hash() -> None:
    dates = np.datetime64("2001-01-15") + np.arange(60)  # to 2001-03-15
    months, hashes = month_hashes(dates, np.random.default_rng(0).normal(size=(60, 1)).astype(np.float32))
    assert (months.astype(int) + 1970 * 12).tolist() == [2001 * 12, 2001 * 12 + 1, 2001 * 12 + 2]
    assert (hashes[:, 0] != 0).tolist() == [False, True, False]


@given(st.integers(1, 1460), st.integers(0, 3))
def test_it_does_not_matter_where_a_record_is_cut_into_parts(cut: int, seed: int) -> None:
    whole = days(seed)
    at = int(np.searchsorted(whole["date"].to_numpy().astype("datetime64[M]"), whole["date"][cut].as_py(), "left"))
    first = read([("A", whole)])["A"]
    second = read([("A", whole.slice(0, at)), ("A", whole.slice(at))])["A"]
    for name, (together,) in first.months.items():
        np.testing.assert_array_equal(np.concatenate(second.months[name], axis=1), together)
    assert set(second.months) == set(first.months)
    assert second.count == first.count
    assert second.total == pytest.approx(first.total)
    np.testing.assert_array_equal(np.concatenate(second.days), np.concatenate(first.days))


@given(days_of_a_tower, days_of_a_tower, st.integers(1, 60))
def test_close_days_are_those_within_the_window_of_any_training_day(train: list, test: list, window: int) -> None:
    def tower(numbers: list) -> dict[str, Tower]:
        return {"A": Tower(days=[np.array(numbers, "datetime64[D]")])}

    found = close_days(tower(train), tower(test), window)
    gaps = [min(abs(day - other) for other in train) for day in test] if train else []
    assert found["test_days"] == len(test)
    assert found["close_days"] == sum(gap < window for gap in gaps)
    assert found["closest"] == (min(gaps) if gaps else None)


@given(st.lists(st.lists(st.integers(0, 3), min_size=14, max_size=14), min_size=1, max_size=8))
def test_candidates_are_the_towers_with_enough_months_of_one_hash(hashes: list[list[int]]) -> None:
    def tower(series: list[int]) -> Tower:
        known = [(month, value) for month, value in enumerate(series) if value]
        return Tower(months={"TA_F": [np.array(known, np.uint64).reshape(-1, 2).T]} if known else {})

    # Two parts a tower: a part is compared with the other parts of all towers, never with those of its own.
    named = [(str(i // 2), series) for i, series in enumerate(hashes)]
    wanted: dict[str, set[str]] = {}
    for site, one in named:
        for other_site, other in named:
            same = sum(a == b != 0 for a, b in zip(one, other, strict=True))
            if site != other_site and same >= DISTINCT_MONTHS:
                wanted.setdefault(site, set()).add(other_site)
    assert candidates((site, tower(series)) for site, series in named).get("TA_F", {}) == wanted


def test_what_is_kept_of_a_part_is_what_its_table_says(tmp_path: Path) -> None:
    table = days(1, TA_F=np.where(np.arange(1461) < 400, np.nan, 1.5))
    table = table.set_column(1, "nee", pa.array(np.where(np.arange(1461) % 3, 1.0, np.nan)))
    write_kept(of_table(table), tmp_path / "kept.arrow")
    kept = read_kept(tmp_path / "kept.arrow")
    tower = read([("A", table)])["A"]
    np.testing.assert_array_equal(kept.days, tower.days[0])
    np.testing.assert_array_equal(kept.days[kept.warm_up :], read([("A", table)], 30)["A"].days[0])
    assert kept.warm_up == 20  # of 30 days those that 3 does not divide
    assert kept.months.keys() == tower.months.keys() >= {"temperature_2m", "TA_F"}
    for name, months in kept.months.items():
        np.testing.assert_array_equal(months, tower.months[name][0])


def test_of_a_part_without_targets_and_drivers_nothing_is_kept(tmp_path: Path) -> None:
    table = pa.table({"date": np.arange(40).astype("datetime64[D]"), "nee": np.full(40, np.nan)})
    write_kept(of_table(table), tmp_path / "kept.arrow")
    kept = read_kept(tmp_path / "kept.arrow")
    assert isinstance(kept, Kept)
    assert (len(kept.days), kept.warm_up, kept.months) == (0, 0, {})


def real_tables(shared_data: Path, columns: list[str]) -> Iterator[tuple[str, pa.Table]]:
    rows = pq.read_table(shared_data / "site_days.parquet", columns=["site", "date", *columns]).to_pandas()
    for site, own in rows.groupby("site", observed=True):
        own = own.set_index("date").sort_index().drop(columns="site")
        calendar = own.reindex(pd.date_range(own.index[0], own.index[-1], name="date"))
        yield str(site), pa.Table.from_pandas(calendar.reset_index(), preserve_index=False)


def test_real_towers_that_share_a_satellite_series_stand_in_one_cell(shared_data: Path) -> None:
    towers = read(real_tables(shared_data, ["TA_MIN", "Lai_M", "LST_Day_M", "ESACCI_sm_M"]))
    there = real_sites(shared_data).set_index("site_id")
    found = duplicates(towers, towers)
    # Soil moisture comes in cells of a quarter of a degree (28 km, 39 km across), the others in cells of 0.05 degree.
    for (one, other), names in found.items():
        (y, x), (to_y, to_x) = there.loc[[one, other], ["latitude", "longitude"]].to_numpy()
        assert distances(y, x, to_y, to_x) < (40 if names == ["ESACCI_sm_M"] else 8), (one, other, names)
    assert ("IT-CA1", "IT-CA2") in found
    assert ("CH-Oe1", "CH-Oe2") in found
