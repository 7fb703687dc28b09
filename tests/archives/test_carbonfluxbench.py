"""CarbonFluxBench's own layout: targets joined with features."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from carbonbench_core import archives
from carbonbench_core.archives import carbonfluxbench
from carbonbench_core.build import build
from carbonbench_core.errors import ArchiveError

from . import carbonfluxbench as make


def read(folder: Path) -> dict[str, archives.Record]:
    return {e.site_id: archives.read(e) for e in archives.scan([folder]).entries}


def without(told: dict[str, list], *columns: str) -> dict[str, list]:
    return {name: values for name, values in told.items() if name not in columns}


@pytest.mark.parametrize("prefixed", [False, True])
def test_targets_and_features_are_joined_by_site_and_day(tmp_path: Path, prefixed: bool) -> None:
    records = read(make.write_folder(tmp_path, prefixed=prefixed))
    assert set(records) == set(make.CODES)
    for i, (site, record) in enumerate((s, records[s]) for s in make.CODES):
        rows = record.table.to_pylist()
        first = date(2003, 1, 1) + timedelta(days=10 * i)
        assert [row["date"] for row in rows] == [first + timedelta(days=d) for d in range(6)]
        for d, row in enumerate(rows):
            there = (site, d) != ("XX-Two", 2)  # a day without fluxes keeps its features
            assert row["gpp"] == (5.0 + d + i if there else None)
            assert row["nee"] == (-3.0 - d if there else None)
            assert row["nee_qc"] == (d / 6 if there else None)
            for columns in make.FILES.values():
                for k, name in enumerate(columns):
                    assert row[name] == np.float32(make.feature(0, i, row["date"]) + k)
        assert record.table.schema.field("temperature_2m").type == pa.float32()
        assert len(record.table.column_names) == 2 + 4 + 12 + 150
        assert record.notes == []


def test_what_the_targets_and_climate_files_say_of_a_tower_is_kept(tmp_path: Path) -> None:
    records = read(make.write_folder(tmp_path))
    assert {s: r.entry.network for s, r in records.items()} == {
        "XX-One": "FLUXNET2015",
        "XX-Two": "JapanFlux",
        "YY-Three": "AmeriFlux",
    }
    told = records["XX-Two"].attributes
    assert told == {
        "latitude": 11.0,
        "longitude": 21.0,
        "igbp": "DBF",
        "koppen_main": "D",
        "koppen": "Dfb",
        "nee_qc_scale": "JapanFlux fill class",
    }
    assert records["XX-One"].attributes["nee_qc_scale"] == "ONEFlux share"
    record = records["XX-One"]
    assert record.entry.product == "CarbonFluxBench 1.0 (target_fluxes_v2)"
    assert (record.target_variant, record.citation) == ("VUT_USTAR50", carbonfluxbench.CITATION)
    assert "arXiv:2603.09868" in record.citation


def test_towers_come_in_the_order_of_the_largest_feature_file(tmp_path: Path) -> None:
    entries = archives.scan([make.write_folder(tmp_path)]).entries
    assert [e.site_id for e in entries] == ["YY-Three", "XX-Two", "XX-One"]
    assert sorted(p.name for p in entries[0].companions) == [
        "ERA5.parquet",
        "MOD09GA.parquet",
        "koppen_sites.json",
        "koppen_sites_short.json",
    ]


def test_other_types_of_dates_and_numbers_are_read_alike(tmp_path: Path) -> None:
    expected = read(make.write_folder(tmp_path / "a"))
    told = make.targets()
    stamps = [f"{t}" for t in told["TIMESTAMP"]]
    days = [date(int(s[:4]), int(s[4:6]), int(s[6:])) for s in stamps]
    for name, values in {"text": stamps, "dates": days}.items():
        folder = make.write_folder(tmp_path / name)
        changed = told | {"TIMESTAMP": values, "NEE_VUT_USTAR50": pa.array(told["NEE_VUT_USTAR50"], pa.float32())}
        pq.write_table(pa.table(changed), folder / "target_fluxes_v2.parquet")
        for site, record in read(folder).items():
            assert record.table.equals(expected[site].table)


def test_missing_codes_in_the_targets_are_null(tmp_path: Path) -> None:
    told = make.targets()
    told["GPP_NT_VUT_USTAR50"][1], told["NEE_VUT_USTAR50"][2] = -9999.0, float("nan")
    table = read(make.write_folder(tmp_path, told))["XX-One"].table
    assert [v is None for v in table["gpp"].to_pylist()] == [False, True, False, False, False, False]
    assert table["nee"].to_pylist()[2] is None


def test_when_a_tower_has_days_of_two_networks_then_each_day_and_a_note_say_which(tmp_path: Path) -> None:
    told = make.targets()
    told["network"][:2] = ["JPX", "JPX"]
    told["lat"][0] = 10.001
    record = read(make.write_folder(tmp_path, told))["XX-One"]
    assert record.entry.network == "FLUXNET2015"  # of four days in six
    assert record.table["network"].to_pylist() == ["JapanFlux"] * 2 + ["FLUXNET2015"] * 4
    assert "days of FLUXNET2015 (4), JapanFlux (2)" in record.notes
    assert "latitude takes 2 values; that of most days, 10.0, is used" in record.notes
    assert record.attributes["nee_qc_scale"] == "ONEFlux share and JapanFlux fill class"


def test_without_feature_files_the_targets_are_read_with_notes(tmp_path: Path) -> None:
    record = read(make.write_folder(tmp_path, files={}, climate=False))["XX-One"]
    assert record.table.column_names == ["date", "network", "gpp", "reco", "nee", "nee_qc"]
    assert [note.split()[0] for note in record.notes] == ["MOD09GA.parquet", "ERA5.parquet"]
    assert "koppen" not in record.attributes


def test_when_features_lack_a_tower_or_have_a_day_twice_then_a_note_says_so(tmp_path: Path) -> None:
    folder = make.write_folder(tmp_path)
    path = folder / "MOD09GA.parquet"
    table = pq.read_table(path).filter(pa.compute.field("site") != "XX-Two")
    pq.write_table(pa.concat_tables([table, table.slice(table.num_rows - 8, 1)]), path)
    records = read(folder)
    assert records["XX-Two"].notes == ["MOD09GA.parquet has no row of this tower"]
    assert "clouds" not in records["XX-Two"].table.column_names
    assert records["XX-One"].notes == ["MOD09GA.parquet has 1 days twice; the first rows are used"]
    assert records["XX-One"].table["clouds"].null_count == 0


def test_when_a_day_stands_twice_then_its_tower_is_refused_and_the_others_are_read(tmp_path: Path) -> None:
    told = {name: [*values, values[0]] for name, values in make.targets().items()}
    one, *others = (e for e in sorted(archives.scan([make.write_folder(tmp_path, told)]).entries, key=str))
    towers = {e.site_id: e for e in (one, *others)}
    with pytest.raises(ArchiveError, match="site XX-One: 2003-01-01 stands twice"):
        archives.read(towers.pop("XX-One"))
    assert all(archives.read(e).table.num_rows == 6 for e in towers.values())


BROKEN = {
    "cut short": (lambda path: path.write_bytes(path.read_bytes()[:-40]), "damaged"),
    "no Parquet": (lambda path: path.write_bytes(b"PAR1"), "damaged"),
    "no site": (lambda path: pq.write_table(pa.table(without(make.targets(), "site")), path), "no column 'site'"),
    "no quality": (
        lambda path: pq.write_table(pa.table(without(make.targets(), "NEE_VUT_USTAR50_QC")), path),
        "lacks the columns NEE_VUT_USTAR50_QC",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_when_the_targets_are_broken_then_the_message_says_how(tmp_path: Path, case: str) -> None:
    spoil, words = BROKEN[case]
    path = make.write_folder(tmp_path) / "target_fluxes_v2.parquet"
    spoil(path)
    assert words in archives.scan([tmp_path]).broken[str(path)]


def test_when_a_feature_file_is_damaged_then_every_tower_says_so(tmp_path: Path) -> None:
    folder = make.write_folder(tmp_path)
    path = folder / "MOD09GA.parquet"  # not the largest, which gives the order at the scan
    path.write_bytes(path.read_bytes()[:-40])
    for entry in archives.scan([folder]).entries:
        with pytest.raises(ArchiveError, match=r"MOD09GA\.parquet: damaged"):
            archives.read(entry)


def test_when_a_feature_file_has_no_dates_then_the_message_says_so(tmp_path: Path) -> None:
    folder = make.write_folder(tmp_path)
    pq.write_table(pq.read_table(folder / "ERA5.parquet").drop(["date"]), folder / "ERA5.parquet")
    with pytest.raises(ArchiveError, match=r"ERA5\.parquet lacks the columns date"):
        read(folder)


def test_rows_without_a_site_are_told_once(tmp_path: Path) -> None:
    told = make.targets()
    told["site"][4] = None
    pq.write_table(pa.table(told), make.write_folder(tmp_path) / "target_fluxes_v2.parquet")
    records = read(tmp_path)
    assert [len(r.notes) for _, r in sorted(records.items())] == [1, 0, 0]
    assert "1 rows of target_fluxes_v2.parquet name no site" in records["XX-One"].notes[0]
    assert records["XX-One"].table["gpp"].null_count == 1


def test_when_a_climate_file_is_damaged_then_it_costs_itself_alone(tmp_path: Path) -> None:
    folder = make.write_folder(tmp_path)
    (folder / "koppen_sites_short.json").write_text("[]")
    record = read(folder)["XX-One"]
    assert record.attributes["koppen_main"] == "D"
    assert "koppen_sites_short.json is not read" in record.notes[0]


def test_a_towers_own_name_counts_before_its_name_under_a_network(tmp_path: Path) -> None:
    folder = make.write_folder(tmp_path)
    (folder / "koppen_sites.json").write_text(json.dumps({"XX-One": "A", "FLX_XX-One": "B"}))
    assert read(folder)["XX-One"].attributes["koppen_main"] == "A"


def test_the_first_version_is_known_beside_the_second_and_refused_alone(tmp_path: Path) -> None:
    folder = make.write_folder(tmp_path)
    (folder / "target_fluxes.parquet").write_bytes((folder / "target_fluxes_v2.parquet").read_bytes())
    (folder / "ICOS2025_Metadata.csv").write_text("site,LAT\n")
    inventory = archives.scan([folder])
    assert len(inventory.siblings) == 4
    assert (inventory.unrecognised, inventory.broken) == ([], {})
    (folder / "target_fluxes_v2.parquet").unlink()
    assert "Fetch target_fluxes_v2.parquet" in archives.scan([folder]).broken[str(folder / "target_fluxes.parquet")]


def replica(shared_data: Path, towers: int) -> dict[str, list]:
    """Return targets in the published layout from real site-days, a tower from each part of the table."""
    table = pq.read_table(shared_data / "site_days.parquet", columns=list(COLUMNS.values()))
    sites = sorted(set(table["site"].to_pylist()))[:: 170 // towers][:towers]
    table = table.filter(pa.compute.is_in(table["site"], pa.array(sites))).drop_null()
    told = {name: table[column].to_pylist() for name, column in COLUMNS.items()}
    stamps = [int(f"{day:%Y%m%d}") for day in told["TIMESTAMP"]]
    return told | {"TIMESTAMP": stamps, "network": ["FLX"] * len(stamps)}


COLUMNS = {
    "TIMESTAMP": "date",
    "GPP_NT_VUT_USTAR50": "GPP",
    "RECO_NT_VUT_USTAR50": "RECO",
    "NEE_VUT_USTAR50": "NEE",
    "NEE_VUT_USTAR50_QC": "NEE_QC",
    "site": "site",
    "lat": "lat",
    "lon": "lon",
    "IGBP": "IGBP",
}


def test_a_replica_of_real_site_days_goes_through_build_and_load_dataset_unchanged(
    shared_data: Path, tmp_path: Path
) -> None:
    from datasets import load_dataset

    told = replica(shared_data, towers=6)
    folder = make.write_folder(tmp_path / "hub", told, rows_per_group=5000)
    report = build([folder], tmp_path / "out", workers=1)
    assert (report.towers, report.failed) == (6, {})
    loaded = load_dataset(
        str(tmp_path / "out"),
        data_files={"days": "data/*.arrow"},
        split="days",
        cache_dir=str(tmp_path / "cache"),
    ).with_format("arrow")[:]
    keys = zip(loaded["site_id"].to_pylist(), loaded["date"].to_pylist(), strict=True)
    at = {(site, int(f"{day:%Y%m%d}")): row for row, (site, day) in enumerate(keys)}
    rows = pa.array([at[key] for key in zip(told["site"], told["TIMESTAMP"], strict=True)])
    for name, theirs in (("gpp", 1), ("reco", 2), ("nee", 3), ("nee_qc", 4)):
        expected = np.array(told[list(COLUMNS)[theirs]], dtype=float)
        np.testing.assert_allclose(loaded[name].take(rows).to_numpy(), expected, rtol=1e-6, atol=1e-6)
    sites = {site: i for i, site in enumerate(dict.fromkeys(told["site"]))}
    number = np.array(
        [
            make.feature(0, sites[s], date(t // 10000, t // 100 % 100, t % 100))
            for s, t in zip(told["site"], told["TIMESTAMP"], strict=True)
        ]
    )
    for columns in make.FILES.values():
        for k in (0, len(columns) // 2, len(columns) - 1):
            got = loaded[columns[k]].take(rows).to_numpy()
            np.testing.assert_allclose(got, number + k, rtol=1e-6, atol=1e-6)
    # Days inserted between those of the targets have features, too.
    assert len(loaded) > len(rows)
    assert loaded["temperature_2m"].null_count == 0
