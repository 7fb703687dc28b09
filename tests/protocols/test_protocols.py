"""Protocols: laws that hold for every rule, and the published rule against the calls it is made of."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from carbonbench_core import protocols
from carbonbench_core.errors import ProtocolError
from carbonbench_core.protocols import Protocol, draw_all, families, part_file, part_of
from carbonbench_core.protocols import _apart as apart
from carbonbench_core.protocols._apart import SATELLITE_BOX
from tests.protocols.tables import catalogue_sites, make_sites, network_like, placed, real_sites, sites_tables

# The controls: they test towers that they train on, by days or by years.
KNOWN_TOWERS = {"random_days", "temporal_holdout"}


def towers_held_out(sites: pd.DataFrame) -> list[Protocol]:
    return [protocol for name, protocol in draw_all(sites)[0].items() if name not in KNOWN_TOWERS]


@given(sites_tables())
def test_no_shard_stands_in_two_splits_of_any_protocol(sites: pd.DataFrame) -> None:
    for name, protocol in draw_all(sites)[0].items():
        if name == "random_days":  # there a row is in one split alone, see the tests of row rules
            continue
        files = [file for split in protocol.splits.values() for file in split]
        assert len(files) == len(set(files))


@given(sites_tables())
def test_no_test_tower_is_known_from_training_or_validation(sites: pd.DataFrame) -> None:
    for protocol in towers_held_out(sites):
        test = set(protocol.sites("test"))
        assert test.isdisjoint(protocol.sites("train"))
        assert test.isdisjoint(protocol.sites("validation"))


@given(sites_tables())
def test_our_rules_validate_on_towers_of_their_own(sites: pd.DataFrame) -> None:
    for protocol in towers_held_out(sites):
        if not protocol.name.startswith("published"):
            assert set(protocol.sites("validation")).isdisjoint(protocol.sites("train"))


@given(sites_tables(), st.booleans())
def test_towers_of_one_identity_or_within_a_satellite_box_are_never_on_both_sides(
    sites: pd.DataFrame, has_identity: bool
) -> None:
    if has_identity:  # every fifth tower has a second record, at its own place, far away or nowhere
        sites["tower_id"] = [f"T{i - 1 if i % 5 == 0 and i else i}" for i in range(len(sites))]
    for protocol in towers_held_out(sites):
        if protocol.name.startswith("published"):
            continue
        km = 0 if protocol.family == "spatial_blocks_0km" else SATELLITE_BOX
        for one, other in combinations(("train", "validation", "test"), 2):
            assert not apart.near(sites, protocol.sites(one), protocol.sites(other), km)


def test_rules_that_let_neighbours_stand_on_both_sides_say_so() -> None:
    sites = placed()
    sites.loc[1::2, ["latitude", "longitude"]] = sites.loc[::2, ["latitude", "longitude"]].to_numpy()  # in pairs
    for protocol in towers_held_out(sites):
        parted = apart.near(sites, protocol.sites("train"), protocol.sites("test"), SATELLITE_BOX)
        assert bool(parted) == ("Neighbours may stand on both sides" in protocol.text), protocol.name


@given(sites_tables())
def test_late_parts_of_the_training_towers_are_the_id_test(sites: pd.DataFrame) -> None:
    late = set(sites.loc[sites["has_late"], "site_id"])
    for protocol in towers_held_out(sites):
        if not protocol.name.startswith("published"):
            assert set(protocol.sites("id_test")) == late & set(protocol.sites("train"))
            assert {part_of(file)[1] for file in protocol.splits["train"]} == {"early"}


@given(sites_tables())
def test_every_part_of_every_tower_is_in_a_split_or_left_out_with_a_reason(sites: pd.DataFrame) -> None:
    for protocol in draw_all(sites)[0].values():
        used = {file for files in protocol.splits.values() for file in files}
        out = {site for ids in protocol.left_out.values() for site in ids}
        for site, late in zip(sites["site_id"], sites["has_late"], strict=True):
            parts = {part_file(site, part) for part in (("early", "late") if late else ("early",))}
            assert parts <= used if site not in out else parts.isdisjoint(used)


@given(sites_tables(), st.randoms())
def test_neither_row_order_nor_column_order_matters(sites: pd.DataFrame, random: object) -> None:
    order, names = list(range(len(sites))), list(sites.columns)
    random.shuffle(order)
    random.shuffle(names)
    assert draw_all(sites.iloc[order][names]) == draw_all(sites)


@given(sites_tables(), st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_lists(sites: pd.DataFrame, seed: int) -> None:
    assert draw_all(sites, seed) == draw_all(sites.copy(), seed)


def test_the_same_seed_gives_the_same_lists_and_another_seed_gives_others() -> None:
    sites = network_like()
    first, again, other = (draw_all(sites, seed=seed)[0]["veg_holdout"] for seed in (1, 1, 2))
    assert first == again
    assert first.sites("test") != other.sites("test")


@pytest.mark.parametrize(
    ("name", "digest"),
    # Scores are published under these: a draw that changes is another protocol and needs another name.
    [
        ("climate_holdout", "486806366d8ef2ca"),
        ("published_climate", "11d6120c5e1aa61d"),
        ("published_veg", "2ad4a20bce403256"),
        ("veg_holdout", "25ab0d20e919ee6a"),
    ],
)
def test_a_protocol_draws_the_same_towers_as_ever(name: str, digest: str) -> None:
    assert draw_all(network_like())[0][name].digest == digest


def test_family_and_row_rule_count_in_the_digest_where_there_are_any() -> None:
    plain = draw_all(network_like())[0]["veg_holdout"]
    digests = {plain.digest, replace(plain, family="veg").digest, replace(plain, rows={"seed": 1}).digest}
    assert len(digests) == 3


def test_veg_holdout_gives_half_of_rare_classes_and_a_fifth_of_the_others() -> None:
    sites = network_like()
    protocol = draw_all(sites)[0]["veg_holdout"]
    igbp = sites.set_index("site_id")["igbp"]
    test = igbp[protocol.sites("test")].value_counts()
    # 42, 29, 22, 18, 16, 12, 11 towers x 0.2 = 8.4, 5.8, 4.4, 3.6, 3.2, 2.4, 2.2; 8, 6, 3, 2 towers // 2 = 4, 3, 1, 1
    expected = {"ENF": 8, "GRA": 6, "DBF": 4, "CRO": 4, "WET": 3, "EBF": 2, "OSH": 2, "MF": 4, "WSA": 3, "SAV": 1}
    assert test.to_dict() == expected | {"CSH": 1}
    validation = igbp[protocol.sites("validation")].value_counts()
    # of the towers left: 34 x 0.2 = 6.8, 23 -> 4.6, ...; rare: 4 // 2, 3 // 2, 2 // 2, 1 // 2
    assert validation["ENF"] == 7
    assert validation["MF"] == 2
    assert "CSH" not in validation


def test_climate_holdout_gives_a_fifth_of_every_climate() -> None:
    sites = network_like()
    test = draw_all(sites)[0]["climate_holdout"].sites("test")
    # 76, 64, 16, 10, 4 towers x 0.2 = 15.2, 12.8, 3.2, 2, 0.8
    climate = sites.set_index("site_id")["koppen_main"]
    assert climate[test].value_counts().to_dict() == {"D": 15, "C": 13, "B": 3, "A": 2, "E": 1}


def test_towers_that_move_together_leave_the_counts_of_classes_as_near_as_can_be() -> None:
    sites = placed()
    alone = draw_all(sites)[0]["veg_holdout"]
    # XX-000 to XX-003 are ENF, 42 of them; in one place they are four towers of the eight to test or none.
    sites.loc[:3, ["latitude", "longitude"]] = 50.0, 10.0
    together = draw_all(sites)[0]["veg_holdout"]
    igbp = sites.set_index("site_id")["igbp"]
    for split in ("test", "validation", "train"):
        held = set(together.sites(split)) & {"XX-000", "XX-001", "XX-002", "XX-003"}
        assert len(held) in (0, 4)
        now, before = (igbp[p.sites(split)].value_counts() for p in (together, alone))
        assert (now - before).abs().max() <= 1


def test_a_class_whose_towers_stand_together_is_still_trained_on() -> None:
    sites = placed()
    sites.loc[sites["igbp"] == "SAV", ["latitude", "longitude"]] = 50.0, 10.0
    protocol = draw_all(sites)[0]["veg_holdout"]
    assert set(sites.loc[sites["igbp"] == "SAV", "site_id"]) <= set(protocol.sites("train"))


@pytest.fixture(params=["made", "real"])
def towers(request: pytest.FixtureRequest) -> pd.DataFrame:
    """Return 170 towers, made up or real."""
    return network_like() if request.param == "made" else real_sites(request.getfixturevalue("shared_data"))


def test_published_veg_is_the_published_rule(towers: pd.DataFrame) -> None:
    sites = towers
    table = sites.sort_values("site_id", ignore_index=True)
    counts, expected = table["igbp"].value_counts(), []
    for igbp, n in counts.items():
        if n <= 10:
            expected += list(table[table["igbp"] == igbp].sample(n=n // 2, random_state=56)["site_id"])
    rest = table[table["igbp"].map(counts) > 10]
    expected += list(train_test_split(rest, test_size=0.2, stratify=rest["igbp"], random_state=56)[1]["site_id"])
    protocol = draw_all(sites.sample(frac=1, random_state=0))[0]["published_veg"]
    assert protocol.sites("test") == sorted(expected)
    assert set(protocol.sites("train")) == set(sites["site_id"]) - set(expected)
    assert "id_test" not in protocol.splits


def test_published_climate_is_the_published_rule(towers: pd.DataFrame) -> None:
    sites = towers
    table = sites.sort_values("site_id", ignore_index=True)
    expected = train_test_split(table, test_size=0.2, stratify=table["koppen_main"], random_state=56)[1]["site_id"]
    assert draw_all(sites)[0]["published_climate"].sites("test") == sorted(expected)


def test_towers_without_a_class_are_left_out_by_name_where_the_class_is_needed() -> None:
    sites = network_like()
    sites.loc[sites["site_id"] == "XX-000", "igbp"] = None
    drawn = draw_all(sites)[0]
    assert drawn["veg_holdout"].left_out == {"no igbp": ["XX-000"]}
    assert drawn["climate_holdout"].left_out == {}


def test_a_tower_without_a_late_part_is_trained_on_whole() -> None:
    sites = network_like()
    protocol = draw_all(sites)[0]["veg_holdout"]
    short = set(sites.loc[~sites["has_late"], "site_id"]) & set(protocol.sites("train"))
    assert short
    assert short.isdisjoint(protocol.sites("id_test"))


def test_too_few_towers_leave_every_protocol_unsupported_with_a_reason() -> None:
    drawn, unsupported = draw_all(make_sites(["ENF"], ["D"], [True]))
    assert drawn == {}
    assert set(unsupported) == set(protocols.rules())
    assert all("tower" in reason or "column" in reason for reason in unsupported.values())


def test_a_protocol_survives_json_and_a_changed_list_is_noticed() -> None:
    protocol = draw_all(network_like())[0]["veg_holdout"]
    entry = protocol.to_json()
    assert Protocol.from_json(entry) == protocol
    moved = {**entry, "splits": {**entry["splits"], "train": entry["splits"]["train"][1:]}}
    with pytest.raises(ProtocolError, match="lists were changed"):
        Protocol.from_json(moved)


@pytest.mark.parametrize("damage", [{"splits": []}, {"rule": None, "colour": 1}, {"digest": "0"}])
def test_a_malformed_entry_is_refused(damage: dict) -> None:
    entry = draw_all(network_like())[0]["veg_holdout"].to_json()
    with pytest.raises(ProtocolError, match="Build the folder again"):
        Protocol.from_json({**entry, **damage})


def test_an_entry_of_a_folder_without_families_and_row_rules_still_reads() -> None:
    protocol = draw_all(network_like())[0]["veg_holdout"]
    entry = {k: v for k, v in protocol.to_json().items() if k not in ("family", "rows")}
    assert Protocol.from_json(entry) == protocol


def test_rules_whose_columns_are_missing_say_so_and_leave_the_others_alone() -> None:
    drawn, unsupported = draw_all(network_like())
    assert "veg_holdout" in drawn
    assert unsupported["spatial_blocks"] == "the sites table has no column latitude and longitude"
    assert unsupported["unseen_continent"] == "the sites table has no column latitude and longitude"
    assert "mean_temperature_era5_land and mean_temperature_tower" in unsupported["warm_shift"]


def test_families_list_their_folds() -> None:
    drawn = draw_all(placed())[0]
    found = families(drawn)
    assert found["spatial_blocks_50km"] == [f"spatial_blocks_50km_{fold}" for fold in range(1, 6)]
    assert set(found["unseen_climate"]) == {f"unseen_climate_{climate}" for climate in "ABCD"}
    single = {name for name, protocol in drawn.items() if not protocol.family}
    assert single | {fold for folds in found.values() for fold in folds} == set(drawn)
    assert single == {
        *("climate_holdout", "published_climate", "published_veg", "random_days"),
        *("temporal_holdout", "veg_holdout", "warm_shift"),
    }


def test_all_protocols_of_767_towers_are_drawn_within_ten_seconds(shared_data: Path) -> None:
    sites = catalogue_sites(shared_data, 767)
    assert len(sites) == 767
    draw_all(sites[:50])  # imports are not timed
    started = time.perf_counter()
    drawn, _ = draw_all(sites)
    assert time.perf_counter() - started < 10
    assert {protocol.rule for protocol in drawn.values()} == set(protocols.rules())


def test_all_protocols_of_the_real_towers_are_drawn(shared_data: Path) -> None:
    drawn, unsupported = draw_all(real_sites(shared_data))
    assert {protocol.rule for protocol in drawn.values()} == set(protocols.rules())
    # 12 vegetation classes, of which CSH, SAV and SNO have 2, 3 and 1 towers; 4 polar towers; 4 African ones
    assert set(unsupported) == {
        *("unseen_veg_CSH", "unseen_veg_SAV", "unseen_veg_SNO"),
        *("unseen_climate_E", "unseen_continent_Africa"),
    }


def test_part_files_can_be_read_back() -> None:
    assert part_of(part_file("US-Ha1", "late")) == ("US-Ha1", "late")


def test_every_rule_says_what_it_measures() -> None:
    for name, module in protocols.rules().items():
        assert len(module.TEXT) > 40, name
