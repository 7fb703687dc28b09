"""Spatial blocks: buffers, cover, and what a tower far away may change."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from carbonbench_core.geography import nearest
from carbonbench_core.protocols import Protocol, draw_all
from carbonbench_core.protocols.spatial_blocks import DISTANCES, FOLDS, LARGEST_SHARE, VALIDATION_SHARE
from tests.protocols.tables import make_sites, placed, sites_tables


def folds_of(sites: pd.DataFrame, km: int) -> dict[str, Protocol]:
    return {n: p for n, p in draw_all(sites)[0].items() if p.family == f"spatial_blocks_{km}km"}


def gap(sites: pd.DataFrame, some: list[str], others: list[str]) -> float:
    a, b = (sites[sites["site_id"].isin(ids)] for ids in (some, others))
    return nearest(a["latitude"], a["longitude"], b["latitude"], b["longitude"])[0].min()


@given(sites_tables(), st.sampled_from(DISTANCES))
def test_no_two_towers_of_different_splits_are_within_the_distance(sites: pd.DataFrame, km: int) -> None:
    for protocol in folds_of(sites, km).values():
        for one, other in combinations(("train", "validation", "test"), 2):
            assert gap(sites, protocol.sites(one), protocol.sites(other)) > km


@given(sites_tables(), st.sampled_from(DISTANCES))
def test_every_tower_with_coordinates_is_tested_once_or_its_fold_is_left_out_by_name(
    sites: pd.DataFrame, km: int
) -> None:
    drawn, unsupported = draw_all(sites)
    names = [f"spatial_blocks_{km}km_{fold}" for fold in range(1, FOLDS + 1)]
    tested = [site for name in names if name in drawn for site in drawn[name].sites("test")]
    assert len(tested) == len(set(tested))
    missed = set(sites.loc[sites["latitude"].notna(), "site_id"]) - set(tested)
    absent = [name for name in names if name not in drawn]
    assert not missed or absent
    assert all(name in unsupported or "spatial_blocks" in unsupported for name in absent)


@given(sites_tables(), st.sampled_from(DISTANCES))
def test_a_tower_far_away_changes_no_fold_of_another_tower(sites: pd.DataFrame, km: int) -> None:
    far = sites.iloc[[0]].assign(site_id="ZZ-Far", latitude=-60.0, longitude=-170.0)
    before, after = folds_of(sites, km), folds_of(pd.concat([sites, far], ignore_index=True), km)
    assume(before)
    for name in set(before) & set(after):
        assert set(after[name].sites("test")) - {"ZZ-Far"} == set(before[name].sites("test"))


def test_a_tower_far_away_is_tested_in_one_fold_and_the_others_stay_where_they_were() -> None:
    sites = placed()
    far = sites.iloc[[0]].assign(site_id="ZZ-Far", latitude=-60.0, longitude=-170.0)
    before, after = folds_of(sites, 50), folds_of(pd.concat([sites, far]), 50)
    gained = [set(after[name].sites("test")) - set(before[name].sites("test")) for name in before]
    assert sorted(map(len, gained)) == [0, 0, 0, 0, 1]
    assert all(set(before[name].sites("test")) <= set(after[name].sites("test")) for name in before)


def test_towers_of_one_place_are_never_parted_even_at_no_distance() -> None:
    sites = placed()
    sites["latitude"], sites["longitude"] = (
        np.repeat(sites["latitude"][:85], 2).array,
        np.repeat(sites["longitude"][:85], 2).array,
    )
    for protocol in folds_of(sites, 0).values():
        for split in ("train", "validation", "test"):
            held = set(protocol.sites(split))
            assert {f"XX-{int(s[3:]) ^ 1:03d}" for s in held} == held  # 000 with 001, 002 with 003, ...


def test_a_larger_distance_makes_no_more_blocks_and_validation_stays_near_a_fifth() -> None:
    sites = placed()
    for km in DISTANCES[:3]:  # at 200 km these towers are one block
        for protocol in folds_of(sites, km).values():
            left = len(sites) - len(protocol.sites("test"))
            share = len(protocol.sites("validation")) / left
            assert VALIDATION_SHARE <= share < VALIDATION_SHARE + LARGEST_SHARE


def test_towers_in_one_block_give_no_folds_and_the_reason() -> None:
    near = placed().assign(latitude=50.0, longitude=10.0)
    drawn, unsupported = draw_all(near)
    assert not [name for name in drawn if name.startswith("spatial_blocks")]
    assert "none of 5 folds of 170 towers with coordinates" in unsupported["spatial_blocks"]


def test_a_fold_of_fewer_than_five_towers_is_left_out_with_the_reason() -> None:
    sites = make_sites(["ENF"] * 18, ["D"] * 18, [True] * 18)
    sites = sites.assign(latitude=np.arange(18.0) * 5 - 40, longitude=0.0)
    _, unsupported = draw_all(sites)
    small = {n: reason for n, reason in unsupported.items() if n.startswith("spatial_blocks_10km")}
    # 18 towers in 5 folds: at least one fold has fewer than 5, at least one has 4 or more.
    assert small
    assert all("at least 5 of each" in reason for reason in small.values())
    assert len(small) + len(folds_of(sites, 10)) == FOLDS


def test_towers_without_coordinates_are_left_out_by_name() -> None:
    sites = placed()
    sites.loc[sites["site_id"] == "XX-007", "longitude"] = np.nan
    for protocol in folds_of(sites, 10).values():
        assert protocol.left_out == {"no coordinates": ["XX-007"]}


@pytest.mark.parametrize("km", DISTANCES[:3])
def test_another_seed_makes_other_folds(km: int) -> None:
    name = f"spatial_blocks_{km}km_1"
    first, second = (draw_all(placed(), seed=seed)[0][name].sites("test") for seed in (1, 2))
    assert first != second
