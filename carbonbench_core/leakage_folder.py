"""The leakage of every protocol of a dataset folder, each shard read once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from . import schema
from .files import read_shard
from .leakage import WARM_UP_DAYS, compare, leakage
from .leakage_series import Tower, candidates, compared, joined, read
from .leakage_text import summary
from .protocols import part_file, part_of, whole

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from .dataset_folder import DatasetFolder
    from .protocols import Protocol

KEYS = ("site_id", "date")


def protocol_leakage(folder: DatasetFolder, protocol: Protocol) -> dict[str, object]:
    """Return the leakage report of one protocol, see `leakage.leakage`.

    Raises
    ------
    CarbonBenchError : its shards cannot be read
    """
    train, test = (_tables(folder, protocol, split) for split in ("train", "test"))
    return leakage(folder.sites, protocol.sites("train"), protocol.sites("test"), train, test)


def list_leakage(folder: DatasetFolder, train: list[str], test: list[str]) -> dict[str, object]:
    """Return the leakage report of any two lists of towers of a folder, with their whole records.

    Parameters and errors are those of `protocol_leakage`; `train` and `test` are site ids.
    """
    has_late = dict(zip(folder.sites["site_id"], folder.sites["has_late"], strict=True))

    def tables(ids: list[str]) -> Iterator[tuple[str, pa.Table]]:
        parts = whole([site for site in ids if site in has_late], has_late)
        for (site, _), path in zip(parts, folder.paths([part_file(*part) for part in parts]), strict=True):
            yield site, read_shard(path, _columns(folder))

    return leakage(folder.sites, train, test, tables(train), tables(test))


def summaries(folder: DatasetFolder, protocols: Mapping[str, Protocol]) -> dict[str, str]:
    """Return the leakage of many protocols, each in one line, as `leakage_text.summary` of `protocol_leakage` has it.

    Raises
    ------
    CarbonBenchError : shards cannot be read
    """
    used = {file for p in protocols.values() for split in ("train", "test") for file in p.splits[split]}
    parts = {file: _Part(folder, file) for file in sorted(used)}
    among = candidates((part_of(file)[0], part.tower) for file, part in parts.items())
    found = {}
    for name, protocol in protocols.items():
        seen, asked = (_towers(parts, protocol, split) for split in ("train", "test"))
        found[name] = summary(compare(folder.sites, list(seen), list(asked), seen, asked, candidates=among))
    return found


class _Part:
    """One shard, read once: its drivers are the same in every protocol, the days that have a target may not be."""

    def __init__(self, folder: DatasetFolder, file: str) -> None:
        table = read_shard(folder.paths([file])[0], _columns(folder))
        self.folder, self.keys = folder, table.select([*KEYS, *schema.TARGETS])
        self.tower = read([("", table)])[""]
        self.scored = self._days(self.keys, WARM_UP_DAYS)

    def of(self, protocol: Protocol, split: str) -> Tower:
        """Return what is compared of it where it stands in a split."""
        if protocol.rows:
            skip = WARM_UP_DAYS if split == "test" else 0
            return replace(self.tower, days=self._days(self.folder.visible(self.keys, protocol, split), skip))
        return replace(self.tower, days=self.scored) if split == "test" else self.tower

    @staticmethod
    def _days(keys: pa.Table, skip: int) -> list[np.ndarray]:
        return read([("", keys)], skip)[""].days


def _towers(parts: Mapping[str, _Part], protocol: Protocol, split: str) -> dict[str, Tower]:
    of_site: dict[str, list[Tower]] = {}
    for file in protocol.splits[split]:
        of_site.setdefault(part_of(file)[0], []).append(parts[file].of(protocol, split))
    return {site: joined(each) if len(each) > 1 else each[0] for site, each in of_site.items()}


def _tables(folder: DatasetFolder, protocol: Protocol, split: str) -> Iterator[tuple[str, pa.Table]]:
    parts = folder.tables(protocol, split, _columns(folder))
    return ((part_of(file)[0], part) for file, part in zip(protocol.splits[split], parts, strict=True))


def _columns(folder: DatasetFolder) -> list[str]:
    return [*KEYS, *schema.TARGETS, *(name for name in compared() if name in folder.columns)]
