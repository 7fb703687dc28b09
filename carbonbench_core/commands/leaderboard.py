"""`carbonbench leaderboard`: the tables of all result rows."""

from __future__ import annotations

import argparse

from ..errors import UsageError
from ._shared import add_json, as_json, command


def add(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = command(commands, "leaderboard", _leaderboard, "print the tables of a folder of result rows")
    parser.add_argument("results", nargs="?", default="results", help="folder of result rows (default: ./%(default)s)")
    parser.add_argument("--by", choices=("igbp", "koppen_main", "continent", "days", "dissimilarity"), help="by class")
    parser.add_argument(
        "--target", choices=("gpp", "reco", "nee"), default="gpp", help="with --by (default: %(default)s)"
    )
    parser.add_argument("--ladder", action="store_true", help="what each step of the hierarchy of protocols costs")
    parser.add_argument("--picture", metavar="PNG", help="with --ladder, draw it (needs matplotlib)")
    add_json(parser)


def _leaderboard(args: argparse.Namespace) -> None:
    from ..report.leaderboard import leaderboard

    if args.picture and not args.ladder:
        raise UsageError("--picture draws the ladder; add --ladder.")
    if args.ladder:
        _ladder(args)
        return
    board = leaderboard(args.results)
    print(as_json(board.rows) if args.json else board.by(args.by, args.target) if args.by else board)


def _ladder(args: argparse.Namespace) -> None:
    from ..report.ladder import describe, ladders

    found = ladders(args.results)
    print(as_json([ladder.to_json() for ladder in found]) if args.json else describe(found))
    if args.picture:
        from ..report.ladder_picture import picture

        picture(found, args.picture)
