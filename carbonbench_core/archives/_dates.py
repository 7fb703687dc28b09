"""Dates in the forms that tables hold them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import ArchiveError
from . import _oneflux


def to_dates(raw: pa.Array, date_format: str, where: str) -> pa.Array:
    """Return dates as date32, null where there is none.

    Parameters
    ----------
    raw : pyarrow.Array, dates, timestamps, stamps as numbers, or text
    date_format : str, of text, e.g. "%d.%m.%Y"; "" for YYYY-MM-DD or YYYYMMDD
    where : str, how messages name the rows

    Raises
    ------
    ArchiveError : a date that does not exist, or one with a time zone
    """
    if pa.types.is_dictionary(raw.type):
        raw = raw.dictionary_decode()
    if pa.types.is_null(raw.type):
        return raw.cast(pa.date32())
    if pa.types.is_timestamp(raw.type):
        if raw.type.tz:
            raise ArchiveError(f"{where}: dates carry time zone {raw.type.tz}; give plain days of local standard time.")
        return pa.array(raw.to_numpy(zero_copy_only=False).astype("datetime64[D]"))
    if pa.types.is_date(raw.type):
        return raw.cast(pa.date32())
    if pa.types.is_integer(raw.type) and not date_format:
        return _stamped(raw, where)
    return _written(raw.cast(pa.string()), date_format, where)


def _stamped(raw: pa.Array, where: str) -> pa.Array:
    empty = raw.is_null().to_numpy(zero_copy_only=False)
    stamps = pc.fill_null(raw, 1970_01_01).to_numpy().astype(np.int64)
    date, bad = _oneflux.days(stamps)
    if bad.any():
        raise ArchiveError(f"{where}: date {stamps[bad][0]} is no day written YYYYMMDD. Repair it.")
    return pa.array(date, mask=empty)


def _written(raw: pa.Array, date_format: str, where: str) -> pa.Array:
    import pandas as pd

    empty = raw.is_null().to_numpy(zero_copy_only=False)
    text = pd.Series(pc.fill_null(raw, "1970-01-01").to_pylist())
    if date_format:
        text[empty] = pd.Timestamp(1970, 1, 1).strftime(date_format)
    date = pd.to_datetime(text, format=date_format or "ISO8601", errors="coerce", utc=False)
    bad = date.isna() if date_format else date.isna() | (text.str.len() < len("YYYYMMDD"))
    if bad.any() or getattr(date.dt, "tz", None) is not None:
        shown = text[bad].iloc[0] if bad.any() else text.iloc[0]
        wanted = date_format or "YYYY-MM-DD or YYYYMMDD"
        raise ArchiveError(f"{where}: date {shown!r} is no day written {wanted}. Repair it, or say date_format.")
    return pa.array(date.to_numpy().astype("datetime64[D]"), mask=empty)
