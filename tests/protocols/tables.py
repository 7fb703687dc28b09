"""Tables for the tests of protocols and leakage: random towers, towers like a real network, the real ones, days."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from carbonbench_core.schema import KOPPEN_MAIN


def make_sites(igbp: list[str | None], koppen_main: list[str | None], has_late: list[bool]) -> pd.DataFrame:
    ids = [f"XX-{i:03d}" for i in range(len(igbp))]
    return pd.DataFrame({"site_id": ids, "igbp": igbp, "koppen_main": koppen_main, "has_late": has_late})


@st.composite
def sites_tables(draw: st.DrawFn) -> pd.DataFrame:
    """Draw tables whose towers stand in clumps, some without a class, a coordinate or a temperature."""
    n = draw(st.integers(20, 120))

    def column(values: st.SearchStrategy) -> list:
        return draw(st.lists(values, min_size=n, max_size=n))

    sites = make_sites(
        column(st.sampled_from(["ENF", "GRA", "DBF", "WSA", None])),
        column(st.sampled_from([*list(KOPPEN_MAIN)[:3], None])),
        column(st.booleans()),
    )
    # Clumps in four continents, 20 degrees wide; steps of 0.1 degree, about 10 km.
    centre = np.array(column(st.sampled_from([(50.0, 10.0), (40.0, -100.0), (-25.0, 135.0), (-10.0, -55.0)])))
    # Of four towers one stands within steps of 0.01 degree, about 1 km, of the centre.
    wide, narrow = (st.tuples(*[st.integers(-n, n).map(scale.__mul__)] * 2) for n, scale in ((30, 0.1), (3, 0.01)))
    step = np.array(column(st.one_of(wide, wide, wide, narrow)))
    sites["latitude"], sites["longitude"] = (centre + step).T
    sites.loc[column(st.sampled_from([False, False, False, True])), "latitude"] = np.nan
    sites["mean_temperature_tower"] = column(st.one_of(st.none(), st.integers(-20, 30)))
    sites["mean_temperature_tower"] = sites["mean_temperature_tower"].astype(float)
    return sites


def network_like(n: int = 170) -> pd.DataFrame:
    """Return towers with the class frequencies of a real network: common, rare and single classes."""
    frequent = ["ENF"] * 42 + ["GRA"] * 29 + ["DBF"] * 22 + ["CRO"] * 18 + ["WET"] * 16 + ["EBF"] * 12 + ["OSH"] * 11
    igbp = frequent + ["MF"] * 8 + ["WSA"] * 6 + ["SAV"] * 3 + ["CSH"] * 2 + ["SNO"]  # 170 towers
    climates = ["D"] * 76 + ["C"] * 64 + ["B"] * 16 + ["A"] * 10 + ["E"] * 4
    many = -(-n // len(igbp))
    return make_sites((igbp * many)[:n], (climates * many)[:n], [i % 5 > 0 for i in range(n)])


def placed(n: int = 170, seed: int = 0) -> pd.DataFrame:
    """Return `network_like` towers at places between 40 and 60 N, 0 and 30 E, with temperatures."""
    random = np.random.default_rng(seed)
    return network_like(n).assign(
        latitude=random.uniform(40, 60, n),
        longitude=random.uniform(0, 30, n),
        mean_temperature_era5_land=random.normal(9, 6, n),
    )


def worldwide(n: int, seed: int = 0) -> pd.DataFrame:
    """Return `placed` towers on six continents, so that every rule draws all of its folds."""
    centres = np.array([(50.0, 10.0), (40.0, -100.0), (35.0, 100.0), (-25.0, 135.0), (-10.0, -55.0), (5.0, 25.0)])
    step = np.random.default_rng(seed).uniform(-8, 8, (n, 2))
    latitude, longitude = (centres[np.arange(n) % len(centres)] + step).T
    return placed(n, seed).assign(latitude=latitude, longitude=longitude)


def real_sites(shared_data: Path) -> pd.DataFrame:
    """Return the sites table of the 170 real towers."""
    columns = ["site", "date", "lat", "lon", "IGBP", "koppen", "TA"]
    days = pq.read_table(shared_data / "site_days.parquet", columns=columns).to_pandas()
    towers = days.groupby("site", observed=True)
    sites = towers.agg(
        latitude=("lat", "first"),
        longitude=("lon", "first"),
        igbp=("IGBP", "first"),
        koppen_main=("koppen", "first"),
        mean_temperature_tower=("TA", "mean"),
        first=("date", "min"),
        last=("date", "max"),
    ).reset_index(names="site_id")
    sites = sites.astype(dict.fromkeys(("site_id", "igbp", "koppen_main"), object))
    return sites.assign(has_late=sites["last"].dt.year - sites["first"].dt.year + 1 >= 3).drop(columns=["last"])


def catalogue_sites(shared_data: Path, n: int) -> pd.DataFrame:
    """Return the first `n` real towers of the catalogue that have coordinates and classes."""
    with (shared_data / "towers.csv").open(encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["lat"] and r["lon"] and r["IGBP"] and r["koppen"]][:n]
    sites = make_sites([r["IGBP"] for r in rows], [r["koppen"] for r in rows], [i % 4 > 0 for i in range(len(rows))])
    return sites.assign(
        site_id=[r["site"] for r in rows],
        latitude=[float(r["lat"]) for r in rows],
        longitude=[float(r["lon"]) for r in rows],
        mean_temperature_era5_land=[25 - 0.5 * abs(float(r["lat"])) for r in rows],
    )


def days(
    seed: int, start: str = "2001-01-01", n: int = 1461, target: bool = True, **columns: np.ndarray | float
) -> pa.Table:
    """Return site-days with temperature and rain; towers of one seed have the same."""
    random = np.random.default_rng(seed)
    drivers = {"temperature_2m": random.normal(280, 10, n), "total_precipitation_sum": random.exponential(2, n)}
    return pa.table(
        {
            "date": np.datetime64(start) + np.arange(n),
            "nee": np.full(n, 1.0 if target else np.nan),
            **{name: np.broadcast_to(v, n).astype(np.float32) for name, v in {**drivers, **columns}.items()},
        }
    )
