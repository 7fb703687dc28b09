"""Columns of site-days as arrays: rows checked, records found, wrong columns named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from . import schema
from .errors import FeatureError, UsageError, first_few

if TYPE_CHECKING:
    import datasets
    import pandas as pd

    Data = datasets.Dataset | pd.DataFrame | pa.Table

TARGETS = schema.TARGETS
_ROUNDING = 1e-6


def as_table(data: Data) -> pa.Table:
    """Return the rows of a dataset, a data frame or a table as an Arrow table, without copying where possible.

    Raises
    ------
    UsageError : anything else, a dictionary of splits or a stream among them
    """
    if isinstance(data, pa.Table):
        return data
    kind = type(data).__name__
    if kind == "DataFrame":
        return pa.Table.from_pandas(data, preserve_index=False)
    if kind == "Dataset" and hasattr(data, "with_format"):
        return data.with_format("arrow")[:]
    remedy = " Choose a split, e.g. data['train']." if isinstance(data, dict) else ""
    raise UsageError(
        f"Got {kind}, expected a datasets.Dataset, a pandas.DataFrame or a pyarrow.Table of site-days.{remedy}"
    )


def records(table: pa.Table) -> np.ndarray:
    """Return where records start: a record is a run of consecutive days of one tower.

    Returns
    -------
    offsets : ndarray [R + 1] int64, first row of every record; the last entry is the number of rows

    Raises
    ------
    UsageError : a tower's days are not in order, stand twice, or are not together
    """
    n = table.num_rows
    if n == 0:
        return np.zeros(1, dtype=np.int64)
    code, days = _site_codes(table), dates(table).astype(np.int64)
    same_site, step = code[1:] == code[:-1], np.diff(days)
    wrong = np.flatnonzero(same_site & (step <= 0))
    if wrong.size:
        raise UsageError(_disorder(table, int(wrong[0]) + 1, bool(step[wrong[0]] == 0)))
    first = np.r_[0, np.flatnonzero(~same_site) + 1]
    if np.unique(code[first]).size < first.size:
        raise UsageError("The rows of a tower do not stand together. Sort the data by site_id and date.")
    return np.r_[0, np.flatnonzero(~same_site | (step != 1)) + 1, n].astype(np.int64)


def _disorder(table: pa.Table, row: int, twice: bool) -> str:
    what = "stands twice" if twice else "comes after a later day"
    return (
        f"Day {dates(table)[row]} of {sites(table)[row]} {what} (row {row:,}). "
        "Every day of a tower stands once, in date order: sort the data by site_id and date, drop double days."
    )


def _site_codes(table: pa.Table) -> np.ndarray:
    column = pc.dictionary_encode(column_of(table, "site_id").cast(pa.string()))
    if column.null_count:
        raise UsageError(f"{column.null_count:,} rows have no site_id. Every row needs its tower.")
    return column.unify_dictionaries().combine_chunks().indices.to_numpy()


def sites(table: pa.Table) -> np.ndarray:
    """Return the tower of every row, ndarray [N] object."""
    return column_of(table, "site_id").cast(pa.string()).to_numpy()


def dates(table: pa.Table) -> np.ndarray:
    """Return the day of every row, ndarray [N] datetime64[D]."""
    column = column_of(table, "date")
    try:
        days = column.cast(pa.date32())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise FeatureError(f"Column 'date' is {column.type}, expected days (date32 or a timestamp).") from None
    if days.null_count:
        raise UsageError(f"{days.null_count:,} rows have no date. Every row needs its day.")
    return days.cast(pa.int32()).to_numpy().astype("datetime64[D]")


def targets(table: pa.Table) -> np.ndarray | None:
    """Return gpp, reco and nee [gC m-2 d-1], ndarray [N, 3] float64 with NaN, or None if no target column is there.

    Raises
    ------
    FeatureError : one is no number, or of a size that no ecosystem reaches
    """
    if not set(TARGETS) & set(table.column_names):
        return None
    y = np.stack([numeric(table, name, pa.float64()) for name in TARGETS], axis=1)
    for name, flux in zip(TARGETS, y.T, strict=True):
        known = np.abs(flux[np.isfinite(flux)])
        if len(known) >= schema.ENOUGH_TO_JUDGE and (middle := float(np.median(known))) > schema.LARGEST_MEDIAN:
            raise FeatureError(
                f"Half of the values of {name!r} are beyond {middle:,.4g} in size, expected gC m-2 d-1: no ecosystem "
                f"has a median above {schema.LARGEST_MEDIAN:g}. Convert the column; mgC m-2 d-1 is 1,000 times as much."
            )
    return y


def quality(table: pa.Table) -> np.ndarray | None:
    """Return nee_qc [0-1], ndarray [N] float64 with NaN where missing, or None without that column.

    Raises
    ------
    FeatureError : it is no number, or beyond 0 to 1
    """
    if "nee_qc" not in table.column_names:
        return None
    qc = numeric(table, "nee_qc", pa.float64())
    beyond = qc[(qc < -_ROUNDING) | (qc > 1 + _ROUNDING)]
    if beyond.size:
        raise FeatureError(
            f"Column 'nee_qc' is beyond 0 to 1 in {beyond.size:,} of {len(qc):,} rows (first: {beyond[0]:g}), expected "
            "the share of measured or well filled data. Divide per cent by 100; leave it empty where it is not known."
        )
    return qc


def choose_features(table: pa.Table, features: Sequence[str] | None = None) -> list[str]:
    """Return the input columns: those asked for, or every feature column of the schema that the data have.

    Raises
    ------
    FeatureError : a column is not there, none is, or it is a target, its quality or its truth
    """
    if features is None:
        features = [c.name for c in schema.COLUMNS.values() if c.is_feature and c.name in table.column_names]
        if not features:
            raise FeatureError(f"The data have no feature column, only {first_few(table.column_names, 8)}.")
    if len(set(features)) < len(features):
        raise FeatureError(f"A feature is named twice: {first_few(f for f in features if features.count(f) > 1)}.")
    known = schema.COLUMNS
    leaks = [f for f in features if f in known and not known[f].is_feature]
    if leaks:
        raise FeatureError(f"{first_few(map(repr, leaks))} cannot be an input: it is a {known[leaks[0]].role} column.")
    for name in features:
        column_of(table, name)
    return list(features)


def column_of(table: pa.Table, name: str) -> pa.ChunkedArray:
    """Return one column.

    Raises
    ------
    FeatureError : the data lack it
    """
    if name not in table.column_names:
        raise FeatureError(
            f"The data lack the column {name!r}. They have {first_few(table.column_names, 8)}. "
            "Load a feature set that carries it."
        )
    return table.column(name)


def numeric(table: pa.Table, name: str, dtype: pa.DataType) -> np.ndarray:
    """Return a column as ndarray [N], missing and infinite values as NaN.

    Raises
    ------
    FeatureError : the column is missing or not numeric
    """
    column = column_of(table, name)
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind) or kind == pa.null()):
        raise FeatureError(f"Column {name!r} is {kind}, expected numbers.")
    values = column.cast(dtype, safe=False).to_numpy()
    return values if np.isfinite(values).all() else np.where(np.isfinite(values), values, np.nan)


def class_codes(table: pa.Table, name: str) -> np.ndarray:
    """Return class codes, ndarray [N] int64: the place in the schema's vocabulary, its length for the unknown.

    Raises
    ------
    FeatureError : the column is missing or holds no text
    """
    column, vocabulary = column_of(table, name), schema.VOCABULARIES[name]
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.null()):
        raise FeatureError(f"Column {name!r} is {column.type}, expected class codes such as {vocabulary[0]!r}.")
    found = pc.index_in(column.cast(pa.string()), value_set=pa.array(vocabulary))
    return pc.fill_null(found, len(vocabulary)).to_numpy().astype(np.int64)


def is_static(name: str) -> bool:
    """Return whether a column is a static feature of the schema (coordinates and classes)."""
    return name in schema.COLUMNS and schema.COLUMNS[name].role == "static"
