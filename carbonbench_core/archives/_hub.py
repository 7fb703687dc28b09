"""Sources on the Hub: a dataset repository whose files are fetched once, into the cache of huggingface_hub."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from ..errors import ArchiveError

PREFIX = "hf://datasets/"
REPO_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
# A path made of the address has lost one of its slashes.
_ADDRESS = re.compile(rf"hf:/{{1,2}}datasets/(?P<repo>{REPO_ID.pattern})(@(?P<revision>[^@]+))?/?")


def is_remote(source: str | Path) -> bool:
    """Whether a source is an address on the Hub."""
    return re.match(r"hf:/", str(source)) is not None


def fetch(source: str | Path, files: Iterable[str]) -> Path:
    """Return the local folder of a Hub dataset, with those of the files that it has.

    Raises
    ------
    ArchiveError : the address is none, the dataset does not exist or cannot be reached, or has none of the files
    """
    address = _ADDRESS.fullmatch(str(source))
    if not address:
        raise ArchiveError(f"{source} is no address of a Hub dataset. Write {PREFIX}ORG/NAME, or @REVISION behind it.")
    from huggingface_hub import snapshot_download

    files = list(files)
    try:
        folder = snapshot_download(
            address["repo"], repo_type="dataset", revision=address["revision"], allow_patterns=files
        )
    except (OSError, ValueError) as error:
        raise ArchiveError(f"Cannot fetch {source} from the Hub: {error}") from None
    if not any((Path(folder) / name).is_file() for name in files):
        raise ArchiveError(f"{source} holds none of {', '.join(files)}. Download it, and give the folder instead.")
    return Path(folder)
