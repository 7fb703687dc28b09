"""A small Hugging Face Hub for tests, on loopback and in memory.

It speaks what huggingface_hub 2.4, datasets 5.2, evaluate 0.4 and transformers 5 ask for, with plain LFS transfer (no
Xet). It shows what the clients do; what the real Hub accepts it cannot show.

    with Hub(tmp_path) as hub:
        hub.fail("GET .*resolve", status=503)
        run_client(hub, "from huggingface_hub import HfApi; print(HfApi().whoami()['name'])")
        assert hub.log[-1].status == 200

The clients read their settings when they are imported, so each runs in a process of its own with `hub.env()`.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import unquote

from . import api, transfer  # noqa: F401 - they fill the table of routes
from .faults import Fault, Faults
from .messages import Reply, Request
from .routing import answer
from .store import Account, Blob, Store, large_paths


@dataclass(frozen=True)
class Call:
    """One request as the log keeps it.

    Parameters
    ----------
    method, target : str, e.g. "GET" and "/api/datasets/org/name?blobs=true", percent-decoded
    status : int, what was answered
    range : str, the header `Range`, or ""
    token : str or None, the bearer token
    on_order : bool, a fault of `Hub.fail` answered
    """

    method: str
    target: str
    status: int
    range: str = ""
    token: str | None = None
    on_order: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.target} {self.range} -> {self.status}{' on order' if self.on_order else ''}"


class Hub:
    """A Hub that runs while its `with` block does.

    Parameters
    ----------
    folder : path or None, where clients keep their caches and run, best a fresh one per test; None makes one and
        removes it at the end
    user : str, whose token `token` is
    orgs : iterable of str, where that user may write, too
    page_size : int, entries in one page of a listing

    Attributes
    ----------
    url : str, where it listens
    token : str, of the user; it may write
    stranger : str, the token of somebody who may read what is public and write nowhere here
    log : list of Call, every request answered, in order
    waiting : list of str, targets of the requests that were kept waiting
    errors : list of str, tracebacks of the Hub's own failures; the `with` block raises if there are any
    """

    def __init__(
        self,
        folder: str | Path | None = None,
        user: str = "tester",
        orgs: tuple[str, ...] = ("carbonbench",),
        page_size: int = 1000,
    ) -> None:
        self.token, self.stranger = "hf_tester", "hf_stranger"
        self.store = Store({self.token: Account(user, orgs), self.stranger: Account("stranger")}, page_size)
        self.faults = Faults()
        self.log: list[Call] = []
        self.waiting: list[str] = []
        self.closing = threading.Event()
        self.errors: list[str] = []
        self._own = None if folder else tempfile.TemporaryDirectory(prefix="hub-")
        self.folder = Path(folder or self._own.name)
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.hub = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        # a short poll: shutting down waits for the next one
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        if self._own:
            self._own.cleanup()
        if self.errors and kind is None:
            raise RuntimeError("The Hub itself failed:\n" + "\n".join(self.errors))

    def env(self, home: str | Path | None = None, token: str | None = None) -> dict[str, str]:
        """Return the environment variables that point a client here.

        Parameters
        ----------
        home : path or None, the client's HF_HOME; None for `folder`/home
        token : str or None, whose it is; None for the user's, "" for an anonymous client
        """
        return {
            "HF_ENDPOINT": self.url,
            "HF_TOKEN": self.token if token is None else token,
            "HF_HOME": str(home or self.folder / "home"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_UPDATE_DOWNLOAD_COUNTS": "0",
            "HF_HUB_DISABLE_UPDATE_CHECK": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }

    def fail(
        self,
        match: str,
        status: int | None = None,
        times: float = 1,
        headers: Mapping[str, str] | None = None,
        drop_after_bytes: int | None = None,
        hang: float = 0.0,
    ) -> Fault:
        """Let the next requests that match go wrong, and return the order, whose `hits` can be looked at.

        Parameters
        ----------
        match : str, a regular expression searched for in "METHOD /path?query", percent-decoded
        status : int or None, answered in place of doing anything; None for 500, or for the true answer where
            `drop_after_bytes` is given
        times : float, how many requests; math.inf for all
        headers : mapping, further headers of the answer ("Retry-After", "X-Error-Code")
        drop_after_bytes : int or None, break the connection after so many bytes of the body; what a request changes
            stays changed, so 0 on a commit is a commit whose answer is lost
        hang : float, answer nothing for so long, then break the connection with nothing done [s]
        """
        if status is None and drop_after_bytes is None:
            status = 500
        return self.faults.add(Fault(match, status, times, dict(headers or {}), drop_after_bytes, hang))

    def add(self, kind: str, repo_id: str, files: Mapping[str, bytes], private: bool = False) -> str:
        """Commit files without a client, creating the repository if need be, and return the commit's id."""
        with self.store.lock:
            sdk = "static" if kind == "space" else None
            repo = self.store.repos.get((kind, repo_id)) or self.store.create(kind, repo_id, private, sdk)
            is_large = large_paths(repo.head("main").files[".gitattributes"].data)
            new = {path: Blob(data, large=is_large(path)) for path, data in files.items()}
            return repo.commit("main", repo.head("main").files | new, "Add files", "tester").id

    def files(self, kind: str, repo_id: str, revision: str = "main") -> dict[str, bytes]:
        """Return every file of a repository, without the Hub's own .gitattributes."""
        with self.store.lock:
            commit = self.store.readable(kind, repo_id, self.token).revision(revision)
            return {path: blob.data for path, blob in sorted(commit.files.items()) if path != ".gitattributes"}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    hub: Hub

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep what went wrong, unless it is a client that left."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            self.hub.errors.append(traceback.format_exc())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else every answer in two writes waits 40 ms for the client's acknowledgement
    server: _Server

    def log_message(self, *args: object) -> None:
        """Print nothing."""

    def _serve(self) -> None:
        hub = self.server.hub
        request = Request(self.command, self.path, self.headers, self._body(), hub.url)
        fault = hub.faults.take(request)
        if fault and fault.hang:
            hub.waiting.append(unquote(self.path))
            hub.closing.wait(fault.hang)
            self.close_connection = True
            return
        reply = (fault.reply() if fault else None) or self._answer(request)
        target, asked = unquote(self.path), self.headers.get("Range", "")
        hub.log.append(Call(self.command, target, reply.status, asked, request.token, fault is not None))
        self._send(reply, fault.drop_after_bytes if fault else None)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - http.server's names

    def _answer(self, request: Request) -> Reply:
        try:
            return answer(self.server.hub.store, request)
        except Exception:
            # 501 is not tried again by the clients, so the test ends soon.
            self.server.hub.errors.append(f"{request.method} {request.target}\n{traceback.format_exc()}")
            return Reply.json({"error": "The Hub itself failed"}, 501)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers
        return b"".join(chunks)

    def _send(self, reply: Reply, drop_after_bytes: int | None) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        body = b"" if self.command == "HEAD" else reply.body[:drop_after_bytes]
        with suppress(ConnectionError):
            self.wfile.write(body)
        if drop_after_bytes is not None:
            self.close_connection = True
