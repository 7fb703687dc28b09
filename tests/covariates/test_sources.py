"""Sources of covariates: what every one of them must have, and how they join a tower's days."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from carbonbench_core import covariates, schema

DAYS = np.arange("2003-12-30", "2004-01-04", dtype="datetime64[D]")


def days(**columns: list) -> pa.Table:
    n = len(DAYS)
    told = {"date": pa.array(DAYS), "latitude": pa.array([50.0] * n, pa.float32())}
    told |= {"longitude": pa.array([10.0] * n, pa.float32())} | columns
    wanted = schema.arrow_schema(tuple(told))
    return pa.table({f.name: pa.array(told[f.name]).cast(f.type) for f in wanted}, schema=wanted)


@pytest.mark.parametrize("name", covariates.sources())
def test_a_source_says_what_it_provides_what_a_day_is_to_it_and_where_it_comes_from(name: str) -> None:
    module = covariates.sources()[name]
    assert any(c.source == module.SOURCE for c in schema.COLUMNS.values())
    assert hasattr(module, "place") or module.DAY in ("local", "UTC")
    assert module.CITATION
    assert module.__doc__


@pytest.mark.parametrize("name", [n for n, m in covariates.sources().items() if hasattr(m, "compute")])
def test_what_a_source_computes_are_its_own_columns_one_value_per_day(name: str) -> None:
    module = covariates.sources()[name]
    columns = module.compute(DAYS, 50.0, 10.0)
    assert {schema.COLUMNS[c].source for c in columns} == {module.SOURCE}
    assert all(len(values) == len(DAYS) for values in columns.values())


def test_the_calendar_joins_any_tower_with_coordinates() -> None:
    joined = covariates.join(days())
    assert joined.table.schema == schema.arrow_schema(tuple(joined.table.column_names))
    # 30 December of 365 days: (364 - 1) / 365; 1 January is 0
    assert joined.table["season_day"].to_pylist() == pytest.approx([363 / 365, 364 / 365, 0, 1 / 366, 2 / 366])
    assert joined.table["day_length"][0].as_py() == pytest.approx(7.9, abs=0.2)  # the shortest days, 50 degrees north
    assert joined.provenance == {
        "season_day": "calendar",
        "day_length": "calendar",
        "toa_radiation": "calendar",
    }


def test_a_tower_without_coordinates_has_no_calendar() -> None:
    table = days(latitude=[None] * 5, longitude=[None] * 5)
    joined = covariates.join(table)
    assert joined.table.equals(table)
    assert joined.provenance == {}


def test_what_the_record_carries_counts_before_what_is_computed() -> None:
    joined = covariates.join(days(day_length=[1.0, 2.0, None, 4.0, 5.0]))
    assert joined.table["day_length"].to_pylist() == [1, 2, None, 4, 5]
    assert joined.provenance["day_length"] == covariates.RECORD
    assert joined.provenance["season_day"] == "calendar"


def test_a_column_of_nulls_alone_is_no_column() -> None:
    joined = covariates.join(days(day_length=[None] * 5))
    assert joined.table["day_length"].null_count == 0
    assert joined.provenance["day_length"] == "calendar"


def test_the_manifest_counts_the_towers_of_every_origin_of_a_column() -> None:
    provenances = [{"TA_F": covariates.RECORD}, {"TA_F": covariates.RECORD, "day_length": "calendar"}]
    told, notes = covariates.described(({"provenance": p, "matched": []} for p in provenances), covariates.NOTHING)
    assert told["columns"] == {"day_length": {"calendar": 1}, "TA_F": {covariates.RECORD: 2}}
    assert told["priority"] == list(covariates.PRIORITY)
    assert (told["files"], notes) == ([], [])


def test_targets_and_keys_are_left_as_they_stand() -> None:
    table = days(gpp=[1.0, None, 3.0, 4.0, 5.0])
    joined = covariates.join(table).table
    for name in table.column_names:
        assert joined[name].equals(table[name])
    assert joined["date"][0].as_py() == date(2003, 12, 30)
