"""Holdouts along time and along temperature."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from carbonbench_core.errors import ProtocolError
from carbonbench_core.protocols import draw_all, part_of, warm_shift
from tests.protocols.tables import make_sites, network_like, placed, sites_tables


@given(sites_tables())
def test_temporal_holdout_trains_on_all_early_parts_and_tests_late_parts_only(sites: pd.DataFrame) -> None:
    protocol = draw_all(sites)[0].get("temporal_holdout")
    late = set(sites.loc[sites["has_late"], "site_id"])
    if protocol is None:
        assert len(late) < 6  # of 6 one validates (6 x 0.2 = 1.2) and five are tested; fewer are no score
        return
    assert protocol.sites("train") == sorted(sites["site_id"])
    parts = {split: {part_of(file)[1] for file in files} for split, files in protocol.splits.items()}
    assert parts == {"train": {"early"}, "validation": {"late"}, "test": {"late"}}
    assert set(protocol.sites("validation")) | set(protocol.sites("test")) == late


def test_a_fifth_of_the_late_parts_validates() -> None:
    protocol = draw_all(network_like())[0]["temporal_holdout"]
    # 136 of 170 towers have a late part; 136 x 0.2 = 27.2
    assert len(protocol.sites("validation")) == 27
    assert len(protocol.sites("test")) == 109


@given(sites_tables())
def test_every_test_tower_is_warmer_than_validation_and_that_than_training(sites: pd.DataFrame) -> None:
    protocol = draw_all(sites)[0].get("warm_shift")
    if protocol:
        warmth = sites.set_index("site_id")["mean_temperature_tower"]
        test, validation, train = (warmth[protocol.sites(s)] for s in ("test", "validation", "train"))
        assert test.min() >= validation.max()
        assert validation.min() >= train.max()
        assert set(protocol.left_out.get("no mean_temperature_tower", [])) == set(warmth[warmth.isna()].index)


def test_the_warmest_fifth_is_tested_and_the_next_fifth_validates() -> None:
    protocol = draw_all(placed())[0]["warm_shift"]
    # 170 x 0.2 = 34; 136 x 0.2 = 27.2
    assert [len(protocol.sites(s)) for s in ("test", "validation", "train")] == [34, 27, 109]


def test_a_cooler_tower_beside_a_test_tower_is_left_out_by_name() -> None:
    sites = placed()
    ranked = list(sites.sort_values("mean_temperature_era5_land", ascending=False)["site_id"])
    place = sites.loc[sites["site_id"] == ranked[0], ["latitude", "longitude"]].to_numpy()
    sites.loc[sites["site_id"] == ranked[-1], ["latitude", "longitude"]] = place
    protocol = draw_all(sites)[0]["warm_shift"]
    assert protocol.left_out["within 2 km of a test tower"] == [ranked[-1]]
    assert protocol.sites("test") == sorted(ranked[:34])


def test_all_towers_are_ranked_by_the_one_temperature_that_more_of_them_have() -> None:
    sites = placed().assign(mean_temperature_tower=1.0)
    sites.loc[0, "mean_temperature_era5_land"] = np.nan
    holdout = warm_shift.draw(sites, 0)["warm_shift"]
    assert holdout.text.endswith("Temperature: `mean_temperature_tower`.")
    assert holdout.left_out == {"no mean_temperature_tower": ()}
    sites.loc[:1, "mean_temperature_tower"] = np.nan
    holdout = warm_shift.draw(sites, 0)["warm_shift"]
    assert holdout.left_out == {"no mean_temperature_era5_land": ("XX-000",)}


def test_a_control_of_fewer_than_five_towers_is_left_out_with_the_reason() -> None:
    _, unsupported = draw_all(make_sites(["ENF"] * 5, ["D"] * 5, [True] * 4 + [False]))
    assert unsupported["temporal_holdout"] == "4 towers have a late part, too few for 5 to be tested"
    _, unsupported = draw_all(make_sites(["ENF"] * 4, ["D"] * 4, [True] * 4))
    assert unsupported["random_days"] == "4 towers, fewer than 5"


def test_a_warm_fifth_of_fewer_than_five_towers_is_refused() -> None:
    sites = make_sites(["ENF"] * 20, ["D"] * 20, [True] * 20).assign(mean_temperature_tower=np.arange(20.0))
    with pytest.raises(ProtocolError, match="20 towers have a mean_temperature_tower"):
        warm_shift.draw(sites, 0)
