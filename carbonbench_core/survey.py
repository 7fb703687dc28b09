"""What a catalogue of towers says before any data are read: who is one tower, who stands near whom."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

import pandas as pd

from .catalogue import joined, networks
from .errors import first_few
from .identity import LETTER_CASE, Site, by_place, groups, one_id
from .neighbours import CLUSTER, NEAR, with_neighbours

SHOWN = 20  # near misses in the text; JSON has all


def survey(catalogue: Mapping[str, dict]) -> dict[str, object]:
    """Return who is who in a catalogue of towers.

    Parameters
    ----------
    catalogue : mapping, see `catalogue.read_towers`

    Returns
    -------
    dict, ready for JSON: ids, towers (after joining), placed, same and near (pairs, see `identity`), conflicts (by the
        id that is kept), within (km -> towers with another so near), clusters, and sites: each tower's id, aliases,
        nearest tower and cluster
    """
    by_id = one_id(catalogue)
    fullest = [sorted(group, key=lambda site: (-_known(catalogue[site]), site)) for group in groups(by_id, catalogue)]
    entries = {group[0]: reduce(joined, (catalogue[site] for site in group)) for group in fullest}
    same, near = by_place([_site(site, entry) for site, entry in entries.items()])
    towers = groups([*by_id, *same], catalogue)
    sites = with_neighbours(pd.DataFrame([_place(group, entries) for group in towers]))
    members = sites["cluster"].value_counts()
    return {
        "ids": len(catalogue),
        "towers": len(towers),
        "placed": int(sites["latitude"].notna().sum()),
        "same": [pair.to_json() for pair in (*by_id, *same)],
        "near": [pair.to_json() for pair in near],
        "conflicts": {site: entry["conflicts"] for site, entry in entries.items() if entry["conflicts"]},
        "within": {str(km): int((sites[f"towers_within_{km}km"] > 0).sum()) for km in NEAR},
        "clusters": {"km": CLUSTER, "of_several": int((members > 1).sum()), "largest": members.head(3).to_dict()},
        "sites": sites.astype(object).where(sites.notna(), None).to_dict("records"),
    }


def _site(site_id: str, entry: Mapping[str, object]) -> Site:
    return Site(
        site_id, entry["name"], frozenset(networks(entry)), entry["latitude"], entry["longitude"], entry["igbp"]
    )


def _known(entry: Mapping[str, object]) -> int:
    return sum(value is not None for value in entry.values())


def _place(group: list[str], entries: Mapping[str, dict]) -> dict[str, object]:
    """Return the row of a tower, under the id of which most is known."""
    kept = max((site for site in group if site in entries), key=lambda site: _known(entries[site]))
    told = {"site_id": kept, "aliases": ";".join(site for site in group if site != kept)}
    return told | {name: entries[kept][name] for name in ("name", "latitude", "longitude", "igbp")}


def describe(found: Mapping[str, object]) -> str:
    """Return a survey as text."""
    within = ", ".join(f"{n} within {km} km" for km, n in found["within"].items())
    clusters = found["clusters"]
    largest = ", ".join(f"{site} {n}" for site, n in clusters["largest"].items())
    spelt = [pair for pair in found["same"] if pair["why"] == LETTER_CASE]
    lines = [
        f"{found['ids']:,} ids are {found['towers']:,} towers; {found['placed']:,} have coordinates",
        f"towers with another {within}",
        f"clusters by steps of at most {clusters['km']} km: {clusters['of_several']} of several (largest: {largest})",
        f"one tower under two ids: {len(found['same'])}, of which {len(spelt)} {LETTER_CASE}",
        *(_line(pair) for pair in found["same"] if pair not in spelt),
        f"held to be two towers, though near: {len(found['near'])}",
        *map(_line, found["near"][:SHOWN]),
    ]
    if len(found["near"]) > SHOWN:
        lines.append(f"  and {len(found['near']) - SHOWN} more; --json has all")
    if found["conflicts"]:
        lines.append(f"towers of which the catalogue says two things: {first_few(found['conflicts'], 10)}")
    return "\n".join(lines)


def _line(pair: Mapping[str, object]) -> str:
    apart = "" if pair["km"] is None else f" ({1000 * pair['km']:.0f} m apart)"
    return f"  {pair['a']} and {pair['b']}{apart}: {pair['why']}"
