"""FLUXNET2015 daily files: what is read, which variant, and every way a file can be broken."""

from __future__ import annotations

import csv
import math
import zipfile
from contextlib import suppress
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonbench_core import archives
from carbonbench_core.archives import _oneflux, _zips
from carbonbench_core.errors import ArchiveError

from . import fluxnet2015 as make
from .damage import damage


def read(path: Path) -> archives.Record:
    (entry,) = archives.scan([path]).entries
    return archives.read(entry)


@pytest.mark.parametrize(("subset", "variant"), [("SUBSET", "VUT_REF"), ("FULLSET", "VUT_USTAR50")])
def test_the_daily_file_is_read_in_place_from_the_zip(tmp_path: Path, subset: str, variant: str) -> None:
    record = read(make.write_zip(tmp_path, subset=subset))
    assert record.target_variant == variant
    assert record.table["date"].to_pylist() == [date(2003, 1, d) for d in (1, 2, 3, 4)]
    # The maker: GPP = 5 + 0.02 day; RECO = 2 + 0.01 day, half more in USTAR50; NEE = RECO - GPP, so uptake is < 0.
    more = 0.5 if subset == "FULLSET" else 0.0
    assert record.table["gpp"].to_pylist() == pytest.approx([5.0, 5.02, 5.04, 5.06])
    assert record.table["reco"].to_pylist() == pytest.approx([2.0 + more, 2.01 + more, 2.02 + more, 2.03 + more])
    assert record.table["nee"].to_pylist() == pytest.approx([more - 3.0, more - 3.01, more - 3.02, more - 3.03])
    assert record.table["nee_qc"].to_pylist() == [0.0, 0.25, 0.5, 0.75]
    assert record.table["TA_F"].to_pylist() == pytest.approx([10.0, 10.1, 10.2, 10.3], rel=1e-6)
    assert ("TA_F_DAY" in record.table.column_names) == (subset == "FULLSET")
    assert list(tmp_path.iterdir()) == [record.entry.path]


@pytest.mark.parametrize("version", ["1-4", "beta-3"])
def test_zip_unpacked_folder_and_bare_csv_give_the_same_record(tmp_path: Path, version: str) -> None:
    packed = make.write_zip(tmp_path, version=version)
    folder = make.unpack(packed, tmp_path / "unpacked")
    bare = folder / f"{make.name(version=version)}.csv"
    first, second, third = read(packed), read(folder), read(bare)
    assert first.table.equals(second.table)
    assert first.table.equals(third.table)
    assert first.entry.product == third.entry.product
    assert ("Warm Winter" in first.entry.product) == (version == "beta-3")
    assert ("2G60-ZHAK" in first.citation) == (version == "beta-3")


@pytest.mark.parametrize(("years", "told"), [("2003-2003", 0), ("2002-2003", 1), ("2003-2005", 1), ("2003-2002", 0)])
def test_when_a_files_name_promises_years_that_its_days_lack_then_a_note_says_so(
    tmp_path: Path, years: str, told: int
) -> None:
    path = make.write_csv(tmp_path)
    record = read(path.rename(tmp_path / path.name.replace("2003-2003", years)))
    assert sum("is it cut short?" in note for note in record.notes) == told


def test_when_the_last_line_is_cut_within_its_last_value_then_a_note_says_so(tmp_path: Path) -> None:
    path = make.write_csv(tmp_path)
    path.write_bytes(path.read_bytes()[:-3])
    (note,) = read(path).notes
    assert "the last line has no end" in note


def test_a_renamed_file_is_known_by_its_columns_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "hainich DE-Hai (1).csv"
    path.write_bytes(make.daily("FULLSET"))
    record = read(path)
    assert record.entry.site_id == "DE-Hai"
    assert record.target_variant == "VUT_USTAR50"
    assert "renamed" in record.notes[0]


def test_when_a_renamed_file_hides_its_tower_then_the_message_says_how_to_name_it(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_bytes(make.daily())
    (message,) = archives.scan([tmp_path]).broken.values()
    assert "does not say which tower" in message
    assert "FLX_DE-Hai_FLUXNET2015" in message


def test_when_ustar50_is_not_whole_then_all_targets_are_ref(tmp_path: Path) -> None:
    columns = tuple(c for c in make.COLUMNS["FULLSET"] if c != "GPP_NT_VUT_USTAR50")
    record = read(make.write_csv(tmp_path, subset="FULLSET", columns=columns))
    assert record.target_variant == "VUT_REF"
    assert record.table["reco"][0].as_py() == 2.0  # 2.5 would be USTAR50's


def test_when_ustar50_is_empty_then_ref_is_taken_with_a_note(tmp_path: Path) -> None:
    cells = {(d, c): "-9999" for d in range(4) for c in make.fluxes("VUT_USTAR50")}
    record = read(make.write_csv(tmp_path, subset="FULLSET", cells=cells))
    assert record.target_variant == "VUT_REF"
    assert record.table["nee"].null_count == 0
    assert "VUT_REF taken" in record.notes[0]


def test_when_partitioned_fluxes_are_absent_then_nee_alone_is_read(tmp_path: Path) -> None:
    record = read(make.write_csv(tmp_path, columns=("TIMESTAMP", "NEE_VUT_REF", "NEE_VUT_REF_QC")))
    assert record.table.column_names == ["date", "nee", "nee_qc"]
    assert [n.split()[0] for n in record.notes] == ["GPP_NT_VUT_REF", "RECO_NT_VUT_REF"]


@pytest.mark.parametrize(("gone", "more"), [((), 0.5), (make.fluxes(make.USTAR50), 0.0)])
def test_day_time_partitioning_and_random_uncertainty_are_of_the_variant_of_the_targets(
    tmp_path: Path, gone: tuple[str, ...], more: float
) -> None:
    columns = tuple(c for c in make.COLUMNS["FULLSET"] if c not in gone)
    table = read(make.write_csv(tmp_path, subset="FULLSET", columns=columns)).table
    # The maker: RECO_DT = RECO - 0.2, GPP_DT = GPP - 0.3 and RANDUNC = 0.1 + 0.01 day, with 0.5 more in USTAR50.
    assert table["reco_dt"].to_pylist() == pytest.approx([1.8 + more, 1.81 + more, 1.82 + more, 1.83 + more])
    assert table["gpp_dt"].to_pylist() == pytest.approx([4.7 + more, 4.72 + more, 4.74 + more, 4.76 + more])
    assert table["nee_randunc"].to_pylist() == pytest.approx([0.1 + more, 0.11 + more, 0.12 + more, 0.13 + more])


def test_the_reanalysis_of_the_archive_is_joined_to_the_days_of_the_fluxes(tmp_path: Path) -> None:
    packed = make.write_zip(tmp_path)
    unpacked = make.unpack(packed, tmp_path / "unpacked")
    for source in (packed, unpacked):
        table = read(source).table
        assert table["date"].to_pylist() == [date(2003, 1, d) for d in (1, 2, 3, 4)]
        assert table["TA_ERA"].to_pylist() == pytest.approx([0.1, 0.2, 0.3, 0.4])
        assert table["P_ERA"].null_count == 4


def test_columns_that_the_daily_file_has_itself_count_before_those_of_the_reanalysis_file(tmp_path: Path) -> None:
    columns = (*make.COLUMNS["SUBSET"], "TA_ERA")
    cells = {(day, "TA_ERA"): "7.5" for day in range(4)}
    table = read(make.write_zip(tmp_path, columns=columns, cells=cells)).table
    assert table["TA_ERA"].to_pylist() == [7.5] * 4


def test_when_the_reanalysis_is_damaged_then_the_archive_is_refused_with_the_place(tmp_path: Path) -> None:
    folder = make.unpack(make.write_zip(tmp_path), tmp_path / "unpacked")
    path = next(folder.glob("*ERAI_DD*"))
    path.write_text(path.read_text().replace("20030102,0.200", "20030102,warm"))
    with pytest.raises(ArchiveError, match=r"ERAI_DD.*TA_ERA in line 3: expected a number, got 'warm'"):
        read(folder)


def test_uncertainty_that_a_file_lacks_is_not_asked_for(tmp_path: Path) -> None:
    record = read(make.write_csv(tmp_path, subset="SUBSET"))
    assert {"gpp_dt", "reco_dt", "nee_randunc"}.isdisjoint(record.table.column_names)
    assert record.notes == []


@pytest.mark.parametrize("text", ["-9999", "-9999.0", "-9999.00", "-9999.0000", "-9.999e3", "", "NaN", "NA"])
def test_every_spelling_of_missing_is_null(tmp_path: Path, text: str) -> None:
    record = read(make.write_csv(tmp_path, cells={(1, "NEE_VUT_REF"): text, (2, "TA_F"): text}))
    assert [v is None for v in record.table["nee"].to_pylist()] == [False, True, False, False]
    assert [v is None for v in record.table["TA_F"].to_pylist()] == [False, False, True, False]


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    path = make.write_csv(tmp_path)
    plain = read(path).table
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert read(path).table.equals(plain)


def test_dates_out_of_order_are_kept_as_they_stand(tmp_path: Path) -> None:
    cells = {(0, "TIMESTAMP"): "20030104", (3, "TIMESTAMP"): "20030101"}
    assert [d.day for d in read(make.write_csv(tmp_path, cells=cells)).table["date"].to_pylist()] == [4, 2, 3, 1]


BROKEN_CELLS = {
    "letters": ({(2, "NEE_VUT_REF"): "abc"}, ["NEE_VUT_REF", "line 4", "'abc'", "expected a number"]),
    "letters in the weather": ({(0, "TA_F"): "warm"}, ["TA_F", "line 2", "'warm'"]),
    "no such day": ({(1, "TIMESTAMP"): "20030230"}, ["20030230", "line 3", "YYYYMMDD"]),
    "month 13": ({(1, "TIMESTAMP"): "20031301"}, ["20031301"]),
    "a monthly stamp": ({(0, "TIMESTAMP"): "200301"}, ["200301", "DD"]),
    "an hourly stamp": ({(0, "TIMESTAMP"): "200301010000"}, ["200301010000", "DD"]),
    "a dashed date": ({(1, "TIMESTAMP"): "2003-01-02"}, ["TIMESTAMP", "line 3", "YYYYMMDD"]),
    "no date": ({(1, "TIMESTAMP"): ""}, ["line 3", "no TIMESTAMP"]),
    "a date twice": ({(3, "TIMESTAMP"): "20030102"}, ["2003-01-02", "stands twice"]),
    "a column twice": ({(-1, "GPP_NT_VUT_REF"): "RECO_NT_VUT_REF"}, ["RECO_NT_VUT_REF", "twice"]),
    "no NEE": ({(-1, "NEE_VUT_REF"): "NEE_CUT_REF"}, ["NEE_VUT_REF", "NEE_CUT_REF", "DD"]),
    "no quality": ({(-1, "NEE_VUT_REF_QC"): "QC"}, ["NEE_VUT_REF", "_QC"]),
    "no time": ({(-1, "TIMESTAMP"): "DATE"}, ["TIMESTAMP", "DATE"]),
    "half-hours": ({(-1, "TIMESTAMP"): "TIMESTAMP_START"}, ["TIMESTAMP", "half-hourly"]),
}


@pytest.mark.parametrize("case", BROKEN_CELLS)
def test_when_a_cell_is_broken_then_the_error_names_file_place_and_remedy(tmp_path: Path, case: str) -> None:
    cells, words = BROKEN_CELLS[case]
    path = make.write_csv(tmp_path, cells=cells)
    with pytest.raises(ArchiveError) as caught:
        read(path)
    for word in [path.name, *words]:
        assert word in str(caught.value)


BROKEN_FILES = {
    "empty": (b"", "empty"),
    "blank": (b"\n \n", "empty"),
    "header only": (make.daily(days=0), "no day"),
    "cut in a line": (make.daily()[:-40], "cut short"),
    "binary": (bytes(range(256)) * 8, "no UTF-8 text"),
    "UTF-16": (make.daily().decode().encode("utf-16"), "UTF-8"),
    "semicolons": (make.daily().replace(b",", b";"), "commas"),
    "binary below the header": (make.daily() + b"\x00\xff\xfe,1,2\n", "damaged"),
}


@pytest.mark.parametrize("case", BROKEN_FILES)
def test_when_a_file_is_damaged_then_the_error_says_how(tmp_path: Path, case: str) -> None:
    content, words = BROKEN_FILES[case]
    path = make.write_csv(tmp_path)
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match=words):
        read(path)


def test_when_a_zip_is_cut_short_then_it_is_broken_and_the_others_are_read(tmp_path: Path) -> None:
    cut = make.write_zip(tmp_path, "XX-Cut")
    cut.write_bytes(cut.read_bytes()[:-60])
    make.write_zip(tmp_path, "XX-One")
    inventory = archives.scan([tmp_path])
    assert [e.site_id for e in inventory.entries] == ["XX-One"]
    assert "fetch it again" in inventory.broken[str(cut)]


def test_when_a_member_fails_its_checksum_then_the_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / f"{make.name(part='')}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(f"{make.name()}.csv", make.daily())
    path.write_bytes(path.read_bytes().replace(b"20030102", b"20030109"))
    with pytest.raises(ArchiveError, match="CRC"):
        read(path)


def test_when_a_zip_has_no_daily_file_then_it_is_broken(tmp_path: Path) -> None:
    path = tmp_path / f"{make.name(part='')}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{make.name(part='_HH')}.csv", "x")
    assert "no daily file" in archives.scan([tmp_path]).broken[str(path)]


@pytest.mark.parametrize("prefix", ["../", "/etc/", "a/../../", "C:/", "..\\"])
def test_when_a_member_points_outside_then_the_archive_is_refused(tmp_path: Path, prefix: str) -> None:
    path = tmp_path / f"{make.name(part='')}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo(f"{prefix}{make.name()}.csv".replace("..\\", "../")), make.daily())
    assert "outside" in archives.scan([tmp_path]).broken[str(path)]


def test_when_a_member_declares_an_implausible_size_then_it_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make.write_zip(tmp_path, cells={(0, "TA_F"): "1" * 100_000})
    monkeypatch.setattr(_zips, "RATIO_FROM", 10_000)  # the real floor of 64 MiB would make this test slow
    monkeypatch.setattr(_zips, "MAX_RATIO", 50)
    with pytest.raises(ArchiveError, match="times its packed size"):
        read(path)


def test_when_a_member_needs_a_password_then_the_error_says_so(tmp_path: Path) -> None:
    path = tmp_path / f"{make.name(part='')}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{make.name()}.csv", make.daily())
    content = bytearray(path.read_bytes())
    # Bit 0 of the flags marks encryption: byte 6 of the local header, byte 8 of the central one.
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match="password"):
        read(path)


def test_when_a_file_cannot_be_found_any_more_then_the_error_says_so(tmp_path: Path) -> None:
    path = make.write_csv(tmp_path)
    (entry,) = archives.scan([path]).entries
    path.unlink()
    with pytest.raises(ArchiveError, match="cannot be opened"):
        archives.read(entry)


@given(st.dates(min_value=date(1000, 1, 1)))
def test_every_calendar_day_written_as_a_stamp_comes_back(day: date) -> None:
    stamps = make.np.array([day.year * 10000 + day.month * 100 + day.day])
    dates, bad = _oneflux.days(stamps)
    assert (dates[0].item(), bad[0]) == (day, False)


@given(st.integers(min_value=-(10**13), max_value=10**13))
def test_a_stamp_is_good_exactly_if_python_knows_the_day(stamp: int) -> None:
    try:
        known = stamp >= 1000_01_01 and bool(date(stamp // 10000, stamp // 100 % 100, stamp % 100))
    except ValueError:
        known = False
    (bad,) = _oneflux.days(make.np.array([stamp]))[1]
    assert bad == (not known)


@given(st.data())
@pytest.mark.parametrize("packed", [False, True])
def test_whatever_bytes_are_damaged_the_file_is_read_or_refused_in_words(packed: bool, data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        path = (make.write_zip if packed else make.write_csv)(Path(folder))
        damage(path, data)
        inventory = archives.scan([path])
        for entry in inventory.entries:
            with suppress(ArchiveError):  # any other exception fails this test
                assert archives.read(entry).table.num_rows > 0
        assert inventory.entries or inventory.broken


def test_real_files_hold_what_an_independent_parser_finds(shared_data: Path) -> None:
    entries = archives.scan([shared_data / "oneflux"]).entries
    assert len(entries) == 18
    for entry in entries:
        record = archives.read(entry)
        variant = "VUT_USTAR50" if entry.site_id == "US-Tw1" else "VUT_REF"  # the one FULLSET file
        assert record.target_variant == variant
        with entry.path.open(newline="") as file:
            expected = list(csv.DictReader(file))
        assert [d.strftime("%Y%m%d") for d in record.table["date"].to_pylist()] == [r["TIMESTAMP"] for r in expected]
        ours = {f"GPP_NT_{variant}": "gpp", f"RECO_NT_{variant}": "reco", f"NEE_{variant}": "nee"}
        ours |= {f"NEE_{variant}_QC": "nee_qc", "TA_F": "TA_F", "VPD_F": "VPD_F", "P_F": "P_F"}
        for theirs, name in ours.items():
            tolerance = 1e-6 if name.islower() else 1e-5  # meteorology is float32
            for got, row in zip(record.table[name].to_pylist(), expected, strict=True):
                told = float(row[theirs])
                assert (got is None) if told == -9999 else math.isclose(got, told, rel_tol=tolerance, abs_tol=1e-6)
