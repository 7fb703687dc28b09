"""The noise ceiling: the best score a model can reach at a tower, given how uncertain the observations are.

A model that knew the true flux would still miss the observed one by its error. Where something is known about that
error on a day, its expected square is the best mean square error to be had, and R2 = 1 - sum e^2 / sum (y - m)^2 is
the best R2. Three things are known at some towers; none is all of the error, so a ceiling is an upper bound:

- partitioning: night-time and day-time partitioning give the same GPP (and RECO) from the same measurements. Taken as
  two readings of the truth with independent errors of equal size, each has the error variance (night - day)^2 / 2.
  What both share (the measurement, the gap filling, the friction velocity threshold) is not in it.
- random: the random uncertainty sigma of NEE that the archive carries: sigma^2. Daily values of ONEFlux are propagated
  from half-hours. Systematic errors are not in it.
- closure: a model whose fluxes close, NEE = RECO - GPP, cannot meet observations that do not. The point of that plane
  nearest to them misses each flux by a third of the residual: (residual / 3)^2. For models that need not close it is
  no bound, and days that close to rounding, as they do by construction in many records, are left out.

Source
------
Lasslop et al. 2010, doi:10.1111/j.1365-2486.2009.02041.x (day-time), Reichstein et al. 2005,
doi:10.1111/j.1365-2486.2005.001002.x (night-time partitioning); Pastorello et al. 2020, doi:10.1038/s41597-020-0534-3
(random uncertainty in ONEFlux).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import UsageError
from ..schema import TARGETS
from .intervals import QUANTILES

if TYPE_CHECKING:
    import pandas as pd

# Column of the evaluation frame -> the target it is another reading of.
DAY_TIME = {"gpp_dt": "gpp", "reco_dt": "reco"}
RANDOM = {"nee_randunc": "nee"}
CLOSES = 1e-4  # gC m-2 d-1: fluxes in single precision that miss by less close


def partitioning_error(night: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Return the error variance [N] of either of two partitionings of one flux."""
    return (np.asarray(night, float) - np.asarray(day, float)) ** 2 / 2


def random_error(sigma: np.ndarray) -> np.ndarray:
    """Return the error variance [N] of a random uncertainty, given as standard deviation; negative is unknown."""
    sigma = np.asarray(sigma, float)
    return np.where(sigma >= 0, sigma, np.nan) ** 2


def closure_error(gpp: np.ndarray, reco: np.ndarray, nee: np.ndarray) -> np.ndarray:
    """Return the square [N] by which fluxes that close miss each of the observed ones at least."""
    return ((np.asarray(nee, float) - (np.asarray(reco, float) - np.asarray(gpp, float))) / 3) ** 2


def ceiling_of_towers(site_id: np.ndarray, observed: np.ndarray, error: np.ndarray) -> dict[str, np.ndarray]:
    """Return the best reachable scores of every tower.

    Parameters
    ----------
    site_id : array [N] of str
    observed : array [N], flux; NaN where it is not scored
    error : array [N], expected squared error of the observation; days where it is NaN take no part

    Returns
    -------
    dict of ndarray [S], "site_id" (sorted), "n" (days), "r2" and "rmse"; R2 is NaN where the flux does not vary

    Raises
    ------
    UsageError : the arrays differ in length
    """
    y, e = np.asarray(observed, float), np.asarray(error, float)
    if not len(site_id) == len(y) == len(e):
        raise UsageError(f"Got {len(site_id)} site ids, {len(y)} observations, {len(e)} errors. Give one each per day.")
    known = np.isfinite(y) & np.isfinite(e)
    names, code = np.unique(np.asarray(site_id)[known].astype(str), return_inverse=True)
    y, e = y[known], e[known]
    n = np.bincount(code, minlength=len(names))
    mean = np.bincount(code, y, len(names)) / np.maximum(n, 1)
    spread = np.bincount(code, (y - mean[code]) ** 2, len(names))
    missed = np.bincount(code, e, len(names))
    varies = spread > 1e-20 * np.bincount(code, y**2, len(names))
    r2 = 1 - np.divide(missed, spread, out=np.full(len(names), np.nan), where=varies)
    return {"site_id": names, "n": n, "r2": r2, "rmse": np.sqrt(missed / np.maximum(n, 1))}


def ceilings(frame: pd.DataFrame) -> dict[str, dict[str, np.ndarray]]:
    """Return every ceiling that an evaluation frame knows of.

    Parameters
    ----------
    frame : DataFrame [N rows], site_id, gpp, reco, nee, and any of the columns of `DAY_TIME` and `RANDOM`

    Returns
    -------
    dict, such as ``gpp.ceiling_partitioning`` -> what `ceiling_of_towers` returns; without towers it is left out
    """
    errors = {}
    for column, target in DAY_TIME.items():
        if column in frame:
            errors[f"{target}.ceiling_partitioning"] = partitioning_error(frame[target], frame[column])
    for column, target in RANDOM.items():
        if column in frame:
            errors[f"{target}.ceiling_random"] = random_error(frame[column])
    residual = closure_error(*(frame[target] for target in TARGETS))
    # Records whose RECO is NEE + GPP close by construction, which tells nothing of their error.
    residual[residual < CLOSES**2] = np.nan
    errors |= {f"{target}.ceiling_closure": residual for target in TARGETS}
    sites = frame["site_id"].to_numpy()
    found = {key: ceiling_of_towers(sites, frame[key.split(".")[0]], error) for key, error in errors.items()}
    return {key: towers for key, towers in found.items() if len(towers["site_id"])}


def ceiling_keys(frame: pd.DataFrame) -> dict[str, float | int | None]:
    """Return the ceilings as they stand in a result row: quartiles over towers of the best R2, and how many towers."""
    out = {}
    for key, towers in ceilings(frame).items():
        r2 = towers["r2"][~np.isnan(towers["r2"])]
        values = np.quantile(r2, list(QUANTILES.values())).tolist() if len(r2) else [None] * len(QUANTILES)
        out |= {f"{key}.{name}": value for name, value in zip(QUANTILES, values, strict=True)}
        out[f"{key}.n"] = len(r2)
    return out


def ceiling_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the best R2 of every tower, a row per target and tower, a column per ceiling that the frame knows of."""
    import pandas as pd

    columns: dict[str, dict[tuple[str, str], float]] = {}
    for key, towers in ceilings(frame).items():
        target, name = key.split(".")
        values = zip(towers["site_id"], towers["r2"], strict=True)
        columns.setdefault(name, {}).update({(target, site): r2 for site, r2 in values})
    known = pd.MultiIndex.from_tuples(sorted(set().union(*columns.values())), names=["target", "site_id"])
    return pd.DataFrame(columns, index=known)
