"""The evaluation index of a protocol, the table of predictions, and whether one fits the other.

Every model of a protocol is scored on the same site-days. A prediction that is missing is an error, never a day less.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from . import schema
from .errors import PredictionError, first_few
from .quantile_columns import quantile_column, quantile_columns, quantile_levels
from .schema import TARGETS
from .suspect_units import suspect_units

WARM_UP_DAYS = 30  # at the start of every part, for every model alike, whatever its memory
FIRST_DAY = date(2000, 2, 24)  # the first day of MODIS Terra
KEYS = ("site_id", "date")
STRATA = ("igbp", "koppen_main", "koppen")
COLUMNS = (*KEYS, *TARGETS)
# Beside the targets in an evaluation frame: what is known of how sure the observations are.
UNCERTAINTY = (*(c.name for c in schema.COLUMNS.values() if c.role == "uncertainty"), "reco_src")
MOST_OUTSIDE = 0.5  # of the scored days may have a prediction outside its own quantiles
_FILL = -9999.0  # how flux archives write a missing value
_LARGEST = 1e9  # gC m-2 d-1: beyond this a number is no flux, and its square would swamp every sum


def scored(part: pa.Table, qc_threshold: float = 1.0) -> np.ndarray:
    """Return which targets are scored on which days of one part.

    A target is scored where it is present, `nee_qc` reaches the threshold, the day is not before `FIRST_DAY` and not
    among the first `WARM_UP_DAYS` rows of the part.

    Parameters
    ----------
    part : pyarrow.Table [D rows], one shard: a tower's early or late days in date order
    qc_threshold : float, 0-1

    Returns
    -------
    ndarray [D, 3] of bool, in the order of `TARGETS`

    Raises
    ------
    PredictionError : a column is missing, or the days are not in order
    """
    missing = [name for name in ("date", *TARGETS, "nee_qc") if name not in part.column_names]
    if missing:
        raise PredictionError(f"A part has no column {', '.join(missing)}. It needs date, the targets and nee_qc.")
    day = part["date"].to_numpy().astype("datetime64[D]")
    if np.any(day[1:] <= day[:-1]):
        raise PredictionError("A part is not in date order. Give the days of one shard as they stand in it.")
    usable = (part["nee_qc"].to_numpy().astype(float) >= qc_threshold) & (day >= np.datetime64(FIRST_DAY))
    usable[:WARM_UP_DAYS] = False
    return usable[:, None] & np.isfinite(_targets(part))


def evaluation_frame(parts: Iterable[pa.Table], qc_threshold: float = 1.0) -> pd.DataFrame:
    """Return every site-day with a scored target: what predictions are asked for and scored against.

    Parameters
    ----------
    parts : iterable of pyarrow.Table, the shards of a split, with keys, classes, targets and nee_qc
    qc_threshold : float, 0-1

    Returns
    -------
    DataFrame, columns site_id, date (datetime64), the classes and columns of `UNCERTAINTY` that the parts have, and
        gpp, reco, nee [gC m-2 d-1], NaN where that target is not scored; rows as they stand in the parts

    Raises
    ------
    PredictionError : a part lacks a column, a site-day stands twice, or nothing is scored
    """
    kept, observed, n_days = [], [], 0
    for part in parts:
        mask = scored(part, qc_threshold)
        rows = mask.any(axis=1)
        n_days += len(rows)
        names = [c for c in (*KEYS, *STRATA, *UNCERTAINTY) if c in part.column_names]
        kept.append(part.select(names).filter(pa.array(rows)))
        observed.append(np.where(mask, _targets(part), np.nan)[rows])
    if not sum(map(len, observed)):
        raise PredictionError(
            f"None of {n_days:,} site-days in {len(kept)} parts is scored: a target present, nee_qc >= "
            f"{qc_threshold:g}, from {FIRST_DAY}, {WARM_UP_DAYS} days into the part. Lower the threshold or add towers."
        )
    frame = pa.concat_tables(kept).to_pandas(date_as_object=False).astype({"date": "datetime64[s]"})
    frame[list(TARGETS)] = np.concatenate(observed)
    _refuse_duplicates(frame, *site_day_numbers(frame), "The test split has")
    return frame


def read_predictions(path: str | Path) -> pd.DataFrame:
    """Read a table of predictions.

    Parameters
    ----------
    path : path, Parquet or CSV with `COLUMNS` and any quantiles; dates as dates, ISO text or YYYYMMDD

    Returns
    -------
    DataFrame, `COLUMNS` and the columns of quantiles alone, date as datetime64

    Raises
    ------
    PredictionError : the file cannot be read, lacks a column or holds something that is no date
    """
    path = Path(path)
    if path.suffix.lower() not in (".parquet", ".csv"):
        raise PredictionError(f"Got predictions in {path.name}, expected a .parquet or a .csv file.")
    try:
        frame = (
            pd.read_parquet(path) if path.suffix.lower() == ".parquet" else pd.read_csv(path, dtype={"site_id": str})
        )
    except FileNotFoundError:
        raise PredictionError(f"No file {path}. Check the path of the predictions.") from None
    except (OSError, ValueError, pa.ArrowException) as error:
        raise PredictionError(f"{path} cannot be read: {error}. Write it again as Parquet or CSV.") from error
    _require_columns(frame)
    names = [*COLUMNS, *quantile_columns(frame.columns)]
    return frame[names].assign(date=whole_days(frame["date"]).astype("datetime64[s]"))


def require_table(predictions: object) -> None:
    """Refuse what is no table of predictions.

    Raises
    ------
    PredictionError : says what came and what was expected
    """
    if not hasattr(predictions, "columns"):
        raise PredictionError(
            f"Got predictions of type {type(predictions).__name__}, expected a pandas.DataFrame with "
            "site_id, date, gpp, reco and nee."
        )


def validate_predictions(
    predictions: pd.DataFrame,
    frame: pd.DataFrame,
    known_days: pd.DataFrame | None = None,
    check_units: bool = True,
) -> pd.DataFrame:
    """Check predictions against the evaluation frame, and return them in its order.

    Parameters
    ----------
    predictions : DataFrame with `COLUMNS`, rows in any order [gC m-2 d-1, NEE negative for uptake], and quantiles if
        the model gives them, such as gpp_q05 and gpp_q95
    frame : DataFrame, from `evaluation_frame`
    known_days : DataFrame with site_id and date, optional, every site-day of the split: predictions on those that are
        not scored are accepted and counted; None accepts the days of `frame` alone
    check_units : bool, whether predictions that seem to be in another unit are refused, see `suspect_units`

    Returns
    -------
    DataFrame with `COLUMNS` and quantiles, row by row that of `frame`; ``attrs["n_not_scored"]`` counts the other rows

    Raises
    ------
    PredictionError : a column is missing or no number; site-days are missing, doubled or foreign; a value is NaN or
        infinite where it is scored; the unit is suspect. It names the first offenders and what to do
    """
    _require_columns(predictions)
    names = [*TARGETS, *quantile_columns(predictions.columns)]
    values = _numeric(predictions, names)
    days = predictions[list(KEYS)].assign(date=whole_days(predictions["date"]))
    known = frame if known_days is None else known_days
    given, wanted, allowed = site_day_numbers(days, frame, known)
    _refuse_duplicates(days, given, "Predictions have")
    rows = pd.Index(given).get_indexer(wanted)
    lacking = f"Predictions lack {{n}} of {len(frame):,} scored site-days"
    _refuse(frame[rows < 0], lacking, "Predict every day of the test split.")
    foreign = days[~np.isin(given, np.concatenate([wanted, allowed]))]
    _refuse(foreign, "Predictions have {n} site-days that are not in this test split", "Leave those rows out.")
    aligned = values[rows]
    _refuse_not_finite(aligned, names, frame)
    out = frame[list(KEYS)].copy()
    out[names] = aligned
    _refuse_quantiles_elsewhere(out, frame)
    suspicion = suspect_units(aligned[:, : len(TARGETS)], frame[list(TARGETS)].to_numpy(float)) if check_units else None
    if suspicion:
        raise PredictionError(
            f"{suspicion} Convert them, or pass check_units=False (--any-units) if they are what they should be."
        )
    out.attrs["n_not_scored"] = len(days) - len(frame)
    return out


def _targets(part: pa.Table) -> np.ndarray:
    return np.stack([part[name].to_numpy().astype(float) for name in TARGETS], axis=1)


def _require_columns(frame: pd.DataFrame) -> None:
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise PredictionError(
            f"Predictions have no column {', '.join(missing)}; they have {first_few(frame.columns, 8) or 'none'}. "
            f"Expected {', '.join(COLUMNS)}."
        )


def _numeric(predictions: pd.DataFrame, names: list[str]) -> np.ndarray:
    for name in names:
        bad = pd.to_numeric(predictions[name], errors="coerce").isna() & predictions[name].notna()
        if bad.any():
            first = predictions[bad].iloc[0]
            raise PredictionError(
                f"Predicted {name} is no number in {bad.sum():,} rows, the first: {first[name]!r} at "
                f"{first['site_id']} {first['date']}. Write numbers alone."
            )
    return predictions[names].apply(pd.to_numeric).to_numpy(float)


def whole_days(column: pd.Series) -> np.ndarray:
    """Return dates as datetime64[D]; text is ISO, a whole number is YYYYMMDD."""
    if pd.api.types.is_integer_dtype(column):
        column = column.astype(str).where(column.between(1000_01_01, 9999_12_31))
    try:
        stamps = pd.to_datetime(column, format="ISO8601")
    except (ValueError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise PredictionError(f"Column date holds something that is no date: {reason} Write YYYY-MM-DD.") from None
    stamps = stamps.dt.tz_localize(None)
    bad = stamps.isna() | (stamps != stamps.dt.normalize())
    if bad.any():
        raise PredictionError(
            f"Column date is no whole day in {bad.sum():,} rows, the first: {column[bad].iloc[0]!r}. Write YYYY-MM-DD."
        )
    return stamps.to_numpy().astype("datetime64[D]")


def site_day_numbers(*tables: pd.DataFrame) -> list[np.ndarray]:
    """Return one whole number per site-day, the same in every table."""
    sites = pd.concat([table["site_id"] for table in tables], ignore_index=True)
    if sites.isna().any():
        raise PredictionError(f"site_id is missing in {sites.isna().sum():,} rows. Every row needs its site.")
    codes = np.split(pd.factorize(sites)[0].astype(np.int64), np.cumsum([len(table) for table in tables])[:-1])
    return [
        code * 2**32 + whole_days(table["date"]).astype(np.int64) for code, table in zip(codes, tables, strict=True)
    ]


def _refuse(rows: pd.DataFrame, what: str, remedy: str) -> None:
    if len(rows):
        first = first_few(f"{site} {day:%Y-%m-%d}" for site, day in zip(rows["site_id"], rows["date"], strict=True))
        raise PredictionError(f"{what.format(n=f'{len(rows):,}')}, the first: {first}. {remedy}")


def _refuse_duplicates(frame: pd.DataFrame, numbers: np.ndarray, who: str) -> None:
    again = pd.Series(numbers).duplicated().to_numpy()
    _refuse(frame[again], who + " {n} site-days more than once", "Keep one row per site and day.")


def _refuse_not_finite(aligned: np.ndarray, names: list[str], frame: pd.DataFrame) -> None:
    asked = frame[[name.partition("_")[0] for name in names]].notna().to_numpy()
    bad = asked & (~np.isfinite(aligned) | (aligned == _FILL))
    wrong = " and ".join(name for name, any_bad in zip(names, bad.any(axis=0), strict=True) if any_bad)
    what = f"Predicted {wrong} is NaN, infinite or {_FILL:g} on {{n}} scored site-days"
    _refuse(frame[bad.any(axis=1)], what, "Predict a number on each.")
    huge = asked & (np.abs(aligned) > _LARGEST)
    _refuse(frame[huge.any(axis=1)], f"Predictions are beyond {_LARGEST:g} on {{n}} scored site-days", "Clip them.")


def _refuse_quantiles_elsewhere(out: pd.DataFrame, frame: pd.DataFrame) -> None:
    """Refuse quantiles that are not of the flux they are named after: the prediction is outside all of them."""
    for target, levels in quantile_levels(out.columns).items():
        asked = frame[target].notna()
        columns = [quantile_column(target, level) for level in levels]
        low, high = out[columns].min(axis=1), out[columns].max(axis=1)
        outside = int((asked & ((out[target] < low) | (out[target] > high))).sum())
        if outside > MOST_OUTSIDE * asked.sum():
            raise PredictionError(
                f"Predicted {target} lies outside all of its own quantiles on {outside:,} of {asked.sum():,} scored "
                f"site-days. Give {', '.join(columns)} in gC m-2 d-1, of the same flux and day as {target}."
            )
