"""Which ids mean one tower: by id, by a list of renamed sites, and by place with further evidence.

A place alone proves nothing: at least eight pairs of towers of the networks' site lists share their coordinates to the
last digit, their class and their years, and are two (Ruethi reference and covered, Carlow conventional and no tillage,
the crane and the NEON tower of Wind River). So ids are one tower only if

1. they differ in letter case alone, or the one is listed in `RENAMED` as the other's old name; or
2. they stand within `SAME_PLACE` and their NEE is one series: over at least `SHARED_DAYS` common days it correlates by
   at least `SAME_SERIES` and differs by at most `SAME_VALUES` of its standard deviation (median). Two processings of
   one tower reach 0.996 and 0.06 or better (US-Tw1, USTAR50 against REF and the 5 % and 95 % versions), different
   towers within 20 km 0.931 and 0.10 at best (US-ARb and US-ARc, 0.36 km; US-Ne2 and US-Ne3; 170 towers); or
3. they stand within `ONE_MAST`, carry one name, belong to no common network (a network gives one mast one id), and
   nothing speaks against it: no other IGBP class, no common days on which their NEE is not one series.

Everything else within `ONE_MAST`, or of one name within `SAME_PLACE`, is reported as a near miss, with what is missing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations

import numpy as np

from .geography import distances, missing_coordinates, pairs_within
from .towers import SAME_PLACE

ONE_MAST = 0.1  # km: coordinates are given to 3 or 4 digits, 0.001 degree is 0.11 km
SHARED_DAYS = 60
SAME_SERIES = 0.99  # correlation
SAME_VALUES = 0.08  # standard deviations
LETTER_CASE = "differ in letter case alone"
SHORTEST_NAME = 4  # letters and digits; shorter ones are codes

# Old id -> the network's present id.
RENAMED = {
    # Greenland's towers: FLUXNET2015 had them under Denmark's country code and renamed its own files to Greenland's
    # (FLX_DK-ZaH_..._2-3, FLX_GL-ZaH_..._2-4; doi:10.1038/s41597-020-0534-3), as ICOS has them.
    "DK-NuF": "GL-NuF",
    "DK-ZaF": "GL-ZaF",
    "DK-ZaH": "GL-ZaH",
}


@dataclass(frozen=True)
class Site:
    """What identity is judged by.

    Parameters
    ----------
    site_id : str
    name : str or None
    networks : frozenset of str
    latitude, longitude : float or None [degree]
    igbp : str or None
    """

    site_id: str
    name: str | None = None
    networks: frozenset[str] = frozenset()
    latitude: float | None = None
    longitude: float | None = None
    igbp: str | None = None


@dataclass(frozen=True)
class Pair:
    """Two ids, how far apart they stand [km], and why they are one tower, or why they are held to be two."""

    a: str
    b: str
    km: float | None
    why: str

    def to_json(self) -> dict[str, object]:
        """Return the pair as JSON types."""
        return asdict(self)


# For two site ids, what `common_series` returns.
Series = Callable[[str, str], tuple[int, float, float]]


def official(site_id: str) -> str:
    """Return the present id of a site that was renamed, else the id itself."""
    return RENAMED.get(site_id, site_id)


def one_id(sites: Iterable[str]) -> list[Pair]:
    """Return the pairs of ids that mean one tower by the ids themselves: letter case, or a renamed site."""
    first: dict[str, str] = {}
    pairs = []
    for site in sorted(set(sites), key=lambda s: (s in RENAMED, s)):
        other = first.setdefault(official(site).casefold(), site)
        if other != site:
            renamed = official(site).casefold() != site.casefold() or official(other).casefold() != other.casefold()
            pairs.append(Pair(other, site, None, "renamed site" if renamed else LETTER_CASE))
    return pairs


def by_place(sites: Sequence[Site], series: Series | None = None) -> tuple[list[Pair], list[Pair]]:
    """Return which sites of different ids are one tower by place and evidence, and the near misses.

    Parameters
    ----------
    sites : sequence of Site, each id once
    series : callable, optional, what two sites' NEE has in common; None where there are no data

    Returns
    -------
    same, near : lists of Pair, by distance
    """
    placed = [s for s in sites if s.latitude is not None and s.longitude is not None]
    placed = [s for s in placed if not missing_coordinates(s.latitude, s.longitude)]
    latitude, longitude = [s.latitude for s in placed], [s.longitude for s in placed]
    same, near = [], []
    for i, j in pairs_within(latitude, longitude, SAME_PLACE):
        a, b = sorted((placed[i], placed[j]), key=lambda s: s.site_id)
        km = round(float(distances(a.latitude, a.longitude, b.latitude, b.longitude)), 4)
        proof, doubt = _judge(a, b, km, series)
        if proof:
            same.append(Pair(a.site_id, b.site_id, km, proof))
        elif doubt:
            near.append(Pair(a.site_id, b.site_id, km, doubt))
    same, ambiguous = _without_ambiguous(same, {s.site_id: s for s in sites})
    return sorted(same, key=_order), sorted(near + ambiguous, key=_order)


def _order(pair: Pair) -> tuple:
    return (pair.km, pair.a, pair.b)


def _judge(a: Site, b: Site, km: float, series: Series | None) -> tuple[str, str]:
    """Return why two sites are one, "" where they are not, and what a near miss lacks, "" where it is none."""
    named = one_name(a.name, b.name)
    days, correlation, apart = series(a.site_id, b.site_id) if series else (0, np.nan, np.nan)
    if days >= SHARED_DAYS and correlation >= SAME_SERIES and apart <= SAME_VALUES:
        return f"NEE is one series: correlation {correlation:.4f} over {days:,} common days", ""
    if km > ONE_MAST and not named:
        return "", ""
    lacking = [] if named else ["other names" if a.name and b.name else "a name is not known"]
    lacking += [] if km <= ONE_MAST else [f"more than {ONE_MAST * 1000:.0f} m apart"]
    if a.igbp and b.igbp and a.igbp != b.igbp:
        lacking.append(f"IGBP {a.igbp} and {b.igbp}")
    if common := a.networks & b.networks:
        lacking.append(f"{min(common)} has both")
    if days >= SHARED_DAYS:
        lacking.append(f"NEE correlates by {correlation:.3f} over {days:,} common days")
    return ("", "; ".join(lacking)) if lacking else (f"one name, {a.name!r}, within {ONE_MAST * 1000:.0f} m", "")


def one_name(a: str | None, b: str | None) -> bool:
    """Whether two names of sites are one but for case, accents and punctuation."""
    first, second = _letters(a), _letters(b)
    return first == second and len(first) >= SHORTEST_NAME


def _letters(name: str | None) -> str:
    decomposed = unicodedata.normalize("NFKD", str(name or "").casefold())
    return "".join(c for c in decomposed if c.isalnum())


def _without_ambiguous(same: list[Pair], known: dict[str, Site]) -> tuple[list[Pair], list[Pair]]:
    """Return the pairs without those that would join two sites of one network through a third."""
    kept, dropped = [], []
    proven = [p for p in same if p.why.startswith("NEE")]
    for pair in (p for p in same if p not in proven):
        group = next(g for g in groups([*same], known) if pair.a in g)
        clash = any(known[a].networks & known[b].networks for a, b in combinations(group, 2))
        (dropped if clash else kept).append(pair)
    return proven + kept, [Pair(p.a, p.b, p.km, f"{p.why}, but so for two sites of one network") for p in dropped]


def groups(pairs: Iterable[Pair], sites: Iterable[str] = ()) -> list[list[str]]:
    """Return ids in groups that are one tower each, pairs joined over what they share; sorted."""
    root: dict[str, str] = {site: site for site in sites}

    def find(site: str) -> str:
        while root.setdefault(site, site) != site:
            site = root[site]
        return site

    for pair in pairs:
        a, b = sorted((find(pair.a), find(pair.b)))
        root[b] = a
    found: dict[str, list[str]] = {}
    for site in sorted(root):
        found.setdefault(find(site), []).append(site)
    return sorted(found.values())


def common_series(
    first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]
) -> tuple[int, float, float]:
    """Return what the NEE of two records has in common.

    Parameters
    ----------
    first, second : tuple of ndarray [D] of datetime64[D], each day once, and ndarray [D] of float, NaN where missing

    Returns
    -------
    days : int, on which both have a value
    correlation : float, NaN under 2 days or where one does not vary
    apart : float, median absolute difference in standard deviations of both together; NaN likewise
    """
    (a_days, a), (b_days, b) = ((d[np.isfinite(x)], x[np.isfinite(x)]) for d, x in (first, second))
    _, at_a, at_b = np.intersect1d(a_days, b_days, assume_unique=True, return_indices=True)
    x, y = a[at_a], b[at_b]
    if len(x) < 2 or not x.std() or not y.std():
        return len(x), np.nan, np.nan
    return len(x), float(np.corrcoef(x, y)[0, 1]), float(np.median(np.abs(x - y)) / np.r_[x, y].std())
