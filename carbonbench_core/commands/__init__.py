"""Commands of `carbonbench`, one file each, found by scan: every module here that is not private has `add(commands)`.

`add` declares the command and its options with argparse alone; what it calls is imported when the command runs, so that
`--help` answers at once. To add a command, add its file.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

# The order in which a user meets them; commands that are not named here follow by name.
USUAL_ORDER = ("demo", "build", "audit", "protocols", "run", "predict", "score", "leaderboard")


def modules() -> list[ModuleType]:
    """Return the module of every command, in the order of `--help`."""
    found = {m.name for m in iter_modules(__path__) if not m.name.startswith("_")}
    names = [*(n for n in USUAL_ORDER if n in found), *sorted(found.difference(USUAL_ORDER))]
    return [import_module(f"{__name__}.{name}") for name in names]
