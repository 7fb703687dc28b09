"""Checks of towers against each other: the same series under two names, and neighbours on different calendars."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from ._days import UNDECIDED, Days, Flag
from .time_checks import Step
from .time_checks import compared as in_or_out_of_step
from .tower_checks import SAME_FACTOR, UNITS

COMMON = 180  # days that two towers must share to be compared
SAME = 0.99  # correlation of NEE; of two different towers among the 170 it is 0.946 at most (DE-Hai, DE-Lnf)
IDENTICAL = 10  # days with the same value, digit by digit; two different towers among the 170 share 2 at most
NEAR = 100.0  # km: the weather is shared
_WHICH = {
    "lag": "its other neighbours agree with them, not with it",
    UNDECIDED: "one side of each pair is off, and no majority of neighbours says which",
}


class Compared:
    """Series of all towers, gathered one by one, compared at the end."""

    def __init__(self) -> None:
        self.towers: list[dict] = []
        self.first: list[np.datetime64] = []
        self.nee: list[np.ndarray] = []
        self.light: list[np.ndarray | None] = []

    def add(self, days: Days) -> None:
        """Keep what is to be compared of one tower."""
        self.towers.append(days.site)
        self.first.append(days.date[0])
        self.nee.append(days.values.get("nee", np.full(len(days.date), np.nan)).astype(np.float32))
        light = days.values.get("SW_IN_F")
        self.light.append(None if light is None else light.astype(np.float32))

    def flags(self) -> list[Flag]:
        """Return what the comparison finds."""
        return [*self._duplicates(), *self._neighbours()] if len(self.towers) > 1 else []

    def _duplicates(self) -> Iterator[Flag]:
        start = min(self.first)
        table = self._table(start)
        for i, j, text in _pairs(table):
            for one, other in ((i, j), (j, i)):
                both = np.isfinite(table[:, i]) & np.isfinite(table[:, j])
                if "digit" in text:
                    both &= table[:, i] == table[:, j]
                site = str(self.towers[other]["site_id"])
                yield Flag(
                    str(self.towers[one]["site_id"]),
                    "duplicate",
                    "targets",
                    start + np.flatnonzero(both),
                    text.format(site),
                )

    def _table(self, start: np.datetime64) -> np.ndarray:
        offsets = [int((first - start).astype(int)) for first in self.first]
        table = np.full((max(o + len(v) for o, v in zip(offsets, self.nee, strict=True)), len(self.nee)), np.nan, "f4")
        for column, (offset, values) in enumerate(zip(offsets, self.nee, strict=True)):
            table[offset : offset + len(values), column] = values
        return table

    def _neighbours(self) -> Iterator[Flag]:
        """Yield flags of radiation out of step with a neighbour's: at the tower that is off, where most say which."""
        known = [i for i, t in enumerate(self.towers) if self.light[i] is not None and t["latitude"] == t["latitude"]]
        known = [i for i in known if self.towers[i]["latitude"] is not None]
        steps = self._steps(known) if len(known) > 1 else {}
        odd = _odd({pair: step.lag for pair, (step, _) in steps.items()})
        told: dict[tuple[int, str], list[str]] = {}
        held: dict[tuple[int, str], list[np.ndarray]] = {}
        for (one, other), (step, common) in steps.items():
            if not step.lag or (other in odd and one not in odd):
                continue
            key = one, "lag" if one in odd and other not in odd else UNDECIDED
            told.setdefault(key, []).append(f"{step.when} against {self.towers[other]['site_id']} {step.fit}")
            held.setdefault(key, []).append(common)
        for i, kind in sorted(told):
            text = f"radiation {'; '.join(told[i, kind])}: {_WHICH[kind]}"
            days = np.unique(np.concatenate(held[i, kind]))
            yield Flag(str(self.towers[i]["site_id"]), kind, "SW_IN_F", days, text)

    def _steps(self, known: list[int]) -> dict[tuple[int, int], tuple[Step, np.ndarray]]:
        """Return, for neighbours (both ways), the step between their radiation and the days they have in common."""
        from ..geography import distances

        at = [np.array([self.towers[i][name] for i in known], float) for name in ("latitude", "longitude")]
        km = distances(*(x[:, None] for x in at), *at)
        found = {}
        for a, b in zip(*np.nonzero(np.triu(km <= NEAR, 1)), strict=True):
            one, other = known[a], known[b]
            step, common = self._step(one, other)
            if step:
                found[one, other], found[other, one] = (step, common), (step.mirrored, common)
        return {pair: found[pair] for pair in sorted(found)}

    def _step(self, one: int, other: int) -> tuple[Step | None, np.ndarray]:
        """Return the step between the radiation of two towers, and the days they have in common."""
        mine, theirs = self.light[one], self.light[other]
        offset = int((self.first[other] - self.first[one]).astype(int))
        aligned = np.full(len(mine), np.nan, np.float32)
        start, stop = max(offset, 0), min(offset + len(theirs), len(mine))
        if stop - start < COMMON:
            return None, self.first[one] + np.arange(0)
        aligned[start:stop] = theirs[start - offset : stop - offset]
        common = np.flatnonzero(np.isfinite(mine) & np.isfinite(aligned))
        step = in_or_out_of_step(mine.astype(float), aligned.astype(float)) if len(common) >= COMMON else None
        return step, self.first[one] + common


def _odd(lags: dict[tuple[int, int], int]) -> set[int]:
    """Return the towers that are off: more neighbours say so, by the same number of days, than are in step with them.

    Parameters
    ----------
    lags : dict, (tower, neighbour) -> days late, 0 in step; each pair both ways
    """
    votes: dict[int, Counter] = {}
    for (one, _), lag in lags.items():
        votes.setdefault(one, Counter())[lag] += 1
    return {one for one, said in votes.items() if any(lag and n > said[0] for lag, n in said.items())}


def _pairs(table: np.ndarray) -> Iterator[tuple[int, int, str]]:
    """Yield pairs of columns [D, T] that are one series, and words for it with room for the other's name."""
    there = np.isfinite(table)
    x = np.where(there, table, 0).astype(np.float64)
    m = there.astype(np.float64)
    n, sum_x, sum_xx, sum_xy = m.T @ m, x.T @ m, (x**2).T @ m, x.T @ x
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.sqrt(np.maximum(n * sum_xx - sum_x**2, 0))
        r = (n * sum_xy - sum_x * sum_x.T) / (spread * spread.T)
    slope = sum_xy / np.maximum(sum_xx, 1e-12)  # of the column on the row, through the origin
    alike = np.triu((n >= COMMON) & (r > SAME), 1)
    for i, j in zip(*np.nonzero(alike), strict=True):
        yield i, j, f"NEE is that of {{}} on {int(n[i, j]):,} days (r {r[i, j]:.4f}{_unit(slope[i, j])})"
    for (i, j), days in _identical(table).items():
        if days >= IDENTICAL and not alike[i, j]:
            yield i, j, f"NEE is that of {{}} digit by digit on {days:,} days"


def _unit(slope: float) -> str:
    for unit, factor in UNITS.items():
        if min(abs(slope / factor - 1), abs(slope * factor - 1)) < SAME_FACTOR:
            return f", factor {slope:.4f}: one of them in {unit}?"
    return "" if abs(slope - 1) < SAME_FACTOR else f", factor {slope:.3f}"


def _identical(table: np.ndarray) -> dict[tuple[int, int], int]:
    """Return, for pairs of columns [D, T], the days on which both have the same value, where there is any."""
    order = np.argsort(table, axis=1, kind="stable")
    ranked = np.take_along_axis(table, order, axis=1)
    day, at = np.nonzero(ranked[:, 1:] == ranked[:, :-1])
    pairs = np.sort(np.stack([order[day, at], order[day, at + 1]], axis=1), axis=1)
    found, counts = np.unique(pairs, axis=0, return_counts=True)
    return {(int(a), int(b)): int(c) for (a, b), c in zip(found, counts, strict=True)}
