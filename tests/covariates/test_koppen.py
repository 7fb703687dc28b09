"""Koppen-Geiger classes against cities everybody knows, and the laws of the classification."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from carbonbench_core.covariates.koppen import classify, main_class
from carbonbench_core.errors import FeatureError
from carbonbench_core.schema import KOPPEN

# Climate normals 1991-2020, rounded: latitude, monthly temperature [degC], monthly precipitation [mm]. The classes
# printed for these places on the map of Beck et al. 2018 do not hang on the rounding.
CITIES = {
    ("Singapore", "Af"): (1, "27 27 28 28 29 29 28 28 28 28 27 27", "222 105 152 164 164 136 146 147 125 168 253 334"),
    ("Miami", "Am"): (26, "20 21 23 25 27 28 29 29 28 27 24 21", "46 55 62 85 160 267 187 243 250 193 91 62"),
    ("Kochi", "Am"): (10, "28 28 29 30 29 27 27 27 27 28 28 28", "20 25 50 125 290 680 670 430 280 320 170 40"),
    ("Darwin", "Aw"): (-12, "28 28 28 28 27 25 25 25 28 29 29 29", "470 413 314 108 22 1 0 1 14 70 145 270"),
    ("Cairo", "BWh"): (30, "14 15 18 22 26 28 29 28 27 24 19 15", "5 4 4 1 0 0 0 0 0 1 4 6"),
    ("Niamey", "BSh"): (13, "24 27 31 34 34 32 29 28 29 31 28 25", "0 0 2 8 27 73 150 180 90 14 0 0"),
    ("Denver", "BSk"): (40, "0 0 5 9 14 20 24 23 18 11 4 0", "10 11 23 43 55 49 55 40 34 25 15 9"),
    ("Rome", "Csa"): (42, "8 8 11 14 18 22 25 25 21 17 12 9", "70 74 63 65 53 32 20 30 75 105 115 85"),
    ("Seattle", "Csb"): (48, "6 6 8 11 14 17 20 20 17 12 8 6", "147 97 106 80 48 37 15 25 41 99 160 145"),
    ("Cape Town", "Csb"): (-34, "21 21 20 18 15 13 13 13 15 17 19 20", "10 12 13 40 65 95 90 75 45 30 25 14"),
    ("Hong Kong", "Cwa"): (22, "17 17 20 23 26 28 29 29 28 26 22 18", "33 39 75 153 291 491 386 453 321 120 39 29"),
    ("Mexico City", "Cwb"): (19, "15 16 18 20 20 19 18 18 18 17 16 15", "8 6 12 28 66 146 174 170 145 75 14 6"),
    ("Sydney", "Cfa"): (-34, "24 23 22 20 17 14 13 15 17 19 20 22", "91 131 117 114 101 142 80 76 63 67 91 74"),
    ("London", "Cfb"): (51, "6 6 8 11 14 17 19 19 16 12 8 6", "59 45 41 42 46 47 46 53 50 66 69 57"),
    ("Reykjavik", "Cfc"): (64, "1 1 1 4 7 10 12 11 9 5 2 1", "87 90 83 57 50 43 50 65 91 83 84 95"),
    ("Seoul", "Dwa"): (38, "-2 1 6 13 18 23 25 26 22 15 8 0", "17 28 37 73 104 130 414 348 142 52 51 23"),
    ("Chicago", "Dfa"): (42, "-4 -2 4 10 16 22 25 24 20 13 6 -1", "50 50 62 95 114 104 94 108 81 87 60 55"),
    ("Moscow", "Dfb"): (56, "-6 -6 -1 7 14 17 20 18 12 6 -1 -4", "53 44 39 37 61 78 84 78 66 70 52 51"),
    ("Murmansk", "Dfc"): (69, "-10 -10 -6 -1 5 9 13 12 7 1 -4 -8", "34 26 26 25 38 55 68 64 50 50 38 37"),
    ("Verkhoyansk", "Dfd"): (68, "-45 -41 -28 -11 4 14 16 12 3 -14 -35 -43", "6 7 5 5 14 22 33 31 15 14 13 7"),
    ("Nuuk", "ET"): (64, "-8 -9 -8 -4 1 5 7 7 4 0 -4 -6", "58 58 55 57 55 67 80 90 95 75 80 65"),
    ("Vostok", "EF"): (-78, "-32 -44 -58 -65 -66 -65 -67 -68 -66 -57 -43 -32", "1 1 2 2 3 3 2 2 2 2 1 1"),
}


def months(text):
    return np.array(text.split(), dtype=float)


@pytest.mark.parametrize(("city", "expected"), CITIES)
def test_a_city_has_the_class_every_atlas_gives_it(city, expected):
    latitude, temperature, precipitation = CITIES[city, expected]
    assert classify(months(temperature), months(precipitation), latitude).item() == expected


def test_many_climates_at_once_are_classified_as_one_by_one():
    temperature = np.stack([months(t) for _, t, _ in CITIES.values()])
    precipitation = np.stack([months(p) for _, _, p in CITIES.values()])
    latitude = np.array([x for x, _, _ in CITIES.values()])
    codes = classify(temperature.reshape(2, -1, 12), precipitation.reshape(2, -1, 12), latitude.reshape(2, -1))
    assert codes.ravel().tolist() == [expected for _, expected in CITIES]


def climate(cold, hot, winter, summer):
    """A northern climate: a cosine between two temperatures, one rain in winter months, another in summer months."""
    temperature = (cold + hot) / 2 - (hot - cold) / 2 * np.cos(2 * np.pi * np.arange(12) / 12)
    precipitation = np.where(np.isin(np.arange(12), range(3, 9)), summer, winter)
    return temperature, precipitation.astype(float)


@pytest.mark.parametrize(
    ("cold", "hot", "winter", "summer", "expected"),
    [
        # MAT 20: Pthreshold 2 x 20 + 14 = 54, so B below 540 mm; 12 x 45 = 540 is not below
        (15, 25, 45, 45, "Cfa"),
        (15, 25, 44.9, 44.9, "BSh"),
        # 5 x 54 = 270 parts steppe from desert: 12 x 22.5 = 270
        (15, 25, 22.5, 22.5, "BSh"),
        (15, 25, 22.4, 22.4, "BWh"),
        # MAT 10, all rain in winter: Pthreshold 20, B below 200 mm; 6 x 33 = 198, 6 x 34 = 204
        (0.5, 19.5, 33, 0, "BSk"),
        (0.5, 19.5, 34, 0, "Csb"),
        # MAT 10, all rain in summer: Pthreshold 48, B below 480 mm; 6 x 79 = 474, 6 x 80 = 480
        (0.5, 19.5, 0, 79, "BSk"),
        (0.5, 19.5, 0, 80, "Cwb"),
        # the boundary between C and D is 0 degC, not -3
        (0, 20, 80, 80, "Dfb"),
        (0.1, 20, 80, 80, "Cfb"),
        (18, 26, 80, 80, "Af"),
        (17.9, 26, 80, 80, "Cfa"),
        # driest month 50, MAP 1290: 100 - 1290 / 25 = 48.4 <= 50
        (20, 26, 50, 165, "Am"),
        # driest month 50, MAP 1200: 100 - 48 = 52 > 50
        (20, 26, 50, 150, "Aw"),
        (-20, 10, 40, 40, "ET"),
        (-20, 10.1, 40, 40, "Dfc"),
        (-20, 0, 40, 40, "EF"),
        (-20, 0.1, 40, 40, "ET"),
        (-38, 16, 20, 20, "Dfc"),
        (-38.1, 16, 20, 20, "Dfd"),
        # s asks for both: below 40 mm, and below a third of the wettest winter month
        (5, 25, 120, 39, "Csa"),
        (5, 25, 120, 40, "Cfa"),
        (5, 25, 117, 39, "Cfa"),
        # w: 10 < 101 / 10 holds, 10 < 100 / 10 does not
        (5, 23, 10, 101, "Cwa"),
        (5, 23, 10, 100, "Cfa"),
    ],
)
def test_each_boundary_falls_on_the_side_the_table_says(cold, hot, winter, summer, expected):
    temperature, precipitation = climate(cold, hot, winter, summer)
    assert classify(temperature, precipitation, 45.0).item() == expected


def test_when_summer_and_winter_both_have_a_dry_month_then_the_wetter_half_year_decides():
    temperature, _ = climate(5, 25, 0, 0)
    wet_summer = np.array([90, 90, 5, 5, 200, 200, 200, 200, 200, 90, 90, 90.0])  # Psdry 5 < 30, Pwdry 5 < 20
    wet_winter = np.array([190, 190, 5, 5, 90, 90, 90, 90, 90, 190, 190, 190.0])  # Psdry 5 < 63, Pwdry 5 < 9
    assert classify(temperature, wet_summer, 45.0).item() == "Cwa"
    assert classify(temperature, wet_winter, 45.0).item() == "Csa"


def test_when_a_month_is_missing_then_that_climate_alone_has_no_class():
    temperature, precipitation = climate(5, 25, 60, 60)
    gap = temperature.copy()
    gap[3] = np.nan
    codes = classify(np.stack([gap, temperature]), precipitation, 45.0)
    assert codes.tolist() == [None, "Cfa"]


@pytest.mark.parametrize(
    ("temperature", "precipitation", "message"),
    [
        (np.zeros(11), np.zeros(12), "12 months"),
        (5.0, np.zeros(12), "12 months"),
        (np.zeros(12), np.full(12, -9999.0), "negative"),
        (np.full(12, 288.0), np.zeros(12), "Celsius"),
    ],
)
def test_when_the_climate_cannot_be_one_then_the_error_says_why(temperature, precipitation, message):
    with pytest.raises(FeatureError, match=message):
        classify(temperature, precipitation, 45.0)


@pytest.mark.parametrize(
    ("code", "letter"), [("Dfb", "D"), ("af", "A"), ("ET", "E"), ("As", "A"), (None, None), ("Xyz", None), ("", None)]
)
def test_the_main_class_is_the_first_letter_of_a_known_code(code, letter):
    assert main_class(code) == letter


TEMPERATURES = arrays(float, 12, elements=st.floats(-70, 45))
RAINS = arrays(float, 12, elements=st.one_of(st.just(0.0), st.floats(0, 1500)))


@given(TEMPERATURES, RAINS, st.floats(-90, 90))
def test_every_climate_has_exactly_one_of_the_thirty_classes(temperature, precipitation, latitude):
    assert classify(temperature, precipitation, latitude).item() in KOPPEN


@given(TEMPERATURES, RAINS, st.floats(0.1, 90))
def test_half_a_year_later_on_the_other_hemisphere_the_class_is_the_same(temperature, precipitation, latitude):
    here = classify(temperature, precipitation, latitude)
    there = classify(np.roll(temperature, 6), np.roll(precipitation, 6), -latitude)
    assert here.item() == there.item()


@given(TEMPERATURES, RAINS, st.integers(-90, 90))
def test_the_class_hangs_on_the_months_and_not_on_the_latitude_unless_both_half_years_are_equally_warm(t, p, latitude):
    if t[3:9].sum() != t[[9, 10, 11, 0, 1, 2]].sum():
        assert classify(t, p, latitude).item() == classify(t, p, -latitude).item()
