"""Tiny files of MODIS and ERA5-Land, by script, in the layouts that users have them in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from carbonbench_core.covariates.modis import AZIMUTHS, BANDS, STATE, ZENITHS

DAYS = np.arange("2003-01-01", "2003-03-02", dtype="datetime64[D]")  # 60
SITE, PLACE = "XX-One", (50.0, 10.0)
# A day's true reflectance of band b is b / 20 + 0.001 per day; numbers are stored times 10,000.


def reflectance(band: int, day: np.ndarray) -> np.ndarray:
    return band / 20 + 0.001 * day


def pixels(days: np.ndarray = DAYS, each: int = 4, state: int = 0) -> pd.DataFrame:
    """Return rows of `each` pixels a day, as stored by the product, the sun at 30 degrees and view around north."""
    n = len(days)
    day = np.repeat(np.arange(n), each)
    frame = pd.DataFrame({"site": SITE, "time": np.repeat(days, each)})
    frame["longitude"] = PLACE[1] + 0.005 * np.tile(np.arange(each), n)
    frame["latitude"] = PLACE[0]
    for b, band in enumerate(BANDS, start=1):
        frame[band] = np.round(reflectance(b, day) * 10_000)
    frame[list(ZENITHS)] = 3000.0
    frame[list(AZIMUTHS)] = 9000.0
    frame[STATE] = state
    return frame


def era5(days: np.ndarray = DAYS, site: str = SITE) -> pd.DataFrame:
    """Return a day's aggregates in the product's units."""
    n = np.arange(len(days))
    return pd.DataFrame(
        {
            "site": site,
            "date": days,
            "temperature_2m": 280.0 + 0.1 * n,
            "total_precipitation_sum": 0.002,
            "surface_net_solar_radiation_sum": 1e7 + n,
        }
    )


def hourly(days: np.ndarray = DAYS) -> pd.DataFrame:
    """Return UTC hours: temperature 280 K + UTC hour, and 1 mm of rain in each hour that ends at an even hour."""
    stamp = np.arange(days[0].astype("datetime64[h]"), (days[-1] + 1).astype("datetime64[h]"))
    hour = stamp.astype(int) % 24
    rain = np.where(hour % 2 == 0, 0.001, 0.0)
    return pd.DataFrame(
        {"site": SITE, "time": stamp, "temperature_2m": 280.0 + hour, "total_precipitation_hourly": rain}
    )


def write(path: Path, frame: pd.DataFrame) -> Path:
    frame.to_parquet(path, index=False) if path.suffix == ".parquet" else frame.to_csv(path, index=False)
    return path


def as_appeears(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a point sample: a row a day, layers behind product and version, numbers scaled."""
    one = frame.drop_duplicates("time")
    out = pd.DataFrame({"ID": one["site"], "Category": "towers", "Latitude": one["latitude"]})
    out["Longitude"] = one["longitude"]
    out["Date"] = one["time"].dt.strftime("%Y-%m-%d")
    out["MODIS_Tile"] = "h18v03"
    for name in BANDS:
        out[f"MOD09GA_061_{name}_1"] = one[name] * 1e-4
    for name in (*ZENITHS, *AZIMUTHS):
        out[f"MOD09GA_061_{name}_1"] = one[name] * 1e-2
    out[f"MOD09GA_061_{STATE}_1"] = one[STATE]
    return out


def as_earth_engine(frame: pd.DataFrame) -> pd.DataFrame:
    """Return an export of sampled pixels: the day in the image's name, the place in a point."""
    out = frame.drop(columns=["time", "longitude", "latitude"])
    out.insert(0, "system:index", frame["time"].dt.strftime("%Y_%m_%d") + "_" + frame.index.astype(str).str.zfill(8))
    out[".geo"] = [
        f'{{"type":"Point","coordinates":[{x},{y}]}}'
        for x, y in zip(frame["longitude"], frame["latitude"], strict=True)
    ]
    return out


def as_benchmark(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the benchmark's own table: a day's means, scaled, no flags."""
    out = frame.groupby(["site", "time"], as_index=False)[[*BANDS, *ZENITHS, *AZIMUTHS]].mean()
    out[list(BANDS)] *= 1e-4
    out[[*ZENITHS, *AZIMUTHS]] *= 1e-2
    out["clouds"] = 0.0
    out["site"] = "FLX_" + out["site"]
    return out.rename(columns={"time": "date"})
