"""Which towers may not be parted: those of one identity, and those that stand within a rule's distance of each other.

A tower without coordinates is only known to be near those of its own identity.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from ..geography import components, missing_coordinates, nearest

if TYPE_CHECKING:
    import pandas as pd

SATELLITE_BOX = 2.0  # km: towers this near each other have satellite features in common
IDENTITY = "tower_id"  # the optional column that is the same for all records of one tower


def blocks(sites: pd.DataFrame, km: float) -> list[list[str]]:
    """Return the towers in groups that must stay together: connected by identity or by at most `km`, in a chain.

    Parameters
    ----------
    sites : DataFrame [S], site_id and any of latitude, longitude, tower_id
    km : float, 0 joins towers of one place only

    Returns
    -------
    list of lists of site ids, each sorted, by their first; every tower in one of them
    """
    first = {site: site for site in sites["site_id"]}

    def root(site: str) -> str:
        while first[site] != site:
            site = first[site]
        return site

    for one, other in (*_neighbours(sites, km), *_records(sites)):
        low, high = sorted((root(one), root(other)))
        first[high] = low
    found: dict[str, list[str]] = {}
    for site in sorted(first):
        found.setdefault(root(site), []).append(site)
    return list(found.values())


def near(sites: pd.DataFrame, some: Collection[str], others: Collection[str], km: float) -> set[str]:
    """Return those of some towers that are at most `km` from one of others, or another record of it.

    Parameters
    ----------
    sites : DataFrame [S], as for `blocks`
    some, others : collections of str, site ids
    km : float
    """
    found: set[str] = set()
    if IDENTITY in sites:
        identity = sites.set_index("site_id")[IDENTITY].dropna()
        held = set(identity[identity.index.isin(others)])
        found |= {site for site in some if identity.get(site) in held}
    there = _placed(sites)
    a, b = (there[there["site_id"].isin(ids)] for ids in (some, others))
    if a.empty or b.empty:
        return found
    apart, _ = nearest(a["latitude"], a["longitude"], b["latitude"], b["longitude"])
    return found | set(a["site_id"][apart <= km])


def left_out_near(test: Collection[str], validation: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return the entries of `left_out` for towers that are too near a test tower or a validation tower."""
    reasons = {"test": test, "validation": validation}
    return {f"within {SATELLITE_BOX:g} km of a {who} tower": tuple(sorted(ids)) for who, ids in reasons.items() if ids}


def _placed(sites: pd.DataFrame) -> pd.DataFrame:
    if not {"latitude", "longitude"} <= set(sites.columns):
        return sites.iloc[:0].assign(latitude=0.0, longitude=0.0)
    return sites[~missing_coordinates(sites["latitude"], sites["longitude"])]


def _neighbours(sites: pd.DataFrame, km: float) -> list[tuple[str, str]]:
    there = _placed(sites)
    ids = there["site_id"].to_numpy()
    joined = components(there["latitude"], there["longitude"], km)
    return [(ids[i], ids[root]) for i, root in enumerate(joined) if i != root]


def _records(sites: pd.DataFrame) -> list[tuple[str, str]]:
    if IDENTITY not in sites:
        return []
    first: dict[object, str] = {}
    known = sites[sites[IDENTITY].notna()]
    pairs = zip(known["site_id"], known[IDENTITY], strict=True)
    return [(site, first.setdefault(identity, site)) for site, identity in pairs]
