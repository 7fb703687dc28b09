"""`carbonbench towers`: who is who in a catalogue of towers."""

from __future__ import annotations

import argparse

from ._shared import add_json, as_json, command


def add(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = command(commands, "towers", _towers, "list the towers of a catalogue that are one, or stand near")
    parser.add_argument("catalogue", metavar="CSV", help="table of towers, as for build --towers")
    add_json(parser)


def _towers(args: argparse.Namespace) -> None:
    from ..catalogue import read_towers
    from ..survey import describe, survey

    found = survey(read_towers(args.catalogue))
    print(as_json(found) if args.json else describe(found))
