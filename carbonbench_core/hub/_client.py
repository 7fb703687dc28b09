"""The client of the Hub: one that does not wait for ever, tries again where it makes sense, and names no token."""

from __future__ import annotations

import os
import random
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import HubError, UsageError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

T = TypeVar("T")
TIMEOUT = "CARBONBENCH_HUB_TIMEOUT"  # environment variable [s]
TRIES = 5
DOWNLOAD_TRIES = 3  # the library itself asks several times for what a file is, not for its bytes
LONGEST_WAIT = 60.0  # s, whatever the Hub asks for
TRANSIENT = (408, 429, 500, 502, 503, 504)
REPO_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_TOKEN = re.compile(r"hf_[A-Za-z0-9]+|(?<=Bearer )\S+")

REMEDIES = {
    401: "No valid token. Log in with `hf auth login`, or set HF_TOKEN, and run the same command again.",
    403: "The token may not do this. Use one with write access to that namespace, and run the same command again.",
    404: "There is no such repository or revision, or the token may not see it. Check the name.",
    412: "Somebody else changed the repository meanwhile. Run the same command again.",
    429: "The Hub asks to slow down. Run the same command again later; what was sent is not sent again.",
}
LATER = "Run the same command again later; what was sent is not sent again."


def check_repo(repo_id: str) -> str:
    """Return the id of a repository, which needs both its parts.

    Raises
    ------
    UsageError : it is no ORG/NAME, or one that the Hub does not take
    """
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    if not REPO_ID.fullmatch(repo_id):
        raise UsageError(f"Got repository {repo_id!r}, expected ORG/NAME.")
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise UsageError(f"Got repository {repo_id!r}, which is no name of one: {str(error).splitlines()[0]}") from None
    return repo_id


def timeout() -> float:
    """Return how long an answer is waited for [s]: $CARBONBENCH_HUB_TIMEOUT, else a minute.

    Raises
    ------
    UsageError : the variable holds no number above 0
    """
    told = os.environ.get(TIMEOUT, "60")
    try:
        seconds = float(told)
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise UsageError(f"Got {TIMEOUT}={told!r}, expected seconds above 0.")
    return seconds


@contextmanager
def api() -> Iterator[HfApi]:
    """Give a client whose requests end in time; what the Hub refuses becomes one `HubError` without a token in it."""
    import httpx2
    from huggingface_hub import HfApi, close_session, set_client_factory
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.utils import get_session

    seconds = timeout()
    usual = get_session()

    def factory() -> httpx2.Client:
        # the library's own client waits for ever
        return httpx2.Client(event_hooks=usual.event_hooks, follow_redirects=True, timeout=seconds)

    set_client_factory(factory)
    try:
        yield HfApi()
    except HfHubHTTPError as error:
        raise HubError(_words(error)) from None
    except httpx2.TimeoutException:
        raise HubError(f"The Hub did not answer within {seconds:g} s. {LATER}") from None
    except (httpx2.HTTPError, ConnectionError, socket.gaierror, ssl.SSLError) as error:
        raise HubError(f"The Hub cannot be reached: {redacted(str(error)) or type(error).__name__}. {LATER}") from None
    finally:
        close_session()


def patiently(call: Callable[..., T], *args: Any, tries: int = TRIES, **kwargs: Any) -> T:
    """Make a call that may be repeated, again after a pause where the Hub is busy, down or out of reach.

    The pause doubles from a second on, with jitter, or is what `Retry-After` asks for, a minute at most.
    """
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    for attempt in range(1, tries + 1):
        try:
            return call(*args, **kwargs)
        except (HfHubHTTPError, httpx2.TransportError) as error:
            response = getattr(error, "response", None)
            if attempt == tries or (response is not None and response.status_code not in TRANSIENT):
                raise
            time.sleep(_pause(response, attempt))
    raise AssertionError("unreachable")


def download(kind: str, repo_id: str, name: str, revision: str | None) -> Path:
    """Return the local copy of a file, fetched if it is not in the cache; what passes is tried again.

    Raises
    ------
    HfHubHTTPError, httpx2.HTTPError, OSError : as the Hub answered, or why it did not
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    def attempt() -> Path:
        try:
            return Path(hf_hub_download(repo_id, name, repo_type=kind, revision=revision, etag_timeout=timeout()))
        except LocalEntryNotFoundError as error:
            # "not in the cache" is what the library says of a file where the Hub did not answer well
            raise error.__cause__ or error from None

    return patiently(attempt, tries=DOWNLOAD_TRIES)


def _pause(response: Any, attempt: int) -> float:
    asked = "" if response is None else response.headers.get("Retry-After", "")
    if asked.isdigit():
        return min(float(asked), LONGEST_WAIT)
    return min(2.0 ** (attempt - 1) * random.uniform(0.5, 1.0), LONGEST_WAIT)


def _words(error: Any) -> str:
    status = error.response.status_code
    said = " ".join(redacted(error.server_message or "").split()).rstrip(".")
    remedy = REMEDIES.get(status, LATER if status >= 500 else "Check the request.")
    return f"The Hub answered {status}{f' ({said})' if said else ''}. {remedy}"


def redacted(text: str) -> str:
    """Return a text with every token taken out."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        if token := os.environ.get(name):
            text = text.replace(token, "[token]")
    return _TOKEN.sub("[token]", text)
