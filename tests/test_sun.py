"""Sun and season: against the networks' own potential radiation, known days, and laws."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonbench_core import sun

latitudes, days = st.floats(-90, 90), st.integers(1, 366)


def test_radiation_is_the_potential_radiation_of_the_networks_but_for_their_solar_constant(shared_data: Path) -> None:
    places = {row["site"]: row for row in csv.DictReader((shared_data / "towers.csv").open(encoding="utf-8"))}
    compared = 0
    for path in sorted((shared_data / "oneflux").glob("*.csv")):
        with path.open(encoding="utf-8") as file:
            rows = [(r["TIMESTAMP"], float(r["SW_IN_POT"])) for r in csv.DictReader(file)]
        date = np.array([f"{t[:4]}-{t[4:6]}-{t[6:]}" for t, _ in rows], dtype="datetime64[D]")
        potential = np.array([value for _, value in rows])
        site = path.name.split("_")[1]
        ours, _ = sun.daylight(float(places[site]["lat"]), sun.day_of_year(date))
        there = potential != -9999
        # Their solar constant is 1376 W m-2. The catalogue places US-Cop a tenth of a degree from where its files do.
        np.testing.assert_allclose(ours[there] * 1376 / 1361, potential[there], atol=0.6 if site == "US-Cop" else 0.05)
        compared += there.sum()
    assert compared > 50_000


def test_the_mean_of_a_year_on_the_equator_is_near_the_known_one() -> None:
    # Berger 1978 (doi:10.1175/1520-0469(1978)035<2362:LTVODI>2.0.CO;2): 416 W m-2 with 1360 W m-2 of today's orbit.
    assert sun.daylight(0.0, np.arange(1, 366))[0].mean() == pytest.approx(417, abs=2)


def test_the_sun_stands_over_the_tropics_at_the_solstices_and_over_the_equator_at_the_equinoxes() -> None:
    june, december, march, september = np.degrees(sun.declination([172, 355, 80, 266]))
    assert (june, december) == (pytest.approx(23.44, abs=0.05), pytest.approx(-23.44, abs=0.05))
    assert (march, september) == (pytest.approx(0, abs=0.5), pytest.approx(0, abs=0.5))


def test_at_the_pole_the_sun_is_up_for_half_a_year() -> None:
    radiation, hours = sun.daylight(90.0, np.arange(1, 366))
    assert set(hours.round(6)) == {0.0, 24.0}
    assert 180 < (hours > 0).sum() < 190
    assert ((radiation > 0) == (hours > 0)).all()


@given(latitudes, days)
def test_days_are_never_longer_than_a_day_and_radiation_is_never_negative(latitude: float, day: int) -> None:
    radiation, hours = sun.daylight(latitude, [day])
    assert 0 <= hours[0] <= 24
    assert 0 <= radiation[0] < 600


@given(latitudes, days)
def test_day_and_night_change_places_across_the_equator(latitude: float, day: int) -> None:
    here, there = (sun.daylight(sign * latitude, [day])[1][0] for sign in (1, -1))
    assert here + there == pytest.approx(24)


@given(st.lists(days, min_size=1, max_size=20), latitudes)
def test_a_day_does_not_depend_on_the_days_beside_it(some: list[int], latitude: float) -> None:
    together = sun.daylight(latitude, some)
    alone = [sun.daylight(latitude, [day]) for day in some]
    np.testing.assert_array_equal(together[0], [radiation[0] for radiation, _ in alone])


def test_the_day_of_the_year_counts_leap_days() -> None:
    date = np.array(["2004-01-01", "2004-02-29", "2004-12-31", "2005-12-31"], dtype="datetime64[D]")
    assert sun.day_of_year(date).tolist() == [1, 60, 366, 365]
