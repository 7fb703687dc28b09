"""`carbonbench fetch`: satellite and reanalysis features of towers, by the Earth Engine client."""

from __future__ import annotations

import argparse
import sys

from ._shared import add_json, as_json, command


def add(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = command(
        commands, "fetch", _fetch, "fetch MODIS or ERA5-Land at towers through Earth Engine", "Towers fetched are"
    )
    parser.add_argument("source", help="modis or era5_land")
    parser.add_argument("--towers", required=True, metavar="CSV", help="table of towers with coordinates")
    parser.add_argument("--out", default="covariates", metavar="DIR", help="a file per tower (default: ./%(default)s)")
    parser.add_argument("--sites", nargs="+", metavar="ID", help="these towers only")
    parser.add_argument("--from", dest="first", default="2000-02-24", metavar="DAY", help="default: %(default)s")
    parser.add_argument("--to", dest="last", default="2024-12-31", metavar="DAY", help="default: %(default)s")
    parser.add_argument("--project", help="Cloud project that Earth Engine counts the requests to")
    add_json(parser)


def _fetch(args: argparse.Namespace) -> int:
    from ..fetch import fetch

    fetched = fetch(args.source, args.towers, args.out, args.first, args.last, args.sites, args.project)
    if args.json:
        print(as_json(fetched.__dict__))
    else:
        print(f"{args.out}/{args.source}: {len(fetched.done)} towers fetched, {len(fetched.kept)} were there")
    for site, why in fetched.failed.items():
        print(f"carbonbench: not fetched: {site}: {why}", file=sys.stderr)
    return 1 if fetched.failed else 0
