"""Files on their way in (preupload, LFS, commit) and out (resolve)."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any

from .messages import RefusedError, Reply, Request
from .routing import route
from .store import Blob, Files, Store, large_paths

MOST_IN_GIT = 10 * 2**20  # [byte] a larger file is kept beside git whatever its name
CHANGED = "A commit has happened since. Please refresh and try again."


@route("POST", "/api/{kind}/{repo}/preupload/{revision}")
def preupload(store: Store, request: Request, kind: str, repo: str, revision: str) -> Reply:
    """Say of each file whether it goes into git or beside it, and what stands in its place now."""
    found, _ = store.writable(kind, repo, request.token)
    head = found.head(revision)
    rules = head.files.get(".gitattributes")
    is_large = large_paths(rules.data if rules else b"")
    told = []
    for file in request.json()["files"]:
        binary = b"\0" in base64.b64decode(file.get("sample", ""))
        large = is_large(file["path"]) or file["size"] > MOST_IN_GIT or binary
        old = head.files.get(file["path"])
        mode = "lfs" if large else "regular"
        told.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": old.etag if old else None})
    return Reply.json({"files": told, "commitOid": head.id})


@route("POST", "/{web}{repo}.git/info/lfs/objects/batch")
def lfs_batch(store: Store, request: Request, kind: str, repo: str) -> Reply:
    """Say where to put each large file; one that is here already needs no upload."""
    store.writable(kind, repo, request.token)
    wish = request.json()
    if wish.get("operation") != "upload":
        raise RefusedError(400, "This stand-in takes LFS uploads only; downloads go through resolve")
    told = []
    for item in wish["objects"]:
        entry: dict[str, Any] = {"oid": item["oid"], "size": item["size"]}
        if item["oid"] not in store.large:
            store.announced[item["oid"]] = item["size"]
            entry["actions"] = {"upload": {"href": f"{request.base}/large-files/{item['oid']}", "header": {}}}
        told.append(entry)
    return Reply.json({"transfer": "basic", "objects": told})


@route("PUT", "/large-files/{sha256}")
def put_large(store: Store, request: Request, sha256: str) -> Reply:
    """Take a large file that was announced; as with a signed URL, no token is asked for."""
    if sha256 not in store.announced:
        raise RefusedError(403, "This large file was not announced")
    got = hashlib.sha256(request.body).hexdigest(), len(request.body)
    if got != (sha256, store.announced[sha256]):
        raise RefusedError(
            400, f"Expected {store.announced[sha256]} bytes of digest {sha256}, got {got[1]} of {got[0]}"
        )
    store.large[sha256] = request.body
    return Reply(headers={"ETag": f'"{sha256}"'})


@route("POST", "/api/{kind}/{repo}/commit/{revision}")
def commit(store: Store, request: Request, kind: str, repo: str, revision: str) -> Reply:
    """Change a branch by one commit, or not at all."""
    found, account = store.writable(kind, repo, request.token)
    header, *changes = _lines(request.body)
    head = found.head(revision)
    if header.get("parentCommit") not in (None, head.id):
        raise RefusedError(412, CHANGED)
    files = dict(head.files)
    for key, value in changes:
        _change(store, files, key, value)
    made = found.commit(revision, files, header["summary"], account.name, header.get("description", ""))
    url = f"{request.base}/{found.web_path}/commit/{made.id}"
    return Reply.json({"success": True, "commitOid": made.id, "commitUrl": url, "hookOutput": ""})


def _lines(body: bytes) -> list[Any]:
    """Return a commit's header and, as (key, value), its changes: one JSON object a line."""
    try:
        lines = [json.loads(line) for line in body.splitlines() if line.strip()]
        keyed = [(line["key"], line["value"]) for line in lines]
    except (ValueError, KeyError, TypeError):
        raise RefusedError(400, "A commit is one JSON object with key and value a line") from None
    if not keyed or keyed[0][0] != "header" or not keyed[0][1].get("summary"):
        raise RefusedError(400, "A commit begins with its header, which has a summary")
    return [keyed[0][1], *keyed[1:]]


def _change(store: Store, files: Files, key: str, value: dict[str, Any]) -> None:
    """Apply one line of a commit to the files."""
    path = value["path"].rstrip("/")
    if path.startswith("/") or {"", ".", "..", ".git"} & set(path.split("/")):
        raise RefusedError(400, f"{value['path']!r} cannot be a path in a repository")
    if key == "file":
        files[path] = Blob(base64.b64decode(value["content"]))
    elif key == "lfsFile":
        if value["oid"] not in store.large:
            raise RefusedError(400, f"The large file {value['oid']} of {path} was never uploaded")
        files[path] = Blob(store.large[value["oid"]], large=True)
    elif key in ("deletedFile", "deletedFolder"):
        gone = (
            [p for p in files if p == path] if key == "deletedFile" else [p for p in files if p.startswith(f"{path}/")]
        )
        if not gone:
            raise RefusedError(404, f"{path} cannot be deleted: it does not exist", "EntryNotFound")
        for p in gone:
            del files[p]
    else:
        raise RefusedError(400, f"Unknown change {key!r}")


@route("GET", "/{web}{repo}/resolve/{revision}/{path}")
def resolve(store: Store, request: Request, kind: str, repo: str, revision: str, path: str) -> Reply:
    """Return a file, or the range of it that is asked for."""
    state = store.readable(kind, repo, request.token).revision(revision)
    headers = {"X-Repo-Commit": state.id}
    if path not in state.files:
        raise RefusedError(404, "Entry not found", "EntryNotFound", headers)
    blob = state.files[path]
    headers |= {
        "Content-Type": "application/octet-stream" if blob.large else "text/plain; charset=utf-8",
        "Accept-Ranges": "bytes",
        "ETag": f'"{blob.etag}"',
    }
    if blob.large:
        headers |= {"X-Linked-Size": str(len(blob.data)), "X-Linked-ETag": f'"{blob.etag}"'}
    return _ranged(blob.data, request.headers.get("Range", ""), headers)


def _ranged(data: bytes, asked: str, headers: dict[str, str]) -> Reply:
    """Return the one range of bytes asked for (RFC 9110, section 14); anything else asked for gives the whole."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", asked.replace(" ", ""))
    if not match or match[0] == "bytes=-":
        return Reply(200, data, headers)
    first, last = match[1], match[2]
    start = int(first) if first else max(0, len(data) - int(last))
    end = min(int(last) + 1, len(data)) if first and last else len(data)
    if start >= end:
        return Reply(416, b"", headers | {"Content-Range": f"bytes */{len(data)}"})
    return Reply(206, data[start:end], headers | {"Content-Range": f"bytes {start}-{end - 1}/{len(data)}"})
