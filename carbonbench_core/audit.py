"""What a dataset folder is checked for: what the test towers of a protocol share with its training towers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from . import schema
from .leakage import leakage
from .protocols import part_of, whole

if TYPE_CHECKING:
    import pyarrow as pa

    from .dataset_folder import DatasetFolder
    from .protocols import Protocol


def protocol_leakage(folder: DatasetFolder, name: str) -> dict[str, Any]:
    """Return the leakage report of a frozen protocol.

    Parameters
    ----------
    folder : DatasetFolder
    name : str, of a protocol or fold

    Returns
    -------
    dict, see `leakage.leakage`

    Raises
    ------
    CarbonBenchError : no such protocol, or its shards cannot be read
    """
    protocol = folder.protocol(name)
    train, test = (_tables(folder, protocol, split) for split in ("train", "test"))
    return leakage(folder.sites, protocol.sites("train"), protocol.sites("test"), train, test)


def list_leakage(folder: DatasetFolder, train: list[str], test: list[str]) -> dict[str, Any]:
    """Return the leakage report of any two lists of towers of a folder, with their whole records.

    Parameters and errors are those of `protocol_leakage`; `train` and `test` are site ids.
    """
    from .files import read_shard

    has_late = dict(zip(folder.sites["site_id"], folder.sites["has_late"], strict=True))

    def tables(ids: list[str]) -> Iterator[tuple[str, pa.Table]]:
        from .protocols import part_file

        parts = whole([site for site in ids if site in has_late], has_late)
        for (site, _), path in zip(parts, folder.paths([part_file(*part) for part in parts]), strict=True):
            yield site, read_shard(path, _columns(folder))

    return leakage(folder.sites, train, test, tables(train), tables(test))


def _tables(folder: DatasetFolder, protocol: Protocol, split: str) -> Iterator[tuple[str, pa.Table]]:
    parts = folder.tables(protocol, split, _columns(folder))
    return ((part_of(file)[0], part) for file, part in zip(protocol.splits[split], parts, strict=True))


def _columns(folder: DatasetFolder) -> list[str]:
    drivers = [name for name in folder.columns if schema.COLUMNS[name].role == "driver"]
    return ["site_id", "date", *schema.TARGETS, *drivers]
