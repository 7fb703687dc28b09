"""The leaderboard on the Hub: a static Space of one page, rendered from result rows."""

from __future__ import annotations

from pathlib import Path

from ..errors import UsageError
from ..report.leaderboard import leaderboard
from ..report.page import page
from ._push import Content, Push, push

CARD = """---
title: CarbonBench leaderboard
colorFrom: green
colorTo: blue
sdk: static
app_file: index.html
pinned: false
license: apache-2.0
short_description: Zero-shot spatial transfer of daily carbon fluxes
---

# CarbonBench leaderboard

`index.html` is rendered from result rows by `carbonbench push leaderboard`; do not edit it by hand.
"""


def push_leaderboard(
    results: str | Path,
    repo_id: str,
    *,
    submissions: str | None = None,
    private: bool = False,
    revision: str = "main",
    dry_run: bool = False,
) -> Push:
    """Push the page of a folder of result rows; see `_push.push` for the parameters that are not named here.

    Parameters
    ----------
    results : path, what `carbonbench run` and `score --submission` wrote rows into
    repo_id : str, ORG/NAME of the Space
    submissions : str, optional, the https address of the repository that takes submissions as pull requests

    Raises
    ------
    UsageError : no result row, or another kind of address
    HubError : the Hub refuses or cannot be reached
    """
    if submissions is not None and not submissions.startswith("https://"):
        raise UsageError(f"Got {submissions!r} as the address for submissions, expected one that starts with https://.")
    board = leaderboard(results)
    files: dict[str, Path | bytes] = {"README.md": CARD.encode(), "index.html": page(board, submissions).encode()}
    content = Content("space", files, f"{len(board.rows)} result rows", sdk="static")
    return push(content, repo_id, private=private, revision=revision, dry_run=dry_run)
