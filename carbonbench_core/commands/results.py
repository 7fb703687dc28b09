"""`carbonbench results`: the runs of a plan that have no result row yet."""

from __future__ import annotations

import argparse
from pathlib import Path

from ._shared import add_data, add_json, as_json, command


def add(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = command(
        commands, "results", _results, "carry out the runs of a plan that have no result row yet", "Result rows are"
    )
    parser.add_argument("plan", nargs="?", default="results/plan.toml", help="TOML file (default: %(default)s)")
    parser.add_argument("--out", default="runs", metavar="DIR", help="models and predictions (default: ./%(default)s)")
    parser.add_argument("--results", default="results", metavar="DIR", help="result rows (default: ./%(default)s)")
    parser.add_argument("--jobs", type=int, default=1, help="runs at once (default: %(default)s)")
    add_data(parser)
    add_json(parser)


def _results(args: argparse.Namespace) -> int:
    from ..campaign import carry_out, read_plan
    from ..dataset_folder import DatasetFolder
    from ..errors import UsageError

    if args.jobs < 1:
        raise UsageError(f"Got {args.jobs} jobs, expected at least 1.")
    folder, plan = DatasetFolder.find(args.data), read_plan(args.plan)
    tell = (lambda line: None) if args.json else (lambda line: print(line, flush=True))
    missing = carry_out(plan, folder, Path(args.out), Path(args.results), args.jobs, tell)
    if args.json:
        print(as_json(missing))
    elif missing:
        print("\n".join(["no result row:", *(f"  {run}: {reason}" for run, reason in missing.items())]))
    return 1 if missing else 0
