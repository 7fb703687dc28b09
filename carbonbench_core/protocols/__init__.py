"""Protocols, one rule a file, found by scan: who is trained on, who is held out, frozen once per dataset folder.

A rule module defines

- ``TEXT``: what it measures, one sentence;
- ``draw(sites, seed) -> dict[str, Holdout]``: a pure function of the sites table; row order does not matter. One name
  for a single protocol, several for a family of folds. A `ProtocolError` says why these sites do not support it.

To add a protocol, add its file; nothing else lists it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import TYPE_CHECKING

from ..errors import ProtocolError

if TYPE_CHECKING:
    import pandas as pd

SEED = 2024
SPLITS = ("train", "validation", "test", "id_test")
QC_THRESHOLD = 1.0  # as published: days whose half-hours are all measured or well gap-filled


@dataclass(frozen=True)
class Holdout:
    """A draw of whole towers.

    Parameters
    ----------
    train, validation, test : tuple of str, site ids; disjoint
    left_out : dict, reason -> site ids that take no part
    validation_on_late_parts : bool, validate on the late parts of the training towers instead of towers of their own
    """

    train: tuple[str, ...]
    test: tuple[str, ...]
    validation: tuple[str, ...] = ()
    left_out: dict[str, tuple[str, ...]] = field(default_factory=dict)
    validation_on_late_parts: bool = False


@dataclass(frozen=True)
class Protocol:
    """A frozen protocol of one dataset folder.

    Parameters
    ----------
    name, rule, text : str
    seed : int
    qc_threshold : float, smallest nee_qc of a scored day
    splits : dict, split -> shard files relative to the folder, by site, early part before late
    left_out : dict, reason -> site ids
    """

    name: str
    rule: str
    text: str
    seed: int
    qc_threshold: float
    splits: dict[str, list[str]]
    left_out: dict[str, list[str]]

    @property
    def digest(self) -> str:
        """First 16 hex digits of the sha256 of everything that decides which rows are used and scored."""
        frozen = {k: v for k, v in asdict(self).items() if k not in ("text", "left_out")}
        return hashlib.sha256(json.dumps(frozen, sort_keys=True).encode()).hexdigest()[:16]

    def sites(self, split: str) -> list[str]:
        """Return the site ids of a split, each once, sorted."""
        return sorted({part_of(file)[0] for file in self.splits.get(split, [])})

    def to_json(self) -> dict[str, object]:
        """Return the entry of protocols.json."""
        return {**asdict(self), "digest": self.digest}

    @classmethod
    def from_json(cls, entry: dict[str, object]) -> Protocol:
        """Return the protocol of an entry of protocols.json.

        Raises
        ------
        ProtocolError : the entry was changed by hand: its digest does not fit, or a field is missing
        """
        try:
            protocol = cls(**{k: v for k, v in entry.items() if k != "digest"})
        except TypeError as error:
            raise ProtocolError(f"Malformed entry in protocols.json: {error}. Build the folder again.") from None
        if protocol.digest != entry.get("digest"):
            raise ProtocolError(
                f"Protocol {protocol.name!r} has digest {protocol.digest}, protocols.json says {entry.get('digest')}: "
                "the lists were changed. Build the folder again."
            )
        return protocol


@cache
def rules() -> dict[str, ModuleType]:
    """Return every protocol rule by module name."""
    found = sorted(m.name for m in iter_modules(__path__) if not m.name.startswith("_"))
    return {name: import_module(f"{__name__}.{name}") for name in found}


def draw_all(
    sites: pd.DataFrame, seed: int = SEED, qc_threshold: float = QC_THRESHOLD
) -> tuple[dict[str, Protocol], dict[str, str]]:
    """Draw every protocol that the sites support.

    Parameters
    ----------
    sites : DataFrame [S], site_id, igbp, koppen_main and has_late (bool), one row per tower, any order
    seed : int, for our own rules; the published rules keep the published one
    qc_threshold : float, smallest nee_qc of a scored day

    Returns
    -------
    protocols : dict, name -> Protocol
    unsupported : dict, rule name -> why these sites do not support it
    """
    sites = sites.sort_values("site_id", ignore_index=True)
    protocols, unsupported = {}, {}
    for rule, module in rules().items():
        try:
            for name, holdout in module.draw(sites, seed).items():
                splits = _parts(holdout, dict(zip(sites["site_id"], sites["has_late"], strict=True)))
                left_out = {reason: sorted(ids) for reason, ids in holdout.left_out.items() if ids}
                protocols[name] = Protocol(name, rule, module.TEXT, seed, qc_threshold, splits, left_out)
        except ProtocolError as error:
            unsupported[rule] = str(error)
    return protocols, unsupported


def part_file(site_id: str, part: str) -> str:
    """Return the shard of a part ("early" or "late") of a tower, relative to the dataset folder."""
    return f"data/{site_id}-{part}.arrow"


def part_of(file: str) -> tuple[str, str]:
    """Return (site_id, part) of a shard file; the inverse of `part_file`."""
    site_id, _, part = file.rsplit("/", 1)[-1].removesuffix(".arrow").rpartition("-")
    return site_id, part


def _parts(holdout: Holdout, has_late: dict[str, bool]) -> dict[str, list[str]]:
    def whole(ids: tuple[str, ...]) -> list[str]:
        return [part_file(s, p) for s in sorted(ids) for p in (("early", "late") if has_late[s] else ("early",))]

    late = [part_file(s, "late") for s in sorted(holdout.train) if has_late[s]]
    splits = {"train": [part_file(s, "early") for s in sorted(holdout.train)]}
    if holdout.validation_on_late_parts:
        splits |= {"validation": late, "test": whole(holdout.test)}
    else:
        splits |= {"validation": whole(holdout.validation), "test": whole(holdout.test), "id_test": late}
    empty = [split for split in ("train", "validation", "test") if not splits[split]]
    if empty:
        raise ProtocolError(f"no towers would be left for {' and '.join(empty)}; more towers are needed")
    return {split: files for split, files in splits.items() if files}
