"""Which ids are one tower: only with evidence, and what lacks it is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonbench_core.catalogue import read_towers
from carbonbench_core.identity import Pair, Site, by_place, common_series, groups, one_id
from carbonbench_core.survey import describe, survey

# 0.0005 degrees of latitude are 56 m, 0.0027 are 300 m.
HERE = Site("XX-One", "Scott Farm", frozenset({"TERN"}), 50.0, 10.0, "GRA")
THERE = Site("XX-Two", "scott farm", frozenset({"OzFlux"}), 50.0005, 10.0, "GRA")


def test_one_name_within_100_m_of_two_networks_is_one_tower() -> None:
    (pair,), near = by_place([HERE, THERE])
    assert (pair.a, pair.b, round(pair.km, 3), near) == ("XX-One", "XX-Two", 0.056, [])


NOT_ENOUGH = {
    "another name": ({"name": "Scott Hill"}, "other names"),
    "no name": ({"name": None}, "a name is not known"),
    "another class": ({"igbp": "ENF"}, "IGBP GRA and ENF"),
    "one network has both": ({"networks": frozenset({"TERN", "B"})}, "TERN has both"),
    "300 m apart": ({"latitude": 50.0027}, "more than 100 m apart"),
}


@pytest.mark.parametrize("case", NOT_ENOUGH)
def test_when_a_piece_of_evidence_is_missing_then_the_pair_is_a_near_miss(case: str) -> None:
    change, why = NOT_ENOUGH[case]
    same, (near,) = by_place([HERE, replace(THERE, **change)])
    assert (same, near.why) == ([], why)


def test_other_names_beyond_100_m_and_places_beyond_1_km_are_not_even_near_misses() -> None:
    assert by_place([HERE, replace(THERE, name="Hill", latitude=50.0027)]) == ([], [])
    assert by_place([HERE, replace(THERE, latitude=50.01)]) == ([], [])
    assert by_place([HERE, replace(THERE, latitude=None)]) == ([], [])


@pytest.mark.parametrize(
    ("common", "same"),
    [
        ((60, 0.99, 0.08), True),
        ((59, 1.0, 0.0), False),  # too few common days
        ((5000, 0.93, 0.05), False),  # the best of two different towers
        ((5000, 0.995, 0.2), False),  # both rise over the years
    ],
)
def test_one_series_is_one_tower_whatever_the_names_say(common: tuple[int, float, float], same: bool) -> None:
    far = replace(THERE, name="Hill", igbp="ENF", latitude=50.0027)
    assert bool(by_place([HERE, far], lambda a, b: common)[0]) is same


def test_one_name_is_not_enough_where_common_days_speak_against_it() -> None:
    same, (near,) = by_place([HERE, THERE], lambda a, b: (365, 0.85, 0.3))
    assert (same, near.why) == ([], "NEE correlates by 0.850 over 365 common days")


def test_a_tower_that_would_join_two_of_one_network_joins_neither() -> None:
    third = replace(HERE, site_id="XX-Sub", latitude=50.0001)  # of TERN, as XX-One is
    same, near = by_place([HERE, THERE, third])
    assert same == []
    assert sum("but so for two sites of one network" in pair.why for pair in near) == 2


def test_ids_are_one_by_letter_case_and_by_the_list_of_renamed_sites() -> None:
    pairs = one_id(["US-xBR", "US-XBR", "DK-ZaH", "GL-ZaH", "DE-Hai"])
    assert [(p.a, p.b, p.why) for p in pairs] == [
        ("US-XBR", "US-xBR", "differ in letter case alone"),
        ("GL-ZaH", "DK-ZaH", "renamed site"),
    ]


def test_pairs_are_joined_over_what_they_share() -> None:
    pairs = [Pair("a", "b", 0, ""), Pair("d", "c", 0, ""), Pair("b", "c", 0, "")]
    assert groups(pairs, ["e"]) == [["a", "b", "c", "d"], ["e"]]


@given(st.permutations([HERE, THERE, replace(HERE, site_id="XX-Far", latitude=51.0), replace(THERE, site_id="YY-A")]))
def test_the_order_of_sites_does_not_matter(sites: list[Site]) -> None:
    assert by_place(sites) == by_place(sorted(sites, key=lambda s: s.site_id))


def test_common_series_compares_the_days_that_both_have() -> None:
    days = np.arange(np.datetime64("2005-01-01"), np.datetime64("2005-01-11"))
    values = np.arange(10.0)
    gaps = np.where(values == 3, np.nan, values)
    # Days 2 to 9 but for the gap: seven of the values 2, 4, ..., 9, once shifted by 1 of their standard deviation 2.37.
    n, correlation, apart = common_series((days[:10], gaps), (days[2:], values[2:] + 1))
    assert (n, round(correlation, 6)) == (7, 1.0)
    x = np.array([2, 4, 5, 6, 7, 8, 9.0])
    assert apart == pytest.approx(1 / np.r_[x, x + 1].std())
    assert common_series((days[:1], values[:1]), (days, values))[0] == 1
    assert np.isnan(common_series((days, values * 0), (days, values))[1])


SNAPSHOT = "data_hub,site_id,site_name,location_lat,location_long,igbp,network\n"


def test_a_site_under_two_hubs_is_one_tower_with_its_conflicts(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.csv"
    path.write_text(
        SNAPSHOT + "AmeriFlux,XX-One,First,42.5,-72.2,DBF,AmeriFlux;Phenocam\nICOS,XX-One,,42.6,-72.2,ENF,AmeriFlux\n"
    )
    entry = read_towers(path)["XX-One"]
    assert (entry["latitude"], entry["igbp"], entry["name"]) == (42.5, "DBF", "First")
    assert (entry["network"], entry["hub"]) == ("AmeriFlux;Phenocam", "AmeriFlux;ICOS")
    one, two = "snapshot.csv (AmeriFlux)", "snapshot.csv (ICOS)"
    assert entry["conflicts"] == [
        {"field": "igbp", "values": {one: "DBF", two: "ENF"}, "used": one},
        # 0.1 degree of latitude is 11.1 km
        {"field": "coordinates", "values": {one: "42.5, -72.2", two: "42.6, -72.2"}, "used": one, "km": 11.1},
    ]
    found = survey(read_towers(path))
    assert (found["ids"], found["towers"], list(found["conflicts"])) == (1, 1, ["XX-One"])


def test_the_shared_catalogue_has_the_identities_and_neighbours_that_were_looked_at(shared_data: Path) -> None:
    found = survey(read_towers(shared_data / "towers.csv"))
    assert (found["ids"], found["towers"]) == (1971, 1737)
    same = {(p["a"], p["b"]) for p in found["same"]}
    # 228 ids of the 1,971 are another one in capitals; Zackenberg stands under Denmark's code, too.
    assert sum(a.casefold() == b.casefold() for a, b in same) == 228
    assert {("GL-ZaH", "DK-ZaH"), ("JP-TKY", "JP-Tak"), ("NZ-ScF", "NZ-Sco")} <= same
    # Towers of one place, class and time that their networks know as two.
    two = [("CH-Rh1", "CH-Rh2"), ("IE-CaC", "IE-CaN"), ("SE-HfM", "SE-Hmr"), ("US-Wrc", "US-xWR"), ("CA-CF1", "CA-CF2")]
    assert not same & set(two)
    assert set(two) <= {(p["a"], p["b"]) for p in found["near"]}
    assert "one tower under two ids: 234, of which 228 differ in letter case alone" in describe(found)
