"""Failures on order: which requests shall go wrong, how and how often."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from urllib.parse import unquote

from .messages import Reply, Request


@dataclass
class Fault:
    """One order.

    Parameters
    ----------
    match : str, a regular expression searched for in "METHOD /path?query", percent-decoded
    status : int or None, the status that is answered in place of doing anything; None lets the request through
    left : float, how many more requests it hits; math.inf for all
    headers : dict, further headers of the answer ("Retry-After", "X-Error-Code")
    drop_after_bytes : int or None, break the connection after so many bytes of the body
    hang : float, keep the request waiting so long before the connection is broken with nothing done [s]
    hits : int, how many requests it has hit
    """

    match: str
    status: int | None
    left: float
    headers: dict[str, str] = field(default_factory=dict)
    drop_after_bytes: int | None = None
    hang: float = 0.0
    hits: int = 0

    def reply(self) -> Reply | None:
        """Return the answer given in place of the true one, None where the true one shall go out."""
        if self.status is None:
            return None
        body = json.dumps({"error": "A failure on order"}).encode()
        return Reply(self.status, body, {"Content-Type": "application/json", **self.headers})


class Faults:
    """The orders that stand; for each request the oldest fitting one counts."""

    def __init__(self) -> None:
        self._orders: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> Fault:
        """Take an order."""
        with self._lock:
            self._orders.append(fault)
        return fault

    def take(self, request: Request) -> Fault | None:
        """Return the order that hits a request, counted down by one, or None."""
        text = f"{request.method} {unquote(request.target)}"
        with self._lock:
            for fault in self._orders:
                if fault.left > 0 and re.search(fault.match, text):
                    fault.left -= 1
                    fault.hits += 1
                    return fault
        return None
