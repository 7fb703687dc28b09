"""Checks between towers: one series under two names, in which unit, and neighbours on different calendars."""

from __future__ import annotations

import numpy as np

from carbonbench_core.quality import Days, Flag
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


def test_neighbours_on_different_calendars_are_told_at_both() -> None:
    one = good("XX-One")
    weather = {"SW_IN_F": lambda v: one.values["SW_IN_F"] * 1.02}
    two = changed(named(good(seed=1), "XX-Two", latitude=50.3), **weather)
    far = changed(named(good(seed=2), "XX-Far", latitude=60.0), SW_IN_F=lambda v: late(1)(one.values["SW_IN_F"]))
    assert compared(one, two, far) == []
    flags = compared(one, changed(two, SW_IN_F=late(1)))
    assert [(f.site_id, f.kind, f.column) for f in flags] == [
        ("XX-One", "lag", "SW_IN_F"),
        ("XX-Two", "lag", "SW_IN_F"),
    ]
    assert "1 day early against XX-Two" in flags[0].text
    assert "1 day late against XX-One" in flags[1].text
