"""`carbonbench protocols`: what a dataset folder can test."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ._shared import add_data, add_json, as_json, command

if TYPE_CHECKING:
    from ..dataset_folder import DatasetFolder


def add(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = command(commands, "protocols", _protocols, "list the protocols of a dataset folder")
    parser.add_argument("--verify", action="store_true", help="draw them again and tell every difference")
    add_data(parser)
    add_json(parser)


def _protocols(args: argparse.Namespace) -> int:
    from ..dataset_folder import DatasetFolder

    folder = DatasetFolder.find(args.data)
    if args.verify:
        return _verify(folder)
    rows = {file: shard["rows"] for file, shard in folder.manifest["shards"].items()}
    listed = [
        {
            "name": p.name,
            "digest": p.digest,
            "splits": {s: {"towers": len(p.sites(s)), "days": sum(rows[f] for f in p.splits[s])} for s in p.splits},
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
    return 0


def _verify(folder: DatasetFolder) -> int:
    from ..protocols import verify

    differences = verify(folder.protocols, folder.sites)
    print("\n".join(differences) or f"{len(folder.protocols)} protocols: drawn again, the same lists")
    return 1 if differences else 0
