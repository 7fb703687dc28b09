"""What goes over the wire: a request, the reply to it, and the refusal that becomes an error reply."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit


@dataclass(frozen=True)
class Request:
    """One request of a client, its body read.

    Parameters
    ----------
    method : str, "GET", "HEAD", "POST", "PUT" or "DELETE"
    target : str, path and query as sent, so still percent-encoded
    headers : mapping, looked up without regard to case
    body : bytes
    base : str, the server's own URL, without a slash at its end
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    base: str

    @property
    def path(self) -> str:
        """The target without its query."""
        return urlsplit(self.target).path

    @property
    def token(self) -> str | None:
        """The bearer token, None for an anonymous client."""
        return self.headers.get("Authorization", "").removeprefix("Bearer ").strip() or None

    def asked(self, name: str, default: str = "") -> str:
        """Return the last value of a query parameter."""
        return parse_qs(urlsplit(self.target).query).get(name, [default])[-1]

    def flag(self, name: str) -> bool:
        """Return whether a query parameter says yes."""
        return self.asked(name).lower() in ("1", "true")

    def json(self) -> Any:
        """Return the body read as JSON; a body that is none is refused with 400."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise RefusedError(400, "The body is not JSON") from None

    def form(self) -> dict[str, list[str]]:
        """Return the body read as a list of values per field, sent as JSON or as an HTML form."""
        if "json" in self.headers.get("Content-Type", ""):
            return {key: value if isinstance(value, list) else [value] for key, value in self.json().items()}
        return parse_qs(self.body.decode())

    def link(self, **query: str) -> str:
        """Return this request's own URL with some query parameters set."""
        parts = urlsplit(self.target)
        merged = {key: values[-1] for key, values in parse_qs(parts.query).items()} | query
        return f"{self.base}{parts.path}?{urlencode(merged)}"


@dataclass(frozen=True)
class Reply:
    """What the server answers."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, value: object, status: int = 200, **headers: str) -> Reply:
        """Return a reply that carries JSON."""
        return cls(status, json.dumps(value).encode(), {"Content-Type": "application/json", **headers})


class RefusedError(Exception):
    """A request that the Hub turns down.

    Parameters
    ----------
    status : int, e.g. 404
    message : str, for people
    code : str, what clients choose their exception by ("RepoNotFound", "EntryNotFound", "RevisionNotFound"), or ""
    headers : dict or None, further headers
    """

    def __init__(self, status: int, message: str, code: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.headers = status, message, code, headers or {}

    def reply(self) -> Reply:
        """Return the error as the Hub words it: in the body, and in two headers."""
        headers = {**self.headers, "X-Error-Message": self.message}
        if self.code:
            headers["X-Error-Code"] = self.code
        return Reply.json({"error": self.message}, self.status, **headers)
