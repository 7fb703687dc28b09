"""Checks of single days: impossible, apart from their neighbours or their season, stuck, or copied."""

from __future__ import annotations

import numpy as np

from ..sun import daylight
from ._days import METEOROLOGY, Days, Flag, runs

# Daily means and sums that no tower has reached. Fluxes [gC m-2 d-1]: the largest daily GPP at the 170 towers is 31
# (maize); meteorology in the units of the schema. Radiation is held against the sun instead of its upper limit.
LIMITS = {
    "gpp": (-15.0, 40.0),
    "reco": (-10.0, 40.0),
    "nee": (-35.0, 30.0),
    "TA_F": (-75.0, 50.0),
    "SW_IN_F": (-10.0, 560.0),
    "LW_IN_F": (50.0, 600.0),
    "VPD_F": (-0.5, 100.0),
    "PA_F": (45.0, 110.0),
    "P_F": (0.0, 1900.0),
    "WS_F": (0.0, 60.0),
}
ABOVE_THE_SUN = 10.0  # W m-2, what a sensor may be off by
SPIKE = 8.0  # of the usual step between days, which is at least SMALL_STEP: 1 of 10,000 days of the 170 towers
SMALL_STEP = 0.1  # gC m-2 d-1
STEP_DAYS = 61  # window of the usual step
SEASON = (
    10.0  # of the spread of the season, at least SMALL_SPREAD: at the 170 towers 1 of 100 days, 9 of 10 of them filled
)
SMALL_SPREAD = 0.3  # gC m-2 d-1
SEASON_YEARS = 3
BIN, BINS_BESIDE = 5, 3  # days; a season is 7 bins of 5 days
STUCK = 5  # days: filled days may repeat three or four times
STUCK_METEOROLOGY = 10  # days: rounded pressure and wind may stand still for a week
AT_ZERO = 1e-5  # gC m-2 d-1: a model's floor, written as 0 or 1e-6
REPEATED = 7  # days in a row
MEASURED = 0.25  # nee_qc, below which a day is a filled gap


def out_of_range(days: Days) -> list[Flag]:
    """Flag values beyond `LIMITS`, and radiation above that at the top of the atmosphere."""
    found = []
    for name in (n for n in LIMITS if n in days.values):
        low, high = LIMITS[name]
        limit = np.full(len(days.date), high)
        if name == "SW_IN_F" and days.latitude is not None:
            limit = daylight(days.latitude, days.day_of_year)[0] + ABOVE_THE_SUN
        values = days.values[name]
        with np.errstate(invalid="ignore"):
            odd = (values < low) | (values > limit)
        if odd.any():
            what = f"{values[odd].min():.4g} to {values[odd].max():.4g}, expected {low:g} to "
            what += "the radiation at the top of the atmosphere" if name == "SW_IN_F" else f"{high:g}"
            found += days.flag("range", name, odd, what)
    return found


def spikes(days: Days) -> list[Flag]:
    """Flag days apart from both neighbours, on the same side, by `SPIKE` times the usual step between days.

    After Papale et al. 2006, doi:10.5194/bg-3-571-2006, where half-hours are held against the median absolute
    deviation; here the smaller of the two steps is, against the median step of `STEP_DAYS` days.
    """
    found = []
    for name in days.targets:
        values = days.values[name]
        step = np.diff(values, prepend=np.nan)
        after = -np.diff(values, append=np.nan)
        usual = np.maximum(_rolling_median(np.abs(step), STEP_DAYS) / 0.6745, SMALL_STEP)
        with np.errstate(invalid="ignore"):
            alone = np.where(np.sign(step) == np.sign(after), np.minimum(np.abs(step), np.abs(after)), 0.0)
            odd = alone > SPIKE * usual
        worst = np.nanmax(np.where(odd, alone / usual, 0.0), initial=0.0)
        found += days.flag("spike", name, odd, f"up to {worst:.0f} times the usual step from day to day")
    return found


def out_of_season(days: Days) -> list[Flag]:
    """Flag values far from the median of the same season over all years, in units of the season's spread.

    What it finds at the 170 towers are mostly long gaps filled as if in another season: photosynthesis of 8 gC m-2 d-1
    in frost, before the first measurement.
    """
    if len(np.unique(days.years)) < SEASON_YEARS:
        return []
    bins = np.minimum((days.day_of_year - 1) // BIN, 365 // BIN - 1)
    found = []
    for name in days.targets:
        values = days.values[name]
        middle, spread = _seasons(values, bins)
        with np.errstate(invalid="ignore"):
            apart = np.abs(values - middle[bins]) / np.maximum(spread[bins], SMALL_SPREAD)
            odd = apart > SEASON
        text = f"up to {np.nanmax(np.where(odd, apart, 0), initial=0):.0f} times the season's spread from its median"
        found += days.flag("season", name, odd, text)
    return found


def _seasons(values: np.ndarray, bins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return median and robust spread of every season, NaN for one with too few values."""
    n = 365 // BIN
    held = [values[(bins == b) & np.isfinite(values)] for b in range(n)]
    middle, spread = np.full(n, np.nan), np.full(n, np.nan)
    for b in range(n):
        there = np.concatenate([held[(b + k) % n] for k in range(-BINS_BESIDE, BINS_BESIDE + 1)])
        if len(there) >= SEASON_YEARS * BIN * 2:
            middle[b] = np.median(there)
            spread[b] = 1.4826 * np.median(np.abs(there - middle[b]))  # of a normal distribution, its deviation
    return middle, spread


def stuck(days: Days) -> list[Flag]:
    """Flag stretches of one value, and fluxes at a model's floor of zero; dry days and dark ones are no stretches."""
    found = []
    for name in (*days.targets, *(n for n in METEOROLOGY if n in days.values and n != "P_F")):
        values = days.values[name]
        target = name in days.targets
        floor = np.abs(values) <= AT_ZERO
        same = np.r_[False, (values[1:] == values[:-1]) & ~floor[1:]]
        same[:-1] |= same[1:]  # the first day of a stretch belongs to it
        still = _split_runs(values, same, STUCK if target else STUCK_METEOROLOGY)
        zero = runs(floor, STUCK) if target else np.zeros(len(values), bool)
        text = "in stretches of one value" + (f", {zero.sum()} days of them at zero" if zero.any() else "")
        still |= zero
        found += days.flag("stuck", name, still, text)
    return found


def _split_runs(values: np.ndarray, same: np.ndarray, least: int) -> np.ndarray:
    """Return which of `same` [D] bool stand in a stretch of one value of at least `least` days."""
    new = np.r_[True, ~(values[1:] == values[:-1])]
    stretch = np.cumsum(new) - 1
    length = np.bincount(stretch)
    return same & (length[stretch] >= least)


def repeated(days: Days) -> list[Flag]:
    """Flag stretches of `REPEATED` days that stand again, digit by digit, elsewhere in the record.

    Long gaps are filled alike, so that only days count that nee_qc calls measured at least in part.
    """
    found = []
    filled = days.values.get("nee_qc", np.ones(len(days.date))) < MEASURED
    for name in days.targets:
        values = np.where(filled, np.nan, days.values[name])
        if len(values) < 2 * REPEATED:
            continue
        windows = np.lib.stride_tricks.sliding_window_view(values, REPEATED)
        moving = np.isfinite(windows).all(axis=1) & (np.ptp(windows, axis=1) > 10 * AT_ZERO)
        at = np.flatnonzero(moving)
        if not len(at):
            continue
        rows = np.ascontiguousarray(windows[at] + 0.0).view(np.dtype((np.void, 8 * REPEATED))).ravel()
        _, which, counts = np.unique(rows, return_inverse=True, return_counts=True)
        again = at[counts[which] > 1]
        odd = np.zeros(len(values), bool)
        for k in range(REPEATED):
            odd[again + k] = True
        found += days.flag("repeated", name, odd, "digit by digit as elsewhere in the record")
    return found


def _rolling_median(values: np.ndarray, window: int) -> np.ndarray:
    import pandas as pd

    return pd.Series(values).rolling(window, center=True, min_periods=window // 4).median().to_numpy()
