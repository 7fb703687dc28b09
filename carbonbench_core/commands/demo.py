"""`carbonbench demo`: the main job on a SYNTHETIC world."""

from __future__ import annotations

import argparse
from pathlib import Path

from ._shared import command


def add(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = command(commands, "demo", _demo, "build a SYNTHETIC world, train baselines on it and score them")
    parser.add_argument("--out", default="carbonbench-demo", metavar="DIR", help="where to work (default: %(default)s)")
    parser.add_argument("--towers", type=int, default=60, help="number of towers, at most 999 (default: %(default)s)")
    parser.add_argument("--years", type=int, default=5, help="years of record, at most 25 (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the world and of training (default: %(default)s)")
    parser.add_argument("--protocol", default="veg_holdout", help="protocol to run (default: %(default)s)")
    parser.add_argument("--workers", type=int, help="processes (default: all cores)")


def _demo(args: argparse.Namespace) -> None:
    from ..demo import demo

    demo(Path(args.out), args.towers, args.years, args.seed, args.protocol, args.workers)
