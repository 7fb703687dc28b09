"""`carbonbench push`: dataset, metric, models and leaderboard to the Hub."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ._shared import add_json, as_json, command

if TYPE_CHECKING:
    from ..hub._push import Push


def add(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = command(
        commands, "push", lambda args: None, "push a dataset folder, the metric, a model or the leaderboard to the Hub"
    )
    things = parser.add_subparsers(title="what", required=True, metavar="WHAT")
    dataset = _thing(things, "dataset", _dataset, "push a dataset folder")
    dataset.add_argument("folder", help="what `carbonbench build` wrote")
    dataset.add_argument("--synthetic", action="store_true", help="push made-up towers knowingly")
    model = _thing(things, "model", _model, "push a saved model with its card")
    model.add_argument("run", help="what `carbonbench run` left, or the folder of a saved model")
    _thing(things, "metric", _metric, "push the metric to a Space, for evaluate.load")
    board = _thing(things, "leaderboard", _leaderboard, "push the page of all result rows to a static Space")
    board.add_argument("results", nargs="?", default="results", help="folder of result rows (default: ./%(default)s)")
    board.add_argument("--submissions", metavar="URL", help="repository that takes submissions as pull requests")


def _thing(things: argparse._SubParsersAction, name: str, call: object, text: str) -> argparse.ArgumentParser:
    parser = command(things, name, call, text)
    parser.add_argument("--repo", required=True, metavar="ORG/NAME", help="repository, created if it is not there")
    parser.add_argument("--private", action="store_true", help="create it as a private one")
    parser.add_argument("--revision", default="main", metavar="BRANCH", help="default: %(default)s")
    parser.add_argument("--dry-run", action="store_true", help="only list what would go")
    add_json(parser)
    return parser


def _options(args: argparse.Namespace) -> dict[str, object]:
    return {"private": args.private, "revision": args.revision, "dry_run": args.dry_run}


def _dataset(args: argparse.Namespace) -> None:
    from ..hub.dataset import push_dataset

    _tell(push_dataset(args.folder, args.repo, synthetic=args.synthetic, **_options(args)), args)


def _model(args: argparse.Namespace) -> None:
    from ..hub.model import push_model

    _tell(push_model(args.run, args.repo, **_options(args)), args)


def _metric(args: argparse.Namespace) -> None:
    from ..hub.metric import push_metric

    _tell(push_metric(args.repo, **_options(args)), args)


def _leaderboard(args: argparse.Namespace) -> None:
    from ..hub.leaderboard import push_leaderboard

    _tell(push_leaderboard(args.results, args.repo, submissions=args.submissions, **_options(args)), args)


def _tell(done: Push, args: argparse.Namespace) -> None:
    from dataclasses import asdict

    print(as_json(asdict(done)) if args.json else done.describe())
