"""`carbonbench protocols`: what a dataset folder can test."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ..errors import UsageError
from ._shared import add_data, add_json, as_json, brief, command

if TYPE_CHECKING:
    from ..dataset_folder import DatasetFolder


def add(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = command(commands, "protocols", _protocols, "list the protocols of a dataset folder")
    parser.add_argument(
        "action", nargs="?", choices=("verify",), help="draw them again and tell every difference, of lists and of data"
    )
    parser.add_argument(
        "--edition", metavar="FILE", help="with verify: compare with a published protocols.json instead"
    )
    add_data(parser)
    add_json(parser)


def _protocols(args: argparse.Namespace) -> int:
    from ..dataset_folder import DatasetFolder
    from ..protocols import families

    folder = DatasetFolder.find(args.data)
    if args.action == "verify":
        return _verify(folder, args)
    if args.edition:
        raise UsageError("--edition is compared with by `carbonbench protocols verify --edition FILE`.")
    listed = [
        {
            "name": p.name,
            "family": p.family or None,
            "digest": p.digest,
            "splits": {s: {"towers": len(p.sites(s)), "days": folder.days(p, s)} for s in p.splits},
        }
        for p in folder.protocols.values()
    ]
    if args.json:
        print(as_json(listed))
        return 0
    print(f"{folder}{' (SYNTHETIC)' if folder.is_synthetic else ''}, data {folder.data_digest}")
    for p in listed:
        splits = ", ".join(f"{s} {n['towers']} towers {n['days']:,} days" for s, n in p["splits"].items())
        print(f"{p['name']}  {p['digest']}\n  {splits}")
    for family, folds in families(folder.protocols).items():
        print(f"family {family}: {', '.join(folds)}")
    for name, reason in folder.unsupported.items():
        print(brief(f"left out: {name}: {reason}", "protocols.json"))
    return 0


def _verify(folder: DatasetFolder, args: argparse.Namespace) -> int:
    from ..edition import Edition
    from ..integrity import require_unchanged
    from ..protocols import against_edition, verify

    require_unchanged(folder, folder.manifest["shards"])
    if args.edition:
        differences = against_edition(folder.protocols, Edition.read(args.edition).contents, folder.sites)
        same = f"the same lists as {args.edition}"
    else:
        differences, same = verify(folder.protocols, folder.sites), "drawn again, the same lists"
    if args.json:
        print(as_json({"protocols": len(folder.protocols), "differences": differences}))
    else:
        print("\n".join(brief(each, "--json") for each in differences) or f"{len(folder.protocols)} protocols: {same}")
    return 1 if differences else 0
