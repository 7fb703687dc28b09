"""What is odd about the data of a dataset folder: counts for every tower and network, and flags for a person to judge.

A check looks at one tower (`day_checks`, `tower_checks`, `time_checks`: a function of `Days` that returns flags) or at
all of them together (`pair_checks`). A flag says which days of which column are odd and why. Nothing is changed:
`carbonbench build --mask FILE` sets to null what stands in a file of flags, once a person has looked at it. Flags of
the kind `UNDECIDED` do not stand there: they name both of two towers of which one is in good order.

Thresholds were set on 170 FLUXNET2015 towers so that what is flagged there is odd to the eye; each stands beside its
check with what it flags of them. What daily data cannot show is said in `BLIND`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from . import day_checks, time_checks, tower_checks
from ._days import COLUMNS, UNDECIDED, Days, Flag

if TYPE_CHECKING:
    from ..dataset_folder import DatasetFolder

__all__ = ["BLIND", "CHECKS", "KINDS", "UNDECIDED", "Days", "Flag", "flags_of", "towers_of"]

# Kind of flag -> what it means, in the order of reports.
KINDS = {
    "range": "outside what is physically possible",
    "spike": "a single day apart from both its neighbours",
    "season": "far from the same season of the tower's other years",
    "stuck": "the same value for days on end",
    "repeated": "measured days that stand again, digit by digit, elsewhere in the record",
    "closure": "NEE is not RECO - GPP though the variant closes",
    "sign": "the opposite sign of what the column should have",
    "negative": "GPP or RECO below zero for most of a year",
    "unit": "numbers as if in another unit",
    "sun": "radiation out of step with the sun at these coordinates",
    "lag": "days shifted against another series",
    UNDECIDED: "days shifted against a neighbour, either of the two; not written to a file of flags",
    "duplicate": "the same series as another tower",
}
CHECKS: tuple[Callable[[Days], list[Flag]], ...] = (
    day_checks.out_of_range,
    day_checks.spikes,
    day_checks.out_of_season,
    day_checks.stuck,
    day_checks.repeated,
    tower_checks.closure,
    tower_checks.signs,
    tower_checks.negative,
    tower_checks.units,
    time_checks.sun,
    time_checks.lags,
)
BLIND = (
    "One record alone cannot show that all three fluxes are in umol m-2 s-1: 3.8 % is within what towers differ by. "
    "It shows where one flux is, in NEE against RECO - GPP, or beside another record of the same tower.",
    "Daily values cannot show an error of a few hours in the time zone: the boundary between days must move from the "
    "night into daylight before radiation changes. Whole days, seasons and hemispheres are seen.",
    "Longitude leaves no trace in daily values; latitude does in radiation.",
)


def towers_of(folder: DatasetFolder) -> Iterator[Days]:
    """Yield the days of every tower, whole records, with the columns that checks look at.

    Raises
    ------
    DatasetFolderError : a shard is missing or damaged
    """
    import pyarrow as pa

    from ..files import read_shard
    from ..protocols import part_file

    names = ["date", *(name for name in COLUMNS if name in folder.columns)]
    for site in folder.sites.sort_values("site_id").to_dict("records"):
        parts = ["early", "late"] if site["has_late"] else ["early"]
        paths = folder.paths([part_file(site["site_id"], part) for part in parts])
        yield Days.of(site, pa.concat_tables([read_shard(path, names) for path in paths]))


def flags_of(days: Days) -> list[Flag]:
    """Return what the checks of single towers find, ordered by kind and column."""
    found = [flag for check in CHECKS for flag in check(days)]
    return sorted(found, key=lambda flag: (list(KINDS).index(flag.kind), flag.column))
