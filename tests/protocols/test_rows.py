"""Row rules: every row is seen by one split, and only by that."""

from __future__ import annotations

import datetime
import hashlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonbench_core import schema
from carbonbench_core.errors import ProtocolError
from carbonbench_core.protocols import draw_all, masked, row_mask
from carbonbench_core.protocols.random_days import SHARES
from tests.protocols.tables import network_like

RULE = {"seed": 2024, "shares": SHARES}
SPLITS = tuple(SHARES)
site_days = st.lists(
    st.tuples(st.sampled_from(["US-Ha1", "DE-Hai", "X"]), st.dates(datetime.date(1991, 1, 1))), min_size=1, max_size=60
)


def table(days: int = 400, start: str = "2001-01-01") -> pa.Table:
    dates = pa.array(np.datetime64(start) + np.arange(days))
    numbers = pa.array(np.arange(days, dtype=float))
    return pa.table(
        {
            "site_id": pa.array(["US-Ha1"] * days),
            "date": dates,
            "igbp": pa.array(["DBF"] * days),
            **dict.fromkeys(schema.TARGETS, numbers),
            "nee_qc": numbers,
            "gpp_dt": numbers,
            "gpp_true": numbers,
            "TA_F": numbers.cast(pa.float32()),
        }
    )


@given(site_days)
def test_every_row_is_seen_by_exactly_one_split(rows: list) -> None:
    sites, dates = zip(*rows, strict=True)
    seen = sum(row_mask(RULE, split, sites, dates).astype(int) for split in SPLITS)
    assert (seen == 1).all()


@given(site_days, st.randoms())
def test_what_stands_beside_a_row_does_not_matter(rows: list, random: object) -> None:
    def test_rows(rows: list) -> set:
        mask = row_mask(RULE, "test", *zip(*rows, strict=True))
        return {row for row, seen in zip(rows, mask, strict=True) if seen}

    shuffled = [*rows, ("Other", datetime.date(2000, 1, 1))]
    random.shuffle(shuffled)
    assert test_rows(rows) == {row for row in test_rows(shuffled) if row[0] != "Other"}


def test_shares_are_a_fifth_and_a_fifth_of_the_others() -> None:
    dates = np.datetime64("1991-01-01") + np.arange(12_000)
    for site in ("US-Ha1", "DE-Hai"):
        shares = [row_mask(RULE, split, [site] * len(dates), dates).mean() for split in SPLITS]
        # Binomial: a standard deviation of sqrt(0.2 x 0.8 / 12000) = 0.0037; four of them.
        assert shares == pytest.approx([0.2, 0.16, 0.64], abs=0.015)


def test_neighbouring_days_are_drawn_independently() -> None:
    dates = np.datetime64("1991-01-01") + np.arange(12_000)
    seen = row_mask(RULE, "test", ["US-Ha1"] * len(dates), dates)
    # after a test day as after any other, a fifth: 2,400 days, a standard deviation of 0.0082
    assert seen[1:][seen[:-1]].mean() == pytest.approx(0.2, abs=0.033)


def test_the_hash_is_splitmix64_started_from_seed_and_site() -> None:
    def expected(site: str, day: int) -> float:
        start = int.from_bytes(hashlib.sha256(f"2024/{site}".encode()).digest()[:8], "big")
        z = (start + day * 0x9E3779B97F4A7C15) % 2**64
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        z ^= z >> 31
        return (z >> 11) / 2**53

    day0 = np.datetime64("1970-01-01")
    for day in (0, 1, 11_000, 20_000):
        u = expected("US-Ha1", day)
        here = {"seed": 2024, "shares": {"test": [u, np.nextafter(u, 1)]}}
        assert row_mask(here, "test", ["US-Ha1"], [day0 + day]).all()


def test_dates_may_come_in_any_type() -> None:
    t = table()
    expected = row_mask(RULE, "test", t["site_id"], t["date"])
    frame = t.to_pandas()
    for dates in (frame["date"], frame["date"].astype("datetime64[ns]"), frame["date"].to_numpy().astype(str)):
        np.testing.assert_array_equal(row_mask(RULE, "test", frame["site_id"], dates), expected)


def test_another_seed_draws_other_days() -> None:
    t = table()
    one, other = (row_mask({**RULE, "seed": seed}, "test", t["site_id"], t["date"]) for seed in (1, 2))
    assert (one != other).any()


def test_a_hidden_row_keeps_its_features_and_loses_targets_quality_uncertainty_and_truth() -> None:
    t = table()
    seen = row_mask(RULE, "test", t["site_id"], t["date"])
    out = masked(t, RULE, "test")
    assert out.schema == t.schema
    for name in ("site_id", "date", "igbp", "TA_F"):
        assert out[name].equals(t[name])
    for name in (*schema.TARGETS, "nee_qc", "gpp_dt", "gpp_true"):
        np.testing.assert_array_equal(out[name].is_valid().to_numpy(), seen)
        assert out[name].drop_null().equals(t[name].filter(pa.array(seen)))


def test_targets_seen_by_one_split_are_null_in_the_others() -> None:
    t = table()
    valid = [masked(t, RULE, split)["nee"].is_valid().to_numpy() for split in SPLITS]
    assert (np.sum(valid, axis=0) == 1).all()


def test_no_rule_hides_nothing() -> None:
    t = table()
    assert row_mask({}, "test", t["site_id"], t["date"]).all()
    assert masked(t, {}, "test") is t


@pytest.mark.parametrize("rows", [{"seed": 1}, {"support_days": 7}, {"colour": "red"}])
def test_a_rule_of_another_version_is_refused(rows: dict) -> None:
    with pytest.raises(ProtocolError, match="not known to this version"):
        row_mask(rows, "test", ["A"], ["2001-01-01"])


def test_a_split_that_the_rule_does_not_have_is_refused() -> None:
    with pytest.raises(ProtocolError, match=r"no split 'id_test'\. Available: test, validation, train"):
        row_mask(RULE, "id_test", ["A"], ["2001-01-01"])


def test_random_days_puts_every_part_into_every_split() -> None:
    protocol = draw_all(network_like())[0]["random_days"]
    assert protocol.rows == RULE
    assert protocol.splits["train"] == protocol.splits["validation"] == protocol.splits["test"]
    assert len(protocol.splits["train"]) == 170 + 136
