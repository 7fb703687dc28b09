"""One tower's days as arrays, and what a check says of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .. import schema

if TYPE_CHECKING:
    import pyarrow as pa

METEOROLOGY = ("TA_F", "SW_IN_F", "LW_IN_F", "VPD_F", "PA_F", "P_F", "WS_F")
# Radiation of another source, as a clock to compare the tower's with.
REANALYSIS = ("SW_IN_ERA", "surface_solar_radiation_downwards_sum")
# Kind of flag that says two towers contradict each other, but not which is wrong: told, never masked.
UNDECIDED = "undecided"
COLUMNS = (*schema.TARGETS, "nee_qc", *METEOROLOGY, *REANALYSIS)


@dataclass(frozen=True)
class Days:
    """One tower's days on a continuous calendar.

    Parameters
    ----------
    site : dict, the tower's row in the sites table
    date : ndarray [D] of datetime64[D], every day from the first to the last
    values : dict, column -> ndarray [D] float64, NaN where missing; all of `COLUMNS` that have any value
    """

    site: dict
    date: np.ndarray
    values: dict[str, np.ndarray]

    @classmethod
    def of(cls, site: dict, table: pa.Table) -> Days:
        """Return the days of a table with a column date."""
        held = [n for n in COLUMNS if n in table.column_names and table[n].null_count < table.num_rows]
        values = {n: table[n].to_numpy().astype(np.float64) for n in held}
        return cls(site, table["date"].to_numpy().astype("datetime64[D]"), values)

    @property
    def site_id(self) -> str:
        """The tower's id."""
        return str(self.site["site_id"])

    @property
    def latitude(self) -> float | None:
        """Degrees north, if known."""
        value = self.site.get("latitude")
        return None if value is None or value != value else float(value)

    @property
    def targets(self) -> list[str]:
        """The targets that have any value."""
        return [name for name in schema.TARGETS if name in self.values]

    @property
    def day_of_year(self) -> np.ndarray:
        """Ndarray [D] of int, 1 on 1 January."""
        return (self.date - self.date.astype("datetime64[Y]").astype("datetime64[D]")).astype(int) + 1

    @property
    def years(self) -> np.ndarray:
        """Ndarray [D] of int."""
        return self.date.astype("datetime64[Y]").astype(int) + 1970

    def flag(self, kind: str, column: str, where: np.ndarray, text: str) -> list[Flag]:
        """Return one flag on the days `where` [D] bool, or none if there is no such day."""
        if not where.any():
            return []
        best = int((self.values["nee_qc"][where] >= 1).sum()) if "nee_qc" in self.values else 0
        return [Flag(self.site_id, kind, column, self.date[where], text, best)]


@dataclass(frozen=True)
class Flag:
    """Days of one column of one tower that look wrong.

    Parameters
    ----------
    site_id, kind, column : str; column "targets" stands for all three
    days : ndarray [N] of datetime64[D], in order, at least one
    text : str, why
    best : int, how many of the days have nee_qc 1: where there is none, filled gaps are what is odd
    """

    site_id: str
    kind: str
    column: str
    days: np.ndarray
    text: str
    best: int = 0

    @property
    def spans(self) -> list[tuple[str, str]]:
        """First and last day of every unbroken stretch."""
        cuts = np.flatnonzero(np.diff(self.days).astype(int) > 1)
        first = self.days[np.r_[0, cuts + 1]]
        last = self.days[np.r_[cuts, len(self.days) - 1]]
        return list(zip(np.datetime_as_string(first).tolist(), np.datetime_as_string(last).tolist(), strict=True))

    def to_json(self) -> dict[str, object]:
        """Return the flag as JSON types."""
        spans = self.spans
        return {
            "site_id": self.site_id,
            "flag": self.kind,
            "column": self.column,
            "days": len(self.days),
            "days_qc1": self.best,
            "first_day": spans[0][0],
            "last_day": spans[-1][1],
            "text": self.text,
        }


def runs(where: np.ndarray, least: int) -> np.ndarray:
    """Return which of `where` [D] bool stand in a stretch of at least `least`."""
    edges = np.flatnonzero(np.diff(np.r_[0, where.astype(np.int8), 0]))
    out = np.zeros(len(where), bool)
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        out[start:stop] = stop - start >= least
    return out


def correlation(a: np.ndarray, b: np.ndarray, least: int = 60) -> float:
    """Return the correlation of two series on their common days, NaN for fewer than `least` or no variance."""
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < least or np.ptp(a[both]) == 0 or np.ptp(b[both]) == 0:
        return float("nan")
    return float(np.corrcoef(a[both], b[both])[0, 1])
