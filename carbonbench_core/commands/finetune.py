"""`carbonbench finetune`: continue the training of a saved model on labelled days."""

from __future__ import annotations

import argparse

from ._shared import add_data, command


def add(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    text = "continue the training of a saved or Hub model on labelled days, such as the first ones of a new tower"
    parser = command(commands, "finetune", _finetune, text)
    parser.add_argument("model", help="a saved model: a folder, or ORG/NAME on the Hub")
    days = parser.add_mutually_exclusive_group(required=True)
    days.add_argument("--days", metavar="TABLE", help="Parquet or CSV with the inputs, gpp, reco, nee and nee_qc")
    days.add_argument("--support", metavar="PROTOCOL", help="a few-shot protocol, whose `support` is taken")
    parser.add_argument("--validation", metavar="TABLE", help="like --days; training stops where it is best on them")
    settings = {"nargs": "*", "action": "extend", "default": [], "metavar": "KEY=VALUE"}
    parser.add_argument("--set", **settings, help="settings of the fine-tuning, e.g. learning_rate=1e-4 max_epochs=5")
    parser.add_argument(
        "--base-model", metavar="ORG/NAME", help="what a local model is called on the Hub, for the card"
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the fine-tuned model")
    add_data(parser)


def _finetune(args: argparse.Namespace) -> None:
    from ..finetune import finetune, support
    from ..hub._client import check_repo
    from ..models import parse_settings

    days, origin = args.days, {}
    if args.base_model:
        origin["model"] = check_repo(args.base_model)
    if args.support:
        from ..dataset_folder import DatasetFolder

        folder = DatasetFolder.find(args.data)
        days = support(folder, args.support)
        origin |= {"protocol": args.support, "protocol_digest": folder.protocol(args.support).digest}
        origin |= {"data_digest": folder.data_digest, "synthetic": folder.is_synthetic}
    what = {"validation": args.validation, "origin": origin, "settings": parse_settings(args.set)}
    tuned = finetune(args.model, days, args.out, **what)
    towers = tuned.towers["finetune"]
    print(f"{tuned.name} fine-tuned on {len(towers)} towers: {args.out}")
