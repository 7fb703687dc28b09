"""`carbonbench leaderboard`: the tables of all result rows."""

from __future__ import annotations

import argparse

from ._shared import add_json, as_json, command


def add(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = command(commands, "leaderboard", _leaderboard, "print the tables of a folder of result rows")
    parser.add_argument("results", nargs="?", default="results", help="folder of result rows (default: ./%(default)s)")
    parser.add_argument("--by", choices=("igbp", "koppen_main", "continent", "days", "dissimilarity"), help="by class")
    parser.add_argument(
        "--target", choices=("gpp", "reco", "nee"), default="gpp", help="with --by (default: %(default)s)"
    )
    add_json(parser)


def _leaderboard(args: argparse.Namespace) -> None:
    from ..report.leaderboard import leaderboard

    board = leaderboard(args.results)
    print(as_json(board.rows) if args.json else board.by(args.by, args.target) if args.by else board)
