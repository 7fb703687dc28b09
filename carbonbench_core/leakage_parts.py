"""What is kept of a part of a tower to compare it with others, written beside its shard so that none is read again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .files import read_shard, write_shard
from .leakage import WARM_UP_DAYS
from .leakage_months import days_of, months_of
from .leakage_series import observed

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Kept:
    """What is kept of one part.

    Parameters
    ----------
    days : ndarray of datetime64[D], those with a target
    warm_up : int, how many of them stand in the first `WARM_UP_DAYS` of the part
    months : dict, driver -> uint64 [2, M], months since 1970-01 over hashes of their values
    """

    days: np.ndarray
    warm_up: int
    months: dict[str, np.ndarray]


def of_table(table: pa.Table) -> Kept:
    """Return what is kept of the days of a part, in order, with date, targets and drivers."""
    present = observed(table)
    return Kept(days_of(table)[present], int(present[:WARM_UP_DAYS].sum()), months_of(table))


def write(kept: Kept, path: Path) -> None:
    """Write what is kept of a part as an Arrow IPC stream of one row, whole or not at all."""
    import pyarrow as pa

    values = {"days": kept.days} | {name: both.ravel() for name, both in kept.months.items()}
    lists = {name: pa.ListArray.from_arrays([0, len(v)], pa.array(v)) for name, v in values.items()}
    write_shard(pa.table({"warm_up": pa.array([kept.warm_up]), **lists}), path)


def read(path: Path) -> Kept:
    """Return what `write` wrote, mapped in place.

    Raises
    ------
    DatasetFolderError : the file is damaged
    """
    table = read_shard(path)
    values = {n: table[n].chunk(0).values.to_numpy(zero_copy_only=False) for n in table.column_names if n != "warm_up"}
    days = values.pop("days").astype("datetime64[D]")
    return Kept(days, table["warm_up"][0].as_py(), {name: both.reshape(2, -1) for name, both in values.items()})
