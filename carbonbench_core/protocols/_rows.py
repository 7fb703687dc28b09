"""Row rules: which rows of a split's files the split may see.

``{"seed": s, "shares": {split: [from, to]}}``: a row belongs to the split in whose share its hash of (site_id, date)
falls. ``{"support_days": k, "skip_days": d, "from": day}``: of every test tower the first k days are the support, and
the targets of the first d days are not in the test split; days are counted from `day` or the tower's first, whichever
is later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .. import schema
from ..errors import ProtocolError, first_few

if TYPE_CHECKING:
    import datetime

    import numpy as np
    import pyarrow as pa
    from numpy.typing import ArrayLike

    FirstDays = Mapping[str, str | datetime.date | np.datetime64]

BY_HASH = {"seed", "shares"}
BY_AGE = {"support_days", "skip_days", "from"}
SUPPORT = "support"  # the one split that holds only the rows it may see; elsewhere they stay, without their targets
HIDDEN = ("target", "quality", "uncertainty", "truth")


def row_mask(
    rows: Mapping[str, object],
    split: str,
    site_id: ArrayLike,
    date: ArrayLike,
    first_day: FirstDays | None = None,
) -> np.ndarray:
    """Return the rows whose targets a split may see.

    Parameters
    ----------
    rows : mapping, the row rule of a protocol; {} shows everything
    split : str
    site_id : array [N] of str
    date : array [N] of dates
    first_day : mapping, site id -> first day of its record, as in the sites table; needed for few-shot rules alone

    Returns
    -------
    ndarray [N] of bool

    Raises
    ------
    ProtocolError : the rule is of a kind this version does not know, or lacks the split or a tower's first day
    """
    import numpy as np

    if rows and set(rows) not in (BY_HASH, BY_AGE):
        raise ProtocolError(f"Row rule {dict(rows)} is not known to this version. Upgrade, or build the folder again.")
    days = np.asarray(date).astype("datetime64[D]").astype(np.int64)
    if not rows or (set(rows) == BY_AGE and split not in ("test", SUPPORT)):
        return np.ones(len(days), bool)
    site_id = np.asarray(site_id, dtype=object)
    if set(rows) == BY_HASH:
        if split not in rows["shares"]:
            raise ProtocolError(f"This row rule has no split {split!r}. Available: {', '.join(rows['shares'])}.")
        low, high = rows["shares"][split]
        u = uniform(site_id, days, int(rows["seed"]))
        return (low <= u) & (u < high)
    age = days - _start(rows, site_id, first_day or {})
    return (age >= 0) & (age < rows["support_days"]) if split == SUPPORT else age >= rows["skip_days"]


def masked(table: pa.Table, rows: Mapping[str, object], split: str, first_day: FirstDays | None = None) -> pa.Table:
    """Return a table of site-days as a split may see it.

    Where the row rule hides a row, its targets, their quality and any truth become null; in the support of a few-shot
    protocol the row goes. Features stay: they exist everywhere.

    Parameters
    ----------
    table : pyarrow.Table with site_id and date
    rows, split, first_day : as in `row_mask`

    Raises
    ------
    ProtocolError : as in `row_mask`
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if not rows:
        return table
    mask = row_mask(rows, split, table["site_id"], table["date"], first_day)
    if mask.all():
        return table
    if split == SUPPORT:
        return table.filter(pa.array(mask))
    for i, field in enumerate(table.schema):
        if field.name in schema.COLUMNS and schema.COLUMNS[field.name].role in HIDDEN:
            shown = pc.if_else(pa.array(mask), table[field.name], pa.scalar(None, field.type))
            table = table.set_column(i, field, shown)
    return table


def uniform(site_id: np.ndarray, days: np.ndarray, seed: int) -> np.ndarray:
    """Return a number in [0, 1) for every site-day, the same on every machine and whatever stands beside it.

    A hash of seed and site id starts a sequence; its element number `day` is taken.

    Parameters
    ----------
    site_id : ndarray [N] of str
    days : ndarray [N] of int, days since 1970-01-01
    seed : int

    Source
    ------
    SplitMix64: Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195
    """
    import numpy as np

    codes, sites = _factorize(site_id)
    starts = [int.from_bytes(hashlib.sha256(f"{seed}/{site}".encode()).digest()[:8]) for site in sites]
    with np.errstate(over="ignore"):
        z = np.array(starts, np.uint64)[codes] + days.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(11)) * 2.0**-53


def _start(rows: Mapping[str, object], site_id: np.ndarray, first_day: FirstDays) -> np.ndarray:
    """Return the day each row's tower starts on, in days since 1970-01-01."""
    import numpy as np

    codes, sites = _factorize(site_id)
    missing = [site for site in sites if site not in first_day]
    if missing:
        raise ProtocolError(f"The first day of {first_few(missing)} is not known; it is a column of sites.parquet.")
    first = np.array([np.datetime64(first_day[site], "D") for site in sites], "datetime64[D]")
    return np.maximum(first, np.datetime64(str(rows["from"]), "D")).astype(np.int64)[codes]


def _factorize(site_id: np.ndarray) -> tuple[np.ndarray, list[str]]:
    import pandas as pd

    codes, sites = pd.factorize(site_id)
    return codes, list(sites)
