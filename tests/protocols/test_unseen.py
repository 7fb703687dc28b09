"""Unseen classes: whole classes on one side, also in validation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from carbonbench_core.geography import continent
from carbonbench_core.protocols import FEWEST_TOWERS, draw_all
from carbonbench_core.protocols._unseen import LARGEST_SHARE, VALIDATION_SHARE
from tests.protocols.tables import make_sites, network_like, placed, real_sites, sites_tables

BY = {"unseen_veg": "igbp", "unseen_climate": "koppen_main"}


@given(sites_tables())
def test_no_class_stands_in_two_splits(sites: pd.DataFrame) -> None:
    for protocol in draw_all(sites)[0].values():
        if protocol.family in BY:
            classes = sites.set_index("site_id")[BY[protocol.family]]
            seen = [set(classes[protocol.sites(split)]) for split in ("train", "validation", "test")]
            assert sum(map(len, seen)) == len(set.union(*seen))


@given(sites_tables())
def test_validation_is_at_least_a_tenth_of_the_towers_left_and_no_class_with_a_quarter(sites: pd.DataFrame) -> None:
    for protocol in draw_all(sites)[0].values():
        if protocol.family in BY:
            validation = protocol.sites("validation")
            near = protocol.left_out.get("within 2 km of a validation tower", [])
            left = len(protocol.sites("train")) + len(validation) + len(near)
            counts = sites.set_index("site_id").loc[validation, BY[protocol.family]].value_counts()
            assert len(validation) >= min(VALIDATION_SHARE * left, FEWEST_TOWERS)
            assert counts.max() <= LARGEST_SHARE * left


@given(sites_tables())
def test_every_tower_with_a_class_is_tested_once_or_its_class_is_named_with_the_reason(sites: pd.DataFrame) -> None:
    drawn, unsupported = draw_all(sites)
    placed = sites["latitude"].notna()
    where = pd.Series(None, index=sites.index, dtype=object)
    where[placed] = continent(sites.loc[placed, "latitude"], sites.loc[placed, "longitude"])
    sites = sites.assign(continent=where.str.replace(" ", "_"))
    for family, by in (BY | {"unseen_continent": "continent"}).items():
        tested = [s for p in drawn.values() if p.family == family for s in p.sites("test")]
        assert len(tested) == len(set(tested))
        for site, label in zip(sites["site_id"], sites[by], strict=True):
            named = {family, f"{family}_{label}", f"{family}_rare"} & set(unsupported)
            assert site in tested or not isinstance(label, str) or named


def test_folds_are_the_classes_of_five_towers_and_the_rare_ones_together() -> None:
    drawn, unsupported = draw_all(network_like())
    folds = {name for name in drawn if name.startswith("unseen_veg")}
    common = ("ENF", "GRA", "DBF", "CRO", "WET", "EBF", "OSH", "MF", "WSA")
    assert folds == {f"unseen_veg_{igbp}" for igbp in (*common, "rare")}
    # 3 SAV + 2 CSH + 1 SNO
    assert len(drawn["unseen_veg_rare"].sites("test")) == 6
    assert unsupported["unseen_veg_SAV"] == ("towers of class SAV: 3, fewer than 5; pooled into unseen_veg_rare")


def test_rare_classes_that_are_too_few_together_are_named() -> None:
    drawn, unsupported = draw_all(network_like())
    assert "unseen_climate_rare" not in drawn
    assert unsupported["unseen_climate_E"] == ("towers of class E: 4, fewer than 5; all such classes together have 4")


def test_the_text_names_the_class_held_out_and_those_of_validation() -> None:
    protocol = draw_all(network_like())[0]["unseen_veg_EBF"]
    classes = set(network_like().set_index("site_id").loc[protocol.sites("validation"), "igbp"])
    assert f"Held out: EBF; validation on {', '.join(sorted(classes))}." in protocol.text


def test_where_every_other_class_is_needed_for_training_the_fold_is_left_out() -> None:
    drawn, unsupported = draw_all(make_sites(["ENF"] * 30 + ["GRA"] * 30 + ["DBF"] * 5, ["D"] * 65, [True] * 65))
    # without ENF: 30 GRA of 35 are too many, the 5 DBF are 14 %; without DBF two halves remain
    assert "unseen_veg_ENF" in drawn
    assert unsupported["unseen_veg_DBF"].startswith("0 of the 60 towers left could validate")
    assert unsupported["unseen_climate"].startswith("no class of koppen_main has 5 towers beside other classes")


def test_towers_without_a_class_take_no_part() -> None:
    sites = network_like()
    sites.loc[sites["site_id"] == "XX-000", "igbp"] = None
    assert draw_all(sites)[0]["unseen_veg_GRA"].left_out == {"no igbp": ["XX-000"]}


def test_a_continent_of_real_towers_is_held_out_whole(shared_data: Path) -> None:
    sites = real_sites(shared_data)
    where = pd.Series(continent(sites["latitude"], sites["longitude"]), index=sites["site_id"])
    folds = [p for p in draw_all(sites)[0].values() if p.family == "unseen_continent"]
    assert {where[p.sites("test")].iloc[0] for p in folds} == {
        *("Asia", "Europe", "North America", "Oceania", "South America")
    }
    for protocol in folds:
        seen = [set(where[protocol.sites(split)]) for split in ("train", "validation", "test")]
        assert len(seen[2]) == 1
        assert sum(map(len, seen)) == len(set.union(*seen))
    assert "unseen_continent_North_America" in {p.name for p in folds}


def test_towers_without_coordinates_have_no_continent() -> None:
    # a fifth of the towers each in Europe, North America, Asia, Oceania and South America
    places = np.array([(50.0, 10.0), (40.0, -100.0), (35.0, 100.0), (-25.0, 135.0), (-10.0, -55.0)] * 34)
    sites = placed().assign(latitude=places[:, 0], longitude=places[:, 1])
    sites.loc[sites["site_id"] == "XX-003", "latitude"] = None
    folds = [p for p in draw_all(sites)[0].values() if p.family == "unseen_continent"]
    assert len(folds) == 5
    assert all(p.left_out == {"no continent": ["XX-003"]} for p in folds)


@pytest.mark.parametrize("family", BY)
def test_validation_classes_depend_on_the_seed(family: str) -> None:
    def validation(seed: int) -> list[list[str]]:
        return [p.sites("validation") for p in draw_all(network_like(), seed)[0].values() if p.family == family]

    assert validation(1) == validation(1)
    assert validation(1) != validation(2)


def test_towers_beside_a_test_or_validation_tower_are_left_out_of_the_fold_by_name() -> None:
    sites = placed()
    igbp = sites.set_index("site_id")["igbp"]
    tested, beside = igbp.index[igbp == "EBF"][0], igbp.index[igbp == "ENF"][0]
    latitude, longitude = sites.loc[sites["site_id"] == tested, ["latitude", "longitude"]].to_numpy()[0]
    sites.loc[sites["site_id"] == beside, ["latitude", "longitude"]] = latitude + 0.01, longitude  # 1.1 km
    fold = draw_all(sites)[0]["unseen_veg_EBF"]
    assert fold.left_out["within 2 km of a test tower"] == [beside]
    sites.loc[sites["site_id"] == beside, "latitude"] = latitude + 0.03  # 3.3 km
    assert "within 2 km of a test tower" not in draw_all(sites)[0]["unseen_veg_EBF"].left_out
