"""Harmonised records: a continuous calendar, every row written or counted, and parts cut by the calendar."""

from __future__ import annotations

import math
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonbench_core import archives, schema
from carbonbench_core.archives import Entry, Record
from carbonbench_core.catalogue import read_towers
from carbonbench_core.errors import ArchiveError
from carbonbench_core.harmonise import TowerDays, harmonise, late_start, split_parts
from carbonbench_core.towers import Tower, resolve

TOWER = Tower("XX-One", "MyNet", latitude=10.5, longitude=-20.25, igbp="DBF", koppen_main="D", koppen="Dfb")


def record(
    dates: list[date], *, masked: Counter | None = None, dropped: Counter | None = None, **columns: list
) -> Record:
    told = {"gpp": [1.0] * len(dates), "reco": [2.0] * len(dates), "nee": [1.0] * len(dates)}
    told |= {"nee_qc": [1.0] * len(dates), "TA_F": [10.0] * len(dates)} | columns
    table = pa.table({"date": pa.array(dates, pa.date32())} | {n: pa.array(v) for n, v in told.items()})
    entry = Entry("table", Path("x.csv"), "", "XX-One", "MyNet", "mine")
    return Record(entry, table, "VUT_REF", masked=masked or Counter(), dropped=dropped or Counter())


def january(*days: int) -> list[date]:
    return [date(2003, 1, d) for d in days]


def test_a_record_comes_out_in_the_schemas_order_and_types_with_the_towers_constants() -> None:
    table = harmonise(record(january(1, 2)), TOWER).table
    assert table.schema.equals(schema.arrow_schema(tuple(table.column_names)), check_metadata=True)
    assert table.column_names == [n for n in schema.COLUMNS if n in table.column_names]
    assert table.slice(0, 1).to_pylist() == [
        {
            "site_id": "XX-One",
            "network": "MyNet",
            "date": date(2003, 1, 1),
            "latitude": 10.5,
            "longitude": -20.25,
            "igbp": "DBF",
            "koppen_main": "D",
            "koppen": "Dfb",
            "gpp": 1.0,
            "reco": 2.0,
            "nee": 1.0,
            "nee_qc": 1.0,
            "TA_F": 10.0,
        }
    ]


def test_missing_days_are_inserted_with_nulls_and_constants() -> None:
    out = harmonise(record(january(5, 1), nee=[5.0, 1.0]), TOWER)
    assert out.table["date"].to_pylist() == january(1, 2, 3, 4, 5)
    assert out.table["nee"].to_pylist() == [1.0, None, None, None, 5.0]
    assert out.table["TA_F"].null_count == 3
    assert out.table["site_id"].to_pylist() == ["XX-One"] * 5
    assert (out.counts["rows_read"], out.counts["inserted_days"], out.counts["rows_written"]) == (2, 3, 5)
    assert out.counts["nee_missing"] == 3


def test_columns_a_record_lacks_are_null() -> None:
    days = record(january(1, 2))
    days.table = days.table.select(["date", "nee"])
    out = harmonise(days, Tower("XX-One", "MyNet"))
    assert [out.table[n].null_count for n in ("gpp", "reco", "nee", "nee_qc", "igbp", "latitude")] == [2, 2, 0, 2, 2, 2]
    assert out.notes == [
        "no gpp on any day",
        "no reco on any day",
        "no nee_qc on any day: no day passes a quality threshold",
    ]


def test_what_is_no_number_or_no_share_is_null_and_counted() -> None:
    out = harmonise(
        record(
            january(1, 2, 3, 4),
            nee=[math.inf, math.nan, 1.0, 1.0],
            nee_qc=[-0.01, 1.01, 1.0, None],
            TA_F=[1.0, -math.inf, 1e300, 1.0],  # 1e300 is no float32
        ),
        TOWER,
    )
    assert out.table["nee"].to_pylist() == [None, None, 1.0, 1.0]
    assert out.table["nee_qc"].to_pylist() == [None, None, 1.0, None]
    assert out.table["TA_F"].to_pylist() == [1.0, None, None, 1.0]
    assert out.table["gpp"].null_count == 0  # a quality out of range leaves the targets alone
    assert (out.counts["not_finite"], out.counts["qc_out_of_range"]) == (3, 2)


def test_a_quality_in_per_cent_is_refused_with_its_remedy() -> None:
    # Of 6 values 1 % and 0.5 % would pass for shares, the first for a day measured whole.
    days = record(january(*range(1, 8)), nee_qc=[0.0, 0.5, 1.0, 50.0, 75.0, 100.0, None])
    with pytest.raises(ArchiveError, match=r"above 1 on 3 of 5 days, up to 100: it seems to be per cent.*by 100"):
        harmonise(days, TOWER)


@given(st.lists(st.floats(0.02, 1), min_size=1, max_size=40))
def test_shares_are_taken_and_the_same_in_per_cent_are_not(shares: list[float]) -> None:
    dates = [date(2003, 1, 1) + timedelta(days=i) for i in range(len(shares))]
    assert harmonise(record(dates, nee_qc=shares), TOWER).table["nee_qc"].to_pylist() == shares
    with pytest.raises(ArchiveError, match="0 to 1"):
        harmonise(record(dates, nee_qc=[100 * share for share in shares]), TOWER)


def test_classes_and_counts_are_no_share_either() -> None:
    with pytest.raises(ArchiveError, match="a class of 0 to 3"):
        harmonise(record(january(1, 2, 3), nee_qc=[0.0, 2.0, 3.0]), TOWER)
    with pytest.raises(ArchiveError, match="up to 1000: it seems to be no share"):
        harmonise(record(january(1, 2, 3), nee_qc=[0.0, 480.0, 1000.0]), TOWER)


def test_what_the_archive_masked_and_dropped_is_counted() -> None:
    days = record(january(1, 2), masked=Counter({"marked suspect": 1}), dropped=Counter({"no date": 3}))
    counts = harmonise(days, TOWER).counts
    assert counts["masked: marked suspect"] == 1
    assert (counts["rows_read"], counts["dropped"], counts["dropped: no date"], counts["rows_written"]) == (5, 3, 3, 2)


def test_when_no_day_has_a_target_then_the_tower_is_written_with_a_note() -> None:
    empty = pa.array([None, None], pa.float64())
    out = harmonise(record(january(1, 2), gpp=empty, reco=empty, nee=empty), TOWER)
    assert out.table.num_rows == 2
    assert out.notes == ["no valid target on any day: it can only be predicted for"]


def test_a_gap_of_years_is_filled_and_noted() -> None:
    out = harmonise(record([date(2003, 1, 1), date(2006, 1, 1)]), TOWER)
    # 2003 and 2005 have 365 days and 2004 has 366: 1,096 steps, so 1,095 days between.
    assert out.counts["inserted_days"] == 1095
    assert out.notes == ["1,095 days inserted in one gap after 2003-01-01"]


@pytest.mark.parametrize("broken", [date(1900, 1, 1), date(2999, 1, 1)])
def test_when_a_date_is_decades_away_then_the_record_is_refused(broken: date) -> None:
    with pytest.raises(ArchiveError, match=f"x.csv: .*{broken}.*30 years"):
        harmonise(record([date(2003, 1, 1), broken, date(2003, 1, 2)]), TOWER)


def test_when_a_date_stands_twice_then_the_record_is_refused() -> None:
    with pytest.raises(ArchiveError, match="2003-01-02 stands twice"):
        harmonise(record(january(2, 1, 2)), TOWER)


@pytest.mark.parametrize(("dates", "words"), [([], "all days lack"), ([None, date(2003, 1, 1)], "1 days lack")])
def test_when_days_lack_a_date_then_the_record_is_refused(dates: list, words: str) -> None:
    with pytest.raises(ArchiveError, match=words):
        harmonise(record(dates), TOWER)


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("2003-06-01", "2004-12-31", None),  # 2 calendar years: no late part
        ("2003-12-31", "2005-01-01", date(2005, 1, 1)),  # 3 years: max(1, round(0.6)) = 1
        ("2001-01-01", "2007-12-31", date(2007, 1, 1)),  # 7 years: round(1.4) = 1
        ("2001-01-01", "2008-12-31", date(2007, 1, 1)),  # 8 years: round(1.6) = 2
        ("2001-01-01", "2010-12-31", date(2009, 1, 1)),  # 10 years: 2
        ("1996-01-01", "2014-12-31", date(2011, 1, 1)),  # 19 years: round(3.8) = 4
    ],
)
def test_the_late_part_is_the_last_fifth_of_the_calendar_years(first: str, last: str, expected: date | None) -> None:
    assert late_start(np.arange(first, np.datetime64(last) + 1, dtype="datetime64[D]")) == expected


_days = st.lists(st.dates(date(1995, 1, 1), date(2010, 12, 31)), min_size=1, max_size=40, unique=True)
_gaps = st.none() | st.just(math.nan) | st.just(math.inf)
_fluxes, _shares = st.floats(-100, 100) | _gaps, st.floats(-1, 1.01) | _gaps


@given(_days, st.data())
def test_laws_of_a_harmonised_record(dates: list[date], data: st.DataObject) -> None:
    columns = {
        name: pa.array(data.draw(st.lists(values, min_size=len(dates), max_size=len(dates))), pa.float64())
        for name, values in (("gpp", _fluxes), ("nee", _fluxes), ("nee_qc", _shares))
    }
    out = harmonise(record(dates, **columns), TOWER)
    written = out.table["date"].to_pylist()
    # The calendar is continuous from the first to the last day.
    assert written == [min(dates) + timedelta(days=i) for i in range((max(dates) - min(dates)).days + 1)]
    # Counts add up: every row is written, every written day was read or inserted, every value is there or missing.
    counts = out.counts
    assert counts["rows_read"] == len(dates)
    assert counts["rows_written"] == len(written) == counts["rows_read"] - counts["dropped"] + counts["inserted_days"]
    for name, values in columns.items():
        good = {d: v for d, v in zip(dates, values.to_pylist(), strict=True) if v is not None and math.isfinite(v)}
        if name == "nee_qc":
            good = {d: v for d, v in good.items() if 0 <= v <= 1}
        assert {d: v for d, v in zip(written, out.table[name].to_pylist(), strict=True) if v is not None} == good
        assert counts[f"{name}_missing"] == len(written) - len(good)
    # The order of rows does not matter.
    order = data.draw(st.permutations(range(len(dates))))
    moved = {name: values.take(pa.array(order)) for name, values in columns.items()}
    again = harmonise(record([dates[i] for i in order], **moved), TOWER)
    assert again.table.equals(out.table)
    assert again.counts == counts
    # Parts put together are the record, and the cut is at a new year.
    _check_parts(out)


def _check_parts(out: TowerDays) -> None:
    parts = split_parts(out)
    assert pa.concat_tables(parts.values()).equals(out.table)
    if out.late_start is None:
        assert list(parts) == ["early"]
    else:
        assert list(parts) == ["early", "late"]
        assert parts["late"]["date"][0].as_py() == out.late_start
        assert (out.late_start.month, out.late_start.day) == (1, 1)
        assert parts["early"].num_rows > 0


def test_the_shared_table_is_harmonised_with_every_row_counted(shared_data: Path) -> None:
    catalogue = read_towers(shared_data / "towers.csv")
    total: Counter = Counter()
    for entry in archives.scan([shared_data / "site_days.parquet"]).entries:
        days = archives.read(entry)
        out = harmonise(days, resolve(days, catalogue.get(entry.site_id)))
        _check_parts(out)
        total.update(out.counts)
    assert total["rows_read"] == 442_689
    assert total["masked: marked suspect"] == 639
    assert total["rows_written"] == 442_689 + total["inserted_days"]
    assert (total["dropped"], total["not_finite"], total["qc_out_of_range"]) == (0, 0, 0)
