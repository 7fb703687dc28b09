"""Accounts, repositories and what they list: everything that moves no file."""

from __future__ import annotations

from typing import Any

from .messages import RefusedError, Reply, Request
from .routing import route
from .store import KINDS, Account, Blob, Commit, Repo, Store, git_id


@route("GET", "/api/whoami-v2")
def whoami(store: Store, request: Request) -> Reply:
    """Say who holds the token."""
    account = store.member(request.token)
    orgs = [{"type": "org", "name": org, "fullname": org, "roleInOrg": account.role} for org in account.orgs]
    auth = {"type": "access_token", "accessToken": {"displayName": "tests", "role": account.role}}
    return Reply.json({"type": "user", "name": account.name, "fullname": account.name, "orgs": orgs, "auth": auth})


@route("POST", "/api/validate-yaml")
def validate_yaml(store: Store, request: Request) -> Reply:
    """Accept any card: its YAML is not looked at here."""
    request.json()["content"]
    return Reply.json({"errors": [], "warnings": []})


def _named(account: Account, wish: dict[str, Any]) -> tuple[str, str]:
    """Return kind and id of the repository that a request names in its body."""
    kind = wish.get("type") or "model"
    if kind not in KINDS:
        raise RefusedError(400, f"Unknown type of repository {kind!r}")
    return kind, f"{wish.get('organization') or account.name}/{wish['name']}"


@route("POST", "/api/repos/create")
def create_repo(store: Store, request: Request) -> Reply:
    """Create a repository; one that is there already is a conflict, and its address is given all the same."""
    wish = request.json()
    kind, repo_id = _named(store.member(request.token), wish)
    store.writer(request.token, repo_id.split("/")[0])
    if kind == "space" and not wish.get("sdk"):
        raise RefusedError(400, "A Space needs an sdk")
    old = store.repos.get((kind, repo_id))
    private = wish.get("visibility") == "private" or bool(wish.get("private"))
    repo = old or store.create(kind, repo_id, private, wish.get("sdk"))
    told = {"url": f"{request.base}/{repo.web_path}", "name": repo_id, "id": repo_id}
    if old:
        return Reply.json(told | {"error": f"You already created this {kind} repo"}, 409)
    return Reply.json(told)


@route("DELETE", "/api/repos/delete")
def delete_repo(store: Store, request: Request) -> Reply:
    """Remove a repository."""
    kind, repo_id = _named(store.member(request.token), request.json())
    store.writable(kind, repo_id, request.token)
    del store.repos[kind, repo_id]
    return Reply.json({})


@route("GET", "/api/{kind}/{repo}")
@route("GET", "/api/{kind}/{repo}/revision/{revision}")
def repo_info(store: Store, request: Request, kind: str, repo: str, revision: str = "main") -> Reply:
    """Describe a repository at one revision."""
    found = store.readable(kind, repo, request.token)
    commit = found.revision(revision)
    first = list(commit.history())[-1]
    told = {
        "_id": git_id(found.web_path.encode())[:24],
        "id": found.id,
        "author": found.id.split("/")[0],
        "sha": commit.id,
        "createdAt": first.date,
        "lastModified": commit.date,
        "private": found.private,
        "gated": False,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": [],
        "siblings": [_sibling(path, blob, request.flag("blobs")) for path, blob in sorted(commit.files.items())],
    }
    return Reply.json(told | {"model": {"modelId": found.id}, "space": {"sdk": found.sdk}}.get(kind, {}))


def _sibling(path: str, blob: Blob, detailed: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"rfilename": path}
    if detailed:
        told |= {"blobId": blob.oid, "size": len(blob.data)}
        if blob.large:
            told["lfs"] = {"sha256": blob.sha256, "size": len(blob.data), "pointerSize": len(blob.pointer)}
    return told


@route("GET", "/api/{kind}/{repo}/refs")
def refs(store: Store, request: Request, kind: str, repo: str) -> Reply:
    """List branches and tags."""
    found = store.readable(kind, repo, request.token)

    def told(folder: str, names: dict[str, str]) -> list[dict[str, str]]:
        return [{"name": n, "ref": f"refs/{folder}/{n}", "targetCommit": c} for n, c in sorted(names.items())]

    both = {"branches": told("heads", found.branches), "tags": told("tags", found.tags)}
    return Reply.json(both | {"converts": [], "pullRequests": []})


@route("POST", "/api/{kind}/{repo}/branch/{revision}")
def create_branch(store: Store, request: Request, kind: str, repo: str, revision: str) -> Reply:
    """Start a branch at the commit asked for, or else at the head of main."""
    found, _ = store.writable(kind, repo, request.token)
    return _add_name(found, found.branches, revision, request.json().get("startingPoint") or "main")


@route("POST", "/api/{kind}/{repo}/tag/{revision}")
def create_tag(store: Store, request: Request, kind: str, repo: str, revision: str) -> Reply:
    """Give a commit a name that stays."""
    found, _ = store.writable(kind, repo, request.token)
    return _add_name(found, found.tags, request.json()["tag"], revision)


def _add_name(repo: Repo, names: dict[str, str], name: str, revision: str) -> Reply:
    if name in names:
        raise RefusedError(409, f"Reference already exists: {name}")
    names[name] = repo.revision(revision).id
    return Reply.json({})


@route("DELETE", "/api/{kind}/{repo}/branch/{revision}")
def delete_branch(store: Store, request: Request, kind: str, repo: str, revision: str) -> Reply:
    """Remove a branch; its commits stay reachable by their ids."""
    found, _ = store.writable(kind, repo, request.token)
    if revision == "main":
        raise RefusedError(403, "The default branch cannot be deleted")
    return _drop_name(found.branches, revision)


@route("DELETE", "/api/{kind}/{repo}/tag/{revision}")
def delete_tag(store: Store, request: Request, kind: str, repo: str, revision: str) -> Reply:
    """Remove a tag."""
    found, _ = store.writable(kind, repo, request.token)
    return _drop_name(found.tags, revision)


def _drop_name(names: dict[str, str], name: str) -> Reply:
    if names.pop(name, None) is None:
        raise RefusedError(404, f"Invalid rev id: {name}", "RevisionNotFound")
    return Reply.json({})


@route("GET", "/api/{kind}/{repo}/commits/{revision}")
def commits(store: Store, request: Request, kind: str, repo: str, revision: str) -> Reply:
    """List a revision's commits, newest first."""
    history = store.readable(kind, repo, request.token).revision(revision).history()
    told = [{**_short(c), "message": c.message, "authors": [{"user": c.author}]} for c in history]
    return _page(store, request, told)


@route("GET", "/api/{kind}/{repo}/tree/{revision}")
@route("GET", "/api/{kind}/{repo}/tree/{revision}/{path}")
def tree(store: Store, request: Request, kind: str, repo: str, revision: str, path: str = "") -> Reply:
    """List a folder, or with `recursive` everything below it."""
    commit = store.readable(kind, repo, request.token).revision(revision)
    folder = path.strip("/")
    listed = _listing(commit, folder, request.flag("recursive"))
    if folder and not listed:
        raise RefusedError(404, f'"{folder}" does not exist on "{revision}"', "EntryNotFound")
    return _page(store, request, [_entry(commit, p, request.flag("expand")) for p in listed])


def _listing(commit: Commit, folder: str, recursive: bool) -> list[str]:
    """Return the paths in a folder, those of its subfolders among them."""
    listed = set()
    depth = folder.count("/") + 1 if folder else 0
    for path in commit.below(folder):
        names = path.split("/")
        last = len(names) if recursive else depth + 1
        listed |= {"/".join(names[:n]) for n in range(depth + 1, last + 1)}
    return sorted(listed)


@route("POST", "/api/{kind}/{repo}/paths-info/{revision}")
def paths_info(store: Store, request: Request, kind: str, repo: str, revision: str) -> Reply:
    """Describe files and folders by name; names that do not exist are passed over."""
    commit = store.readable(kind, repo, request.token).revision(revision)
    form = request.form()
    expand = str(form.get("expand", [False])[-1]).lower() == "true"
    wanted = [path.strip("/") for path in form.get("paths", [])]
    return Reply.json([_entry(commit, path, expand) for path in wanted if commit.at(path)])


def _entry(commit: Commit, path: str, expand: bool) -> dict[str, Any]:
    """Describe a file or a folder, with `expand` also the last change to it."""
    blob = commit.files.get(path)
    if blob is None:
        names = "".join(f"{p} {b.oid}\n" for p, b in sorted(commit.below(path).items()))
        told: dict[str, Any] = {"type": "directory", "oid": git_id(names.encode(), "tree"), "size": 0, "path": path}
    else:
        told = {"type": "file", "oid": blob.oid, "size": len(blob.data), "path": path}
        if blob.large:
            told["lfs"] = {"oid": blob.sha256, "size": len(blob.data), "pointerSize": len(blob.pointer)}
    return told | ({"lastCommit": _short(commit.last_change(path))} if expand else {})


def _short(commit: Commit) -> dict[str, str]:
    return {"id": commit.id, "title": commit.title, "date": commit.date}


def _page(store: Store, request: Request, items: list[Any]) -> Reply:
    """Return one page of a listing; the header `Link` names the next one."""
    start = int(request.asked("cursor", "0"))
    end = start + store.page_size
    more = {"Link": f'<{request.link(cursor=str(end))}>; rel="next"'} if end < len(items) else {}
    return Reply.json(items[start:end], **more)
