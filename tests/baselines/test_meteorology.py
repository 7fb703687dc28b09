"""What drives a process model: sources in their order, units, what is not believed, what may stand in for what."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from carbonbench_baselines._meteorology import DRIVERS, columns_of, fpar_of_ndvi, read_drivers, saturation

from carbonbench_core.errors import FeatureError
from carbonbench_core.schema import COLUMNS, feature_columns


def table(days: int = 3, **columns: object) -> pa.Table:
    base = {"site_id": "A", "date": pd.date_range("2010-01-01", periods=days), "latitude": 50.0}
    return pa.Table.from_pandas(pd.DataFrame(base | columns), preserve_index=False)


def read(driver: str, **columns: object) -> np.ndarray:
    return read_drivers(table(**columns), [driver])[0][:, 0]


def test_every_source_is_a_column_of_the_schema() -> None:
    for driver in DRIVERS.values():
        for source in driver.sources:
            assert set(source.columns) <= set(COLUMNS)


@pytest.mark.parametrize("feature_set", ["standard", "full", "tower"])
def test_a_feature_set_gives_every_driver(feature_set: str) -> None:
    assert columns_of(list(DRIVERS), feature_columns(feature_set), "model")


def test_the_sources_of_one_driver_agree_about_the_same_day() -> None:
    # 20 degC and a dewpoint of 9.3 degC: 2338 - 1171 = 1167 Pa (FAO Paper 56, equation 11)
    pairs = [
        ("light", {"SW_IN_F": 200.0}, {"surface_solar_radiation_downwards_sum": 17.28e6}),  # 200 W m-2 x 86,400 s
        ("light", {"SW_IN_F": 200.0}, {"SW_IN_ERA": 200.0}),
        ("dryness", {"VPD_F": 12.0}, {"VPD_ERA": 12.0}),
        ("pressure", {"PA_F": 98.0}, {"PA_ERA": 98.0}),
        ("night", {"TA_F": 9.0}, {"TA_ERA": 9.0}),
        ("night", {"TA_MIN": 5.0}, {"temperature_2m_min": 278.15}),
        ("air", {"TA_F": 20.0}, {"temperature_2m": 293.15}),
        ("daytime", {"TA_F_DAY": 20.0}, {"temperature_2m": 293.15}),
        ("pressure", {"PA_F": 98.0}, {"surface_pressure": 98_000.0}),
        ("dryness", {"VPD_F": 11.67}, {"temperature_2m": 293.15, "dewpoint_temperature_2m": 282.45}),
        ("fpar", {"FAPAR": 0.576}, {"NDVI_CLIM": 0.6}),  # 1.24 x 0.6 - 0.168
        ("fpar", {"FAPAR": 0.576}, {"sur_refl_b01": 0.1, "sur_refl_b02": 0.4, "clouds": 0.0}),
        (
            "fpar",
            {"FAPAR": 1 - np.exp(-1)},
            {"leaf_area_index_high_vegetation": 1.5, "leaf_area_index_low_vegetation": 0.5},
        ),
    ]
    for driver, tower, other in pairs:
        np.testing.assert_allclose(read(driver, **tower), read(driver, **other), rtol=2e-3, err_msg=driver)
    assert read("night", TA_F=20.0)[0] == 16.0
    assert read("pressure")[0] == 101_325.0


def test_saturation_pressure_is_that_of_the_fao_example() -> None:
    # FAO Paper 56, example 3: 3.075 kPa at 24.5 degC, 1.705 kPa at 15 degC
    np.testing.assert_allclose(saturation(np.array([24.5, 15.0])), [3075, 1705], atol=1)


def test_a_day_takes_the_best_source_it_has_and_each_is_counted() -> None:
    days = table(FAPAR=[0.5, np.nan, np.nan], Fpar_M=[0.1, 0.3, np.nan], NDVI_CLIM=[0.9, 0.9, 0.5])
    values, given = read_drivers(days, ["fpar"])
    np.testing.assert_allclose(values[:, 0], [0.5, 0.3, 0.452], rtol=1e-6)  # 1.24 x 0.5 - 0.168
    assert given == [{"FAPAR": 1, "Fpar_M": 1, "NDVI_CLIM": 1}]


def test_values_that_cannot_be_are_missing() -> None:
    assert np.isnan(read("light", SW_IN_F=[-1.0, 1e30, np.inf])).all()
    assert np.isnan(read("fpar", FAPAR=[1.2, -0.1, np.nan])).all()
    np.testing.assert_allclose(fpar_of_ndvi(np.array([-0.3, 0.05, 0.8, 0.99])), [0.0, 0.0, 0.824, 1.0])


def test_reflectance_under_cloud_is_not_looked_at_and_a_composite_bridges_it() -> None:
    cloudy = {"sur_refl_b01": [0.1, 0.5, 0.5], "sur_refl_b02": [0.4, 0.5, 0.5], "clouds": [0.0, 0.9, 1.0]}
    np.testing.assert_allclose(read("fpar", **cloudy), 0.576, rtol=1e-6)
    assert np.isnan(read("fpar", **(cloudy | {"clouds": 1.0}))).all()
    # a record starts anew after a gap of a day
    gap = table(**cloudy).to_pandas().assign(date=pd.to_datetime(["2010-01-01", "2010-01-03", "2010-01-04"]))
    values, _ = read_drivers(pa.Table.from_pandas(gap), ["fpar"])
    assert np.isfinite(values[:, 0]).tolist() == [True, False, False]


def test_when_a_driver_has_no_source_then_all_that_may_serve_are_named() -> None:
    present = feature_columns("minimal")
    with pytest.raises(FeatureError, match="mod17 lacks vapour pressure deficit") as error:
        columns_of(["fpar", "dryness"], present, "mod17")
    for column in ("VPD_F_DAY", "VPD_F", "temperature_2m with dewpoint_temperature_2m"):
        assert column in str(error.value)
    with pytest.raises(FeatureError, match=r"fraction of absorbed.*FAPAR.*incoming short-wave.*SW_IN_F"):
        columns_of(["fpar", "light"], ["TA_F"], "mod17")


def test_only_columns_that_serve_are_asked_for() -> None:
    assert columns_of(["air", "light"], ["TA_F", "WS_F", "SW_IN_F", "dewpoint_temperature_2m"], "x") == [
        "TA_F",
        "SW_IN_F",
    ]
