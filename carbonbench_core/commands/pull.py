"""`carbonbench pull`: a model or a dataset of the Hub into a local folder."""

from __future__ import annotations

import argparse

from ._shared import command


def add(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = command(commands, "pull", _pull, "save a model or a dataset of the Hub into a local folder")
    parser.add_argument("repo", metavar="ORG/NAME[@REVISION]")
    parser.add_argument("--dataset", action="store_true", help="it is a dataset; else a model")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write, not there yet")


def _pull(args: argparse.Namespace) -> None:
    from ..hub.pull import pull_dataset, pull_model

    files = (pull_dataset if args.dataset else pull_model)(args.repo, args.out)
    print(f"{args.repo}: {len(files)} files in {args.out}")
