"""The command line: runs one of the commands of `commands/` and turns errors into one line and an exit code."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Sequence

from . import commands
from .errors import CarbonBenchError

DEBUG = "CARBONBENCH_DEBUG"
# What an operating system refuses is no fault of ours: a full disk, a quota, permissions.
OF_THE_MACHINE = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS}


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
        if getattr(error, "errno", None) in OF_THE_MACHINE:
            where = f"{error.filename}: " if error.filename else ""
            print(f"carbonbench: {where}{error.strerror}. Check the permissions and the disk.", file=sys.stderr)
            return 1
        if os.environ.get(DEBUG):
            raise
        print(
            f"carbonbench: unexpected {type(error).__name__}: {error}. This is a fault of CarbonBench; "
            f"please report it with the output of the same command under {DEBUG}=1.",
            file=sys.stderr,
        )
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="carbonbench", description="The benchmark of zero-shot spatial transfer for terrestrial carbon fluxes."
    )
    subparsers = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for module in commands.modules():
        module.add(subparsers)
    return parser
