"""`carbonbench run`: train, predict, score."""

from __future__ import annotations

import argparse
import sys
from contextlib import nullcontext, redirect_stdout

from ._shared import add_data, add_json, as_json, command


def add(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    kept = "Finished folds of a family and finished epochs of a network are"
    parser = command(commands, "run", _run, "train a baseline on a protocol, predict its test towers, score them", kept)
    parser.add_argument("protocol")
    parser.add_argument(
        "--model",
        required=True,
        metavar="NAME",
        help="a baseline, FILE.py:CLASS, or a saved model: a folder or ORG/NAME",
    )
    parser.add_argument("--feature-set", metavar="SET", help="default: minimal where the folder has it, else tower")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--preset", metavar="NAME", help="named settings of the baseline, e.g. published")
    settings = {"nargs": "*", "action": "extend", "default": [], "metavar": "KEY=VALUE"}
    parser.add_argument("--set", **settings, help="settings, on top of the preset")
    parser.add_argument("--out", default="runs", metavar="DIR", help="models and predictions (default: ./%(default)s)")
    parser.add_argument("--results", default="results", metavar="DIR", help="result rows (default: ./%(default)s)")
    add_data(parser)
    add_json(parser)


def _run(args: argparse.Namespace) -> None:
    from ..dataset_folder import DatasetFolder
    from ..models import parse_settings
    from ..run import run

    folder = DatasetFolder.find(args.data)
    settings = parse_settings(args.set)
    what = (args.protocol, args.model, folder, args.feature_set, args.seed, settings)
    # Whatever a model says while it learns: with --json, stdout is the row alone.
    with redirect_stdout(sys.stderr) if args.json else nullcontext():
        result = run(*what, args.out, args.results, args.preset)
    print(as_json(result.row) if args.json else result.describe())
