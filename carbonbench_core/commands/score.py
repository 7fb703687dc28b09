"""`carbonbench score`: predictions or a submission against the evaluation index."""

from __future__ import annotations

import argparse

from ..errors import UsageError
from ._shared import add_data, add_json, as_json, command


def add(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = command(commands, "score", _score, "validate predictions against the evaluation index and score them")
    parser.add_argument("predictions", metavar="FILE", nargs="?", help="Parquet or CSV: site_id, date, gpp, reco, nee")
    parser.add_argument("--protocol", help="needed with FILE")
    parser.add_argument("--submission", metavar="DIR", help="score a submission folder and write its result row")
    parser.add_argument(
        "--results", default="results", metavar="DIR", help="where that row goes (default: ./%(default)s)"
    )
    parser.add_argument("--split", default="test", choices=("test", "id_test"))
    parser.add_argument("--any-units", action="store_true", help="do not refuse what seems to be in another unit")
    add_data(parser)
    add_json(parser)


def _score(args: argparse.Namespace) -> None:
    from ..dataset_folder import DatasetFolder
    from ..report.text import describe_scores
    from ..scoring import score_predictions, score_submission

    if bool(args.submission) == bool(args.predictions and args.protocol):
        raise UsageError("Say what to score: FILE with --protocol, or --submission DIR.")
    folder = DatasetFolder.find(args.data)
    if args.submission:
        scores = score_submission(args.submission, folder, args.results)
    else:
        scores = score_predictions(args.predictions, folder, args.protocol, args.split, not args.any_units)
    print(as_json(scores) if args.json else describe_scores(scores))
