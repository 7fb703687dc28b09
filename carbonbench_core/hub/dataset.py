"""A dataset folder on the Hub: its shards and metadata, never code."""

from __future__ import annotations

from pathlib import Path

from .. import citations
from ..dataset_folder import MANIFEST, METADATA, DatasetFolder
from ..errors import UsageError
from ..integrity import require_unchanged
from ._push import Content, Push, push


def push_dataset(
    folder: str | Path,
    repo_id: str,
    *,
    private: bool = False,
    revision: str = "main",
    dry_run: bool = False,
    synthetic: bool = False,
) -> Push:
    """Push a dataset folder; see `_push.push` for the parameters that are not named here.

    Parameters
    ----------
    folder : path
    repo_id : str, ORG/NAME
    synthetic : bool, push made-up towers knowingly

    Raises
    ------
    DatasetFolderError : no whole dataset folder
    UsageError : the towers are made up and `synthetic` does not say so
    HubError : the Hub refuses or cannot be reached
    """
    opened = DatasetFolder.open(folder)
    if opened.repo:
        raise UsageError(f"{folder} is on the Hub already. Name a local folder.")
    if opened.is_synthetic and not synthetic:
        raise UsageError(
            f"{folder} holds SYNTHETIC towers, which nobody should take for real. Say --synthetic to push."
        )
    message = f"Data {opened.data_digest}, {len(opened.sites)} towers"
    content = Content("dataset", files(opened), message, (MANIFEST, "shards"))
    return push(content, repo_id, private=private, revision=revision, dry_run=dry_run)


def files(folder: DatasetFolder) -> dict[str, Path]:
    """Return the files of a dataset by their path in the repository: its metadata and the shards of its manifest.

    A file that the manifest does not name, such as code, is no part of the dataset and never travels: `datasets`
    refuses a repository that holds a script.

    Raises
    ------
    DatasetFolderError : a shard is missing, not the one that was written, or named outside the folder
    """
    shards = folder.manifest["shards"]
    require_unchanged(folder, shards)
    beside = [name for name in (*METADATA, citations.FILE) if (folder.root / name).is_file()]
    return {name: folder.root / name for name in (*beside, *shards)}
