"""Where the towers of a sites table stand to each other: the nearest, how many near, clusters."""

from __future__ import annotations

import pandas as pd

from .geography import components, missing_coordinates, neighbours

NEAR = (2, 10, 50)  # km: one satellite box, one reanalysis cell, one weather
CLUSTER = 10  # km


def with_neighbours(sites: pd.DataFrame) -> pd.DataFrame:
    """Return a sites table with the nearest other tower, how many stand near, and clusters.

    Parameters
    ----------
    sites : DataFrame [S], site_id, latitude, longitude [degree]

    Returns
    -------
    DataFrame [S], with nearest_tower, nearest_km, towers_within_{2,10,50}km (others) and cluster: the first id, by
        name, of the towers that are joined by steps of at most `CLUSTER` km; null without coordinates
    """
    placed = sites[~missing_coordinates(sites["latitude"], sites["longitude"])].sort_values("site_id")
    ids = placed["site_id"].to_numpy()
    km, index, counts = neighbours(placed["latitude"], placed["longitude"], NEAR)
    found = pd.DataFrame(
        {
            "nearest_tower": [ids[i] if i >= 0 else None for i in index],
            "nearest_km": km,
            **{f"towers_within_{limit}km": count for limit, count in zip(NEAR, counts, strict=True)},
            "cluster": ids[components(placed["latitude"], placed["longitude"], CLUSTER)],
        },
        index=placed.index,
    )
    return sites.join(found)
