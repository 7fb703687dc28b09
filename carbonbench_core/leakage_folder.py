"""The leakage of every protocol of a dataset folder, each shard read once at most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from . import schema
from .files import read_shard
from .leakage import compare, leakage
from .leakage_months import compared
from .leakage_parts import Kept, of_table
from .leakage_series import Tower, candidates
from .leakage_text import summary
from .protocols import part_file, part_of, row_mask, whole

if TYPE_CHECKING:
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


def summaries(
    folder: DatasetFolder, protocols: Mapping[str, Protocol], kept: Mapping[str, Kept] | None = None
) -> dict[str, str]:
    """Return the leakage of many protocols, each in one line, as `leakage_text.summary` of `protocol_leakage` has it.

    Parameters
    ----------
    folder : DatasetFolder
    protocols : mapping, name -> Protocol
    kept : mapping, optional, shard file -> what was kept of it when it was written; read from the shards if None

    Raises
    ------
    CarbonBenchError : shards cannot be read
    """
    used = sorted({file for p in protocols.values() for split in ("train", "test") for file in p.splits[split]})
    if kept is None:
        kept = {file: of_table(read_shard(folder.paths([file])[0], _columns(folder))) for file in used}
    parts = _Parts(folder, kept)
    among = candidates((part_of(file)[0], parts.series((file,))) for file in used)
    found = {}
    for name, protocol in protocols.items():
        seen, asked = (parts.towers(protocol, split) for split in ("train", "test"))
        report = compare(folder.sites, list(seen), list(asked), seen, asked, candidates=among, climate=False)
        found[name] = summary(report)
    return found


class _Parts:
    """The parts of all towers: their drivers are the same in every protocol, the days that have a target may not be."""

    def __init__(self, folder: DatasetFolder, kept: Mapping[str, Kept]) -> None:
        self.kept = kept
        self.first_days = dict(zip(folder.sites["site_id"], folder.sites["first_day"], strict=True))
        # Not `functools.cache` of the method: the cycle would hold the mapped files until the collector comes by.
        self._joined: dict[tuple[str, ...], Tower] = {}

    def towers(self, protocol: Protocol, split: str) -> dict[str, Tower]:
        """Return what is compared of the towers of a split."""
        of_site: dict[str, list[str]] = {}
        for file in protocol.splits[split]:
            of_site.setdefault(part_of(file)[0], []).append(file)
        return {
            site: Tower(months=self.series(tuple(files)).months, days=[self._days(f, protocol, split) for f in files])
            for site, files in of_site.items()
        }

    def series(self, files: tuple[str, ...]) -> Tower:
        """Return the months of the drivers of some parts, joined once."""
        if files not in self._joined:
            months: dict[str, list[np.ndarray]] = {}
            for file in files:
                for name, both in self.kept[file].months.items():
                    months.setdefault(name, []).append(both)
            self._joined[files] = Tower(months=months)
        return self._joined[files]

    def _days(self, file: str, protocol: Protocol, split: str) -> np.ndarray:
        """Return the days of a part that have a target which the split may see and, in a test split, score."""
        part = self.kept[file]
        days = part.days[part.warm_up :] if split == "test" else part.days
        if not protocol.rows:
            return days
        site = np.full(len(days), part_of(file)[0], dtype=object)
        return days[row_mask(protocol.rows, split, site, days, self.first_days)]


def _tables(folder: DatasetFolder, protocol: Protocol, split: str) -> Iterator[tuple[str, pa.Table]]:
    parts = folder.tables(protocol, split, _columns(folder))
    return ((part_of(file)[0], part) for file, part in zip(protocol.splits[split], parts, strict=True))


def _columns(folder: DatasetFolder) -> list[str]:
    return [*KEYS, *schema.TARGETS, *(name for name in compared() if name in folder.columns)]
