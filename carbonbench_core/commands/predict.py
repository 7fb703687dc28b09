"""`carbonbench predict`: a saved model on a table of features."""

from __future__ import annotations

import argparse

from ._shared import command


def add(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = command(commands, "predict", _predict, "apply a saved model to a table of features")
    parser.add_argument("table", help="Parquet or CSV with site_id, date and the model's features; no targets needed")
    parser.add_argument("--model", required=True, metavar="NAME", help="a saved model: a folder or ORG/NAME")
    parser.add_argument("--out", default="predictions.parquet", help=".parquet or .csv to write (default: %(default)s)")


def _predict(args: argparse.Namespace) -> None:
    from ..predict import predict

    n = predict(args.model, args.table, args.out)
    print(f"{args.out}: {n:,} site-days of gpp, reco and nee [gC m-2 d-1]")
