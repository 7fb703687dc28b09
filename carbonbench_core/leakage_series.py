"""What the tables of towers tell about leakage: identical driver series, days close in time, climates apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from . import schema
from .leakage_months import compared, days_of, months_of

if TYPE_CHECKING:
    import pyarrow as pa

# Two towers share a series where at least a year of whole months is common to both, at least half of them are identical
# (products are revised, gaps are filled), and ten of those differ from each other: winters of a coarsely rounded leaf
# area index, or dry months, are the same at many towers.
COMMON_MONTHS = 12
AGREEMENT = 0.5
DISTINCT_MONTHS = 10
COVERED = 0.9  # share of towers that must have a driver for it to take part in the climate distance


Candidates = dict[str, dict[str, set[str]]]  # driver -> site id -> other site ids


@dataclass
class Tower:
    """What is kept of one tower's tables.

    Parameters
    ----------
    count, total, squares : dict, driver -> number, sum and sum of squares of its values
    months : dict, driver -> arrays of uint64 [2, M], months since 1970-01 over hashes of their values, one a table
    days : list of ndarray of datetime64[D], those with a target
    """

    count: dict[str, int] = field(default_factory=dict)
    total: dict[str, float] = field(default_factory=dict)
    squares: dict[str, float] = field(default_factory=dict)
    months: dict[str, list[np.ndarray]] = field(default_factory=dict)
    days: list[np.ndarray] = field(default_factory=list)


def read(tables: Iterable[tuple[str, pa.Table]], skip: int = 0) -> dict[str, Tower]:
    """Read tables of towers one by one, keeping only what the comparisons need.

    Parameters
    ----------
    tables : iterable of (site id, table), parts of towers in date order with date, any targets and any drivers; a row
        counts in time where a target is present, or everywhere if the table has no target column
    skip : int, rows at the start of each table that count in nothing but the drivers
    """
    towers: dict[str, Tower] = {}
    for site_id, table in tables:
        tower = towers.setdefault(site_id, Tower())
        tower.days.append(days_of(table)[observed(table) & (np.arange(table.num_rows) >= skip)])
        for name, months in months_of(table).items():
            tower.months.setdefault(name, []).append(months)
        _add_moments(tower, table)
    return towers


def observed(table: pa.Table) -> np.ndarray:
    """Return the rows that have a target, as bool [D]; all of a table that has no target column."""
    targets = [name for name in schema.TARGETS if name in table.column_names]
    if not targets:
        return np.ones(table.num_rows, bool)
    return np.any([np.isfinite(table[name].to_numpy().astype(float)) for name in targets], axis=0)


def _add_moments(tower: Tower, table: pa.Table) -> None:
    held = set(table.column_names)
    names = [name for name in compared() if name in held]
    if not names or not table.num_rows:
        return
    values = np.stack([table[name].to_numpy().astype(np.float32) for name in names], axis=1).astype(float)
    for store, numbers in (
        (tower.count, np.isfinite(values).sum(axis=0)),
        (tower.total, np.nansum(values, axis=0)),
        (tower.squares, np.nansum(values**2, axis=0)),
    ):
        for name, number in zip(names, numbers.tolist(), strict=True):
            store[name] = store.get(name, 0) + number


def candidates(towers: Iterable[tuple[str, Tower]]) -> Candidates:
    """Return, for every driver, the other towers that each tower may share a series with, in whatever parts of them.

    Those have `DISTINCT_MONTHS` identical months in common; fewer are no series, whatever parts are compared.

    Parameters
    ----------
    towers : iterable of (site id, Tower); a tower may come in several parts
    """
    towers, found = list(towers), {}
    for name in compared():
        having = [(site, tower.months[name]) for site, tower in towers if tower.months.get(name)]
        if not having:
            continue
        known = _side_by_side([months for _, months in having])
        for one, other in np.argwhere(_in_common(known) >= DISTINCT_MONTHS).tolist():
            site, same = having[one][0], having[other][0]
            if site != same:
                found.setdefault(name, {}).setdefault(site, set()).add(same)
    return found


def _in_common(known: np.ndarray) -> np.ndarray:
    """Return how many months each two series have with one hash, ndarray [S, S] of int32; known: hashes [S, months].

    Equal hashes stand together once those of a month are sorted: the work is that of sorting and of the pairs there
    are, not of all pairs that there might be.
    """
    by_month = np.ascontiguousarray(known.T)
    counts = np.zeros((len(known), len(known)), np.int32)
    ordered = np.sort(by_month, axis=1)
    twice = ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] != 0)).any(axis=1)
    series = np.argsort(by_month[twice], axis=1)
    ordered = ordered[twice]
    month, at = np.nonzero(ordered)
    for apart in range(1, len(known)):
        inside = at + apart < len(known)
        month, at = month[inside], at[inside]
        same = ordered[month, at] == ordered[month, at + apart]
        month, at = month[same], at[same]
        if not len(at):
            break
        np.add.at(counts, (series[month, at], series[month, at + apart]), 1)
    return counts + counts.T


def duplicates(
    train: Mapping[str, Tower], test: Mapping[str, Tower], among: Candidates | None = None
) -> dict[tuple[str, str], list[str]]:
    """Return the pairs of (test, training) towers that share a driver series, with those drivers.

    A tower is not compared with itself.

    Parameters
    ----------
    train, test : mappings, site id -> Tower
    among : mapping, optional, from `candidates` of more towers than these, where many lists of them are compared
    """
    among = candidates([*train.items(), *test.items()]) if among is None else among
    shared: dict[tuple[str, str], list[str]] = {}
    for name, others in among.items():
        for site in sorted(test.keys() & others.keys()):
            for other in sorted(train.keys() & others[site]):
                if _share(test[site].months.get(name), train[other].months.get(name)):
                    shared.setdefault((site, other), []).append(name)
    return shared


def _share(mine: list[np.ndarray] | None, theirs: list[np.ndarray] | None) -> bool:
    """Return whether two series are one.

    Of at least `COMMON_MONTHS` whole months that both have, the share `AGREEMENT` is identical, and `DISTINCT_MONTHS`
    of those differ from each other.
    """
    if not mine or not theirs:
        return False
    one, other = _side_by_side([mine, theirs])
    common = int(((one != 0) & (other != 0)).sum())
    agree = (one == other) & (one != 0)
    many = common >= COMMON_MONTHS and agree.sum() >= AGREEMENT * common
    return many and len(np.unique(one[agree])) >= DISTINCT_MONTHS


def _side_by_side(series: list[list[np.ndarray]]) -> np.ndarray:
    """Return the hashes of several series [S, months], over the months from the first of all to the last."""
    every_month = np.concatenate([part[0] for parts in series for part in parts])
    first, last = int(every_month.min()), int(every_month.max())
    return np.stack([_dense(parts, first, last) for parts in series])


def _dense(months: list[np.ndarray], first: int, last: int) -> np.ndarray:
    """Return the hash of every month from the first to the last, 0 where there is none."""
    out = np.zeros(last - first + 1, np.uint64)
    for number, hashes in months:
        out[number.astype(int) - first] = hashes
    return out


def close_days(train: Mapping[str, Tower], test: Mapping[str, Tower], window: int) -> dict[str, object]:
    """Count test days of a tower that stand less than `window` days from a training day of the same tower.

    Returns
    -------
    dict, towers (in both), test_days (of all towers), close_days, share, closest (days, None without a shared tower)
    """
    n_days = n_close = towers = 0
    closest = None
    for site, tower in test.items():
        n_days += sum(map(len, tower.days))
        if site not in train:
            continue
        days = np.concatenate([*tower.days, np.array([], "datetime64[D]")])
        known = np.sort(np.concatenate([*train[site].days, np.array([], "datetime64[D]")]))
        if not len(days) or not len(known):
            continue
        towers += 1
        at = np.searchsorted(known, days)
        before = np.abs(days - known[np.maximum(at - 1, 0)]).astype(int)
        gap = np.minimum(before, np.abs(known[np.minimum(at, len(known) - 1)] - days).astype(int))
        n_close += int((gap < window).sum())
        closest = int(gap.min()) if closest is None else min(closest, int(gap.min()))
    share = n_close / n_days if n_days else None
    return {
        "window_days": window,
        "towers": towers,
        "test_days": n_days,
        "close_days": n_close,
        "share": share,
        "closest": closest,
    }


def climates(train: Mapping[str, Tower], test: Mapping[str, Tower]) -> tuple[np.ndarray, np.ndarray, list[str]] | None:
    """Return mean and standard deviation of each driver at each tower, in units of their spread over training towers.

    Returns
    -------
    train : ndarray [T, C], C at most two for each driver: what is the same at all training towers is left out
    test : ndarray [N, C]
    drivers : list of str, those that `COVERED` of all towers have; a tower that lacks one gets the training mean
    None where there is no such driver
    """
    towers = [*train.values(), *test.values()]
    have = [n for n in compared() if towers and np.mean([t.count.get(n, 0) > 1 for t in towers]) >= COVERED]
    if not have or not train or not test:
        return None
    vectors = np.array([[_moments(tower, name) for name in have] for tower in towers], float)  # [S, F, 2]
    known = vectors[: len(train)]
    mean, spread = np.nanmean(known, axis=0), np.nanstd(known, axis=0)
    # Not zero alone: the standard deviation of a constant is rounding.
    kept = spread > 1e-5 * np.nanmax(np.abs(known), axis=(0, 2))[:, None]
    if not kept.any():
        return None
    scaled = np.nan_to_num((vectors[:, kept] - mean[kept]) / spread[kept])
    return (
        scaled[: len(train)],
        scaled[len(train) :],
        [name for name, keep in zip(have, kept, strict=True) if keep.any()],
    )


def _moments(tower: Tower, name: str) -> tuple[float, float]:
    n = tower.count.get(name, 0)
    if n < 2:
        return np.nan, np.nan
    mean = tower.total[name] / n
    return mean, np.sqrt(max(tower.squares[name] / n - mean**2, 0))
