"""The errors a user can meet: each says what was got, what was expected and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class CarbonBenchError(Exception):
    """Base of every error this project raises on purpose; the command line prints it in one line and exits with 1."""

    exit_code = 1


class UsageError(CarbonBenchError, ValueError):
    """The request itself is wrong (unknown name, missing argument); the command line exits with 2."""

    exit_code = 2


class ArchiveError(CarbonBenchError):
    """One archive cannot be read; the others are not touched by it."""


class DatasetFolderError(CarbonBenchError):
    """A dataset folder is missing, unfinished, unwritable or does not carry what is asked of it."""


class ProtocolError(CarbonBenchError):
    """A protocol cannot be drawn from, or is not frozen in, a dataset folder."""


class PredictionError(CarbonBenchError):
    """Predictions do not fit the evaluation index of their protocol."""


class FeatureError(CarbonBenchError):
    """A feature that a model or a feature set needs is missing or has the wrong type."""


class HubError(CarbonBenchError):
    """The Hub refuses, cannot be reached, or holds something that must not be read."""


def unknown(kind: str, got: str, available: Iterable[str]) -> UsageError:
    """Return the error for a name that does not exist, with the nearest ones and all that do.

    Parameters
    ----------
    kind : str, what the name names ("protocol", "baseline", ...)
    got : str, the name given
    available : iterable of str, the names that exist
    """
    names = sorted(available)
    near = get_close_matches(got, names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return UsageError(f"Unknown {kind} {got!r}.{hint} Available: {', '.join(names) or 'none'}.")


def first_few(items: Iterable[object], n: int = 3) -> str:
    """Return the first `n` items as text, and how many more there are."""
    items = list(items)
    more = f" and {len(items) - n:,} more" if len(items) > n else ""
    return ", ".join(str(i) for i in items[:n]) + more
