"""Frozen protocols: redrawing finds every difference, an edition is taken only where its towers are."""

from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
import pytest

from carbonbench_core.errors import ProtocolError
from carbonbench_core.protocols import against_edition, draw_all, pin, read_edition, verify, write_edition
from tests.protocols.tables import placed


def edition(sites: pd.DataFrame) -> dict:
    drawn, unsupported = draw_all(sites)
    return json.loads(write_edition(drawn, unsupported=unsupported))


def test_redrawing_what_was_frozen_finds_no_difference() -> None:
    sites = placed()
    assert verify(draw_all(sites)[0], sites.sample(frac=1, random_state=0)) == []


def test_each_protocol_is_redrawn_with_its_own_seed_and_threshold() -> None:
    sites = placed()
    frozen = draw_all(sites)[0] | {"veg_holdout": draw_all(sites, seed=7, qc_threshold=0.8)[0]["veg_holdout"]}
    assert verify(frozen, sites) == []


def test_a_new_tower_is_named_and_the_lists_that_it_changes_too() -> None:
    sites = placed()
    new = sites.iloc[[0]].assign(site_id="ZZ-New", latitude=-60.0, longitude=-170.0)
    differences = verify(draw_all(sites)[0], pd.concat([sites, new]))
    assert "towers in the sites table that no frozen protocol knows (1): ZZ-New" in differences
    assert "temporal_holdout, train: redrawing adds (1): ZZ-New-early" in differences


def test_a_tower_that_is_gone_is_named_and_where_it_was() -> None:
    sites = placed()
    frozen = draw_all(sites)[0]
    gone = frozen["veg_holdout"].sites("test")[0]
    differences = verify(frozen, sites[sites["site_id"] != gone])
    assert f"towers of frozen protocols that are not in the sites table (1): {gone}" in differences
    assert any(d.startswith("veg_holdout, test: redrawing drops") and gone in d for d in differences)


def test_lists_changed_by_hand_are_found() -> None:
    sites = placed()
    frozen = draw_all(sites)[0]
    before = frozen["veg_holdout"]
    moved = before.splits["train"][0]
    splits = {**before.splits, "train": before.splits["train"][1:], "validation": [*before.splits["validation"], moved]}
    name = moved.removeprefix("data/").removesuffix(".arrow")
    assert verify(frozen | {"veg_holdout": replace(before, splits=splits)}, sites) == [
        f"veg_holdout, train: redrawing adds (1): {name}",
        f"veg_holdout, validation: redrawing drops (1): {name}",
    ]


def test_a_changed_row_rule_is_found() -> None:
    sites = placed()
    frozen = draw_all(sites)[0]
    changed = replace(frozen["random_days"], rows={"seed": 1})
    (difference,) = verify(frozen | {"random_days": changed}, sites)
    assert difference.startswith("random_days: rows is frozen as {'seed': 1}, redrawing gives {'seed': 2024")


def test_a_changed_order_of_files_is_found() -> None:
    sites = placed()
    frozen = draw_all(sites)[0]
    before = frozen["veg_holdout"]
    turned = replace(before, splits={**before.splits, "train": before.splits["train"][::-1]})
    assert verify({**frozen, "veg_holdout": turned}, sites) == ["veg_holdout: the order of its files differs"]


def test_protocols_that_cannot_be_drawn_any_more_say_why_and_new_ones_are_named() -> None:
    sites = placed()
    frozen = draw_all(sites)[0]
    without = verify(frozen, sites.drop(columns="mean_temperature_era5_land"))
    assert any(
        d.startswith("warm_shift: is frozen but can no longer be drawn: the sites table has no") for d in without
    )
    del frozen["warm_shift"]
    assert verify(frozen, sites) == ["protocols that can be drawn but are not frozen (1): warm_shift"]


def test_an_edition_is_taken_with_its_own_digests_where_all_towers_are_there() -> None:
    sites = placed()
    published = edition(sites)
    more = pd.concat([sites, sites.iloc[[0]].assign(site_id="ZZ-New")])
    taken, differences = pin(published, more)
    assert {name: p.digest for name, p in taken.items()} == {
        name: entry["digest"] for name, entry in published["protocols"].items()
    }
    assert differences == ["towers here that the edition does not know (1): ZZ-New"]
    # Drawn anew with the tower more, the same names would be other protocols.
    assert draw_all(more)[0]["temporal_holdout"].digest != taken["temporal_holdout"].digest


def test_a_protocol_whose_towers_are_not_all_there_is_not_taken_and_they_are_named() -> None:
    sites = placed()
    published = edition(sites)
    taken, differences = pin(published, sites[~sites["site_id"].isin(["XX-003", "XX-005"])])
    assert taken == {}
    assert "veg_holdout: not taken, towers missing here (2): XX-003, XX-005" in differences


def test_a_protocol_that_does_not_need_the_missing_tower_is_taken() -> None:
    sites = placed()
    sites.loc[3, "igbp"] = None
    taken, differences = pin(edition(sites), sites[sites["site_id"] != "XX-003"])
    assert {"veg_holdout", "published_veg", "unseen_veg_EBF"} <= set(taken)
    assert "climate_holdout" not in taken
    assert "climate_holdout: not taken, towers missing here (1): XX-003" in differences


def test_a_late_part_that_is_missing_is_a_difference() -> None:
    sites = placed()
    published = edition(sites)
    short = sites.assign(has_late=sites["has_late"] & (sites["site_id"] != "XX-001"))
    taken, differences = pin(published, short)
    assert "temporal_holdout" not in taken
    assert "temporal_holdout: not taken, towers without a late part here (1): XX-001" in differences


@pytest.mark.parametrize("broken", [{}, {"protocols": {}}, {"protocols": []}, [], None])
def test_what_is_no_edition_is_refused(broken: object) -> None:
    with pytest.raises(ProtocolError, match="has no protocols"):
        pin(broken, placed())


def test_an_edition_that_was_changed_is_refused() -> None:
    published = edition(placed())
    published["protocols"]["veg_holdout"]["splits"]["train"].pop()
    with pytest.raises(ProtocolError, match="lists were changed"):
        pin(published, placed())


def test_a_pinned_protocol_is_the_published_one() -> None:
    published = edition(placed())
    taken, _ = pin(published, placed())
    assert taken["random_days"] == read_edition(published)["random_days"]


def test_what_was_written_reads_as_it_was_and_names_every_shard_once() -> None:
    drawn, unsupported = draw_all(placed())
    text = write_edition(drawn, unsupported=unsupported, data_digest="d")
    assert read_edition(json.loads(text)) == drawn
    assert text.count("XX-000-early.arrow") == 1
    assert json.loads(text)["unsupported"] == unsupported


def test_all_protocols_of_767_towers_take_little_room() -> None:
    drawn, _ = draw_all(placed(767))
    assert len(write_edition(drawn)) < 400_000


@pytest.mark.parametrize("place", [-1, 10_000, "data/XX-000-early.arrow", None])
def test_a_place_that_is_none_in_the_list_of_shards_is_refused(place: object) -> None:
    published = edition(placed())
    published["protocols"]["veg_holdout"]["splits"]["train"][0] = place
    with pytest.raises(ProtocolError, match=r"Malformed entry 'veg_holdout' .*Build the folder again"):
        read_edition(published)


@pytest.mark.parametrize("contents", [{}, {"shards": []}, {"protocols": {}}, {"shards": [], "protocols": {"a": None}}])
def test_contents_that_are_no_protocols_are_refused(contents: dict) -> None:
    with pytest.raises(ProtocolError, match="Build the folder again"):
        read_edition(contents)


def test_a_folder_of_the_editions_towers_has_its_protocols() -> None:
    assert against_edition(draw_all(placed())[0], edition(placed()), placed()) == []


def test_a_folder_with_other_sites_says_exactly_what_differs() -> None:
    sites = placed()
    other = pd.concat([sites.iloc[1:], sites.iloc[[1]].assign(site_id="ZZ-New")], ignore_index=True)
    differences = against_edition(draw_all(other)[0], edition(sites), other)
    assert "veg_holdout: not taken, towers missing here (1): XX-000" in differences
    assert "towers here that the edition does not know (1): ZZ-New" in differences
    assert "random_days, test: the folder adds (2): ZZ-New-early, ZZ-New-late" in differences
    assert "random_days, test: the folder drops (1): XX-000-early" in differences


def test_a_folder_drawn_with_another_threshold_is_no_folder_of_the_edition() -> None:
    sites = placed()
    differences = against_edition(draw_all(sites, qc_threshold=0.8)[0], edition(sites), sites)
    assert "veg_holdout: qc_threshold is frozen as 1.0, the folder gives 0.8" in differences
    del (frozen := draw_all(sites)[0])["warm_shift"]
    assert against_edition(frozen, edition(sites), sites) == [
        "protocols of the edition that are not frozen here (1): warm_shift"
    ]
