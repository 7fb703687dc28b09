"""The climate class of a tower: raster, else what is said, else its own months; and where it came from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from carbonbench_core import covariates
from carbonbench_core.build import build
from carbonbench_core.covariates._climate import own_climate
from carbonbench_core.errors import FeatureError, UsageError
from carbonbench_core.schema import KOPPEN
from carbonbench_core.towers import Tower
from tests.archives.fluxnet2015 import write_csv

DAYS = np.arange("2003-01-01", "2006-01-01", dtype="datetime64[D]")
MONTH = DAYS.astype("datetime64[M]").astype(int) % 12


def weather(mean: float = 9.0, swing: float = 10.0, rain: float = 2.0, **columns: np.ndarray) -> pa.Table:
    """Return three years of a northern climate: July warmest, rain alike on all days."""
    warm = mean - swing * np.cos(2 * np.pi * MONTH / 12)
    return pa.table({"date": pa.array(DAYS), "TA_F": warm, "P_F": np.full(len(DAYS), rain)} | columns)


def tower(**said: object) -> Tower:
    return Tower("XX-One", "FLUXNET2015", latitude=50.0, longitude=10.0, **said)


def write_raster(path: Path, values: np.ndarray, west: float = 0.0, north: float = 60.0, size: float = 0.01) -> Path:
    rasterio = pytest.importorskip("rasterio", reason="rasterio, the extra `maps`, is not installed")
    profile = {"driver": "GTiff", "count": 1, "height": values.shape[0], "width": values.shape[1], "crs": "EPSG:4326"}
    transform = rasterio.transform.from_origin(west, north, size, size)
    with rasterio.open(path, "w", dtype=values.dtype, transform=transform, compress="lzw", **profile) as file:
        file.write(values, 1)
    return path


def test_a_tower_that_nobody_classes_is_classed_by_its_own_months() -> None:
    found = tower()
    covariates.settle(found, weather())
    # Means from -1 to 19 degC: the coldest is below 0 (D), none reaches 22 and six are above 10 (b); rain all year (f).
    assert (found.koppen_main, found.koppen) == ("D", "Dfb")
    assert found.origin["koppen"] == "computed from TA_F and P_F, 2003 to 2005"
    assert found.origin["koppen_main"] == found.origin["koppen"]


def test_what_is_known_is_not_computed() -> None:
    found = tower(koppen_main="C", koppen="Cfb", origin={"koppen": "archive", "koppen_main": "archive"})
    covariates.settle(found, weather())
    assert found.koppen == "Cfb"
    assert found.origin == {"koppen": "archive", "koppen_main": "archive"}


def test_a_known_main_class_is_refined_but_never_contradicted() -> None:
    refined, kept = (tower(koppen_main=c, origin={"koppen_main": "towers.csv"}) for c in "DC")
    for each in (refined, kept):
        covariates.settle(each, weather())
    assert (refined.koppen, refined.origin["koppen_main"]) == ("Dfb", "towers.csv")
    assert (kept.koppen_main, kept.koppen) == ("C", None)
    assert "is Dfb, not of the main class C" in kept.notes[0]


def test_the_longest_kind_of_record_is_taken_and_its_units_are_minded() -> None:
    table = weather()
    kelvin, metres = table["TA_F"].to_numpy() + 273.15, table["P_F"].to_numpy() / 1000
    both = table.append_column("temperature_2m", pa.array(kelvin)).append_column("total_precipitation_sum", [metres])
    tower_months, reanalysis = own_climate(table), own_climate(both)
    assert "temperature_2m" in reanalysis.origin
    np.testing.assert_allclose(reanalysis.temperature, tower_months.temperature)
    # 2 mm on each of 31 days of January
    assert reanalysis.precipitation[0] == pytest.approx(62)


def test_order_of_days_does_not_matter_and_gaps_are_no_drought() -> None:
    table = weather()
    shuffled = table.take(pa.array(np.random.default_rng(0).permutation(len(DAYS))))
    np.testing.assert_allclose(own_climate(shuffled).temperature, own_climate(table).temperature)
    rain = np.where(np.arange(len(DAYS)) % 4 == 0, np.nan, 2.0)
    gappy = own_climate(weather(P_F=rain))
    np.testing.assert_allclose(gappy.precipitation, own_climate(table).precipitation)


@pytest.mark.parametrize("days", [365, 700])
def test_a_record_of_under_sixty_days_in_any_month_makes_no_climate(days: int) -> None:
    assert own_climate(weather().slice(0, days)) is None
    found = tower()
    covariates.settle(found, weather().slice(0, days))
    assert found.koppen is None
    assert "no igbp, koppen_main, koppen" in found.lacking[0]


def test_temperatures_that_are_none_leave_the_class_open_with_a_note() -> None:
    found = tower()
    covariates.settle(found, weather(mean=282.0))
    assert found.koppen is None
    assert "Convert to degrees Celsius" in found.notes[0]


def test_a_raster_counts_before_what_is_said_and_the_difference_is_noted(tmp_path: Path) -> None:
    values = np.zeros((2000, 2000), np.uint8)
    values[900:1100, 900:1100] = 1 + KOPPEN.index("Cfa")
    given = covariates.gather(koppen=write_raster(tmp_path / "kg.tif", values))
    found = tower(koppen_main="D", koppen="Dfb", origin={"koppen": "archive"})
    covariates.settle(found, weather(), given)
    assert (found.koppen_main, found.koppen) == ("C", "Cfa")
    assert found.origin == {"koppen": "kg.tif", "koppen_main": "kg.tif"}
    assert "archive says Dfb, kg.tif Cfa" in found.notes[0]


def test_at_the_shore_the_nearest_class_within_5_km_is_taken(tmp_path: Path) -> None:
    # 50 N, 10 E is the corner of pixel (1000, 1000); 0.01 degree is 1.1 km south and 0.7 km east.
    values = np.zeros((2000, 2000), np.uint8)
    values[1003, 1000], values[1000, 1006] = 1 + KOPPEN.index("Dfb"), 1 + KOPPEN.index("ET")  # 3.3 and 4.3 km off
    near = covariates.gather(koppen=write_raster(tmp_path / "near.tif", values))
    values[1003, 1000], values[1000, 1006], values[1005, 1000] = 0, 0, 30  # 5.6 km off
    far = covariates.gather(koppen=write_raster(tmp_path / "far.tif", values))
    found, lost = tower(), tower()
    covariates.settle(found, weather().slice(0, 9), near)
    covariates.settle(lost, weather().slice(0, 9), far)
    assert found.koppen == "Dfb"
    assert lost.koppen is None
    assert "far.tif has no climate class within 5 km" in lost.notes[0]


@pytest.mark.parametrize("west", [-180.0, 0.0])
def test_maps_from_minus_180_and_from_0_degrees_give_the_same_class(tmp_path: Path, west: float) -> None:
    values = np.full((180, 360), 30, np.uint8)
    column = (-70 % 360) if west == 0 else 110
    values[40:60, column - 3 : column + 3] = 1 + KOPPEN.index("Dfb")
    given = covariates.gather(koppen=write_raster(tmp_path / "kg.tif", values, west, 90.0, 1.0))
    found = Tower("XX-One", "N", latitude=42.5, longitude=-70.5)
    covariates.settle(found, weather().slice(0, 9), given)
    assert found.koppen == "Dfb"


def test_a_tower_off_the_map_falls_back(tmp_path: Path) -> None:
    given = covariates.gather(koppen=write_raster(tmp_path / "kg.tif", np.ones((10, 10), np.uint8), north=-30.0))
    found = tower()
    covariates.settle(found, weather(), given)
    assert found.koppen == "Dfb"
    assert found.origin["koppen"].startswith("computed")


def test_a_raster_of_another_legend_is_refused(tmp_path: Path) -> None:
    given = covariates.gather(koppen=write_raster(tmp_path / "kg.tif", np.full((2000, 2000), 43, np.uint8)))
    with pytest.raises(FeatureError, match=r"kg.tif holds 43; expected 1 to 30"):
        covariates.settle(tower(), weather(), given)


def test_what_is_no_raster_of_classes_is_refused_before_anything_is_built(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        covariates.gather(koppen=tmp_path / "none.tif")
    floats = write_raster(tmp_path / "t.tif", np.ones((5, 5), np.float32))
    with pytest.raises(UsageError, match=r"holds float32.*expected whole numbers"):
        covariates.gather(koppen=floats)
    (tmp_path / "text.tif").write_text("no raster")
    with pytest.raises(UsageError, match=r"cannot be read.*Give a GeoTIFF"):
        covariates.gather(koppen=tmp_path / "text.tif")


def test_a_build_with_a_raster_tells_the_origin_and_the_file(tmp_path: Path) -> None:
    raster = write_raster(tmp_path / "kg.tif", np.full((2000, 2000), 1 + KOPPEN.index("Cfb"), np.uint8))
    write_csv(tmp_path, "XX-One", first="2003-01-01", days=40)
    (tmp_path / "towers.csv").write_text("site,lat,lon,IGBP,koppen_full\nXX-One,50,10,GRA,Dfb\n")
    build([next(tmp_path.glob("FLX*"))], tmp_path / "out", towers=tmp_path / "towers.csv", koppen=raster, workers=1)
    site = pd.read_parquet(tmp_path / "out" / "sites.parquet").iloc[0]
    assert (site["koppen_main"], site["koppen"]) == ("C", "Cfb")
    assert json.loads(site["origin"])["koppen"] == "kg.tif"
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert [f["name"] for f in manifest["covariate_files"]] == ["kg.tif"]
    assert manifest["covariates"]["columns"]["day_length"] == {"calendar": 1}
