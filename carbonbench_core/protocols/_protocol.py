"""What a rule returns, and the frozen protocol that is made of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..errors import ProtocolError

SPLITS = ("train", "validation", "test", "id_test")
# Over fewer towers a median is no score: smaller folds are left out by name.
FEWEST_TOWERS = 5


@dataclass(frozen=True)
class Parts:
    """A draw of parts of towers.

    Parameters
    ----------
    splits : dict, split -> (site_id, "early" or "late") pairs in any order; empty splits are dropped
    left_out : dict, reason -> site ids that take no part
    family : str, what this is a fold of; "" for a protocol of its own
    rows : dict, which rows of those parts a split may see, see `row_mask`; {} for all of them
    text : str, what it measures; "" takes the rule's TEXT
    """

    splits: dict[str, tuple[tuple[str, str], ...]]
    left_out: dict[str, tuple[str, ...]] = field(default_factory=dict)
    family: str = ""
    rows: dict[str, object] = field(default_factory=dict)
    text: str = ""


@dataclass(frozen=True)
class Holdout:
    """A draw of whole towers: early parts of the training towers are trained on, their late parts are `id_test`.

    Parameters
    ----------
    train, validation, test : tuple of str, site ids; disjoint
    left_out, family, text : as in `Parts`
    validation_on_late_parts : bool, validate on the late parts of the training towers instead of towers of their own
    """

    train: tuple[str, ...]
    test: tuple[str, ...]
    validation: tuple[str, ...] = ()
    left_out: dict[str, tuple[str, ...]] = field(default_factory=dict)
    validation_on_late_parts: bool = False
    family: str = ""
    text: str = ""

    def parts(self, has_late: Mapping[str, bool]) -> Parts:
        """Return the parts of these towers.

        Parameters
        ----------
        has_late : mapping, site id -> whether the tower has a late part
        """
        late = tuple((s, "late") for s in self.train if has_late[s])
        splits = {
            "train": tuple((s, "early") for s in self.train),
            "validation": late if self.validation_on_late_parts else whole(self.validation, has_late),
            "test": whole(self.test, has_late),
            "id_test": () if self.validation_on_late_parts else late,
        }
        return Parts(splits, self.left_out, self.family, text=self.text)


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
    family : str, the protocol this is a fold of; "" where it stands alone
    rows : dict, the row rule, see `row_mask`; {} where every row of a split's files belongs to it
    """

    name: str
    rule: str
    text: str
    seed: int
    qc_threshold: float
    splits: dict[str, list[str]]
    left_out: dict[str, list[str]]
    family: str = ""
    rows: dict[str, object] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """First 16 hex digits of the sha256 of everything that decides which rows are used and scored."""
        # Family and row rule count only where there are any, so that protocols without keep their older digests.
        unset = [name for name in ("family", "rows") if not getattr(self, name)]
        frozen = {k: v for k, v in vars(self).items() if k not in ("text", "left_out", *unset)}
        return hashlib.sha256(json.dumps(frozen, sort_keys=True).encode()).hexdigest()[:16]

    def sites(self, split: str) -> list[str]:
        """Return the site ids of a split, each once, sorted."""
        return sorted({part_of(file)[0] for file in self.splits.get(split, [])})

    def to_json(self) -> dict[str, object]:
        """Return the entry of protocols.json."""
        return {**vars(self), "digest": self.digest}

    @classmethod
    def from_json(cls, entry: dict[str, object]) -> Protocol:
        """Return the protocol of an entry of protocols.json.

        Raises
        ------
        ProtocolError : the entry was changed by hand: its digest does not fit, or a field is missing
        """
        try:
            protocol = cls(**{k: v for k, v in entry.items() if k != "digest"})
            digest = protocol.digest
        except (TypeError, AttributeError) as error:
            raise ProtocolError(f"Malformed entry in protocols.json: {error}. Build the folder again.") from None
        if digest != entry.get("digest"):
            raise ProtocolError(
                f"Protocol {protocol.name!r} has digest {digest}, protocols.json says {entry.get('digest')}: "
                "the lists were changed. Build the folder again."
            )
        return protocol


def freeze(name: str, rule: str, text: str, seed: int, qc_threshold: float, parts: Parts) -> Protocol:
    """Return the frozen protocol of a draw.

    Raises
    ------
    ProtocolError : train, validation or test would be empty
    """
    splits = {
        split: [part_file(*part) for part in sorted(parts.splits[split])] for split in SPLITS if parts.splits.get(split)
    }
    empty = [split for split in ("train", "validation", "test") if split not in splits]
    if empty:
        raise ProtocolError(f"no towers would be left for {' and '.join(empty)}; more towers are needed")
    left_out = {reason: sorted(ids) for reason, ids in parts.left_out.items() if ids}
    return Protocol(name, rule, parts.text or text, seed, qc_threshold, splits, left_out, parts.family, parts.rows)


def whole(ids: Iterable[str], has_late: Mapping[str, bool]) -> tuple[tuple[str, str], ...]:
    """Return all parts of towers, as (site_id, part) pairs."""
    return tuple((s, part) for s in ids for part in (("early", "late") if has_late[s] else ("early",)))


def part_file(site_id: str, part: str) -> str:
    """Return the shard of a part ("early" or "late") of a tower, relative to the dataset folder."""
    return f"data/{site_id}-{part}.arrow"


def part_of(file: str) -> tuple[str, str]:
    """Return (site_id, part) of a shard file; the inverse of `part_file`."""
    site_id, _, part = file.rsplit("/", 1)[-1].removesuffix(".arrow").rpartition("-")
    return site_id, part
