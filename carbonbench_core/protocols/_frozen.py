"""Frozen protocols: redrawn and compared, or taken from a published edition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ..errors import ProtocolError
from ._draw import draw_all
from ._edition import read_edition
from ._protocol import Protocol, part_of

if TYPE_CHECKING:
    import pandas as pd


def verify(frozen: Mapping[str, Protocol], sites: pd.DataFrame) -> list[str]:
    """Redraw frozen protocols from the sites table, with their own seeds and thresholds, and return what differs.

    Parameters
    ----------
    frozen : mapping, name -> Protocol
    sites : DataFrame [S], as for `draw_all`

    Returns
    -------
    list of str, one difference each: towers that are new or gone, protocols that can no longer or now be drawn, lists
        that changed with what they gained and lost; empty where everything is as it was frozen
    """
    there = set(sites["site_id"])
    named = {site for protocol in frozen.values() for site in _towers(protocol)}
    differences = _listed("towers in the sites table that no frozen protocol knows", there - named) if frozen else []
    differences += _listed("towers of frozen protocols that are not in the sites table", named - there)
    drawn_anyhow: set[str] = set()
    for seed, threshold in sorted({(p.seed, p.qc_threshold) for p in frozen.values()}):
        drawn, unsupported = draw_all(sites, seed, threshold)
        drawn_anyhow |= set(drawn)
        for name, protocol in frozen.items():
            if (protocol.seed, protocol.qc_threshold) == (seed, threshold):
                reason = unsupported.get(name) or unsupported.get(protocol.rule) or "no rule draws it"
                differences += _compare(protocol, drawn.get(name), reason)
    return differences + _listed("protocols that can be drawn but are not frozen", drawn_anyhow - set(frozen))


def pin(edition: Mapping[str, object], sites: pd.DataFrame) -> tuple[dict[str, Protocol], list[str]]:
    """Take the protocols of a published edition for a folder, as far as the folder has their towers.

    Parameters
    ----------
    edition : mapping, the contents of a protocols.json
    sites : DataFrame [S], site_id and has_late of the folder's towers

    Returns
    -------
    protocols : dict, name -> Protocol, each with the edition's own lists and digest
    differences : list of str, what of the edition the folder lacks, and the towers that the edition does not use

    Raises
    ------
    ProtocolError : it is no edition, or was changed since it was published
    """
    entries = edition.get("protocols") if isinstance(edition, Mapping) else None
    if not isinstance(entries, Mapping) or not entries:
        raise ProtocolError("The edition has no protocols. Give the protocols.json of a published dataset folder.")
    published = read_edition(edition)
    has_late = dict(zip(sites["site_id"], sites["has_late"], strict=True))
    protocols, differences = {}, []
    for name, protocol in published.items():
        needed = {part_of(file) for files in protocol.splits.values() for file in files}
        absent = {site for site, _ in needed if site not in has_late}
        short = {site for site, part in needed if part == "late" and has_late.get(site) is False}
        differences += _listed(f"{name}: not taken, towers missing here", absent)
        differences += _listed(f"{name}: not taken, towers without a late part here", short)
        if not absent and not short:
            protocols[name] = protocol
    named = {site for protocol in published.values() for site in _towers(protocol)}
    return protocols, differences + _listed("towers here that the edition does not know", set(has_late) - named)


def against_edition(frozen: Mapping[str, Protocol], edition: Mapping[str, object], sites: pd.DataFrame) -> list[str]:
    """Compare the protocols of a folder with those of a published edition, and return what differs.

    Parameters
    ----------
    frozen : mapping, name -> Protocol, of the folder
    edition : mapping, the contents of a protocols.json
    sites : DataFrame [S], site_id and has_late of the folder's towers

    Returns
    -------
    list of str, one difference each: what of the edition the folder lacks, lists that are others here, towers and
        protocols that the edition does not know; empty where the folder has the edition's protocols and no others

    Raises
    ------
    ProtocolError : as `pin`
    """
    _, differences = pin(edition, sites)
    published = read_edition(edition)
    differences += _listed("protocols of the edition that are not frozen here", published.keys() - frozen.keys())
    for name in (name for name in published if name in frozen):
        differences += _differ(published[name], frozen[name], "the folder")
    return differences + _listed("protocols frozen here that the edition has not", frozen.keys() - published.keys())


def _compare(frozen: Protocol, redrawn: Protocol | None, reason: str) -> list[str]:
    if redrawn is None:
        return [f"{frozen.name}: is frozen but can no longer be drawn: {reason}"]
    return _differ(frozen, redrawn, "redrawing")


def _differ(frozen: Protocol, other: Protocol, who: str) -> list[str]:
    """Return what another protocol of the name has more, less or otherwise."""
    if other.digest == frozen.digest:
        return []
    found = []
    for split in dict.fromkeys([*frozen.splits, *other.splits]):
        before, now = ({"-".join(part_of(f)) for f in p.splits.get(split, [])} for p in (frozen, other))
        found += _listed(f"{frozen.name}, {split}: {who} adds", now - before)
        found += _listed(f"{frozen.name}, {split}: {who} drops", before - now)
    for name in ("rule", "family", "rows", "seed", "qc_threshold"):
        before, now = getattr(frozen, name), getattr(other, name)
        if before != now:
            found.append(f"{frozen.name}: {name} is frozen as {before!r}, {who} gives {now!r}")
    return found or [f"{frozen.name}: the order of its files differs"]


def _towers(protocol: Protocol) -> set[str]:
    used = {site for split in protocol.splits for site in protocol.sites(split)}
    return used | {site for sites in protocol.left_out.values() for site in sites}


def _listed(what: str, names: Iterable[str]) -> list[str]:
    names = sorted(names)
    return [f"{what} ({len(names)}): {', '.join(names)}"] if names else []
