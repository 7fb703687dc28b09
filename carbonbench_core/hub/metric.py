"""The metric on the Hub: a Space that `evaluate.load` reads, with a page to try it on."""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from ._push import Content, Push, push

SUFFIXES = (".py", ".md", ".txt")


def push_metric(repo_id: str, *, private: bool = False, revision: str = "main", dry_run: bool = False) -> Push:
    """Push the installed metric; the parameters are those of `_push.push`.

    Raises
    ------
    HubError : the Hub refuses or cannot be reached
    """
    content = Content("space", files(), f"stratified_skill of carbonbench {version('carbonbench')}", sdk="gradio")
    return push(content, repo_id, private=private, revision=revision, dry_run=dry_run)


def files() -> dict[str, Path]:
    """Return the files of the metric by their path in the Space."""
    folder = Path(find_spec("carbonbench_metrics.stratified_skill").origin).parent
    named = sorted(p for p in folder.iterdir() if p.suffix in SUFFIXES and p.name != "__init__.py")
    # A strict editable install links every file: what travels is what the link names.
    return {path.name: path.resolve() for path in named}
