"""The quality report of a dataset folder: numbers of towers and networks, flags, and their text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from .. import schema
from ..errors import first_few, unknown
from . import BLIND, KINDS, flags_of, towers_of
from ._days import Days, Flag
from .pair_checks import Compared
from .tower_checks import closure_gap

if TYPE_CHECKING:
    from ..dataset_folder import DatasetFolder

# Upper edges of the classes that nee_qc is counted in; 0 and 1 are classes of their own.
QC_EDGES = (0.25, 0.5, 0.75)


@dataclass
class Quality:
    """What an audit found.

    Parameters
    ----------
    towers : list of dict, per tower: site_id, network, target_variant, first_day, last_day, days, valid (share of days,
        per target), qc (share of days with nee_qc, per class), qc_missing (days), closure (None, or median, 95 % and
        largest size of NEE - (RECO - GPP) [gC m-2 d-1], and the days it is known on), flags (kind -> days)
    networks : list of dict, the same summed over towers, shares over all days
    flags : list of Flag
    """

    towers: list[dict] = field(default_factory=list)
    networks: list[dict] = field(default_factory=list)
    flags: list[Flag] = field(default_factory=list)

    def to_json(self) -> dict[str, object]:
        """Return the report as JSON types."""
        return {
            "towers": self.towers,
            "networks": self.networks,
            "flags": [flag.to_json() for flag in self.flags],
            "kinds": KINDS,
            "not_seen": BLIND,
        }


def audit(folder: DatasetFolder, only: Iterable[str] | None = None) -> Quality:
    """Return the quality report of a dataset folder, one tower in memory at a time.

    Parameters
    ----------
    folder : DatasetFolder
    only : iterable of str, optional, kinds of flags; all if None

    Raises
    ------
    UsageError : no such kind
    DatasetFolderError : a shard is missing or damaged
    """
    wanted = set(only or KINDS)
    if strange := sorted(wanted.difference(KINDS)):
        raise unknown("kind of flag", strange[0], KINDS)
    quality, compared = Quality(), Compared()
    numbers: list[dict] = []
    for days in towers_of(folder):
        numbers.append(_numbers(days))
        quality.flags += flags_of(days)
        compared.add(days)
    quality.flags = [flag for flag in (*quality.flags, *compared.flags()) if flag.kind in wanted]
    by_tower: dict[str, Counter] = {}
    for flag in quality.flags:
        by_tower.setdefault(flag.site_id, Counter())[flag.kind] += len(flag.days)
    for tower in numbers:
        tower["flags"] = dict(by_tower.get(tower["site_id"], {}))
    quality.towers = [_shares(tower) for tower in numbers]
    quality.networks = [_network(name, numbers) for name in sorted({tower["network"] for tower in numbers})]
    return quality


def _numbers(days: Days) -> dict:
    """Return the counts of one tower, which add up over towers."""
    qc = days.values.get("nee_qc", np.full(len(days.date), np.nan))
    held = qc[np.isfinite(qc)]
    classes = np.where(held <= 0, 0, np.where(held >= 1, len(QC_EDGES) + 2, 1 + np.searchsorted(QC_EDGES, held)))
    counts = np.bincount(classes.astype(int), minlength=len(QC_EDGES) + 3)
    gap = closure_gap(days)
    known = np.abs(gap[np.isfinite(gap)]) if gap is not None else np.zeros(0)
    return {
        "site_id": days.site_id,
        "network": str(days.site["network"]),
        "target_variant": str(days.site["target_variant"]),
        "first_day": str(days.date[0]),
        "last_day": str(days.date[-1]),
        "days": len(days.date),
        "valid": {t: int(np.isfinite(days.values[t]).sum()) if t in days.values else 0 for t in schema.TARGETS},
        "qc": dict(zip(_qc_names(), counts.tolist(), strict=True)),
        "closure": known,
    }


def _qc_names() -> list[str]:
    edges = ["0", *(f"{edge:g}" for edge in QC_EDGES), "1"]
    return ["0", *(f"{low}-{high}" for low, high in pairwise(edges)), "1"]


def _shares(numbers: dict) -> dict:
    days, known = numbers["days"], numbers["closure"]
    held = sum(numbers["qc"].values())
    return {
        **numbers,
        "valid": {name: round(n / days, 4) for name, n in numbers["valid"].items()},
        "qc": {name: round(n / held, 4) if held else None for name, n in numbers["qc"].items()},
        "qc_missing": days - held,
        "closure": _closure(known) if len(known) else None,
    }


def _closure(known: np.ndarray) -> dict[str, float | int]:
    middle, high = np.percentile(known, (50, 95))
    return {
        "median": round(float(middle), 5),
        "p95": round(float(high), 5),
        "max": round(float(known.max()), 4),
        "days": len(known),
    }


def _network(name: str, numbers: list[dict]) -> dict:
    towers = [tower for tower in numbers if tower["network"] == name]
    flags: Counter = Counter()
    for tower in towers:
        flags.update(tower["flags"])
    summed = {
        "network": name,
        "towers": len(towers),
        "target_variant": dict(Counter(tower["target_variant"] for tower in towers)),
        "days": sum(tower["days"] for tower in towers),
        "valid": _sum(tower["valid"] for tower in towers),
        "qc": _sum(tower["qc"] for tower in towers),
        "closure": np.concatenate([tower["closure"] for tower in towers]),
        "towers_flagged": {kind: sum(kind in tower["flags"] for tower in towers) for kind in flags},
        "flags": dict(flags),
    }
    return _shares(summed)


def _sum(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for each in counts:
        for name, n in each.items():
            total[name] = total.get(name, 0) + n
    return total


def describe(quality: Quality, longest: int = 12) -> str:
    """Return the report as text; of flags that many towers have, the `longest` with most days."""
    lines = [_line(network["network"], network, f"{network['towers']} towers, ") for network in quality.networks]
    lines += ["", f"{'tower':8} {'days':>6} {'gpp':>5} {'reco':>5} {'nee':>5} {'qc 1':>5}  flags (days)"]
    lines += [_row(tower) for tower in quality.towers]
    for kind, meaning in KINDS.items():
        flags = sorted((f for f in quality.flags if f.kind == kind), key=lambda f: -len(f.days))
        if flags:
            towers = len({flag.site_id for flag in flags})
            lines += ["", f"{kind}: {meaning}; {towers} towers, {sum(len(f.days) for f in flags):,} days"]
            lines += [_said(flag) for flag in flags[:longest]]
            lines += [f"  and {len(flags) - longest} more; --json has all"] if len(flags) > longest else []
    lines += ["", "not seen:", *(f"  {text}" for text in BLIND)]
    return "\n".join(lines)


def _line(name: str, of: dict, more: str) -> str:
    valid = ", ".join(f"{target} {share:.1%}" for target, share in of["valid"].items())
    qc = ", ".join(f"{label}: {share:.0%}" for label, share in of["qc"].items() if share is not None)
    closure = of["closure"]
    closes = (
        f"NEE - (RECO - GPP): median {closure['median']:.2g}, 95 % {closure['p95']:.2g}, max {closure['max']:.3g}"
        if closure
        else "closure not known"
    )
    return f"{name}: {more}{of['days']:,} days; valid {valid}; nee_qc {qc or 'missing'}; {closes}"


def _row(tower: dict) -> str:
    flags = ", ".join(f"{kind} {n:,}" for kind, n in tower["flags"].items())
    valid = " ".join(f"{share:5.0%}" for share in tower["valid"].values())
    best = "    -" if tower["qc"]["1"] is None else f"{tower['qc']['1']:5.0%}"
    return f"{tower['site_id']:8} {tower['days']:6,} {valid} {best}  {flags}".rstrip()


def _said(flag: Flag) -> str:
    spans = flag.spans
    first = first_few((a if a == b else f"{a} to {b}" for a, b in spans), 2)
    best = f" ({flag.best:,} of nee_qc 1)" if flag.best else ""
    return f"  {flag.site_id} {flag.column}, {len(flag.days):,} days{best}: {flag.text} ({first})"
