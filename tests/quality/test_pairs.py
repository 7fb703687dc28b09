"""Checks between towers: one series under two names, in which unit, and neighbours on different calendars."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from carbonbench_core.quality import UNDECIDED, Days, Flag, masks
from carbonbench_core.quality.pair_checks import Compared

from .towers import at, changed, good, late


def compared(*towers: Days) -> list[Flag]:
    together = Compared()
    for days in towers:
        together.add(days)
    return together.flags()


def named(days: Days, site_id: str, **site: float) -> Days:
    return Days(days.site | {"site_id": site_id} | site, days.date, days.values)


def test_towers_of_their_own_have_no_flag() -> None:
    assert compared(good("XX-One"), good("XX-Two", seed=1), good("XX-Six", latitude=-20.0, seed=2)) == []
    assert compared(good()) == []


def test_one_series_under_two_names_is_told_at_both() -> None:
    one, two = good("XX-One"), named(good(), "XX-Two", latitude=10.0)
    flags = compared(one, good("XX-Six", seed=1), changed(two, nee=at(0, 100, np.nan)))
    assert [(f.site_id, f.kind, f.column, len(f.days)) for f in flags] == [
        ("XX-One", "duplicate", "targets", 4 * 365 + 1 - 100),
        ("XX-Two", "duplicate", "targets", 4 * 365 + 1 - 100),
    ]
    assert "XX-Two" in flags[0].text
    assert "XX-One" in flags[1].text


def test_the_same_record_in_another_unit_is_told_with_the_unit() -> None:
    two = changed(named(good(), "XX-Two", latitude=10.0), nee=lambda v: v / 1.03775)
    flags = compared(good("XX-One"), two)
    assert "one of them in umol m-2 s-1?" in flags[0].text


def test_a_few_weeks_copied_from_another_tower_are_found() -> None:
    one = good("XX-One")
    two = changed(good("XX-Two", seed=1), nee=at(200, 230, one.values["nee"][200:230]))
    flags = compared(one, two)
    assert [len(f.days) for f in flags] == [30, 30]
    assert flags[0].days[0] == one.date[200]


def test_records_of_other_years_are_compared_on_their_common_days() -> None:
    one, two = good("XX-One"), named(good(), "XX-Two", latitude=10.0)
    cut = Days(two.site, two.date[900:], {n: v[900:] for n, v in two.values.items()})
    assert {len(f.days) for f in compared(one, cut)} == {4 * 365 + 1 - 900}
    apart = Days(two.site, two.date + 4000, two.values)
    assert compared(one, apart) == []


def neighbours(*moved: int) -> list[Days]:
    """Return towers within 100 km under one weather, the radiation of each so many days late."""
    light = good("XX-0").values["SW_IN_F"]
    towers = [named(good(seed=i), f"XX-{i}", latitude=50 + i / 100) for i in range(len(moved))]
    weather = [light * (1 + i / 50) for i in range(len(moved))]
    lit = [changed(days, SW_IN_F=lambda _, own=own: own) for days, own in zip(towers, weather, strict=True)]
    return [changed(d, SW_IN_F=late(n)) if n else d for d, n in zip(lit, moved, strict=True)]


def lagging(*moved: int) -> dict[str, tuple[str, ...]]:
    """Return which of such neighbours are flagged, by kind."""
    flags = compared(*neighbours(*moved))
    assert {f.column for f in flags} <= {"SW_IN_F"}
    return {kind: tuple(f.site_id for f in flags if f.kind == kind) for kind in sorted({f.kind for f in flags})}


def test_two_neighbours_on_different_calendars_are_told_at_both_as_undecided() -> None:
    one, two = neighbours(0, 0)
    far = changed(named(good(seed=2), "XX-Far", latitude=60.0), SW_IN_F=lambda v: late(1)(one.values["SW_IN_F"]))
    assert compared(one, two, far) == []
    flags = compared(one, changed(two, SW_IN_F=late(1)))
    assert [(f.site_id, f.kind, f.column, len(f.days)) for f in flags] == [
        ("XX-0", UNDECIDED, "SW_IN_F", 4 * 365 + 1 - 1),  # all days but the one that the moved series lacks
        ("XX-1", UNDECIDED, "SW_IN_F", 4 * 365 + 1 - 1),
    ]
    assert "1 day early against XX-1" in flags[0].text
    assert "1 day late against XX-0" in flags[1].text


def test_of_neighbours_that_contradict_each_other_the_minority_alone_is_flagged() -> None:
    assert lagging(0, 0, 0) == {}
    assert lagging(0, 1, 0) == {"lag": ("XX-1",)}
    assert lagging(2, 0, 0) == {"lag": ("XX-0",)}
    # Two that are late together are in step with each other, and still fewer than the three that are not.
    assert lagging(1, 0, 0, 1, 0) == {"lag": ("XX-0", "XX-3")}


def test_where_no_majority_says_which_is_off_nothing_is_decided() -> None:
    assert lagging(0, 0, 1, 1) == {UNDECIDED: ("XX-0", "XX-1", "XX-2", "XX-3")}
    assert lagging(0, 1, 3) == {UNDECIDED: ("XX-0", "XX-1", "XX-2")}


def test_what_is_undecided_is_not_written_for_a_build_to_set_to_null(tmp_path: Path) -> None:
    flags = compared(*neighbours(0, 1, 0)) + compared(*neighbours(0, 1))
    assert {f.kind for f in flags} == {"lag", UNDECIDED}
    assert masks.write(flags, tmp_path / "flags.csv") == 1
    (site,) = (stretches := masks.read(tmp_path / "flags.csv"))
    assert (site, [flag for flag, *_ in stretches[site]]) == ("XX-1", ["lag"])
