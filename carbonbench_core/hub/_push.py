"""Files brought to a repository by one commit: only what changed travels, and nothing is left half-updated."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import HubError, UsageError, first_few
from ._client import api, check_repo, download, patiently, timeout

if TYPE_CHECKING:
    from huggingface_hub import HfApi

ATTEMPTS = 3  # at a commit that others are faster than


@dataclass(frozen=True)
class Content:
    """What a repository shall hold.

    Parameters
    ----------
    kind : str, "dataset", "model" or "space"
    files : mapping, path in the repository -> local file, or bytes
    message : str, of the commit
    index : (str, str) or None, a JSON file of it and the key under which that names the others: what an older push
        named there and this one has not is removed; whatever else stands in the repository is somebody's and stays
    sdk : str or None, of a Space
    """

    kind: str
    files: Mapping[str, Path | bytes]
    message: str
    index: tuple[str, str] | None = None
    sdk: str | None = None


@dataclass(frozen=True)
class Push:
    """What a push did, or with `dry_run` would do.

    Parameters
    ----------
    repo_id, revision : str
    added, changed, removed, unchanged : list of str, paths in the repository
    bytes : int, that travel: the sizes of what was added or changed
    commit : str or None, its id; None where nothing changed or nothing was done
    url : str
    dry_run : bool
    """

    repo_id: str
    revision: str
    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    bytes: int = 0
    commit: str | None = None
    url: str = ""
    dry_run: bool = False

    def describe(self) -> str:
        """Return it as text."""
        counts = f"{len(self.added)} files added, {len(self.changed)} changed, {len(self.removed)} removed, "
        counts += f"{len(self.unchanged)} as they are; {self.bytes / 2**20:,.1f} MiB"
        if self.dry_run:
            named = [f"  {sign} {p}" for sign, ps in zip("+~-", self._lists(), strict=True) for p in ps]
            return "\n".join([f"would push to {self.url}: {counts}", *named])
        if self.commit is None:
            return f"{self.url}: nothing to push, {counts}"
        return f"{self.url}: {counts}, commit {self.commit[:12]}"

    def _lists(self) -> tuple[list[str], list[str], list[str]]:
        return self.added, self.changed, self.removed


def push(
    content: Content, repo_id: str, *, private: bool = False, revision: str = "main", dry_run: bool = False
) -> Push:
    """Make a repository hold a content, by one commit on top of what it holds now.

    Large files go up first, each once: those that a broken push had sent are there and not sent again. Then one commit
    names them all, so that a reader sees the old state or the new one.

    Parameters
    ----------
    content : Content
    repo_id : str, ORG/NAME, created if it is not there
    private : bool, of a repository that is created
    revision : str, the branch, started from the main branch if it is not there
    dry_run : bool, only say what would go

    Raises
    ------
    HubError : the Hub refuses, cannot be reached, or others commit faster
    UsageError : no such form of an id
    """
    check_repo(repo_id)
    absent = [str(local) for local in content.files.values() if isinstance(local, Path) and not local.is_file()]
    if absent:  # before anything is created there
        raise UsageError(f"Files that should be pushed are not there: {first_few(absent)}.")
    with api() as hub:
        if not dry_run:
            _prepare(hub, content, repo_id, private, revision)
        for _ in range(ATTEMPTS):
            head, there = _state(hub, content.kind, repo_id, revision)
            gone = _no_longer_named(content, there, repo_id, head)
            plan = _compare(content, there, gone, repo_id, revision, _url(hub, content.kind, repo_id), dry_run)
            if dry_run or not (plan.added or plan.changed or plan.removed):
                return plan
            if commit := _commit(hub, content, plan, head):
                return replace(plan, commit=commit)
    raise HubError(f"{repo_id} was changed by others {ATTEMPTS} times while it was pushed to. Run the command again.")


def _prepare(hub: HfApi, content: Content, repo_id: str, private: bool, revision: str) -> None:
    kind = content.kind
    sdk = {"space_sdk": content.sdk} if content.sdk else {}
    patiently(hub.create_repo, repo_id, repo_type=kind, private=private, exist_ok=True, **sdk)
    if revision != "main":
        patiently(hub.create_branch, repo_id, branch=revision, repo_type=kind, exist_ok=True)


def _state(hub: HfApi, kind: str, repo_id: str, revision: str) -> tuple[str | None, dict[str, Any]]:
    """Return the commit a branch is at and its files by path; nothing of a repository that is not there."""
    from huggingface_hub import RepoFile
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        head = patiently(hub.repo_info, repo_id, repo_type=kind, revision=revision, timeout=timeout()).sha
        listed = patiently(
            lambda: list(hub.list_repo_tree(repo_id, recursive=True, revision=head, repo_type=kind)),
        )
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        if error.response.status_code == 401:
            raise
        return None, {}
    return head, {entry.path: entry for entry in listed if isinstance(entry, RepoFile)}


def _no_longer_named(content: Content, there: dict[str, Any], repo_id: str, head: str | None) -> list[str]:
    """Return the files there that the index of an older push names and the content has not."""
    left = set(there) - set(content.files)
    if not left or content.index is None or content.index[0] not in there:
        return []
    name, key = content.index
    try:
        named = json.loads(download(content.kind, repo_id, name, head).read_text("utf-8"))[key]
        return sorted(left.intersection(named))
    except (ValueError, KeyError, TypeError):  # no index of ours: nothing there is
        return []


def _compare(
    content: Content, there: dict[str, Any], gone: list[str], repo_id: str, revision: str, url: str, dry_run: bool
) -> Push:
    plan = Push(repo_id, revision, removed=gone, url=url, dry_run=dry_run)
    size = 0
    for path, local in sorted(content.files.items()):
        if path not in there:
            plan.added.append(path)
        elif _same(local, there[path]):
            plan.unchanged.append(path)
            continue
        else:
            plan.changed.append(path)
        size += len(local) if isinstance(local, bytes) else local.stat().st_size
    return replace(plan, bytes=size)


def _same(local: Path | bytes, remote: Any) -> bool:
    """Return whether a local file is the remote one, by the digest that the Hub keeps: SHA-256, or that of git."""
    size = len(local) if isinstance(local, bytes) else local.stat().st_size
    if size != remote.size:
        return False
    if remote.lfs is not None:
        return _digest(local, hashlib.sha256()) == remote.lfs.sha256
    git = hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
    return _digest(local, git) == remote.blob_id


def _digest(local: Path | bytes, digest: Any) -> str:
    if isinstance(local, bytes):
        digest.update(local)
    else:
        with local.open("rb") as file:
            for block in iter(partial(file.read, 2**20), b""):
                digest.update(block)
    return digest.hexdigest()


def _commit(hub: HfApi, content: Content, plan: Push, head: str | None) -> str | None:
    """Commit on top of `head` and return the commit's id, None where somebody else was faster."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete
    from huggingface_hub.errors import HfHubHTTPError

    def operations() -> list[Any]:
        chosen = {path: content.files[path] for path in (*plan.added, *plan.changed)}
        adds = [CommitOperationAdd(p, f if isinstance(f, bytes) else str(f)) for p, f in chosen.items()]
        return [*adds, *(CommitOperationDelete(path) for path in plan.removed)]

    def attempt() -> str:
        return hub.create_commit(
            plan.repo_id,
            operations(),
            commit_message=content.message,
            repo_type=content.kind,
            revision=plan.revision,
            parent_commit=head,
        ).oid

    try:
        return patiently(attempt)
    except HfHubHTTPError as error:
        # A commit whose answer was lost looks like one of somebody else; the next comparison tells them apart.
        if error.response.status_code == 412:
            return None
        raise


def _url(hub: HfApi, kind: str, repo_id: str) -> str:
    prefix = "" if kind == "model" else f"{kind}s/"
    return f"{hub.endpoint}/{prefix}{repo_id}"
