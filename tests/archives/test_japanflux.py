"""JapanFlux2024: names in any case, quality as a fill class, workbooks of site information."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from carbonbench_core import archives
from carbonbench_core.archives import japanflux
from carbonbench_core.errors import ArchiveError
from carbonbench_core.harmonise import harmonise
from carbonbench_core.towers import resolve

from . import fluxnet2015
from . import japanflux as make


def read(path: Path) -> archives.Record:
    (entry,) = archives.scan([path]).entries
    return archives.read(entry)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("badm_folder", ["BADM", "BDAM"])
def test_the_dataset_is_read_with_its_workbook_from_a_zip_or_a_folder(
    tmp_path: Path, packed: bool, badm_folder: str
) -> None:
    record = read((make.write_zip if packed else make.write_folder)(tmp_path, badm_folder=badm_folder))
    assert (record.entry.network, record.entry.site_id) == ("JapanFlux", "XX-One")
    assert (record.entry.product, record.target_variant) == ("JapanFlux2024 COREVARS", "VUT_USTAR50")
    assert record.table["date"].to_pylist() == [date(2003, 1, d) for d in (1, 2, 3, 4)]
    # The maker: RECO = 2.5 + d/100 in USTAR50, GPP = 5 + d/50, NEE = RECO - GPP.
    assert record.table["reco"].to_pylist() == pytest.approx([2.5, 2.51, 2.52, 2.53])
    assert record.table["nee"].to_pylist() == pytest.approx([-2.5, -2.51, -2.52, -2.53])
    assert record.table["TA_F"].to_pylist() == [10.0, 11.0, 12.0, 13.0]
    assert record.attributes == {
        "name": "First forest",
        "latitude": 36.146167,
        "longitude": 137.423111,
        "igbp": "DBF",
        "nee_qc_scale": "JapanFlux fill class",
    }
    assert "essd-17-3807-2025" in record.citation
    assert "Jane" not in str(record)
    assert record.notes == []


def test_the_fill_class_becomes_a_share_of_3_minus_q_over_3(tmp_path: Path) -> None:
    cells = {(1, "NEE_vUT_USTAR50_QC"): "0.75", (3, "NEE_vUT_USTAR50_QC"): "-9999"}
    record = read(make.write_folder(tmp_path, sets={"COREVARS": make.daily(cells=cells)}))
    # (3 - 0) / 3 = 1, (3 - 0.75) / 3 = 0.75, (3 - 2) / 3; missing stays missing.
    assert record.table["nee_qc"].to_pylist() == [1.0, 0.75, pytest.approx(1 / 3), None]


def test_a_class_beyond_the_scale_is_counted_and_null(tmp_path: Path) -> None:
    cells = {(1, "NEE_vUT_USTAR50_QC"): "3.5", (2, "NEE_vUT_USTAR50_QC"): "-1"}
    record = read(make.write_folder(tmp_path, sets={"COREVARS": make.daily(cells=cells)}))
    days = harmonise(record, resolve(record, None))
    assert days.counts["qc_out_of_range"] == 2
    assert days.table["nee_qc"].to_pylist() == [1.0, None, None, 0.0]


@pytest.mark.parametrize("spell", ["lower", "upper", ""])
def test_column_names_count_in_any_case(tmp_path: Path, spell: str) -> None:
    expected = read(make.write_folder(tmp_path / "a")).table
    raw = make.daily(make.heading(spell=spell))
    assert read(make.write_folder(tmp_path / "b", sets={"COREVARS": raw})).table.equals(expected)


@pytest.mark.parametrize("variant", ["vUT", "VUT_REF"])
def test_without_ustar50_the_reference_is_read_under_either_name(tmp_path: Path, variant: str) -> None:
    raw = make.daily(make.heading((variant,)))
    record = read(make.write_folder(tmp_path, sets={"COREVARS": raw}))
    assert record.target_variant == variant.upper()
    assert record.table["reco"][0].as_py() == 2.0  # 2.5 would be USTAR50's


@pytest.mark.parametrize("packed", [True, False])
def test_allvars_comes_first_only_where_it_alone_has_ustar50(tmp_path: Path, packed: bool) -> None:
    write = make.write_zip if packed else make.write_folder
    both = {"COREVARS": make.daily(), "ALLVARS": make.daily()}
    assert archives.scan([write(tmp_path / "a", sets=both)]).entries[0].product == "JapanFlux2024 COREVARS"
    both["COREVARS"] = make.daily(make.heading(("vUT",)))
    inventory = archives.scan([write(tmp_path / "b", sets=both)])
    assert inventory.entries[0].product == "JapanFlux2024 ALLVARS"
    assert len(inventory.superseded) == 1


def test_files_of_other_steps_and_kinds_are_known(tmp_path: Path) -> None:
    inventory = archives.scan([make.write_folder(tmp_path)])
    assert len(inventory.siblings) == 3
    assert (inventory.unrecognised, inventory.broken) == ([], {})
    assert len(inventory.ignored) == 2  # the workbooks, which are no tables of days
    assert [p.name for p in inventory.entries[0].companions] == ["XX-One_Site_General_Info.xlsx"]


def test_a_tower_may_be_named_by_its_folder_alone(tmp_path: Path) -> None:
    root = make.write_folder(tmp_path)
    renamed = root.rename(tmp_path / "XX-Two")
    daily = next(renamed.rglob("*_DD_*.csv"))
    daily.rename(daily.with_name("core_DD_2003.csv"))
    assert read(tmp_path).entry.site_id == "XX-Two"


def test_when_columns_look_swapped_then_a_note_says_so_and_names_count(tmp_path: Path) -> None:
    columns = make.heading(("vUT_USTAR50",))
    turned = {"RECO_NT_vUT_USTAR50": "GPP_NT_vUT_USTAR50", "GPP_NT_vUT_USTAR50": "RECO_NT_vUT_USTAR50"}
    raw = make.daily(columns, days=40)
    rest = raw.split(b"\n", 1)[1]
    swapped = ",".join(turned.get(c, c) for c in columns).encode() + b"\n" + rest
    record = read(make.write_folder(tmp_path / "a", sets={"COREVARS": swapped}))
    assert "swapped?" in record.notes[0]
    assert record.table["gpp"][0].as_py() == 2.5  # what stands under GPP
    assert read(make.write_folder(tmp_path / "b", sets={"COREVARS": raw})).notes == []


BADM_CASES = {
    "the value in dataValue": [("Variable", "dataValue"), *((v, x) for v, _, x in make.BADM[6:])],
    "the variable in Description": [("No", "Description", "dataValue1"), *(("1", v, x) for v, _, x in make.BADM[6:])],
    "a second value beside an empty first": [
        ("Variable", "dataValue1", "dataValue2"),
        *((v, "", x) for v, _, x in make.BADM[6:]),
    ],
}


@pytest.mark.parametrize("case", BADM_CASES)
def test_the_layouts_of_the_workbook_are_understood(tmp_path: Path, case: str) -> None:
    attributes = read(make.write_folder(tmp_path, badm=BADM_CASES[case])).attributes
    assert (attributes["latitude"], attributes["longitude"], attributes["igbp"]) == (36.146167, 137.423111, "DBF")


@pytest.mark.parametrize("packed", [True, False])
def test_when_the_workbook_is_damaged_then_it_costs_itself_alone(tmp_path: Path, packed: bool) -> None:
    write = make.write_zip if packed else make.write_folder
    record = read(write(tmp_path, badm=[("", "")]))
    assert record.table.num_rows == 4
    assert "no columns VARIABLE and DATAVALUE" in record.notes[0]
    assert record.attributes == {"nee_qc_scale": japanflux.QC_SCALE}


def test_without_a_workbook_the_days_are_read_alone(tmp_path: Path) -> None:
    record = read(make.write_folder(tmp_path, badm=None))
    assert (record.table.num_rows, record.notes) == (4, [])


def test_when_two_columns_differ_in_case_alone_then_the_file_is_refused(tmp_path: Path) -> None:
    raw = make.daily((*make.heading(), "nee_vut_ustar50"))
    with pytest.raises(ArchiveError, match="NEE_VUT_USTAR50 twice"):
        read(make.write_folder(tmp_path, sets={"COREVARS": raw}))


def test_when_no_variant_is_whole_then_the_message_names_those_that_count(tmp_path: Path) -> None:
    raw = make.daily(("TIMESTAMP", "NEE_PI_F", "TA_F"), cells={(d, "NEE_PI_F"): "1" for d in range(4)})
    with pytest.raises(ArchiveError, match=r"NEE_VUT_USTAR50 or NEE_VUT_REF or NEE_VUT with its _QC"):
        read(make.write_folder(tmp_path, sets={"COREVARS": raw}))


def test_a_cut_download_is_broken_and_others_are_read(tmp_path: Path) -> None:
    cut = make.write_zip(tmp_path, "XX-Cut")
    cut.write_bytes(cut.read_bytes()[:-60])
    fluxnet2015.write_csv(tmp_path)
    inventory = archives.scan([tmp_path])
    assert [e.network for e in inventory.entries] == ["FLUXNET2015"]
    assert "fetch it again" in inventory.broken[str(cut)]
