"""Few-shot: the same days are scored for every number of support days, and none of them was given."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from carbonbench_core import predictions
from carbonbench_core.errors import ProtocolError, UsageError
from carbonbench_core.protocols import SUPPORT_DAYS, derive, draw_all, few_shot, masked, part_of, row_mask
from carbonbench_core.protocols._few_shot import FIRST_DAY, SKIP_DAYS
from tests.protocols.tables import network_like, placed

FROZEN = draw_all(placed())[0]
DATES = np.datetime64("2003-03-05") + np.arange(900)
FIRST = {"XX-001": "2003-03-05"}


def seen(k: int, split: str, first: dict | None = None) -> np.ndarray:
    protocol = few_shot(FROZEN["veg_holdout"], k)
    return row_mask(protocol.rows, split, ["XX-001"] * len(DATES), DATES, first or FIRST)


def test_the_scored_days_are_the_same_for_every_k_and_start_after_the_longest_support() -> None:
    indices = [seen(k, "test") for k in SUPPORT_DAYS]
    assert all((index == indices[0]).all() for index in indices)
    assert np.flatnonzero(indices[0])[0] == 365 + 30


@pytest.mark.parametrize("k", SUPPORT_DAYS)
def test_the_support_is_the_first_k_days_of_the_record(k: int) -> None:
    assert np.flatnonzero(seen(k, "support")).tolist() == list(range(k))
    assert not (seen(k, "support") & seen(k, "test")).any()


@pytest.mark.parametrize("split", ["train", "validation", "id_test"])
def test_other_splits_are_as_they_were(split: str) -> None:
    assert seen(30, split).all()
    assert few_shot(FROZEN["veg_holdout"], 30).splits[split] == FROZEN["veg_holdout"].splits[split]


def test_days_before_the_first_satellite_day_neither_count_nor_show() -> None:
    dates = np.datetime64("2000-02-20") + np.arange(500)
    rows = few_shot(FROZEN["veg_holdout"], 7).rows
    support = row_mask(rows, "support", ["A"] * 500, dates, {"A": "1996-01-01"})
    assert dates[support].tolist() == (np.datetime64("2000-02-24") + np.arange(7)).tolist()
    test = row_mask(rows, "test", ["A"] * 500, dates, {"A": "1996-01-01"})
    assert dates[test][0] == np.datetime64("2000-02-24") + 395


def test_its_constants_are_those_of_the_evaluation_index() -> None:
    assert predictions.FIRST_DAY.isoformat() == FIRST_DAY
    assert SKIP_DAYS == 365 + predictions.WARM_UP_DAYS


def test_the_support_table_holds_the_given_days_alone_and_the_test_table_all_of_them() -> None:
    table = pa.table({"site_id": ["XX-001"] * len(DATES), "date": DATES, "nee": np.ones(len(DATES))})
    rows = few_shot(FROZEN["veg_holdout"], 30).rows
    support = masked(table, rows, "support", FIRST)
    assert support["date"].to_numpy().tolist() == DATES[:30].tolist()
    test = masked(table, rows, "test", FIRST)
    assert test.num_rows == len(DATES)
    assert test["nee"].null_count == 395
    assert masked(table, rows, "train", FIRST) is table


def test_a_tower_whose_first_day_is_unknown_is_refused() -> None:
    with pytest.raises(ProtocolError, match="first day of XX-001 is not known"):
        seen(30, "test", {"XX-002": "2001-01-01"})


def test_support_files_are_the_early_parts_of_the_test_towers() -> None:
    protocol = derive("veg_holdout_few_30", FROZEN)
    assert protocol.sites("support") == FROZEN["veg_holdout"].sites("test")
    assert {part_of(file)[1] for file in protocol.splits["support"]} == {"early"}


def test_without_support_days_there_is_no_support_split_and_the_text_says_what_its_score_is_not() -> None:
    protocol = derive("veg_holdout_few_0", FROZEN)
    assert "support" not in protocol.splits
    assert "no score of this protocol, that of 0 days included, is a score of veg_holdout" in protocol.text


def test_every_k_has_a_digest_of_its_own_and_the_base_keeps_its() -> None:
    before = FROZEN["veg_holdout"].digest
    digests = {derive(f"veg_holdout_few_{k}", FROZEN).digest for k in SUPPORT_DAYS}
    assert len(digests | {before}) == len(SUPPORT_DAYS) + 1
    assert FROZEN["veg_holdout"].digest == before


def test_a_frozen_name_is_the_frozen_protocol() -> None:
    assert derive("veg_holdout", FROZEN) is FROZEN["veg_holdout"]


def test_folds_stay_folds_of_a_family() -> None:
    protocol = derive("unseen_veg_EBF_few_90", FROZEN)
    assert protocol.family == "unseen_veg_few_90"
    assert derive("veg_holdout_few_90", FROZEN).family == ""


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("veg_holdout_few_31", "Got 31 days of support, expected one of 0, 7, 30, 90, 365"),
        ("veg_holdot_few_30", "Unknown protocol 'veg_holdot'. Did you mean 'veg_holdout'"),
        ("veg_holdout_few", "Unknown protocol 'veg_holdout_few'. Did you mean 'veg_holdout'"),
        ("veg_holdout_few_30_few_7", "Unknown protocol 'veg_holdout_few_30'"),
    ],
)
def test_an_unknown_name_is_an_error_that_lists_what_there_is(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        derive(name, FROZEN)


def test_only_site_holdouts_are_offered_as_a_base() -> None:
    with pytest.raises(UsageError) as caught:
        derive("nothing_few_30", FROZEN)
    offered = str(caught.value).partition("Available: ")[2]
    assert "veg_holdout" in offered
    assert "random_days" not in offered
    assert "temporal_holdout" not in offered


@pytest.mark.parametrize("name", ["random_days", "temporal_holdout"])
def test_protocols_that_test_known_towers_are_refused(name: str) -> None:
    with pytest.raises(ProtocolError, match="tests towers that it trains on"):
        few_shot(FROZEN[name], 30)


def test_a_few_shot_protocol_is_no_base_of_another() -> None:
    with pytest.raises(ProtocolError, match="tests towers that it trains on"):
        few_shot(replace(few_shot(FROZEN["veg_holdout"], 7)), 30)


def test_every_site_holdout_has_few_shot_forms() -> None:
    drawn = draw_all(network_like())[0]
    for name in set(drawn) - {"random_days", "temporal_holdout"}:
        assert derive(f"{name}_few_365", drawn).rows["support_days"] == 365
