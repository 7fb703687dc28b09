"""Checks of one tower: what is spoiled is flagged, on those days and of that kind, and a good tower is not."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonbench_core.quality import CHECKS, KINDS, UNDECIDED, Flag, flags_of

from .towers import Change, at, changed, good, late

UMOL = 1e-6 * 12.011 * 86400  # gC m-2 d-1 in 1 umol m-2 s-1: 1.0378
YEAR = 365
ALL = 4 * 365 + 1


def found(**changes: Change) -> dict[tuple[str, str], Flag]:
    return {(flag.kind, flag.column): flag for flag in flags_of(changed(good(), **changes))}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("latitude", [68.0, 50.0, 20.0, 2.0, -15.0, -38.0])
def test_a_tower_in_good_order_has_no_flag(latitude: float, seed: int) -> None:
    assert flags_of(good(latitude=latitude, seed=seed)) == []


def times(factor: float) -> Change:
    return lambda values: values * factor


# What is done -> (kind, column, days flagged).
SPOILED = {
    "a flux beyond any ecosystem's": ({"gpp": at(500, 503, 90.0)}, "range", "gpp", 3),
    "light above the sun's": ({"SW_IN_F": at(1, 4, 300.0)}, "range", "SW_IN_F", 3),
    "one wild day": ({"reco": at(600, 601, lambda v: v + 6)}, "spike", "reco", 1),
    "summer in January": ({"gpp": at(0, 40, lambda v: v + 12)}, "season", "gpp", 40),
    "a value that stands": ({"reco": at(700, 720, 2.5)}, "stuck", "reco", 20),
    "a flux at its floor": ({"reco": at(700, 706, lambda v: v * 0 + 1e-6)}, "stuck", "reco", 6),
    "a thermometer that stands": ({"TA_F": at(100, 130, 7.0)}, "stuck", "TA_F", 30),
    "a month that was copied": ({"gpp": lambda v: at(830, 860, v[465:495])(v)}, "repeated", "gpp", 60),
    "fluxes that do not close": ({"nee": at(10, 60, lambda v: v + 0.2)}, "closure", "targets", 50),
    "NEE turned around": ({"nee": times(-1)}, "sign", "nee", ALL),
    "GPP turned around for a year": ({"gpp": at(YEAR, 2 * YEAR, lambda v: -v)}, "sign", "gpp", YEAR),
    "RECO turned around": ({"reco": times(-1)}, "sign", "reco", ALL),
    "NEE in umol m-2 s-1": ({"nee": times(1 / UMOL)}, "unit", "nee", ALL),
    "NEE in umol m-2 s-1 for a year": ({"nee": at(0, YEAR, times(1 / UMOL))}, "unit", "nee", YEAR),
    "GPP and RECO in umol m-2 s-1": ({"gpp": times(1 / UMOL), "reco": times(1 / UMOL)}, "unit", "targets", ALL),
    "GPP in gCO2": ({"gpp": times(44.009 / 12.011)}, "unit", "gpp", ALL),
    "everything in mg": ({n: times(1000) for n in ("gpp", "reco", "nee")}, "unit", "nee", ALL),
    "Kelvin": ({"TA_F": lambda v: v + 273.15}, "unit", "TA_F", ALL),
    "hPa": ({"PA_F": times(10)}, "unit", "PA_F", ALL),
    "kPa": ({"VPD_F": times(0.1)}, "unit", "VPD_F", ALL),
    "Pa": ({"VPD_F": times(100)}, "unit", "VPD_F", ALL),
    "MJ m-2 d-1": ({"SW_IN_F": times(0.0864)}, "unit", "SW_IN_F", ALL),
    "the other hemisphere": ({"latitude": times(-1)}, "sun", "SW_IN_F", ALL),
    "light of six weeks before": ({"SW_IN_F": late(42)}, "sun", "SW_IN_F", ALL - 42),
    "fluxes a day late": ({n: late(1) for n in ("gpp", "reco", "nee")}, "lag", "targets", ALL - 1),
}


@pytest.mark.parametrize("case", SPOILED)
def test_what_is_spoiled_is_flagged_on_its_days(case: str) -> None:
    changes, kind, column, days = SPOILED[case]
    flag = found(**changes)[kind, column]
    assert len(flag.days) == days
    assert flag.text
    assert 0 <= flag.best <= days


def test_flags_say_when_by_how_much_and_which_way() -> None:
    assert "3.664 times" in found(gpp=times(44.009 / 12.011))["unit", "gpp"].text
    assert "umol m-2 s-1" in found(nee=times(1 / UMOL))["unit", "nee"].text
    assert "other hemisphere" in found(latitude=times(-1))["sun", "SW_IN_F"].text
    assert "NEE 1 day late against radiation" in found(nee=late(1), gpp=late(1))["lag", "targets"].text
    assert "Kelvin" in found(TA_F=lambda v: v + 273.15)["unit", "TA_F"].text


def test_every_kind_but_those_between_towers_is_found_by_a_case() -> None:
    assert {kind for _, kind, _, _ in SPOILED.values()} == set(KINDS) - {"negative", "duplicate", UNDECIDED}


def test_gpp_below_zero_for_a_year_is_negative_but_no_wrong_sign_where_fluxes_close() -> None:
    def failed(values: np.ndarray) -> np.ndarray:
        return at(0, YEAR, lambda v: v - 12)(values)

    flags = found(gpp=failed, reco=failed)
    assert len(flags["negative", "gpp"].days) == YEAR
    assert not any(kind == "sign" for kind, _ in flags)


def test_variants_that_need_not_close_are_reported_without_a_flag() -> None:
    open_ = changed(good(variant="VUT_REF"), nee=at(10, 60, lambda v: v + 0.2))
    assert not any(flag.kind == "closure" for flag in flags_of(open_))


def test_without_gpp_and_reco_nee_is_held_against_light() -> None:
    days = good()
    for name in ("gpp", "reco"):
        del days.values[name]
    assert flags_of(days) == []
    assert [(f.kind, f.column) for f in flags_of(changed(days, nee=times(-1)))] == [("sign", "nee")]


def test_days_that_nee_qc_calls_filled_may_be_alike() -> None:
    copied = {"gpp": lambda v: at(830, 860, v[465:495])(v)}
    assert ("repeated", "gpp") not in found(**copied, nee_qc=at(400, 900, 0.0))


def test_radiation_is_held_against_reanalysis_where_there_is_one() -> None:
    days = good()
    days.values["SW_IN_ERA"] = days.values["SW_IN_F"] * 0.9
    assert flags_of(days) == []
    days.values["SW_IN_ERA"] = late(1)(days.values["SW_IN_ERA"])
    (flag,) = flags_of(days)
    assert flag.text.startswith("radiation 1 day early against SW_IN_ERA")


@given(st.integers(0, 2**32 - 1))
def test_no_check_fails_whatever_is_missing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    days = good(years=int(rng.integers(1, 4)), seed=seed)
    kept = {n: v for n, v in days.values.items() if rng.uniform() < 0.7}
    for name, values in kept.items():
        start = int(rng.integers(0, len(values)))
        kept[name] = at(start, start + int(rng.integers(0, 800)), np.nan)(values)
    site = days.site | {"latitude": None if rng.uniform() < 0.3 else float(rng.uniform(-90, 90))}
    cut = slice(0, int(rng.integers(1, len(days.date) + 1)))
    broken = type(days)(site, days.date[cut], {n: v[cut] for n, v in kept.items() if np.isfinite(v[cut]).any()})
    with np.errstate(all="raise", under="ignore"):
        for check in CHECKS:
            for flag in check(broken):
                assert set(flag.days) <= set(broken.date)


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_spans_are_the_days_of_a_flag_in_unbroken_stretches(where: list[bool]) -> None:
    days = np.datetime64("2003-02-20") + np.flatnonzero(where)
    if not len(days):
        return
    spans = Flag("XX-One", "spike", "nee", days, "").spans
    told = [d for a, b in spans for d in np.arange(np.datetime64(a), np.datetime64(b) + 1)]
    assert np.array_equal(told, days)
    assert all(np.datetime64(b) + 1 < np.datetime64(a) for (_, b), (a, _) in pairwise(spans))
