"""The command line: thin calls to the library, imported only when their command runs."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import CarbonBenchError, UsageError, first_few

if TYPE_CHECKING:
    from .build import BuildReport
    from .dataset_folder import DatasetFolder

DEBUG = "CARBONBENCH_DEBUG"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return 0 when done, 1 when it failed, 2 when it was asked for wrongly.

    Parameters
    ----------
    argv : sequence of str, optional, the arguments; those of the process if None
    """
    args = _parser().parse_args(argv)
    try:
        return args.command(args) or 0
    except CarbonBenchError as error:
        print(f"carbonbench: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("carbonbench: stopped. What was finished is kept; run the same command to go on.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        print(
            f"carbonbench: unexpected {type(error).__name__}: {error}. This is a fault of CarbonBench; "
            f"please report it with the output of the same command under {DEBUG}=1.",
            file=sys.stderr,
        )
        return 1


def _json(value: object) -> str:
    """Return JSON text; what is undefined (NaN) is null, since JSON has no NaN."""

    def plain(item: object) -> object:
        if isinstance(item, dict):
            return {key: plain(each) for key, each in item.items()}
        if isinstance(item, list | tuple):
            return [plain(each) for each in item]
        return None if isinstance(item, float) and item != item else item

    return json.dumps(plain(value), indent=1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="carbonbench", description="The benchmark of zero-shot spatial transfer for terrestrial carbon fluxes."
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for add in (
        _add_demo,
        _add_build,
        _add_audit,
        _add_protocols,
        _add_run,
        _add_predict,
        _add_score,
        _add_leaderboard,
    ):
        add(commands)
    return parser


def _command(
    commands: argparse._SubParsersAction, name: str, call: Callable[[argparse.Namespace], int | None], text: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.set_defaults(command=call)
    return parser


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", metavar="FOLDER", help="dataset folder (default: $CARBONBENCH_DATA, ./carbonbench, $CARBONBENCH_REPO)"
    )


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON for a program")


def _add_demo(commands: argparse._SubParsersAction) -> None:
    parser = _command(commands, "demo", _demo, "build a SYNTHETIC world, train baselines on it and score them")
    parser.add_argument("--out", default="carbonbench-demo", metavar="DIR", help="where to work (default: %(default)s)")
    parser.add_argument("--towers", type=int, default=60, help="number of towers, at most 999 (default: %(default)s)")
    parser.add_argument("--years", type=int, default=5, help="years of record, at most 25 (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the world and of training (default: %(default)s)")
    parser.add_argument("--protocol", default="veg_holdout", help="protocol to run (default: %(default)s)")
    parser.add_argument("--workers", type=int, help="processes (default: all cores)")


def _demo(args: argparse.Namespace) -> None:
    from .demo import demo

    demo(Path(args.out), args.towers, args.years, args.seed, args.protocol, args.workers)


def _add_build(commands: argparse._SubParsersAction) -> None:
    parser = _command(commands, "build", _build, "build a dataset folder from archives and tables")
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="files, or folders that are walked")
    parser.add_argument("--out", default="carbonbench", help="folder to write (default: ./%(default)s)")
    parser.add_argument("--towers", metavar="CSV", help="table of towers: coordinates and classes the archives lack")
    parser.add_argument("--mapping", metavar="NAME|FILE", help="what the columns of a tidy table are")
    parser.add_argument("--qc", type=float, default=1.0, help="smallest nee_qc of a scored day (default: %(default)s)")
    parser.add_argument("--workers", type=int, help="processes (default: all cores)")
    _add_json(parser)


def _build(args: argparse.Namespace) -> int:
    from .build import build

    report = build(
        args.sources,
        args.out,
        towers=args.towers,
        mapping=args.mapping,
        qc_threshold=args.qc,
        workers=args.workers,
        progress=not args.json,
    )
    print(_json(report.to_json()) if args.json else _describe(report))
    for source, reason in report.failed.items():
        print(f"carbonbench: not built: {source}: {reason}", file=sys.stderr)
    return 1 if report.failed else 0


def _describe(report: BuildReport) -> str:
    from .protocols import rules

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
    if report.superseded:
        lines.append(f"superseded by another record of the same tower: {first_few(report.superseded)}")
    if report.unrecognised:
        lines.append(f"not recognised: {first_few(report.unrecognised)}")
    lines += [f"note: {note}" for note in report.notes[:10]]
    if len(report.notes) > 10:
        lines.append(f"and {len(report.notes) - 10} more notes in manifest.json")
    return "\n".join(lines)


def _add_audit(commands: argparse._SubParsersAction) -> None:
    parser = _command(commands, "audit", _audit, "report what test towers share with training towers")
    parser.add_argument("--leakage", metavar="PROTOCOL", help="a protocol or fold of the folder")
    parser.add_argument("--train", metavar="FILE", help="site ids, one a line or a JSON list, instead of a protocol")
    parser.add_argument("--test", metavar="FILE", help="site ids of the test towers")
    parser.add_argument("--picture", metavar="PNG", help="write distances and a map (needs matplotlib)")
    _add_data(parser)
    _add_json(parser)


def _audit(args: argparse.Namespace) -> None:
    from .audit import list_leakage, protocol_leakage
    from .dataset_folder import DatasetFolder
    from .leakage import describe, read_site_list

    folder = DatasetFolder.find(args.data)
    if args.leakage and not (args.train or args.test):
        report = protocol_leakage(folder, args.leakage)
    elif args.train and args.test and not args.leakage:
        report = list_leakage(folder, read_site_list(args.train), read_site_list(args.test))
    else:
        raise UsageError("Say what to audit: --leakage PROTOCOL, or --train FILE and --test FILE.")
    if args.picture:
        from .leakage_picture import picture

        picture(report, args.picture)
    print(_json(report) if args.json else describe(report))


def _add_protocols(commands: argparse._SubParsersAction) -> None:
    parser = _command(commands, "protocols", _protocols, "list the protocols of a dataset folder")
    parser.add_argument("--verify", action="store_true", help="draw them again and tell every difference")
    _add_data(parser)
    _add_json(parser)


def _protocols(args: argparse.Namespace) -> int:
    from .dataset_folder import DatasetFolder

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
        print(_json(listed))
        return 0
    print(f"{folder}{' (SYNTHETIC)' if folder.is_synthetic else ''}, data {folder.data_digest}")
    for p in listed:
        splits = ", ".join(f"{s} {n['towers']} towers {n['days']:,} days" for s, n in p["splits"].items())
        print(f"{p['name']}  {p['digest']}\n  {splits}")
    return 0


def _verify(folder: DatasetFolder) -> int:
    from .protocols import verify

    differences = verify(folder.protocols, folder.sites)
    print("\n".join(differences) or f"{len(folder.protocols)} protocols: drawn again, the same lists")
    return 1 if differences else 0


def _add_run(commands: argparse._SubParsersAction) -> None:
    parser = _command(commands, "run", _run, "train a baseline on a protocol, predict its test towers, score them")
    parser.add_argument("protocol")
    parser.add_argument("--model", required=True, metavar="NAME", help="a baseline, or FILE.py:CLASS of your own")
    parser.add_argument("--feature-set", metavar="SET", help="default: minimal where the folder has it, else tower")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="settings of the baseline")
    parser.add_argument("--out", default="runs", metavar="DIR", help="models and predictions (default: ./%(default)s)")
    parser.add_argument("--results", default="results", metavar="DIR", help="result rows (default: ./%(default)s)")
    _add_data(parser)
    _add_json(parser)


def _run(args: argparse.Namespace) -> None:
    from .dataset_folder import DatasetFolder
    from .models import parse_settings
    from .run import run

    folder = DatasetFolder.find(args.data)
    settings = parse_settings(args.set)
    result = run(args.protocol, args.model, folder, args.feature_set, args.seed, settings, args.out, args.results)
    print(_json(result.row) if args.json else result.describe())


def _add_predict(commands: argparse._SubParsersAction) -> None:
    parser = _command(commands, "predict", _predict, "apply a saved model to a table of features")
    parser.add_argument("table", help="Parquet or CSV with site_id, date and the model's features; no targets needed")
    parser.add_argument("--model", required=True, metavar="DIR", help="folder of a saved model")
    parser.add_argument("--out", default="predictions.parquet", help="file to write (default: %(default)s)")


def _predict(args: argparse.Namespace) -> None:
    from .predict import predict

    n = predict(args.model, args.table, args.out)
    print(f"{args.out}: {n:,} site-days of gpp, reco and nee [gC m-2 d-1]")


def _add_score(commands: argparse._SubParsersAction) -> None:
    parser = _command(commands, "score", _score, "validate predictions against the evaluation index and score them")
    parser.add_argument("predictions", metavar="FILE", nargs="?", help="Parquet or CSV: site_id, date, gpp, reco, nee")
    parser.add_argument("--protocol", help="needed with FILE")
    parser.add_argument("--submission", metavar="DIR", help="score a submission folder and write its result row")
    parser.add_argument(
        "--results", default="results", metavar="DIR", help="where that row goes (default: ./%(default)s)"
    )
    parser.add_argument("--split", default="test", choices=("test", "id_test"))
    parser.add_argument("--any-units", action="store_true", help="do not refuse what seems to be in another unit")
    _add_data(parser)
    _add_json(parser)


def _score(args: argparse.Namespace) -> None:
    from .dataset_folder import DatasetFolder
    from .run import describe_scores, score_predictions, score_submission

    if bool(args.submission) == bool(args.predictions and args.protocol):
        raise UsageError("Say what to score: FILE with --protocol, or --submission DIR.")
    folder = DatasetFolder.find(args.data)
    if args.submission:
        scores = score_submission(args.submission, folder, args.results)
    else:
        scores = score_predictions(args.predictions, folder, args.protocol, args.split, not args.any_units)
    print(_json(scores) if args.json else describe_scores(scores))


def _add_leaderboard(commands: argparse._SubParsersAction) -> None:
    parser = _command(commands, "leaderboard", _leaderboard, "print the tables of a folder of result rows")
    parser.add_argument("results", nargs="?", default="results", help="folder of result rows (default: ./%(default)s)")
    _add_json(parser)


def _leaderboard(args: argparse.Namespace) -> None:
    from .report.leaderboard import leaderboard

    board = leaderboard(args.results)
    print(_json(board.rows) if args.json else board)
