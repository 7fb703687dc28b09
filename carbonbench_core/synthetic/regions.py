"""Where towers of the synthetic world stand: boxes that lie on land, coarse, and enough to span the climates.

`warmth` is how far a region is from the zonal mean temperature (ocean heat, cold-air outbreaks), `continentality`
runs from 0 (islands) to 1 (the inside of Asia). Rain regimes follow the latitude zones: the equatorial belt, the
monsoons where the tropical rain belt comes in summer, the subtropical deserts, winter rain on west coasts, even rain
along the storm tracks and on east coasts, summer rain inland. Weights follow where towers of the real networks are.
"""

from __future__ import annotations

from dataclasses import dataclass

# Rain regime -> (concentration of the von Mises curve of rain over the year, months of its peak after midsummer).
RAIN_REGIMES = {
    "equatorial": (0.25, 9.0),
    "wet summer": (1.5, 1.0),
    "monsoon": (2.2, 1.2),
    "dry": (0.5, 2.0),
    "winter rain": (1.25, 6.3),
    "wet winter": (0.7, 5.7),
    "even": (0.12, 5.0),
    "inland": (0.65, 0.3),
    "dry winter": (1.35, 0.7),
    "spring rain": (0.7, 9.5),
}


@dataclass(frozen=True)
class Region:
    """A box of land with a climate of its own.

    Parameters
    ----------
    name, continent : str
    south, north, west, east : float [degree]
    weight : float, share of the towers
    continentality : float, 0-1
    warmth : float, departure from the zonal mean at sea level [K]
    regime : str, one of `RAIN_REGIMES`
    rain : (float, float), annual precipitation [mm]
    elevation : (float, float) [m]
    """

    name: str
    continent: str
    south: float
    north: float
    west: float
    east: float
    weight: float
    continentality: float
    warmth: float
    regime: str
    rain: tuple[float, float]
    elevation: tuple[float, float]


_N, _S, _E, _A, _F, _O = "North America", "South America", "Europe", "Asia", "Africa", "Oceania"

REGIONS = (
    Region("Alaska interior", _N, 62.5, 66.5, -156, -144, 2.0, 0.75, 1.5, "inland", (270, 420), (100, 500)),
    Region("Western boreal Canada", _N, 52, 58, -117, -100, 3.0, 0.72, -1.5, "inland", (380, 580), (200, 600)),
    Region("Upper Lakes", _N, 44, 46.5, -92, -88.8, 3.0, 0.6, -4.0, "inland", (700, 950), (200, 550)),
    Region("New England", _N, 42.2, 45, -73, -71, 2.0, 0.48, -3.5, "even", (1000, 1300), (50, 600)),
    Region("Corn Belt", _N, 39.2, 42.2, -97, -85, 4.0, 0.55, -2.5, "inland", (750, 1050), (150, 400)),
    Region("South-eastern States", _N, 31.5, 36, -90, -80.5, 3.0, 0.33, -1.5, "even", (1150, 1450), (30, 500)),
    Region("Southern plains", _N, 34, 38.5, -103, -98, 2.5, 0.5, 0.0, "inland", (420, 800), (300, 1200)),
    Region("Rocky Mountains", _N, 38.5, 45, -112, -106, 3.0, 0.42, 1.5, "even", (350, 850), (1500, 3200)),
    Region("Sonoran desert", _N, 31.6, 34, -112, -106.5, 3.0, 0.4, 2.5, "dry", (180, 420), (400, 1600)),
    Region("California", _N, 36.2, 39.5, -121, -119.4, 3.0, 0.22, 1.0, "winter rain", (320, 1000), (50, 1900)),
    Region("Pacific North-west", _N, 43, 48.5, -123.4, -121.6, 3.0, 0.12, 1.5, "winter rain", (900, 2100), (50, 1000)),
    Region("Florida", _N, 25.6, 27.8, -81.4, -80.6, 1.0, 0.1, 0.5, "wet summer", (1250, 1500), (1, 20)),
    Region("Arctic coastal plain", _N, 68.5, 70.3, -156, -147, 1.6, 0.5, 0.0, "inland", (160, 300), (5, 250)),
    Region("Greenland ice margin", _N, 65, 71, -49.5, -46, 0.7, 0.25, -0.5, "even", (250, 550), (200, 1900)),
    Region("Central America", _N, 14.7, 17, -91, -88.6, 0.8, 0.0, 0.0, "wet summer", (1200, 2600), (100, 1700)),
    Region("Amazon", _S, -9, 0, -68, -54, 2.2, 0.05, 0.3, "equatorial", (1900, 2900), (50, 250)),
    Region("Cerrado", _S, -19, -11, -52, -44.5, 1.4, 0.05, 1.0, "wet summer", (1250, 1700), (300, 1100)),
    Region("Pampas", _S, -36.5, -29.5, -63, -57, 1.1, 0.25, -0.5, "even", (850, 1250), (20, 200)),
    Region("Southern Andes", _S, -42, -37.5, -72.8, -71.4, 0.8, 0.12, -1.0, "winter rain", (900, 2300), (100, 1100)),
    Region("Altiplano", _S, -23.5, -18, -69, -67, 0.6, 0.1, 2.0, "wet summer", (40, 320), (2500, 4300)),
    Region("Finland", _E, 61, 67.8, 24.2, 29, 3.0, 0.38, 4.5, "inland", (500, 700), (60, 350)),
    Region("Sweden", _E, 57.2, 64, 13, 16, 2.4, 0.26, 6.5, "inland", (550, 850), (60, 400)),
    Region("Atlantic Europe", _E, 47.2, 51.8, 0.5, 6.5, 4.0, 0.15, 5.0, "even", (650, 1050), (5, 400)),
    Region("Central Europe", _E, 47.8, 53, 8, 20, 6.0, 0.24, 4.3, "inland", (520, 950), (50, 900)),
    Region("Alps", _E, 46, 47.3, 7.5, 13.5, 2.2, 0.25, 3.5, "inland", (900, 1700), (800, 2600)),
    Region("Iberia", _E, 37.5, 41.8, -6.5, -1.2, 2.6, 0.25, 2.0, "wet winter", (330, 800), (50, 1000)),
    Region("Central Italy", _E, 42.3, 44.2, 11, 12.8, 2.0, 0.25, 2.5, "wet winter", (620, 1050), (20, 900)),
    Region("Eastern Europe", _E, 50, 57, 30, 42, 1.8, 0.42, 4.0, "inland", (500, 720), (100, 250)),
    Region("Iceland", _E, 64.2, 65.4, -20.5, -15.5, 0.7, 0.02, 10.0, "even", (600, 1300), (30, 500)),
    Region("Western Siberia", _A, 56, 62.5, 66, 87, 1.2, 0.75, 1.0, "inland", (430, 600), (50, 150)),
    Region("Yakutia", _A, 60.5, 67, 121, 134, 2.0, 1.0, -3.0, "inland", (210, 330), (100, 500)),
    Region("Mongolian steppe", _A, 43, 48.5, 105, 117, 2.0, 0.9, -3.0, "dry winter", (180, 380), (800, 1400)),
    Region("North China", _A, 34.6, 38, 114, 117, 1.6, 0.6, -2.0, "dry winter", (520, 780), (20, 200)),
    Region("Manchuria", _A, 43, 48, 125.5, 130, 1.2, 0.85, -4.0, "dry winter", (550, 780), (100, 700)),
    Region("Honshu", _A, 35.3, 37.4, 137, 139.3, 2.0, 0.38, -2.0, "inland", (1300, 2000), (20, 1500)),
    Region("Hokkaido", _A, 42.8, 44, 142, 143.4, 1.5, 0.48, -4.5, "even", (950, 1250), (30, 500)),
    Region("Southern China", _A, 23.5, 28, 109, 116.5, 1.2, 0.38, -2.5, "wet summer", (1300, 1900), (50, 900)),
    Region("Indochina", _A, 13.5, 18, 101, 105, 1.0, 0.15, 1.0, "wet summer", (1050, 1800), (80, 700)),
    Region("Borneo", _A, -1.5, 3, 111, 115, 0.9, 0.0, 0.0, "equatorial", (2500, 3600), (10, 300)),
    Region("Deccan", _A, 16, 24, 75.5, 81, 0.9, 0.2, 2.0, "monsoon", (750, 1400), (200, 650)),
    Region("Turan desert", _A, 40.5, 45, 61, 69, 0.8, 0.7, 0.0, "spring rain", (110, 260), (80, 350)),
    Region("Tibetan plateau", _A, 30.5, 36, 86, 98, 1.8, 0.4, 1.0, "dry winter", (320, 600), (3600, 4900)),
    Region("Levant", _A, 31, 32.6, 35.2, 37, 0.7, 0.25, 0.0, "winter rain", (120, 420), (200, 900)),
    Region("Sahel", _F, 12.6, 15.5, -14, 10, 1.2, 0.15, 2.5, "monsoon", (300, 700), (40, 400)),
    Region("Guinea savanna", _F, 8, 11, -8, 3, 0.8, 0.05, 1.0, "wet summer", (1000, 1400), (150, 450)),
    Region("Congo basin", _F, -3, 3, 17.5, 26, 0.7, 0.05, 0.0, "equatorial", (1600, 2100), (320, 550)),
    Region("East African highlands", _F, -2.5, 1, 34.5, 37.5, 0.7, 0.0, 0.0, "equatorial", (700, 1300), (1100, 2300)),
    Region("Southern African savanna", _F, -25, -17, 21.5, 31, 1.4, 0.25, 0.5, "monsoon", (350, 720), (700, 1250)),
    Region("Western Cape", _F, -33.6, -32, 18.9, 20.4, 0.5, 0.1, 0.0, "winter rain", (250, 600), (50, 800)),
    Region("Sahara", _F, 23, 31, 3, 24, 0.6, 0.35, 2.0, "dry", (8, 90), (150, 800)),
    Region("Top End", _O, -16.5, -12.8, 131, 133.4, 1.2, 0.05, 1.0, "monsoon", (800, 1700), (20, 250)),
    Region("Australian interior", _O, -27, -21, 127, 137, 1.0, 0.3, 2.0, "dry", (200, 360), (300, 650)),
    Region("South-eastern Australia", _O, -37.4, -33, 144, 149, 2.0, 0.2, 0.0, "even", (350, 1200), (80, 1200)),
    Region(
        "South-western Australia", _O, -33.5, -31, 116.5, 119, 0.8, 0.12, 0.0, "winter rain", (300, 800), (150, 350)
    ),
    Region("New Zealand", _O, -44.5, -43, 171, 172.2, 0.8, 0.1, -1.0, "even", (620, 1300), (30, 800)),
)
