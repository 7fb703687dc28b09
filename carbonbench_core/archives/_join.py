"""Two tables of one tower's days brought together."""

from __future__ import annotations

import numpy as np
import pyarrow as pa


def within(base: pa.Table, extra: pa.Table) -> pa.Table:
    """Return the days of a record with the columns of another source beside them.

    The days are those of `base` and, from its first to its last, those of `extra`: drivers are there on days without
    fluxes, too. What `extra` holds outside that span belongs to no day of the record.

    Parameters
    ----------
    base : pyarrow.Table [D, C], `date` (date32, each once, at least one) and columns
    extra : pyarrow.Table [E, K], `date` (date32, each once) and columns; of names that `base` has, base's count

    Returns
    -------
    pyarrow.Table [>= D, C + K], in date order, null where a source has no such day
    """
    new = [name for name in extra.column_names if name not in base.column_names]
    if not new or not extra.num_rows:
        return base
    ours, theirs = dates(base), dates(extra)
    inside = theirs[(theirs >= ours.min()) & (theirs <= ours.max())]
    days = np.union1d(ours, inside)
    columns = {"date": pa.array(days)}
    for table, held, names in ((base, ours, base.column_names), (extra, theirs, new)):
        at = position(held, days)
        indices = pa.array(at, mask=at < 0)
        columns |= {name: table[name].combine_chunks().take(indices) for name in names if name != "date"}
    return pa.table(columns)


def dates(table: pa.Table) -> np.ndarray:
    """Return the dates of a table, ndarray [D] of datetime64[D]."""
    return table["date"].to_numpy().astype("datetime64[D]")


def position(held: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Return the row that holds each of `days`, -1 for none; `held` are dates each once, at least one."""
    order = np.argsort(held, kind="stable")
    at = np.minimum(np.searchsorted(held[order], days), len(held) - 1)
    return np.where(held[order][at] == days, order[at], -1)
