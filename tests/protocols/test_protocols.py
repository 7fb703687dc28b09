"""Protocols: laws that hold for every rule, and the published rule against the calls it is made of."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from carbonbench_core import protocols
from carbonbench_core.errors import ProtocolError
from carbonbench_core.protocols import Protocol, draw_all, part_file, part_of
from carbonbench_core.schema import KOPPEN_MAIN


def make_sites(igbp: list[str | None], koppen_main: list[str | None], has_late: list[bool]) -> pd.DataFrame:
    ids = [f"XX-{i:03d}" for i in range(len(igbp))]
    return pd.DataFrame({"site_id": ids, "igbp": igbp, "koppen_main": koppen_main, "has_late": has_late})


@st.composite
def sites_tables(draw: st.DrawFn) -> pd.DataFrame:
    n = draw(st.integers(20, 120))
    classes = st.sampled_from(["ENF", "GRA", "DBF", "WSA", None])
    climates = st.sampled_from([*list(KOPPEN_MAIN)[:3], None])
    return make_sites(
        draw(st.lists(classes, min_size=n, max_size=n)),
        draw(st.lists(climates, min_size=n, max_size=n)),
        draw(st.lists(st.booleans(), min_size=n, max_size=n)),
    )


def network_like(n: int = 170) -> pd.DataFrame:
    """Return towers with the class frequencies of a real network: common, rare and single classes."""
    frequent = ["ENF"] * 42 + ["GRA"] * 29 + ["DBF"] * 22 + ["CRO"] * 18 + ["WET"] * 16 + ["EBF"] * 12 + ["OSH"] * 11
    igbp = frequent + ["MF"] * 8 + ["WSA"] * 6 + ["SAV"] * 3 + ["CSH"] * 2 + ["SNO"]
    climates = ["D"] * 76 + ["C"] * 64 + ["B"] * 16 + ["A"] * 10 + ["E"] * 4
    return make_sites(igbp, climates, [i % 5 > 0 for i in range(n)])


@given(sites_tables())
def test_no_shard_stands_in_two_splits_of_any_protocol(sites: pd.DataFrame) -> None:
    for protocol in draw_all(sites)[0].values():
        files = [file for split in protocol.splits.values() for file in split]
        assert len(files) == len(set(files))


@given(sites_tables())
def test_no_test_tower_is_known_from_training_or_validation(sites: pd.DataFrame) -> None:
    for protocol in draw_all(sites)[0].values():
        test = set(protocol.sites("test"))
        assert test.isdisjoint(protocol.sites("train"))
        assert test.isdisjoint(protocol.sites("validation"))


@given(sites_tables())
def test_our_rules_validate_on_towers_of_their_own(sites: pd.DataFrame) -> None:
    drawn = draw_all(sites)[0]
    for name in {"veg_holdout", "climate_holdout"} & set(drawn):
        assert set(drawn[name].sites("validation")).isdisjoint(drawn[name].sites("train"))
        assert set(drawn[name].sites("id_test")) <= set(drawn[name].sites("train"))


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
    assert draw_all(sites.iloc[order][names])[0] == draw_all(sites)[0]


def test_the_same_seed_gives_the_same_lists_and_another_seed_gives_others() -> None:
    sites = network_like()
    first, again, other = (draw_all(sites, seed=seed)[0]["veg_holdout"] for seed in (1, 1, 2))
    assert first == again
    assert first.sites("test") != other.sites("test")


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


def test_published_veg_is_the_published_rule() -> None:
    sites = network_like()
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


def test_published_climate_is_the_published_rule() -> None:
    sites = network_like()
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
    assert all("tower" in reason for reason in unsupported.values())


def test_a_protocol_survives_json_and_a_changed_list_is_noticed() -> None:
    protocol = draw_all(network_like())[0]["veg_holdout"]
    entry = protocol.to_json()
    assert Protocol.from_json(entry) == protocol
    moved = {**entry, "splits": {**entry["splits"], "train": entry["splits"]["train"][1:]}}
    with pytest.raises(ProtocolError, match="lists were changed"):
        Protocol.from_json(moved)


def test_part_files_can_be_read_back() -> None:
    assert part_of(part_file("US-Ha1", "late")) == ("US-Ha1", "late")


def test_every_rule_says_what_it_measures() -> None:
    for name, module in protocols.rules().items():
        assert len(module.TEXT) > 40, name
