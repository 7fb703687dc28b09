"""What commands share: how one is declared, its usual options, and JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable


def command(
    commands: argparse._SubParsersAction,
    name: str,
    call: Callable[[argparse.Namespace], int | None],
    text: str,
    kept: str | None = None,
) -> argparse.ArgumentParser:
    """Declare a command that calls `call`, described by `text`, and return its parser.

    `kept` names what a command that is stopped leaves for the next one to go on from, as the subject of "... kept".
    """
    parser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.set_defaults(command=call, kept=kept)
    return parser


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add the option that names the dataset folder."""
    parser.add_argument(
        "--data", metavar="FOLDER", help="dataset folder (default: $CARBONBENCH_DATA, ./carbonbench, $CARBONBENCH_REPO)"
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add the option of an output for programs."""
    parser.add_argument("--json", action="store_true", help="print JSON for a program")


def as_json(value: object) -> str:
    """Return JSON text; what is undefined (NaN) is null, since JSON has no NaN."""

    def plain(item: object) -> object:
        if isinstance(item, dict):
            return {key: plain(each) for key, each in item.items()}
        if isinstance(item, list | tuple):
            return [plain(each) for each in item]
        return None if isinstance(item, float) and item != item else item

    return json.dumps(plain(value), indent=1)


def brief(text: str, where: str, width: int = 300) -> str:
    """Return text that fits a screen: a list of names too long for it breaks off and says where the rest stands."""
    return text if len(text) <= width else f"{text[:width].rpartition(', ')[0]}, ... (all of it: {where})"
