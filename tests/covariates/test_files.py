"""Files that a user has, from the file to the dataset folder: matching, priority, what is left over."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from carbonbench_core import covariates, schema
from carbonbench_core.build import build
from carbonbench_core.errors import ArchiveError, UsageError
from carbonbench_core.files import read_shard
from tests.archives.fluxnet2015 import write_csv

from . import make


def days(**columns: np.ndarray) -> pa.Table:
    n = len(make.DAYS)
    told = {"date": make.DAYS, "latitude": np.full(n, 50.0), "longitude": np.full(n, 10.0)} | columns
    wanted = schema.arrow_schema(tuple(told))
    return pa.table({f.name: pa.array(told[f.name]).cast(f.type) for f in wanted}, schema=wanted)


@pytest.mark.parametrize(("offset", "matched"), [(0.0, True), (0.013, True), (0.02, False)])  # 1.4 and 2.2 km
def test_a_place_of_another_name_is_matched_by_coordinates_up_to_a_kilometre_and_a_half(
    tmp_path: Path, offset: float, matched: bool
) -> None:
    frame = make.era5(site="point 7").assign(lat=50.0 + offset, lon=10.0)
    given = covariates.gather([make.write(tmp_path / "era.csv", frame)])
    joined = covariates.join(days(), given, ["XX-One"])
    assert ("temperature_2m" in joined.table.column_names) == matched
    assert joined.matched == ([("era.csv", "era5_land", "point 7", "coordinates")] if matched else [])


@pytest.mark.parametrize("name", ["XX-One", "FLX_XX-One", "xx-one"])
def test_a_place_is_matched_by_id_in_any_case_and_behind_a_network(tmp_path: Path, name: str) -> None:
    given = covariates.gather([make.write(tmp_path / "era.parquet", make.era5(site=name))])
    joined = covariates.join(days(), given, ["XX-One"])
    assert joined.matched == [("era.parquet", "era5_land", name, "id")]
    assert joined.reanalysis_day == "UTC"
    assert joined.provenance["temperature_2m"] == "era.parquet"


def test_an_id_counts_before_what_stands_nearer(tmp_path: Path) -> None:
    frame = pd.concat([make.era5(site="XX-Two").assign(temperature_2m=300.0), make.era5()]).assign(lat=50.0, lon=10.0)
    given = covariates.gather([make.write(tmp_path / "era.csv", frame)])
    assert covariates.join(days(), given, ["XX-One"]).table["temperature_2m"][0].as_py() == 280.0


def test_files_count_before_the_record_and_the_record_before_nothing(tmp_path: Path) -> None:
    record = days(temperature_2m=np.full(60, 270.0), dewpoint_temperature_2m=np.full(60, 265.0))
    given = covariates.gather([make.write(tmp_path / "era.parquet", make.era5())])
    joined = covariates.join(record, given, ["XX-One"])
    assert joined.table["temperature_2m"][0].as_py() == 280.0
    assert joined.table["dewpoint_temperature_2m"][0].as_py() == 265.0
    assert joined.provenance["temperature_2m"] == "era.parquet"
    assert joined.provenance["dewpoint_temperature_2m"] == covariates.RECORD


def test_a_file_without_a_value_on_the_days_of_a_record_changes_nothing(tmp_path: Path) -> None:
    late = make.era5(make.DAYS + 5000)
    given = covariates.gather([make.write(tmp_path / "era.parquet", late)])
    joined = covariates.join(days(temperature_2m=np.full(60, 270.0)), given, ["XX-One"])
    assert joined.provenance["temperature_2m"] == covariates.RECORD
    assert joined.table["temperature_2m"].null_count == 0


def test_a_product_in_many_files_is_one(tmp_path: Path) -> None:
    frame = make.pixels()
    for part in (0, 1):
        make.write(tmp_path / f"part{part}.csv", frame.iloc[part * 120 : (part + 1) * 120])
    joined = covariates.join(days(), covariates.gather([tmp_path]), ["XX-One"])
    assert joined.table["sur_refl_b01"].null_count == 0
    assert joined.provenance["sur_refl_b01"] == "part0.csv, part1.csv"


def test_eight_day_composites_have_columns_of_their_own(tmp_path: Path) -> None:
    start = make.DAYS[::8]
    frame = pd.DataFrame({"site": "XX-One", "date": start, "qc": "filtered"})
    for b in range(1, 8):
        frame[f"b0{b}"] = make.reflectance(b, np.arange(0, 60, 8))
    given = covariates.gather([make.write(tmp_path / "mod09a1.csv", frame)])
    table = covariates.join(days(), given, ["XX-One"]).table
    assert "sur_refl_b01" not in table.column_names
    np.testing.assert_allclose(
        table["sur_refl_b07_8day"].to_numpy()[:57], make.reflectance(7, np.arange(57)), atol=1e-6
    )
    missing_one = covariates.gather([make.write(tmp_path / "gap.csv", frame.drop(index=3))])
    missing_two = covariates.gather([make.write(tmp_path / "gaps.csv", frame.drop(index=[3, 4]))])
    tables = [covariates.join(days(), given, ["XX-One"]).table for given in (missing_one, missing_two)]
    holes = [table["sur_refl_b01_8day"].null_count for table in tables]
    assert holes == [3, 3 + 23]  # the 3 days after the last composite; 23 days lie between two that are 24 apart


def test_the_table_of_clear_days_at_1_km_is_interpolated_and_nirv_unscaled(tmp_path: Path) -> None:
    frame = pd.DataFrame({"site": "XX-One", "date": make.DAYS, "NDVI_1km": 0.5, "NIRv_1km": 1500.0, "CCI_1km": 0.1})
    given = covariates.gather([make.write(tmp_path / "terra.parquet", frame.drop(index=range(10, 14)))])
    table = covariates.join(days(), given, ["XX-One"]).table
    np.testing.assert_allclose(table["NIRv_1km"].to_numpy(), 0.15, rtol=1e-6)
    assert table["NDVI_1km"].null_count == 0


def test_a_named_file_that_is_none_is_refused_and_one_in_a_folder_is_noted(tmp_path: Path) -> None:
    other = make.write(tmp_path / "other.csv", pd.DataFrame({"site": ["A"], "rain": [1.0]}))
    with pytest.raises(UsageError, match=r"other.csv is no file of covariates"):
        covariates.gather([other])
    with pytest.raises(UsageError, match="do not exist"):
        covariates.gather([tmp_path / "nowhere"])
    damaged = tmp_path / "broken.parquet"
    damaged.write_bytes(b"PAR1 no")
    with pytest.raises(ArchiveError, match=r"broken.parquet"):
        covariates.gather([damaged])
    given = covariates.gather([tmp_path])
    assert [p.name for p in given.unrecognised] == ["other.csv"]
    assert "broken.parquet" in next(iter(given.broken))


@pytest.mark.parametrize(("lacking", "words"), [("date", "no time in it"), ("site", "no place in it")])
def test_a_file_without_time_or_place_says_so(tmp_path: Path, lacking: str, words: str) -> None:
    with pytest.raises(ArchiveError, match=words):
        covariates.gather([make.write(tmp_path / "era.csv", make.era5().drop(columns=lacking))])


def test_a_build_joins_files_and_tells_what_is_of_no_tower(tmp_path: Path) -> None:
    (tmp_path / "towers.csv").write_text("site,lat,lon,IGBP,koppen_full\nXX-One,50,10,GRA,Dfb\nXX-Two,40,10,GRA,Dfb\n")
    sources = [write_csv(tmp_path, site, first="2003-01-01", days=60) for site in ("XX-One", "XX-Two")]
    (tmp_path / "cov").mkdir()
    make.write(tmp_path / "cov" / "era.parquet", pd.concat([make.era5(), make.era5(site="XX-Far")]))
    make.write(tmp_path / "cov" / "pixels.csv", make.pixels())
    given = {"towers": tmp_path / "towers.csv", "covariate_paths": [tmp_path / "cov"], "workers": 1}
    report = build(sources, tmp_path / "out", **given)
    assert report.failed == {}
    assert any("era.parquet: 1 of 2 places are of no tower: XX-Far" in note for note in report.notes)
    one = read_shard(tmp_path / "out" / "data" / "XX-One-early.arrow")
    two = read_shard(tmp_path / "out" / "data" / "XX-Two-early.arrow")
    assert one["temperature_2m"].null_count == one["sur_refl_b01"].null_count == 0
    assert two["temperature_2m"].null_count == two.num_rows
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["covariates"]["columns"]["sur_refl_b01"] == {"pixels.csv": 1}
    assert [f["of_no_tower"] for f in manifest["covariates"]["files"]] == [["XX-Far"], []]
    assert {f["name"] for f in manifest["covariate_files"]} == {"era.parquet", "pixels.csv"}
    sites = pd.read_parquet(tmp_path / "out" / "sites.parquet").set_index("site_id")
    assert sites.loc["XX-One", "reanalysis_day"] == "UTC"
    assert pd.isna(sites.loc["XX-Two", "reanalysis_day"])


def test_what_cannot_be_costs_its_tower_with_the_file_named(tmp_path: Path) -> None:
    sources = [write_csv(tmp_path, site, first="2003-01-01", days=60) for site in ("XX-One", "XX-Two")]
    wrong = make.write(tmp_path / "era.csv", make.era5().assign(temperature_2m=7.0))
    report = build(sources, tmp_path / "out", covariate_paths=[wrong], workers=1)
    assert report.towers == 1
    assert "era.csv, place XX-One: temperature_2m has a median of 7" in report.failed["XX-One"]


def test_the_shared_tables_join_the_towers_they_are_of(shared_data: Path) -> None:
    given = covariates.gather([shared_data / "covariates"])
    assert {(t.path.name, t.source): len(t.places) for t in given.tables} == {
        ("modis_mod09a1_8day_au.csv", "mod09a1"): 5,
        ("modis_terra_1km_daily.parquet", "terra_1km"): 24,
    }
    table = days(date=np.arange("2003-01-01", "2003-03-02", dtype="datetime64[D]"))
    joined = covariates.join(table, given, ["AU-Tum"])
    assert joined.table["sur_refl_b02_8day"].null_count == 0
    assert 0 < np.nanmedian(joined.table["sur_refl_b02_8day"].to_numpy()) < 0.6
