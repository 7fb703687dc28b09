"""`carbonbench cite`: BibTeX of the networks, products and towers behind a dataset folder or a protocol."""

from __future__ import annotations

import argparse

from ._shared import add_data, add_json, as_json, command


def add(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = command(commands, "cite", _cite, "print BibTeX of the networks, products and towers to be cited")
    parser.add_argument("protocol", nargs="?", help="a protocol, fold or family: its towers alone (default: all)")
    add_data(parser)
    add_json(parser)


def _cite(args: argparse.Namespace) -> None:
    from dataclasses import asdict

    from ..citations import bibtex, owed
    from ..dataset_folder import DatasetFolder

    what = owed(DatasetFolder.find(args.data), args.protocol)
    print(as_json(asdict(what)) if args.json else bibtex(what), end="\n" if args.json else "")
