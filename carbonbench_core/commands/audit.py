"""`carbonbench audit`: what is odd about the data, or what test towers share with training towers."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ..errors import UsageError
from ._shared import add_data, add_json, as_json, command

if TYPE_CHECKING:
    from ..dataset_folder import DatasetFolder


def add(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = command(
        commands, "audit", _audit, "report the quality of the data, or what test towers share with training towers"
    )
    parser.add_argument("folder", nargs="?", metavar="FOLDER", help="dataset folder, as --data")
    parser.add_argument("--flags", metavar="CSV", help="write what is flagged to a file that build --mask reads")
    parser.add_argument("--only", nargs="+", metavar="FLAG", help="these kinds of flags alone (default: all)")
    leakage = parser.add_argument_group("leakage")
    leakage.add_argument("--leakage", metavar="PROTOCOL", help="a protocol or fold of the folder")
    leakage.add_argument("--train", metavar="FILE", help="site ids, one a line or a JSON list, instead of a protocol")
    leakage.add_argument("--test", metavar="FILE", help="site ids of the test towers")
    leakage.add_argument("--picture", metavar="PNG", help="write distances and a map (needs matplotlib)")
    add_data(parser)
    add_json(parser)


def _audit(args: argparse.Namespace) -> None:
    from ..dataset_folder import DatasetFolder

    if args.folder and args.data:
        raise UsageError(f"Got two folders, {args.folder} and --data {args.data}. Name one.")
    of_leakage = args.leakage or args.train or args.test or args.picture
    if of_leakage and (args.flags or args.only):
        raise UsageError("--flags and --only belong to the quality report. Leave out --leakage, --train and --test.")
    folder = DatasetFolder.find(args.folder or args.data)
    print(_leakage(folder, args) if of_leakage else _quality(folder, args))


def _quality(folder: DatasetFolder, args: argparse.Namespace) -> str:
    from ..quality import masks
    from ..quality.report import audit, describe

    quality = audit(folder, args.only)
    if args.flags:
        rows = masks.write(quality.flags, args.flags)
    if args.json:
        return as_json(quality.to_json())
    written = f"\n{args.flags}: {rows} stretches; carbonbench build --mask sets them to null" if args.flags else ""
    return describe(quality) + written


def _leakage(folder: DatasetFolder, args: argparse.Namespace) -> str:
    from ..leakage import read_site_list
    from ..leakage_folder import list_leakage, protocol_leakage
    from ..leakage_text import describe

    if args.leakage and not (args.train or args.test):
        report = protocol_leakage(folder, folder.protocol(args.leakage))
    elif args.train and args.test and not args.leakage:
        report = list_leakage(folder, read_site_list(args.train), read_site_list(args.test))
    else:
        raise UsageError("Say what to audit: --leakage PROTOCOL, or --train FILE and --test FILE.")
    if args.picture:
        from ..leakage_picture import picture

        picture(report, args.picture)
    return as_json(report) if args.json else describe(report)
