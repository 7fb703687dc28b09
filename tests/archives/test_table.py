"""Tidy tables: units, signs, masks, dates, sites, and every way a table can be wrong."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.csv as pv
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonbench_core import archives
from carbonbench_core.archives import Options
from carbonbench_core.errors import ArchiveError

from .damage import damage
from .table import MAPPING, rows, write


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(MAPPING)
    return path


def read(path: Path, mapping: Path | str | None = None) -> dict[str, archives.Record]:
    options = Options(mapping=str(mapping) if mapping else None)
    return {e.site_id: archives.read(e, options) for e in archives.scan([path], options).entries}


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_each_site_is_one_record_in_the_schemas_units(tmp_path: Path, mapping: Path, suffix: str) -> None:
    records = read(write(tmp_path, rows(), suffix), mapping)
    assert list(records) == ["AA", "BB"]
    b = records["BB"]
    assert b.entry.network == "MyNet"
    assert (b.entry.product, b.target_variant, b.citation, b.licence) == (
        "My towers",
        "VUT_REF",
        "Me (2026)",
        "CC0-1.0",
    )
    assert b.attributes == {"latitude": 10.0, "longitude": 30.0, "igbp": "ENF"}
    assert b.table["date"].to_pylist() == [date(2003, 1, d) for d in (1, 2, 3)]
    # 1 umol m-2 s-1 = 12.011e-6 gC m-2 s-1 x 86400 s d-1 = 1.0377504 gC m-2 d-1. Day 2 is suspect, day 3 is -9999.
    assert b.table["gpp"].to_pylist() == [pytest.approx(1.0377504, abs=1e-12), None, None]
    assert b.table["reco"].to_pylist() == [1.5, None, 1.5]
    assert b.table["nee"].to_pylist() == [-0.5, None, -3.5]
    assert b.table["nee_qc"].to_pylist() == [1.0, 0.5, 0.0]
    assert b.table["TA_F"].to_pylist() == pytest.approx([0.0, 10.0, 30.0], abs=1e-4)
    assert b.masked == {"marked suspect": 1}
    assert b.table.schema.field("TA_F").type == pa.float32()
    assert "unmapped" not in b.table.column_names
    assert records["AA"].table["nee_qc"].to_pylist() == [0.25, None]
    assert records["AA"].masked == {}


def test_when_uptake_is_positive_then_the_sign_of_nee_is_turned(tmp_path: Path, mapping: Path) -> None:
    mapping.write_text(MAPPING.replace("[columns]", 'nee_positive = "uptake"\n[columns]'))
    record = read(write(tmp_path, rows()), mapping)["AA"]
    assert record.table["nee"].to_pylist() == [2.5, 4.5]
    assert record.table["reco"].to_pylist() == [1.5, 1.5]


DATES = {
    "timestamps": [datetime(2003, 1, d, 12) for d in (1, 2, 1, 3, 2)],
    "stamps": [20030101, 20030102, 20030101, 20030103, 20030102],
    "stamps as text": ["20030101", "20030102", "20030101", "20030103", "20030102"],
    "ISO text": ["2003-01-01", "2003-01-02", "2003-01-01T00:00:00", "2003-01-03", "2003-01-02 00:00"],
    "a dictionary": pa.array(
        ["2003-01-01", "2003-01-02", "2003-01-01", "2003-01-03", "2003-01-02"]
    ).dictionary_encode(),
}


@pytest.mark.parametrize("kind", DATES)
def test_dates_are_read_in_the_forms_people_write(tmp_path: Path, mapping: Path, kind: str) -> None:
    records = read(write(tmp_path, rows(day=DATES[kind])), mapping)
    assert records["BB"].table["date"].to_pylist() == [date(2003, 1, d) for d in (1, 2, 3)]
    assert records["BB"].table["date"].type == pa.date32()


def test_a_date_format_of_its_own_is_followed(tmp_path: Path, mapping: Path) -> None:
    mapping.write_text(MAPPING.replace("[columns]", 'date_format = "%d.%m.%Y"\n[columns]'))
    told = rows(day=["01.02.2003", "02.02.2003", "01.02.2003", None, "02.02.2003"])
    record = read(write(tmp_path, told), mapping)["BB"]
    assert record.table["date"].to_pylist() == [date(2003, 2, 1), date(2003, 2, 2)]
    assert record.dropped == {"no date": 1}


@pytest.mark.parametrize(
    ("value", "words"),
    [("2003-02-30", "'2003-02-30'"), ("2003-02", "'2003-02'"), ("soon", "'soon'"), ("20031301", "'20031301'")],
)
def test_when_one_site_has_an_impossible_date_then_only_that_site_is_refused(
    tmp_path: Path, mapping: Path, value: str, words: str
) -> None:
    path = write(tmp_path, rows(day=["2003-01-01", "2003-01-02", "2003-01-01", value, "2003-01-02"]))
    options = Options(mapping=str(mapping))
    first, second = archives.scan([path], options).entries
    assert archives.read(first, options).table.num_rows == 2
    with pytest.raises(ArchiveError, match=words):
        archives.read(second, options)


def test_when_a_stamp_is_no_day_then_the_site_is_refused(tmp_path: Path, mapping: Path) -> None:
    with pytest.raises(ArchiveError, match="20030230 is no day"):
        read(write(tmp_path, rows(day=[20030101, 20030230, 20030101, 20030103, 20030102])), mapping)


def test_when_dates_carry_a_time_zone_then_they_are_refused(tmp_path: Path, mapping: Path) -> None:
    with pytest.raises(ArchiveError, match="time zone UTC"):
        read(write(tmp_path, rows(day=[datetime(2003, 1, d, tzinfo=UTC) for d in (1, 2, 1, 3, 2)])), mapping)


def test_when_a_site_has_a_date_twice_then_it_is_refused_and_the_others_are_read(tmp_path: Path, mapping: Path) -> None:
    path = write(tmp_path, rows(day=[date(2003, 1, d) for d in (1, 2, 1, 2, 2)]))
    options = Options(mapping=str(mapping))
    first, second = archives.scan([path], options).entries
    assert archives.read(first, options).table.num_rows == 2
    with pytest.raises(ArchiveError, match="site BB: 2003-01-02 stands twice"):
        archives.read(second, options)


def test_rows_without_site_or_date_are_counted(tmp_path: Path, mapping: Path) -> None:
    days = [date(2003, 1, 1), None, date(2003, 1, 1), date(2003, 1, 3), date(2003, 1, 2)]
    records = read(write(tmp_path, rows(tower=["BB", "BB", "AA", " ", None], day=days)), mapping)
    assert records["BB"].table.num_rows == 1
    assert records["BB"].dropped == {"no date": 1}
    assert sum(len(r.notes) for r in records.values()) == 1  # said once, not at every tower
    assert "2 rows of table.parquet name no site" in records["BB"].notes[0]


def test_when_a_tower_says_two_things_of_itself_then_the_first_counts_with_a_note(
    tmp_path: Path, mapping: Path
) -> None:
    record = read(write(tmp_path, rows(lat=[10.0, 10.5, -20.0, 10.0, -20.0])), mapping)["BB"]
    assert record.attributes["latitude"] == 10.0
    assert "latitude takes 2 values" in record.notes[0]


@pytest.mark.parametrize("name", ["../x", "a/b", "-x", "ä"])
def test_a_site_id_that_could_name_another_file_is_refused(tmp_path: Path, mapping: Path, name: str) -> None:
    path = write(tmp_path, rows(tower=["BB", "BB", name, "BB", name]))
    assert "cannot be a site id" in archives.scan([path], Options(mapping=str(mapping))).broken[str(path)]


def test_when_the_mapping_names_a_missing_column_then_the_nearest_is_offered(tmp_path: Path, mapping: Path) -> None:
    told = rows()
    told["GPP_f"] = told.pop("GPP")
    path = write(tmp_path, told)
    message = archives.scan([path], Options(mapping=str(mapping))).broken[str(path)]
    assert "lacks 'GPP' (for gpp), which mapping mine names" in message
    assert "GPP_f" in message


def test_with_a_mapping_files_of_another_kind_are_left_alone(tmp_path: Path, mapping: Path) -> None:
    write(tmp_path, rows())
    (tmp_path / "towers.csv").write_text("id,elevation\nAA,3\n")
    inventory = archives.scan([tmp_path], Options(mapping=str(mapping)))
    assert [p.name for p in inventory.unrecognised] == ["towers.csv"]
    assert inventory.broken == {}


BROKEN_TABLES = {
    "letters in a CSV": (lambda t: rows(NEE=["1", "2", "abc", "4", "5"]), ".csv", ["NEE", "line 4", "'abc'"]),
    "text for numbers": (
        lambda t: rows(NEE=["1", "2", "abc", "4", "5"]),
        ".parquet",
        ["NEE", "expected numbers", "abc"],
    ),
    "dates for numbers": (lambda t: rows(NEE=[date(2003, 1, 1)] * 5), ".parquet", ["NEE", "date32"]),
    "a mask of words": (lambda t: rows(odd=["maybe"] * 5), ".parquet", ["odd", "not true or false"]),
    "no site at all": (lambda t: rows(tower=[None] * 5), ".parquet", ["no row with a site", "tower"]),
}


@pytest.mark.parametrize("case", BROKEN_TABLES)
def test_when_a_table_is_broken_then_it_is_listed_with_the_place(tmp_path: Path, mapping: Path, case: str) -> None:
    make, suffix, words = BROKEN_TABLES[case]
    path = write(tmp_path, make(tmp_path), suffix)
    message = archives.scan([path], Options(mapping=str(mapping))).broken[str(path)]
    for word in [path.name, *words]:
        assert word in message


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1 and no more", bytes(range(256))])
def test_when_a_parquet_file_is_none_then_it_is_broken_with_or_without_a_mapping(
    tmp_path: Path, mapping: Path, content: bytes
) -> None:
    path = tmp_path / "cut.parquet"
    path.write_bytes(content)
    for options in (Options(), Options(mapping=str(mapping))):
        assert "no readable parquet table" in archives.scan([path], options).broken[str(path)]


def test_text_that_is_no_utf8_is_refused_in_words(tmp_path: Path, mapping: Path) -> None:
    path = write(tmp_path, rows(), ".parquet")
    content = path.read_bytes()
    assert b"\x02\x00\x00\x00AA" in content  # a plain string of Parquet: its length, then its bytes
    path.write_bytes(content.replace(b"\x02\x00\x00\x00AA", b"\x02\x00\x00\x00\xff\xfe"))
    assert "holds no text" in archives.scan([path], Options(mapping=str(mapping))).broken[str(path)]


@given(st.data())
def test_whatever_bytes_of_a_table_are_damaged_it_is_read_or_refused_in_words(data: st.DataObject) -> None:
    with TemporaryDirectory() as name:
        mapping = Path(name) / "mine.toml"
        mapping.write_text(MAPPING)
        path = write(Path(name), rows(), data.draw(st.sampled_from([".parquet", ".csv"])))
        damage(path, data, cut=False)
        with suppress(ArchiveError):  # any other exception fails this test
            read(path, mapping)


def test_a_table_that_changed_on_disk_is_read_anew(tmp_path: Path, mapping: Path) -> None:
    assert read(write(tmp_path, rows()), mapping)["AA"].table["nee"].to_pylist() == [-2.5, -4.5]
    told = {name: values + values[:1] for name, values in rows(NEE=[1.0] * 5).items()} | {
        "day": [date(2003, 1, d) for d in (1, 2, 1, 3, 2, 9)]
    }
    assert read(write(tmp_path, told), mapping)["AA"].table["nee"].to_pylist() == [1.0, 1.0]


@given(st.permutations(range(5)))
def test_the_order_of_rows_does_not_matter(order: list[int]) -> None:
    with TemporaryDirectory() as name:
        mapping = Path(name) / "mine.toml"
        mapping.write_text(MAPPING)
        told = {column: [values[i] for i in order] for column, values in rows().items()}
        records = read(write(Path(name), told), mapping)
        got = {site: record.table.sort_by("date").to_pylist() for site, record in records.items()}
    assert [len(got[s]) for s in ("AA", "BB")] == [2, 3]
    assert [row["nee"] for row in got["BB"]] == [-0.5, None, -3.5]
    assert [row["nee"] for row in got["AA"]] == [-2.5, -4.5]


def test_the_shared_table_gives_all_its_towers_and_days(shared_data: Path) -> None:
    path = shared_data / "site_days.parquet"
    records = read(path)  # recognised by its columns
    assert len(records) == 170
    assert sum(r.table.num_rows for r in records.values()) == 442_689
    assert sum((r.masked for r in records.values()), start=archives.Counter()) == {"marked suspect": 639}
    assert {r.target_variant for r in records.values()} == {"VUT_REF"}
    assert {r.entry.network for r in records.values()} == {"FLUXNET2015"}
    assert all(
        r.attributes.keys() >= {"latitude", "longitude", "igbp", "koppen", "koppen_main"} for r in records.values()
    )
    raw = pq.read_table(path, columns=["site", "NEE", "RECO", "GPP", "suspect"])
    for target in ("NEE", "RECO", "GPP"):
        # Pandas wrote missing numbers as nulls; a suspect row with a value becomes null here.
        valid = sum(
            v is not None and not s for v, s in zip(raw[target].to_pylist(), raw["suspect"].to_pylist(), strict=True)
        )
        ours = target.lower()
        assert sum(len(r.table) - r.table[ours].null_count for r in records.values()) == valid


def test_the_shared_table_agrees_with_the_networks_own_files(shared_data: Path) -> None:
    ours = read(shared_data / "site_days.parquet")["DE-Hai"].table.sort_by("date")
    own = archives.scan([next((shared_data / "oneflux").glob("*DE-Hai*"))]).entries[0]
    theirs = {row["date"]: row for row in archives.read(own).table.to_pylist()}
    pairs = [(row, theirs[row["date"]]) for row in ours.to_pylist() if row["date"] in theirs]
    assert len(pairs) > 4000
    for name in ("TA_F", "SW_IN_F", "VPD_F", "nee"):  # units and sign: equal up to rounding on nearly every day
        apart = sorted(abs(a[name] - b[name]) for a, b in pairs if None not in (a[name], b[name]))
        assert apart[len(apart) // 2] < 0.01


def test_the_shared_table_as_csv_reads_the_same(shared_data: Path, tmp_path: Path) -> None:
    part = pq.read_table(shared_data / "site_days.parquet").slice(0, 20_000)
    path = tmp_path / "site_days.csv"
    pv.write_csv(part, path)
    records, direct = read(path), read(shared_data / "site_days.parquet")
    assert sum(r.table.num_rows for r in records.values()) == 20_000
    site = next(iter(records))
    for name in ("date", "reco_src", "TA_F", "FAPAR"):
        assert records[site].table[name].equals(direct[site].table[name])
    # Targets are float32 in Parquet, of 7 digits as text.
    told = [t["nee"].to_pylist() for t in (records[site].table, direct[site].table)]
    assert told[0] == pytest.approx(told[1], rel=1e-6)


def test_reading_the_shared_table_takes_less_than_a_gigabyte_and_a_half(shared_data: Path) -> None:
    script = (
        "import resource, sys\n"
        "from carbonbench_core import archives\n"
        "days = sum(archives.read(e).table.num_rows for e in archives.scan([sys.argv[1]]).entries)\n"
        "print(days, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    command = [sys.executable, "-c", script, str(shared_data / "site_days.parquet")]
    days, kib = map(int, subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
    assert days == 442_689
    assert kib < 1.5 * 2**20  # Linux gives KiB
