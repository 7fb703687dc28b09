"""What the Hub keeps, all in memory: accounts, repositories, their commits, and large files by digest."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatch
from functools import cached_property

from .messages import RefusedError

KINDS = ("model", "dataset", "space")
LARGE_SUFFIXES = "7z arrow bin bz2 gz h5 joblib npy npz onnx parquet pkl pt pth safetensors skops tar zip zst".split()


def git_id(data: bytes, kind: str = "blob") -> str:
    """Return the name that git gives to an object."""
    return hashlib.sha1(f"{kind} {len(data)}\0".encode() + data, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Blob:
    """One file's bytes, kept in git itself or, if large, beside it (LFS)."""

    data: bytes
    large: bool = False

    @cached_property
    def sha256(self) -> str:
        """Digest of the bytes: the name of a large file."""
        return hashlib.sha256(self.data).hexdigest()

    @cached_property
    def pointer(self) -> bytes:
        """What git holds in a large file's place."""
        lines = ("version https://git-lfs.github.com/spec/v1", f"oid sha256:{self.sha256}", f"size {len(self.data)}")
        return "".join(f"{line}\n" for line in lines).encode()

    @cached_property
    def oid(self) -> str:
        """Git's name of the file."""
        return git_id(self.pointer if self.large else self.data)

    @property
    def etag(self) -> str:
        """What changes when the bytes do: the digest of a large file, git's name of any other."""
        return self.sha256 if self.large else self.oid


Files = dict[str, Blob]


@dataclass(frozen=True)
class Commit:
    """One state of a repository: every file by path."""

    id: str
    parent: Commit | None
    title: str
    message: str
    author: str
    date: str
    files: Files

    def history(self) -> Iterator[Commit]:
        """Yield this commit and the ones before it, newest first."""
        commit: Commit | None = self
        while commit:
            yield commit
            commit = commit.parent

    def below(self, folder: str) -> Files:
        """Return the files in a folder and in its subfolders ("" is the root)."""
        return {path: blob for path, blob in self.files.items() if not folder or path.startswith(f"{folder}/")}

    def at(self, path: str) -> Files:
        """Return the one file of a path, or what is below the folder of that path."""
        return {path: self.files[path]} if path in self.files else self.below(path)

    def last_change(self, path: str) -> Commit:
        """Return the newest commit that changed a file, or anything in a folder."""
        return next(c for c in self.history() if not c.parent or c.parent.at(path) != c.at(path))


@dataclass
class Repo:
    """A repository: commits, and the branches and tags that name them."""

    kind: str
    id: str
    private: bool = False
    sdk: str | None = None
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def web_path(self) -> str:
        """Where the repository is found below the server's URL."""
        return self.id if self.kind == "model" else f"{self.kind}s/{self.id}"

    def revision(self, name: str) -> Commit:
        """Return the commit that a branch, a tag or a commit id names."""
        for prefix in ("refs/heads/", "refs/tags/"):
            name = name.removeprefix(prefix)
        commit = self.commits.get(self.branches.get(name) or self.tags.get(name) or name)
        if commit is None:
            raise RefusedError(404, f"Invalid rev id: {name}", "RevisionNotFound")
        return commit

    def head(self, branch: str) -> Commit:
        """Return the newest commit of a branch, which alone can be committed to."""
        name = branch.removeprefix("refs/heads/")
        if name not in self.branches:
            raise RefusedError(404, f"There is no branch {name}", "RevisionNotFound")
        return self.commits[self.branches[name]]

    def commit(self, branch: str, files: Files, title: str, author: str, message: str = "") -> Commit:
        """Put a new commit on top of a branch, and return it."""
        branch = branch.removeprefix("refs/heads/")
        parent = self.commits.get(self.branches.get(branch, ""))
        date = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        tree = "".join(f"{path} {blob.oid}\n" for path, blob in sorted(files.items()))
        text = f"{self.web_path}\n{parent.id if parent else ''}\n{date}\n{author}\n{title}\n{message}\n{tree}"
        commit = Commit(git_id(text.encode(), "commit"), parent, title, message, author, date, files)
        self.commits[commit.id] = commit
        self.branches[branch] = commit.id
        return commit


@dataclass(frozen=True)
class Account:
    """Somebody with a token: may read all public repositories, and write under `namespaces`."""

    name: str
    orgs: tuple[str, ...] = ()
    role: str = "write"

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Where the account's own and its organisations' repositories stand."""
        return (self.name, *self.orgs)


class Store:
    """Everything the server knows; hold `lock` while using it.

    Parameters
    ----------
    accounts : dict, token -> Account
    page_size : int, entries in one page of a listing
    """

    def __init__(self, accounts: dict[str, Account], page_size: int = 1000) -> None:
        self.accounts, self.page_size = accounts, page_size
        self.repos: dict[tuple[str, str], Repo] = {}
        self.large: dict[str, bytes] = {}  # by SHA-256
        self.announced: dict[str, int] = {}  # SHA-256 -> size, large files that a client may now send
        self.lock = threading.RLock()

    def account(self, token: str | None) -> Account | None:
        """Return who holds a token, None for nobody; a wrong token is refused even where none is needed."""
        if token is None:
            return None
        if token not in self.accounts:
            raise RefusedError(401, "Invalid credentials in Authorization header")
        return self.accounts[token]

    def member(self, token: str | None) -> Account:
        """Return who holds a token, which has to be there."""
        account = self.account(token)
        if account is None:
            raise RefusedError(401, "Invalid username or password.")
        return account

    def writer(self, token: str | None, namespace: str) -> Account:
        """Return the account behind a token if it may write to a namespace."""
        account = self.member(token)
        if namespace not in account.namespaces or account.role != "write":
            raise RefusedError(403, f"Forbidden: {account.name} has no right to write under the namespace {namespace}")
        return account

    def readable(self, kind: str, repo_id: str, token: str | None) -> Repo:
        """Return a repository; a private one does not exist for others, and nothing tells the two cases apart."""
        account = self.account(token)
        repo = self.repos.get((kind, repo_id))
        if repo and not (repo.private and (not account or repo.id.split("/")[0] not in account.namespaces)):
            return repo
        if account is None:
            raise RefusedError(401, "Invalid username or password.", "RepoNotFound")
        raise RefusedError(404, "Repository not found", "RepoNotFound")

    def writable(self, kind: str, repo_id: str, token: str | None) -> tuple[Repo, Account]:
        """Return a repository and the account that is about to change it."""
        repo = self.readable(kind, repo_id, token)
        return repo, self.writer(token, repo_id.split("/")[0])

    def create(self, kind: str, repo_id: str, private: bool = False, sdk: str | None = None) -> Repo:
        """Add a repository that holds what the Hub itself puts there: which files are kept as large ones."""
        repo = Repo(kind, repo_id, private, sdk)
        rules = "".join(f"*.{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in LARGE_SUFFIXES)
        repo.commit("main", {".gitattributes": Blob(rules.encode())}, "initial commit", "system")
        self.repos[kind, repo_id] = repo
        return repo


def large_paths(rules: bytes) -> Callable[[str], bool]:
    """Return what tells, by a repository's .gitattributes, whether a path is kept as a large file."""
    lines = [line.split() for line in rules.decode().splitlines()]
    patterns = [words[0] for words in lines if "filter=lfs" in words[1:]]
    return lambda path: any(fnmatch(path, p) or fnmatch(path.rsplit("/", 1)[-1], p) for p in patterns)
