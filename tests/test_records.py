"""Merging records: whole years from one of them, whatever they hold, and every row accounted for."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from carbonbench_core.archives import Entry, Record
from carbonbench_core.harmonise import harmonise
from carbonbench_core.records import SUPERSEDED, choose_years, merge
from carbonbench_core.towers import resolve


def record(name: str, first: str, days: int, missing: np.ndarray | None = None, **columns: float) -> Record:
    dates = np.datetime64(first) + np.arange(days)
    nee = np.full(days, float(len(name)))
    nee[missing if missing is not None else []] = np.nan
    table = {"date": pa.array(dates), "nee": pa.array(nee, from_pandas=True), "nee_qc": pa.array(np.ones(days))}
    table |= {column: pa.array(np.full(days, value, np.float32)) for column, value in columns.items()}
    entry = Entry("table", Path(f"{name}.csv"), "", "XX-One", name, f"product {name}")
    return Record(entry, pa.table(table), "VUT_REF", citation=f"cite {name}", licence="CC-BY-4.0")


def test_a_year_of_fewer_than_half_the_days_of_another_record_is_not_taken_first() -> None:
    whole = record("b", "2005-01-01", 365)
    assert choose_years([record("a", "2005-07-03", 182).table, whole.table]) == {2005: 1}  # 182 < 365 / 2
    assert choose_years([record("a", "2005-07-02", 183).table, whole.table]) == {2005: 0}


def test_days_without_nee_do_not_count_for_a_year() -> None:
    empty = record("a", "2005-01-01", 365, missing=np.arange(365))
    assert choose_years([empty.table, record("b", "2005-01-01", 10).table]) == {2005: 1}
    assert choose_years([empty.table, empty.table]) == {2005: 0}


def test_features_of_the_place_come_from_another_record_and_the_towers_own_meteorology_does_not() -> None:
    newer = record("a", "2005-01-01", 365)
    older = record("bb", "2004-12-31", 300, temperature_2m=280.0, TA_F=7.0, P_F=1.0)
    merged = merge([newer, older])
    rows = {row["date"].isoformat(): row for row in merged.table.to_pylist()}
    # 2004 is the older record's own: with everything. Of 2005 the newer has all days, the older 299 of them.
    assert (rows["2004-12-31"]["network"], rows["2004-12-31"]["TA_F"]) == ("bb", 7.0)
    assert (rows["2005-01-01"]["network"], rows["2005-01-01"]["nee"]) == ("a", 1.0)
    assert (rows["2005-01-01"]["temperature_2m"], rows["2005-01-01"]["TA_F"]) == (280.0, None)
    assert rows["2005-12-31"]["temperature_2m"] is None
    assert "1 features of the days of product a are of product bb" in merged.notes
    assert merged.dropped == Counter({SUPERSEDED: 299})
    assert merged.owed == [("cite a", "CC-BY-4.0"), ("cite bb", "CC-BY-4.0")]


def test_a_record_of_which_only_features_are_used_is_owed_a_citation_and_one_of_which_nothing_is_used_is_not() -> None:
    newer = record("a", "2005-01-01", 365)
    features, nothing = (
        record("bb", "2005-01-01", 300, temperature_2m=280.0),
        record("ccc", "2005-01-01", 300, TA_F=7.0),
    )
    assert [who for who, _ in merge([newer, features, nothing]).owed] == ["cite a", "cite bb"]


def test_days_masked_in_a_record_that_is_used_in_part_are_said_so() -> None:
    newer, older = record("a", "2005-01-01", 365), record("bb", "2004-12-31", 300)
    older.masked = Counter({"marked suspect": 4})
    assert list(merge([newer, older]).masked) == ["marked suspect (in records of which only some years are used)"]


_records = st.lists(st.tuples(st.integers(0, 1500), st.integers(1, 900), st.integers(0, 900)), min_size=2, max_size=4)


@given(_records)
def test_no_row_is_lost_and_no_year_is_mixed(told: list[tuple[int, int, int]]) -> None:
    records = []
    for i, (start, days, gap) in enumerate(told):
        first = str(np.datetime64("2001-03-01") + start)
        records.append(record("abcd"[i] * (i + 1), first, days, missing=np.arange(min(gap, days))))
    merged = merge(records)
    out = harmonise(merged, resolve(merged, None))
    counts = out.counts
    assert counts["rows_read"] == sum(r.table.num_rows for r in records)
    assert counts["rows_read"] == counts["rows_written"] - counts["inserted_days"] + counts["dropped"]
    dates = out.table["date"].to_numpy().astype("datetime64[D]")
    held = np.isin(dates, np.concatenate([r.table["date"].to_numpy().astype("datetime64[D]") for r in records]))
    years = dates.astype("datetime64[Y]").astype(int)
    networks = np.array(out.table["network"].to_pylist())
    assert not any(name is None for name in networks)
    kept = [r for r in merged.years if r["years"]]
    assert (
        sum(r["rows"] for r in kept) + counts[f"dropped: {SUPERSEDED}"] == counts["rows_read"]
        if (f"dropped: {SUPERSEDED}" in counts)
        else sum(r["rows"] for r in kept) == counts["rows_read"]
    )
    taken = merged.table["date"].to_numpy().astype("datetime64[D]")
    for year in np.unique(years[np.isin(dates, taken)]):
        assert len(set(networks[np.isin(dates, taken) & (years == year)])) == 1
    assert held.sum() >= merged.table.num_rows
