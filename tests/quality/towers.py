"""A tower in good order, made by script, for tests to spoil."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from carbonbench_core.quality import Days
from carbonbench_core.sun import daylight

Change = Callable[[np.ndarray], np.ndarray]


def good(
    site_id: str = "XX-One", latitude: float = 50.0, years: int = 4, seed: int = 0, variant: str = "VUT_USTAR50"
) -> Days:
    """Return days with seasons and weather: light from the sun through clouds, GPP from light, RECO from temperature.

    NEE is RECO - GPP; every value differs, as in a measured record.
    """
    rng = np.random.default_rng(seed)
    date = np.arange(np.datetime64("2001-01-01"), np.datetime64(f"{2001 + years}-01-01"))
    site = {"site_id": site_id, "network": "FLUXNET2015", "latitude": latitude, "longitude": 10.0}
    days = Days(site | {"target_variant": variant}, date, {})
    top = daylight(latitude, days.day_of_year)[0]
    light = top * rng.uniform(0.15, 0.8, len(date))
    warmth = np.convolve(np.pad(top, 15, "wrap"), np.ones(31) / 31, "valid") / 500
    air = -5 + 30 * warmth + rng.normal(0, 1.5, len(date))
    gpp = 0.03 * light * np.clip(air / 20, 0.02, 1) + rng.normal(0, 0.1, len(date))
    reco = 1.0 + 3.0 * warmth + 0.1 * np.maximum(air, 0) + rng.normal(0, 0.1, len(date))
    saturation = 6.112 * np.exp(17.62 * air / (243.12 + air))
    days.values.update(
        {
            "gpp": gpp,
            "reco": reco,
            "nee": reco - gpp,
            "nee_qc": rng.choice([0.5, 0.75, 1.0], len(date)),
            "TA_F": air,
            "SW_IN_F": light,
            "VPD_F": saturation * rng.uniform(0.05, 0.6, len(date)),
            "PA_F": 98 + rng.normal(0, 1, len(date)),
            "P_F": np.where(rng.uniform(size=len(date)) < 0.3, rng.exponential(5, len(date)), 0),
            "WS_F": rng.gamma(4, 0.7, len(date)),
            "LW_IN_F": 260 + 4 * air + rng.normal(0, 10, len(date)),
        }
    )
    return days


def changed(days: Days, **changes: Change) -> Days:
    """Return days with columns, or the latitude, put through functions."""
    values, site = dict(days.values), dict(days.site)
    for name, change in changes.items():
        if name == "latitude":
            site[name] = change(site[name])
        else:
            values[name] = change(values[name])
    return Days(site, days.date, values)


def at(start: int, stop: int, value: float | np.ndarray | Change) -> Change:
    """Return a change of the days from `start` to before `stop`."""

    def change(values: np.ndarray) -> np.ndarray:
        out = values.copy()
        out[start:stop] = value(values[start:stop]) if callable(value) else value
        return out

    return change


def late(days: int) -> Change:
    """Return the change that moves a series to later days."""
    return lambda values: np.r_[np.full(days, np.nan), values[:-days]]
