"""The command line: runs one of the commands of `commands/` and turns errors into one line and an exit code."""

from __future__ import annotations

import os
import sys

# Whatever takes time to import waits for `main`, which answers an interrupt at any moment.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

DEBUG = "CARBONBENCH_DEBUG"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return 0 when done, 1 when it failed, 2 when it was asked for wrongly.

    Parameters
    ----------
    argv : sequence of str, optional, the arguments; those of the process if None
    """
    kept = None
    try:
        args = _parser().parse_args(argv)
        kept = args.kept
        return args.command(args) or 0
    except KeyboardInterrupt:
        said = f" {kept} kept; run the same command to go on." if kept else ""
        print(f"carbonbench: stopped.{said}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        from .errors import CarbonBenchError

        # A traceback tells where: of an error that was not meant to happen, and of one in a user's own model.
        if os.environ.get(DEBUG) and (error.__cause__ or not isinstance(error, CarbonBenchError)):
            raise
        print(f"carbonbench: {_told(error)}", file=sys.stderr)
        return getattr(error, "exit_code", 1)


def _told(error: Exception) -> str:
    from .errors import CarbonBenchError

    if isinstance(error, CarbonBenchError):
        return str(error)
    # What an operating system refuses is no fault of ours: a full disk, a quota, permissions, a path that cannot be.
    if isinstance(error, OSError) and error.errno:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}. Check the path, its permissions and the disk."
    return (
        f"unexpected {type(error).__name__}: {error}. This is a fault of CarbonBench; "
        f"please report it with the output of the same command under {DEBUG}=1."
    )


def _parser() -> argparse.ArgumentParser:
    import argparse

    from . import commands

    parser = argparse.ArgumentParser(
        prog="carbonbench", description="The benchmark of zero-shot spatial transfer for terrestrial carbon fluxes."
    )
    subparsers = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for module in commands.modules():
        module.add(subparsers)
    return parser
