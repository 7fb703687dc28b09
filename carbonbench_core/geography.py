"""Where towers stand to each other: great-circle distances, components under a distance, continents."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from ._continents import POLYGONS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from sklearn.neighbors import BallTree

EARTH_RADIUS = 6371.0088  # km, mean radius; Moritz 2000, doi:10.1007/s001900050278
CONTINENTS = tuple(POLYGONS)
_EDGE_STEP = 0.25  # degree, between the points that stand for a polygon's edge


def missing_coordinates(latitude: ArrayLike, longitude: ArrayLike) -> np.ndarray:
    """Return which points lack a coordinate, as bool [N]; the other functions take only points that have both."""
    return ~(np.isfinite(np.asarray(latitude, float)) & np.isfinite(np.asarray(longitude, float)))


def distances(latitude: ArrayLike, longitude: ArrayLike, to_latitude: ArrayLike, to_longitude: ArrayLike) -> np.ndarray:
    """Return great-circle distances by the haversine formula, element by element, broadcast [km].

    Parameters
    ----------
    latitude, longitude, to_latitude, to_longitude : array [...], [degree]
    """
    phi, lam, to_phi, to_lam = (
        np.radians(np.asarray(x, float)) for x in (latitude, longitude, to_latitude, to_longitude)
    )
    h = np.sin((to_phi - phi) / 2) ** 2 + np.cos(phi) * np.cos(to_phi) * np.sin((to_lam - lam) / 2) ** 2
    return 2 * EARTH_RADIUS * np.arcsin(np.sqrt(np.minimum(h, 1)))


def nearest(
    latitude: ArrayLike, longitude: ArrayLike, to_latitude: ArrayLike, to_longitude: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """Return, for every point, the distance to the nearest of other points and which one that is.

    Parameters
    ----------
    latitude, longitude : array [N], [degree]
    to_latitude, to_longitude : array [M], [degree], M >= 1

    Returns
    -------
    km : ndarray [N]
    index : ndarray [N] of int, into the other points
    """
    radians, index = _tree(to_latitude, to_longitude).query(_points(latitude, longitude), k=1)
    return radians[:, 0] * EARTH_RADIUS, index[:, 0]


def components(latitude: ArrayLike, longitude: ArrayLike, km: float) -> np.ndarray:
    """Return the connected components of points of which neighbours are at most `km` apart.

    Two points of different components are farther apart than `km`, whatever stands between them.

    Parameters
    ----------
    latitude, longitude : array [N], [degree]
    km : float, 0 joins points of one place only

    Returns
    -------
    ndarray [N] of int, the lowest index in a point's component
    """
    points = _points(latitude, longitude)
    if not len(points):
        return np.zeros(0, int)
    neighbours = _tree(latitude, longitude).query_radius(points, km / EARTH_RADIUS)
    root = np.arange(len(points))
    for i, near in enumerate(neighbours):
        roots = np.unique(root[np.append(near, i)])
        root[np.isin(root, roots)] = roots[0]
    return root


def pairs_within(latitude: ArrayLike, longitude: ArrayLike, km: float) -> list[tuple[int, int]]:
    """Return the pairs of points at most `km` apart, as (i, j) with i < j, in order.

    Parameters
    ----------
    latitude, longitude : array [N], [degree]
    """
    points = _points(latitude, longitude)
    if not len(points):
        return []
    found = _tree(latitude, longitude).query_radius(points, km / EARTH_RADIUS)
    return [(i, int(j)) for i, near in enumerate(found) for j in np.sort(near) if j > i]


def neighbours(latitude: ArrayLike, longitude: ArrayLike, limits: Sequence[float]) -> tuple[np.ndarray, ...]:
    """Return, for every point, its nearest other point and how many others stand near.

    Parameters
    ----------
    latitude, longitude : array [N], [degree]
    limits : sequence [L], [km]

    Returns
    -------
    km : ndarray [N], distance to the nearest other point, NaN where there is none
    index : ndarray [N] of int, which one that is, -1 where there is none
    counts : ndarray [L, N] of int, other points at most as far as each limit
    """
    points = _points(latitude, longitude)
    n = len(points)
    if n < 2:
        return np.full(n, np.nan), np.full(n, -1), np.zeros((len(limits), n), int)
    tree = _tree(latitude, longitude)
    radians, index = tree.query(points, k=2)
    # Of points at one place the first found need not be the point itself.
    other = np.where(index[:, 0] == np.arange(n), 1, 0)
    counts = np.stack([tree.query_radius(points, km / EARTH_RADIUS, count_only=True) - 1 for km in limits])
    return radians[np.arange(n), other] * EARTH_RADIUS, index[np.arange(n), other], counts


def continent(latitude: ArrayLike, longitude: ArrayLike) -> np.ndarray:
    """Return the continent of every point; a point in no polygon gets the nearest one.

    Parameters
    ----------
    latitude, longitude : array [N], [degree]

    Returns
    -------
    ndarray [N] of str, one of `CONTINENTS`
    """
    latitude, longitude = np.atleast_1d(np.asarray(latitude, float)), np.atleast_1d(np.asarray(longitude, float))
    found = np.full(len(latitude), "", dtype=object)
    for name, rings in POLYGONS.items():
        for ring in rings:
            found[(found == "") & _inside(latitude, longitude, np.array(ring))] = name
    stray = found == ""
    if stray.any():
        edge_latitude, edge_longitude, names = _edges()
        found[stray] = names[nearest(latitude[stray], longitude[stray], edge_latitude, edge_longitude)[1]]
    return found.astype(str)


def _inside(latitude: np.ndarray, longitude: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """Return which points are in a ring of (longitude, latitude): an odd number of edges lies east of them."""
    (x0, y0), (x1, y1) = ring.T[:, :, None], np.roll(ring, -1, axis=0).T[:, :, None]
    crosses = (y0 > latitude) != (y1 > latitude)
    with np.errstate(divide="ignore", invalid="ignore"):
        east = longitude < x0 + (latitude - y0) / (y1 - y0) * (x1 - x0)
    return (crosses & east).sum(axis=0) % 2 == 1


@cache
def _edges() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return points along the edges of all polygons, and whose they are."""
    points, names = [], []
    for name, rings in POLYGONS.items():
        for ring in rings:
            for start, end in zip(np.array(ring), np.roll(ring, -1, axis=0), strict=True):
                n = max(1, int(np.abs(end - start).max() / _EDGE_STEP))
                points.append(start + (end - start) * np.linspace(0, 1, n, endpoint=False)[:, None])
                names += [name] * n
    longitude, latitude = np.concatenate(points).T
    return latitude, longitude, np.array(names, dtype=object)


def _tree(latitude: ArrayLike, longitude: ArrayLike) -> BallTree:
    from sklearn.neighbors import BallTree

    return BallTree(_points(latitude, longitude), metric="haversine")


def _points(latitude: ArrayLike, longitude: ArrayLike) -> np.ndarray:
    return np.radians(np.column_stack([np.asarray(latitude, float), np.asarray(longitude, float)]))
