"""Protocols, one rule a file, found by scan: who is trained on, who is held out, frozen once per dataset folder.

A rule module defines

- ``TEXT``: what it measures, one sentence;
- ``draw(sites, seed) -> dict[str, Holdout | Parts | ProtocolError]``: a pure function of the sites table; row order
  does not matter. One name for a single protocol, several for a family of folds: a `Holdout` says which towers, a
  `Parts` which parts of them and which rows. A `ProtocolError`, raised for the whole rule or returned for one fold,
  says why these sites do not support it. Towers of one identity, or nearer than the rule's distance (one satellite
  box, see `_apart`, unless it names another), are never on both sides, unless the rule's TEXT says that they may be.

To add a protocol, add its file; nothing else lists it. Few-shot protocols are derived from frozen ones by name.
"""

from __future__ import annotations

from ._draw import QC_THRESHOLD, SEED, draw_all, families, require, rules
from ._edition import read_edition, write_edition
from ._few_shot import SUPPORT_DAYS, derive, few_shot, is_site_holdout, split_name
from ._frozen import against_edition, pin, verify
from ._protocol import FEWEST_TOWERS, SPLITS, Holdout, Parts, Protocol, part_file, part_of, whole
from ._rows import SUPPORT, masked, row_mask

__all__ = [
    "FEWEST_TOWERS",
    "QC_THRESHOLD",
    "SEED",
    "SPLITS",
    "SUPPORT",
    "SUPPORT_DAYS",
    "Holdout",
    "Parts",
    "Protocol",
    "against_edition",
    "derive",
    "draw_all",
    "families",
    "few_shot",
    "is_site_holdout",
    "masked",
    "part_file",
    "part_of",
    "pin",
    "read_edition",
    "require",
    "row_mask",
    "rules",
    "split_name",
    "verify",
    "whole",
    "write_edition",
]
