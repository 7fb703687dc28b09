"""Small towers with a known season, for every baseline."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

LEVEL = {"DBF": 8.0, "CRO": 6.0, "ENF": 5.0, "OSH": 1.0}  # summer gpp [gC m-2 d-1]


def make_tower(site: str, igbp: str, latitude: float, days: int = 500, seed: int = 0) -> pd.DataFrame:
    """Return a tower whose fluxes follow a warm season, June in the north and December in the south."""
    rng = np.random.default_rng([seed, *site.encode()])
    date = pd.date_range("2009-01-01", periods=days)
    warmth = -np.cos(2 * np.pi * (date.day_of_year.to_numpy() - 15) / 365) * np.sign(latitude)
    gpp = LEVEL[igbp] * np.maximum(warmth + 0.2, 0) + rng.normal(0, 0.3, days)
    reco = 2 + warmth + rng.normal(0, 0.2, days)
    columns = {
        "site_id": site,
        "date": date,
        "latitude": latitude,
        "longitude": rng.uniform(-100, 100),
        "igbp": igbp,
        "koppen_main": "D" if igbp != "OSH" else "B",
        "koppen": "Dfb" if igbp != "OSH" else "BSk",
        "gpp": gpp,
        "reco": reco,
        "nee": reco - gpp,
        "nee_qc": rng.choice([0.0, 0.5, 1.0], days, p=[0.1, 0.3, 0.6]),
        "TA_F": 10 + 12 * warmth + rng.normal(0, 2, days),
        "SW_IN_F": 180 + 120 * warmth + rng.normal(0, 30, days),
        "VPD_F": np.where(rng.random(days) < 0.2, np.nan, 5 + 4 * warmth),
        "FAPAR": 0.45 + 0.35 * warmth,
    }
    frame = pd.DataFrame(columns)
    frame.loc[rng.random(days) < 0.1, ["gpp", "reco", "nee"]] = np.nan
    return frame


def make_towers(prefix: str, classes: str, seed: int = 0) -> pd.DataFrame:
    """Return one tower per class named, every third of them in the south."""
    towers = [
        make_tower(f"{prefix}{i}", c, -35 if i % 3 == 2 else 45, 400 + 30 * i, seed)
        for i, c in enumerate(classes.split())
    ]
    return pd.concat(towers, ignore_index=True)


@pytest.fixture(scope="session")
def train() -> pd.DataFrame:
    return make_towers("TR-", "DBF CRO ENF OSH DBF ENF")


@pytest.fixture(scope="session")
def validation() -> pd.DataFrame:
    return make_towers("VA-", "DBF ENF OSH", seed=1)


@pytest.fixture(scope="session")
def test_towers() -> pd.DataFrame:
    return make_towers("TE-", "CRO ENF DBF", seed=2)


def site_r2(frame: pd.DataFrame, predictions: pd.DataFrame, target: str) -> pd.Series:
    """Return R2 = 1 - sum (y - p)^2 / sum (y - mean)^2 of every tower, over the days with a target."""
    known = frame.assign(p=predictions[target].to_numpy()).dropna(subset=[target])
    return known.groupby("site_id").apply(
        lambda g: 1 - ((g[target] - g["p"]) ** 2).sum() / ((g[target] - g[target].mean()) ** 2).sum()
    )


@pytest.fixture(scope="session", name="site_r2")
def _site_r2() -> object:
    return site_r2


@pytest.fixture(scope="session", name="make_tower")
def _make_tower() -> object:
    return make_tower
