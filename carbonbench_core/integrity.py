"""Whether the data of a folder are still those that its digests name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .errors import DatasetFolderError, first_few
from .files import sha256_of
from .protocols import SPLITS

if TYPE_CHECKING:
    from .dataset_folder import DatasetFolder


def require_unchanged(folder: DatasetFolder, files: Iterable[str]) -> None:
    """Refuse a folder whose shards are not, byte by byte, those that were built; scores of them would be of other data.

    Parameters
    ----------
    folder : DatasetFolder
    files : iterable of str, shards that are read, as the manifest names them

    Raises
    ------
    DatasetFolderError : a shard is missing, changed or named outside the folder; says which
    """
    files, written = sorted(files), folder.manifest["shards"]
    pairs = zip(files, folder.paths(files), strict=True)
    changed = [str(path) for file, path in pairs if sha256_of(path) != written[file]["sha256"]]
    if changed:
        raise DatasetFolderError(
            f"{len(changed)} of {len(files)} shards of {folder} are not as they were written: {first_few(changed)}. "
            "Build the folder again."
        )


def shards_of(folder: DatasetFolder, protocols: Iterable[str], splits: Iterable[str] = SPLITS) -> set[str]:
    """Return the shards of some splits of protocols."""
    frozen = [folder.protocol(name) for name in protocols]
    return {file for one in frozen for split in splits for file in one.splits.get(split, ())}
