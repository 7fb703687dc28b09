"""Which function answers which request: a table of methods and path templates, filled by `@route`."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote

from .messages import RefusedError, Reply, Request
from .store import Store

# The pieces of a template. A repository has one or two names; the second is taken only where the rest demands it.
PIECES = {
    "{kind}": r"(?P<kind>model|dataset|space)s",
    "{web}": r"(?:(?P<kind>dataset|space)s/)?",
    "{repo}": r"(?P<repo>[^/]+(?:/[^/]+)??)",
    "{revision}": r"(?P<revision>refs/(?:convert|pr)/[^/]+|[^/]+)",
    "{name}": r"(?P<name>[^/]+)",
    "{sha256}": r"(?P<sha256>[0-9a-f]{64})",
    "{path}": r"(?P<path>.+)",
}
Handler = Callable[..., Reply]
ROUTES: list[tuple[str, re.Pattern[str], Handler]] = []


def route(method: str, template: str) -> Callable[[Handler], Handler]:
    """Let a function answer a method and a path template; it gets the store, the request and the template's pieces."""
    pattern = template.replace(".", r"\.")
    for piece, regex in PIECES.items():
        pattern = pattern.replace(piece, regex)

    def register(handler: Handler) -> Handler:
        ROUTES.append((method, re.compile(pattern), handler))
        return handler

    return register


def answer(store: Store, request: Request) -> Reply:
    """Return the reply of the first function in the table that knows the request, or the reply that refuses it."""
    method = "GET" if request.method == "HEAD" else request.method
    try:
        for known, pattern, handler in ROUTES:
            if known == method and (match := pattern.fullmatch(request.path)):
                pieces = {key: unquote(value) for key, value in match.groupdict().items() if value is not None}
                if "kind" in pattern.groupindex:
                    pieces.setdefault("kind", "model")
                with store.lock:
                    return handler(store, request, **pieces)
        raise RefusedError(404, f"This stand-in has no answer to {request.method} {request.path}")
    except RefusedError as refused:
        return refused.reply()
