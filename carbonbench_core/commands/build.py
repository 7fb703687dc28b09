"""`carbonbench build`: archives and tables to a dataset folder."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from ..errors import first_few
from ._shared import add_json, as_json, brief, command

if TYPE_CHECKING:
    from ..build import BuildReport


def add(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = command(
        commands, "build", _build, "build a dataset folder from archives and tables", "Finished towers are"
    )
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="files, or folders that are walked")
    parser.add_argument("--out", default="carbonbench", help="folder to write (default: ./%(default)s)")
    parser.add_argument("--towers", metavar="CSV", help="table of towers: coordinates and classes the archives lack")
    parser.add_argument("--mapping", metavar="NAME|FILE", help="what the columns of a tidy table are")
    parser.add_argument("--mask", metavar="CSV", help="set to null what this file of flags names (audit --flags)")
    parser.add_argument("--qc", type=float, default=1.0, help="smallest nee_qc of a scored day (default: %(default)s)")
    parser.add_argument("--edition", metavar="FILE", help="take the protocols of a published protocols.json")
    parser.add_argument(
        "--keep-duplicates",
        action="store_true",
        help="a record per network and tower, as in the benchmark's first version: test towers LEAK into training",
    )
    parser.add_argument("--covariates", nargs="+", default=[], metavar="PATH", help="files or folders of features")
    parser.add_argument(
        "--koppen", metavar="RASTER", help="GeoTIFF of Koppen-Geiger classes, counted before all others"
    )
    parser.add_argument("--workers", type=int, help="processes (default: all cores)")
    add_json(parser)


def _build(args: argparse.Namespace) -> int:
    from ..build import build

    report = build(
        args.sources,
        args.out,
        towers=args.towers,
        mapping=args.mapping,
        mask=args.mask,
        qc_threshold=args.qc,
        edition=args.edition,
        keep_duplicates=args.keep_duplicates,
        covariate_paths=args.covariates,
        koppen=args.koppen,
        workers=args.workers,
        progress=not args.json,
    )
    print(as_json(report.to_json()) if args.json else _describe(report))
    for source, reason in report.failed.items():
        print(f"carbonbench: not built: {source}: {reason}", file=sys.stderr)
    return 1 if report.failed else 0


def _describe(report: BuildReport) -> str:
    from ..protocols import rules

    counts = report.counts
    lines = [
        f"{report.out}: {report.towers} towers, {counts['rows_written']:,} site-days "
        f"({counts['rows_read']:,} read, {counts['inserted_days']:,} inserted)"
    ]
    if report.taken_up:
        lines.append(f"taken up from an interrupted build: {report.taken_up} towers")
    for name, count in counts.items():
        if count and name not in ("rows_read", "rows_written", "inserted_days"):
            lines.append(f"  {name}: {count:,}")
    lines.append(f"protocols: {', '.join(report.protocols) or 'none'}")
    single = {name: why for name, why in report.unsupported.items() if name in rules()}
    lines += [f"  not supported: {name}: {why}" for name, why in single.items()]
    if folds := len(report.unsupported) - len(single):
        lines.append(f"  and {folds} folds of families; protocols.json says why")
    lines += _towers(report)
    if report.superseded:
        lines.append(f"superseded by a newer record of the same product: {first_few(report.superseded)}")
    if report.unrecognised:
        lines.append(f"not recognised: {first_few(report.unrecognised)}")
    lines += [f"note: {note}" for note in report.notes[:10]]
    if len(report.notes) > 10:
        lines.append(f"and {len(report.notes) - 10} more notes in manifest.json")
    return "\n".join(lines)


def _towers(report: BuildReport) -> list[str]:
    """Return what a user should know of who is who, and of the edition."""
    lines = [
        "REPLICA: records of one tower under several ids; no score says anything of unseen towers"
    ] * report.replica
    lines += [f"one tower: {p['a']} and {p['b']}: {p['why']}" for p in report.same_towers]
    if report.near_misses:
        pairs = first_few(f"{p['a']} and {p['b']} ({p['why']})" for p in report.near_misses)
        lines.append(f"held to be two towers, though near: {pairs}")
    if report.edition:
        edition = report.edition
        lines.append(f"edition {edition.get('file') or edition['name']}, digest {edition['digest']}")
        lines += [brief(f"  differs: {each}", "manifest.json") for each in edition.get("differences", [])]
    return lines
