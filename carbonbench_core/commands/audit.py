"""`carbonbench audit`: what test towers share with training towers."""

from __future__ import annotations

import argparse

from ..errors import UsageError
from ._shared import add_data, add_json, as_json, command


def add(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = command(commands, "audit", _audit, "report what test towers share with training towers")
    parser.add_argument("--leakage", metavar="PROTOCOL", help="a protocol or fold of the folder")
    parser.add_argument("--train", metavar="FILE", help="site ids, one a line or a JSON list, instead of a protocol")
    parser.add_argument("--test", metavar="FILE", help="site ids of the test towers")
    parser.add_argument("--picture", metavar="PNG", help="write distances and a map (needs matplotlib)")
    add_data(parser)
    add_json(parser)


def _audit(args: argparse.Namespace) -> None:
    from ..dataset_folder import DatasetFolder
    from ..leakage import read_site_list
    from ..leakage_folder import list_leakage, protocol_leakage
    from ..leakage_text import describe

    folder = DatasetFolder.find(args.data)
    if args.leakage and not (args.train or args.test):
        report = protocol_leakage(folder, folder.protocol(args.leakage))
    elif args.train and args.test and not args.leakage:
        report = list_leakage(folder, read_site_list(args.train), read_site_list(args.test))
    else:
        raise UsageError("Say what to audit: --leakage PROTOCOL, or --train FILE and --test FILE.")
    if args.picture:
        from ..leakage_picture import picture

        picture(report, args.picture)
    print(as_json(report) if args.json else describe(report))
