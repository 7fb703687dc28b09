"""Files of a repository brought into the local cache: each is there whole, with the digest expected, or an error is."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..errors import HubError, first_few
from ..files import sha256_of
from ._client import api, check_repo, download

AT_ONCE = 8  # files, as many as the library itself fetches


def fetch(
    kind: str, repo_id: str, names: Sequence[str], revision: str | None = None, digests: Mapping[str, str] | None = None
) -> Path:
    """Fetch files of one commit, those that are not in the cache, and return the folder that they stand in.

    Parameters
    ----------
    kind : str, "dataset" or "model"
    repo_id : str, ORG/NAME
    names : sequence of str, files, the first at the top of the repository; what the repository lacks is passed over
    revision : str or None, branch, tag or commit; the main branch if None
    digests : mapping, optional, name -> SHA-256 that a file has to have; looked at when it is fetched

    Raises
    ------
    HubError : no such repository, the Hub refuses or cannot be reached, or a file is not the one expected
    """
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import RemoteEntryNotFoundError

    check_repo(repo_id)
    digests = digests or {}

    def one(name: str, at: str | None) -> Path | None:
        try:
            return download(kind, repo_id, name, at)
        except RemoteEntryNotFoundError:
            return None

    def checked(name: str) -> str | None:
        """Fetch a file and return its name if it is not the one expected."""
        if isinstance(try_to_load_from_cache(repo_id, name, revision=commit, repo_type=kind), str):
            return None
        path = one(name, commit)
        if path is None or name not in digests or sha256_of(path) == digests[name]:
            return None
        # else the cache would give the wrong bytes for ever
        os.unlink(os.path.realpath(path))
        path.unlink(missing_ok=True)
        return name

    with api(), ThreadPoolExecutor(AT_ONCE) as pool:
        # All that follows is of the commit that the first file is of, whoever pushes meanwhile.
        first = one(names[0], revision)
        if first is None:
            raise HubError(f"{repo_id} has no {names[0]}.")
        commit = first.parent.name
        wrong = sorted(filter(None, pool.map(checked, names[1:] if not digests else names)))
    if wrong:
        raise HubError(
            f"{len(wrong)} files of {repo_id} are not the ones that its manifest names ({first_few(wrong)}): damaged "
            "on the way, or on the Hub. Run the same command again; if it says so again, tell its authors."
        )
    return first.parent
