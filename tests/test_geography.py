"""Geography: distances against their formula, components by definition, continents against the towers' countries."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonbench_core._continents import POLYGONS
from carbonbench_core.geography import (
    CONTINENTS,
    EARTH_RADIUS,
    components,
    continent,
    distances,
    missing_coordinates,
    nearest,
    neighbours,
    pairs_within,
)

places = st.tuples(st.floats(-90, 90, width=32), st.floats(-180, 180, width=32))
# Towers stand in clumps, so that components of more than one tower arise.
clumps = st.lists(st.tuples(st.integers(40, 44), st.integers(0, 4)), min_size=1, max_size=40)

# Country of a site id (ISO 3166, but UK) -> the continents it lies in.
COUNTRIES = {
    "Africa": "BJ BF BW CG CD GH KE ML NE SD SN UG ZA ZM",
    "Antarctica": "AQ",
    "Asia": "AE BD CN HK ID IL IN JP KH KR MN MY PH SG TH TW VN RU",
    "Europe": "AT BE BG CH CZ DE DK EE ES FI FR GR HR HU IE IS IT NL NO PL PT SE SJ SK UA UK RU",
    "North America": "CA CR GL MX PA PR US",
    "Oceania": "AU NZ VU US",
    "South America": "AR BR CL CO GF PE",
}


def coordinates(points: list[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    latitude, longitude = np.array(points, float).T
    return latitude, longitude


@given(places, places)
def test_a_distance_is_the_angle_between_two_unit_vectors_times_the_radius(a: tuple, b: tuple) -> None:
    def unit(latitude: float, longitude: float) -> np.ndarray:
        phi, lam = np.radians([latitude, longitude])
        return np.array([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)])

    u, v = unit(*a), unit(*b)
    # atan2 keeps its precision at small and at large angles, where the arc cosine loses it.
    expected = EARTH_RADIUS * np.arctan2(np.linalg.norm(np.cross(u, v)), u @ v)
    assert distances(*a, *b) == pytest.approx(expected, abs=1e-2)
    assert distances(*a, *b) == distances(*b, *a)


def test_a_degree_of_latitude_is_111_km_and_the_date_line_is_no_wall() -> None:
    assert distances(0, 0, 1, 0) == pytest.approx(np.pi / 180 * 6371.0088)  # 111.195 km
    assert distances(0, 179.5, 0, -179.5) == pytest.approx(np.pi / 180 * 6371.0088)


@given(st.lists(places, min_size=1, max_size=20), st.lists(places, min_size=1, max_size=20))
def test_the_nearest_point_is_the_one_at_the_smallest_distance(points: list, others: list) -> None:
    latitude, longitude = coordinates(points)
    to_latitude, to_longitude = coordinates(others)
    km, index = nearest(latitude, longitude, to_latitude, to_longitude)
    every = distances(latitude[:, None], longitude[:, None], to_latitude, to_longitude)
    np.testing.assert_allclose(km, every.min(axis=1), atol=1e-2)
    np.testing.assert_allclose(every[np.arange(len(points)), index], every.min(axis=1), atol=1e-2)


@given(clumps, st.sampled_from([0.0, 50.0, 90.0, 120.0]))
def test_points_of_two_components_are_farther_apart_than_the_distance_and_neighbours_are_in_one(
    points: list, km: float
) -> None:
    latitude, longitude = coordinates(points)
    found = components(latitude, longitude, km)
    every = distances(latitude[:, None], longitude[:, None], latitude, longitude)
    same = found[:, None] == found
    assert (every[~same] > km).all()
    assert same[every <= km].all()
    # No component falls apart: each can be walked through by steps of at most km.
    for label in np.unique(found):
        members = np.flatnonzero(found == label)
        reached = {members[0]}
        for _ in members:
            reached |= {j for j in members if any(every[i, j] <= km + 1e-6 for i in reached)}
        assert reached == set(members)
        assert label == members[0]


def test_a_chain_is_one_component_in_whatever_order_its_points_come() -> None:
    # a degree is 111 km; the last two points are met before those that link them to the first
    assert components([0, 4, 3, 2, 1], [0] * 5, 120).tolist() == [0] * 5
    assert components([0, 4, 3, 2, 1], [0] * 5, 110).tolist() == [0, 1, 2, 3, 4]


def test_points_of_one_place_are_one_component_at_no_distance() -> None:
    assert components([50.123, 50.123, 50.124], [10.456] * 3, 0).tolist() == [0, 0, 2]


def test_components_of_nothing_are_none() -> None:
    assert len(components([], [], 10)) == 0


@given(places)
def test_every_point_of_the_earth_has_a_continent(place: tuple[float, float]) -> None:
    assert continent(*place)[0] in CONTINENTS


def test_no_place_is_in_two_continents() -> None:
    from carbonbench_core.geography import _inside

    latitude, longitude = (grid.ravel() for grid in np.meshgrid(np.arange(-89.5, 90), np.arange(-179.25, 180)))
    times = sum(
        _inside(latitude, longitude, np.array(ring)).astype(int) for rings in POLYGONS.values() for ring in rings
    )
    assert times.max() == 1


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ((41.02, 28.95), "Europe"),  # old Istanbul
        ((41.02, 29.10), "Asia"),  # Istanbul beyond the Bosphorus
        ((39.20, 26.30), "Europe"),  # Lesbos
        ((35.10, 33.40), "Asia"),  # Cyprus
        ((41.70, 44.80), "Asia"),  # Tbilisi, south of the Caucasus
        ((43.30, 45.70), "Europe"),  # Grozny, north of it
        ((56.84, 60.60), "Asia"),  # Yekaterinburg, east of the Ural
        ((58.00, 56.30), "Europe"),  # Perm, west of it
        ((29.50, 34.00), "Asia"),  # Sinai
        ((30.05, 31.25), "Africa"),  # Cairo
        ((36.14, -5.35), "Europe"),  # Gibraltar
        ((35.76, -5.83), "Africa"),  # Tangier
        ((8.98, -79.52), "North America"),  # Panama
        ((6.24, -75.58), "South America"),  # Medellin
        ((66.00, -170.50), "Asia"),  # Chukotka, east of the date line
        ((64.50, -165.40), "North America"),  # Nome
        ((52.90, 173.00), "North America"),  # Attu, west of it
        ((-3.70, 128.20), "Asia"),  # Ambon
        ((-0.90, 134.00), "Oceania"),  # Manokwari, New Guinea
        ((21.30, -157.80), "Oceania"),  # Hawaii
        ((-18.10, 178.40), "Oceania"),  # Fiji
        ((64.10, -21.90), "Europe"),  # Reykjavik
        ((64.20, -51.70), "North America"),  # Nuuk
        ((28.10, -15.40), "Africa"),  # Canary Islands
        ((-62.20, -58.80), "Antarctica"),  # King George Island
        ((-15.95, -5.70), "Africa"),  # St Helena: in no polygon, nearest to Africa
    ],
)
def test_places_near_a_border_are_on_the_right_side(place: tuple[float, float], expected: str) -> None:
    assert continent(*place)[0] == expected


def test_continents_agree_with_the_countries_of_real_towers(shared_data: Path) -> None:
    with (shared_data / "towers.csv").open(encoding="utf-8") as file:
        towers = [(r["site"], float(r["lat"]), float(r["lon"])) for r in csv.DictReader(file) if r["lat"] and r["lon"]]
    allowed: dict[str, set[str]] = {}
    for name, codes in COUNTRIES.items():
        for code in codes.split():
            allowed.setdefault(code, set()).add(name)
    found = continent([t[1] for t in towers], [t[2] for t in towers])
    wrong = {site for (site, _, _), name in zip(towers, found, strict=True) if name not in allowed[site[:2]]}
    assert len(wrong) < 0.01 * len(towers)
    # DK-ZaH is Zackenberg in Greenland, JP-Das a Japanese tower on Svalbard, PH-IRI has its latitude as its longitude.
    assert wrong == {"DK-ZaH", "JP-Das", "PH-IRI"}


def test_a_missing_coordinate_is_told() -> None:
    assert missing_coordinates([1.0, np.nan, 2.0], [1.0, 2.0, np.nan]).tolist() == [False, True, True]
    assert missing_coordinates([None, 1.0], [1.0, 2.0]).tolist() == [True, False]


def test_neighbours_are_the_nearest_other_point_and_counts_of_others() -> None:
    # Three points on a meridian: 0.01 degrees are 1.11 km, 0.1 degrees 11.1 km; the fourth stands with the first.
    latitude, longitude = [0.0, 0.01, 0.1, 0.0], [5.0, 5.0, 5.0, 5.0]
    km, index, counts = neighbours(latitude, longitude, (2, 10, 50))
    assert km.round(2).tolist() == [0.0, 1.11, 10.01, 0.0]
    assert index.tolist()[0] == 3
    assert index.tolist()[3] == 0
    assert index.tolist()[2] == 1
    # Within 10 km of the third stand none: the second is 10.007 km away.
    assert counts.tolist() == [[2, 2, 0, 2], [2, 2, 0, 2], [3, 3, 3, 3]]
    assert pairs_within(latitude, longitude, 2) == [(0, 1), (0, 3), (1, 3)]


def test_a_point_alone_has_no_neighbour() -> None:
    km, index, counts = neighbours([1.0], [2.0], (2,))
    assert (np.isnan(km).tolist(), index.tolist(), counts.tolist()) == ([True], [-1], [[0]])
    assert pairs_within([], [], 2) == []


def test_neighbours_are_those_of_all_pairs() -> None:
    rng = np.random.default_rng(3)
    latitude, longitude = rng.uniform(-1, 1, 80), 180 + rng.uniform(-1, 1, 80)  # across the date line
    longitude = (longitude + 180) % 360 - 180
    every = distances(latitude[:, None], longitude[:, None], latitude, longitude)
    np.fill_diagonal(every, np.inf)
    km, index, counts = neighbours(latitude, longitude, (2, 10, 50))
    np.testing.assert_allclose(km, every.min(axis=1))
    assert (index == every.argmin(axis=1)).all()
    for limit, count in zip((2, 10, 50), counts, strict=True):
        assert (count == (every <= limit).sum(axis=1)).all()
