"""What drives a process model, and which columns can give it: one table of drivers and what may stand in for what.

The first source of a driver that a day has is taken; a value outside the driver's range counts as missing.

Source
------
NDVI to fPAR: Sims et al. 2005, doi:10.1016/j.agrformet.2005.04.006 (1.24 NDVI - 0.168).
Leaf area to fPAR: Beer's law with extinction coefficient 0.5 (Monsi and Saeki 1953, doi:10.1093/aob/mci052).
Saturation pressure and the dewpoint: Allen et al. 1998, FAO Irrigation and Drainage Paper 56, equations 11 and 14.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from carbonbench_core.errors import FeatureError
from carbonbench_core.rows import numeric, records
from carbonbench_core.tabular import History

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ZERO_CELSIUS = 273.15  # [K]
MJ_PER_DAY = 0.0864  # of 1 W m-2
NIGHT = 4.0  # [K] from the daily mean to the minimum: the median of TA_F - TA_MIN at 170 FLUXNET2015 towers is 3.9
CLEAR = 0.3  # cloud fraction up to which reflectance is that of the land
COMPOSITE = 16  # [d] that daily vegetation indices are averaged over, as in MODIS composites


@dataclass(frozen=True)
class Source:
    """Columns that give a driver.

    Parameters
    ----------
    columns : tuple of str
    convert : callable, their values to the driver in its unit
    days : int, days that the result is averaged over, gaps left out [days]
    """

    columns: tuple[str, ...]
    convert: Callable[..., np.ndarray]
    days: int = 1

    @property
    def name(self) -> str:
        """The columns as text."""
        return " with ".join(self.columns)


@dataclass(frozen=True)
class Driver:
    """One input of a process model.

    Parameters
    ----------
    text, unit : str
    low, high : float, range outside which a value is not believed
    sources : tuple of Source, the best first
    """

    text: str
    unit: str
    low: float
    high: float
    sources: tuple[Source, ...]


def saturation(temperature: np.ndarray) -> np.ndarray:
    """Return the saturation vapour pressure [Pa] at a temperature [degC]."""
    return 610.8 * np.exp(17.27 * temperature / (temperature + 237.3))


def fpar_of_ndvi(ndvi: np.ndarray) -> np.ndarray:
    """Return fPAR (0-1) from NDVI; without green vegetation it is 0."""
    return np.clip(1.24 * ndvi - 0.168, 0.0, 1.0)


def _reflectance(red: np.ndarray, near_infrared: np.ndarray, clouds: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        ndvi = (near_infrared - red) / (near_infrared + red)
    return np.where((clouds <= CLEAR) & (np.abs(ndvi) <= 1), fpar_of_ndvi(ndvi), np.nan)


def _same(x: np.ndarray) -> np.ndarray:
    return x


def _celsius(x: np.ndarray) -> np.ndarray:
    return x - ZERO_CELSIUS


DRIVERS = {
    "fpar": Driver(
        "fraction of absorbed photosynthetic radiation",
        "1",
        0.0,
        1.0,
        (
            Source(("FAPAR",), _same),
            Source(("NDVI_1km",), fpar_of_ndvi, COMPOSITE),
            Source(("Fpar_M",), _same),
            Source(("NDVI_CLIM",), fpar_of_ndvi),
            Source(("sur_refl_b01", "sur_refl_b02", "clouds"), _reflectance, COMPOSITE),
            Source(
                ("leaf_area_index_high_vegetation", "leaf_area_index_low_vegetation"),
                lambda high, low: 1 - np.exp(-0.5 * (high + low)),
            ),
        ),
    ),
    "light": Driver(
        "incoming short-wave radiation",
        "MJ m-2 d-1",
        0.0,
        50.0,
        (
            Source(("SW_IN_F",), lambda x: x * MJ_PER_DAY),
            Source(("SW_IN_ERA",), lambda x: x * MJ_PER_DAY),
            Source(("surface_solar_radiation_downwards_sum",), lambda x: x * 1e-6),
        ),
    ),
    "dryness": Driver(
        "vapour pressure deficit",
        "Pa",
        0.0,
        10_000.0,
        (
            Source(("VPD_F_DAY",), lambda x: x * 100),
            Source(("VPD_F",), lambda x: x * 100),
            Source(("VPD_ERA",), lambda x: x * 100),
            Source(
                ("temperature_2m", "dewpoint_temperature_2m"),
                lambda air, dew: np.maximum(saturation(_celsius(air)) - saturation(_celsius(dew)), 0.0),
            ),
        ),
    ),
    "night": Driver(
        "daily minimum of air temperature",
        "degC",
        -90.0,
        60.0,
        (
            Source(("TA_MIN",), _same),
            Source(("temperature_2m_min",), _celsius),
            Source(("TA_F",), lambda x: x - NIGHT),
            Source(("TA_ERA",), lambda x: x - NIGHT),
            Source(("temperature_2m",), lambda x: _celsius(x) - NIGHT),
        ),
    ),
    "daytime": Driver(
        "air temperature in daylight",
        "degC",
        -90.0,
        60.0,
        (*(Source((c,), _same) for c in ("TA_F_DAY", "TA_F", "TA_ERA")), Source(("temperature_2m",), _celsius)),
    ),
    "air": Driver(
        "daily mean of air temperature",
        "degC",
        -90.0,
        60.0,
        (*(Source((c,), _same) for c in ("TA_F", "TA_ERA")), Source(("temperature_2m",), _celsius)),
    ),
    "pressure": Driver(
        "atmospheric pressure",
        "Pa",
        40_000.0,
        110_000.0,
        (
            Source(("PA_F",), lambda x: x * 1000),
            Source(("PA_ERA",), lambda x: x * 1000),
            Source(("surface_pressure",), _same),
            # Standard pressure at sea level: towers carry no elevation.
            Source((), lambda n: np.full(n, 101_325.0)),
        ),
    ),
}


def columns_of(drivers: Sequence[str], present: Sequence[str], asking: str) -> list[str]:
    """Return the columns that give the drivers, of those present.

    Parameters
    ----------
    drivers : sequence of str, names in `DRIVERS`
    present : sequence of str
    asking : str, who asks, for the error

    Raises
    ------
    FeatureError : a driver has no source; says which columns may serve
    """
    lacking = [d for d in drivers if not _usable(d, present)]
    if lacking:
        wanted = "; ".join(
            f"{DRIVERS[d].text} ({', or '.join(s.name for s in DRIVERS[d].sources if s.columns)})" for d in lacking
        )
        raise FeatureError(
            f"{asking} lacks {wanted}. Load a feature set that carries one column, or pair, of each, "
            "such as standard or tower."
        )
    used = (c for d in drivers for s in _usable(d, present) for c in s.columns)
    return list(dict.fromkeys(used))


def read_drivers(table: pa.Table, drivers: Sequence[str]) -> tuple[np.ndarray, list[dict[str, int]]]:
    """Return the drivers of every row and how many rows each source gave.

    Returns
    -------
    values : ndarray [N, K] float64, in the units of `DRIVERS`, NaN where no source has a value
    given : list of dict [K], source -> rows
    """
    history = History(records(table))
    read = [_read(table, DRIVERS[d], history) for d in drivers]
    return np.stack([values for values, _ in read], axis=1), [given for _, given in read]


def _usable(driver: str, present: Sequence[str]) -> list[Source]:
    return [s for s in DRIVERS[driver].sources if set(s.columns) <= set(present)]


def _read(table: pa.Table, driver: Driver, history: History) -> tuple[np.ndarray, dict[str, int]]:
    values, given = np.full(table.num_rows, np.nan), {}
    for source in driver.sources:
        if not set(source.columns) <= set(table.column_names):
            continue
        arrays = [numeric(table, c, pa.float64()) for c in source.columns] or [table.num_rows]
        with np.errstate(over="ignore", invalid="ignore"):
            found = source.convert(*arrays)
        found = np.where((found >= driver.low) & (found <= driver.high), found, np.nan)
        if source.days > 1:
            found = history.trailing_mean(found[:, None].astype(np.float32), source.days)[:, 0]
        new = np.isnan(values) & np.isfinite(found)
        values[new] = found[new]
        given[source.name or "constant"] = int(new.sum())
    return values, given
