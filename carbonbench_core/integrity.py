"""Whether the data of a folder are still those that its digests name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .errors import DatasetFolderError, first_few
from .files import sha256_of

if TYPE_CHECKING:
    from .dataset_folder import DatasetFolder


def require_unchanged(folder: DatasetFolder, protocols: Iterable[str], splits: Iterable[str] | None = None) -> None:
    """Refuse a folder whose shards are not, byte by byte, those that were built; scores of them would be of other data.

    Parameters
    ----------
    folder : DatasetFolder
    protocols : iterable of str, protocols whose shards are read
    splits : iterable of str, optional, of which splits; None is all

    Raises
    ------
    DatasetFolderError : a shard is missing or changed; says which
    """
    wanted = None if splits is None else set(splits)
    frozen = [folder.protocol(name) for name in protocols]
    named = {
        file for one in frozen for split, of in one.splits.items() if wanted is None or split in wanted for file in of
    }
    files = sorted(named)
    written = folder.manifest["shards"]
    pairs = zip(files, folder.paths(files), strict=True)
    changed = [str(path) for file, path in pairs if sha256_of(path) != written[file]["sha256"]]
    if changed:
        raise DatasetFolderError(
            f"{len(changed)} of {len(files)} shards of {folder} are not as they were written: {first_few(changed)}. "
            "Scores would be of other data than the digests say. Build the folder again."
        )
