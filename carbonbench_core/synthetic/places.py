"""The towers of the synthetic world: where they stand, in what climate, on what land."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import cos, pi, radians, sin

import numpy as np

from ..errors import UsageError
from .climate import Climate, draw_climate
from .regions import REGIONS
from .streams import spread, stream
from .vegetation import igbp_of

FIRST_YEAR, LAST_YEAR = 2000, 2024
MOST_TOWERS = 999  # three digits in SY-001
PAIRED = 8  # every eighth tower stands beside one of the seven before it
KM_PER_DEGREE = 111.2


@dataclass(frozen=True)
class TowerSpec:
    """One tower of the synthetic world, known before its record is made.

    Parameters
    ----------
    seed, index : int, all of the tower follows from these and the years, whatever towers stand beside it
    site_id : str, "SY-001" for index 0
    region, continent : str
    latitude, longitude : float [degree]
    elevation : float [m]
    climate : Climate
    koppen, igbp : str
    start_year, n_years : int, calendar years of the record
    weather_index : int, the tower whose weather it shares: its own index, or that of its neighbour
    """

    seed: int
    index: int
    site_id: str
    region: str
    continent: str
    latitude: float
    longitude: float
    elevation: float
    climate: Climate
    koppen: str
    igbp: str
    start_year: int
    n_years: int
    weather_index: int


def world(n_towers: int = 60, n_years: int = 5, seed: int = 0) -> list[TowerSpec]:
    """Return the towers of a synthetic world; their records are made one by one by `tower_record`.

    Parameters
    ----------
    n_towers : int, 1 to 999; tower i is the same whatever their number
    n_years : int, 1 to 25 calendar years per tower, somewhere in 2000-2024
    seed : int, 0 or more

    Raises
    ------
    UsageError : a number out of its range
    """
    span = LAST_YEAR - FIRST_YEAR + 1
    for name, value, low, high in (("n_towers", n_towers, 1, MOST_TOWERS), ("n_years", n_years, 1, span)):
        if not low <= value <= high:
            raise UsageError(f"{name}={value} is out of range. A synthetic world takes {low} to {high}.")
    if seed < 0:
        raise UsageError(f"seed={seed} is negative. Give 0 or more.")
    return [_tower(seed, index, n_years) for index in range(n_towers)]


def _tower(seed: int, index: int, n_years: int) -> TowerSpec:
    neighbour = _neighbour(seed, index)
    if neighbour is None:
        return _lone_tower(seed, index, n_years)
    host = _lone_tower(seed, neighbour, n_years)
    return _beside(host, index)


def _neighbour(seed: int, index: int) -> int | None:
    """Return the tower beside which a tower stands, if it is one of a pair; hosts always stand alone themselves."""
    if index % PAIRED != PAIRED - 1:
        return None
    return index - 1 - int(stream(seed, index, "place").integers(PAIRED - 1))


def _lone_tower(seed: int, index: int, n_years: int) -> TowerSpec:
    rng = stream(seed, index, "place")
    region = REGIONS[_region(seed, index)]
    latitude = float(rng.uniform(region.south, region.north))
    longitude = float(rng.uniform(region.west, region.east))
    low, high = region.elevation
    elevation = float(low + (high - low) * rng.beta(1.2, 1.8))
    start_year = FIRST_YEAR + int(rng.integers(LAST_YEAR - FIRST_YEAR + 2 - n_years))
    climate = draw_climate(region, latitude, elevation, stream(seed, index, "climate"))
    koppen = climate.koppen(latitude)
    return TowerSpec(
        seed=seed,
        index=index,
        site_id=_site_id(index),
        region=region.name,
        continent=region.continent,
        latitude=round(latitude, 4),
        longitude=round(longitude, 4),
        elevation=round(elevation, 1),
        climate=climate,
        koppen=koppen,
        igbp=igbp_of(koppen, climate, spread(seed, index)[1]),
        start_year=start_year,
        n_years=n_years,
        weather_index=index,
    )


def _beside(host: TowerSpec, index: int) -> TowerSpec:
    """Return a tower 0.5-15 km from another: the same climate and weather, vegetation of its own."""
    rng = stream(host.seed, index, "climate")
    distance = float(np.exp(rng.uniform(np.log(0.5), np.log(15.0)))) / KM_PER_DEGREE
    bearing = rng.uniform(0, 2 * pi)
    latitude = host.latitude + distance * cos(bearing)
    longitude = host.longitude + distance * sin(bearing) / cos(radians(host.latitude))
    igbp = igbp_of(host.koppen, host.climate, spread(host.seed, index)[1])
    place = {"latitude": round(latitude, 4), "longitude": round(longitude, 4)}
    return replace(host, index=index, site_id=_site_id(index), igbp=igbp, **place)


def _region(seed: int, index: int) -> int:
    weights = np.cumsum([region.weight for region in REGIONS])
    return int(np.searchsorted(weights, spread(seed, index)[0] * weights[-1], side="right"))


def _site_id(index: int) -> str:
    return f"SY-{index + 1:03d}"  # as `schema.SYNTHETIC_SITE` knows them
