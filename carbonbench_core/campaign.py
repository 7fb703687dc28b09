"""A plan of runs carried out: what has its result row is skipped, what was stopped goes on, what fails is told.

A plan is a TOML file: ``feature_set`` for all runs, and tables ``[[runs]]`` with ``protocols`` and ``models`` ("*" for
every baseline), and optionally ``preset``, ``seeds`` and ``settings``, of which every model takes those that it knows.
Every combination is one run, in the order of the plan.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from .asked import protocol_digest
from .errors import CarbonBenchError, UsageError, unknown
from .files import file_name, make_folder, write_text
from .report.rows import NOT_RUN, row_path, settings_text

if TYPE_CHECKING:
    from .dataset_folder import DatasetFolder

DEFAULT = "default"  # the preset of a model's own defaults
KEYS = ("protocols", "models", "preset", "seeds", "settings")


@dataclass(frozen=True)
class Planned:
    """One run of a plan; `chosen` are the settings that the plan asks for.

    Parameters
    ----------
    protocol, model, preset, feature_set : str
    seed : int
    chosen : tuple of (str, str), each setting as JSON text
    """

    protocol: str
    model: str
    preset: str
    feature_set: str
    seed: int
    chosen: tuple[tuple[str, str], ...] = ()

    @property
    def label(self) -> str:
        """The model with its preset and what the plan chose, as the leaderboard names it while it has no row."""
        marks = [self.preset] * (self.preset != DEFAULT) + self._given()
        return self.model + (f" ({', '.join(marks)})" if marks else "")

    def __str__(self) -> str:
        return f"{self.protocol} {self.label} seed {self.seed}"

    def _settings(self) -> dict[str, Any]:
        return {key: json.loads(value) for key, value in self.chosen}

    def _given(self) -> list[str]:
        return [f"{key}={value}" for key, value in self.chosen]

    def arguments(self, folder: DatasetFolder, out: Path, results: Path) -> list[str]:
        """Return the arguments of `carbonbench` that carry it out."""
        given = self._given()
        return [
            *("run", self.protocol, "--model", self.model, "--feature-set", self.feature_set),
            *("--seed", str(self.seed), "--data", str(folder), "--out", str(out), "--results", str(results)),
            *(() if self.preset == DEFAULT else ("--preset", self.preset)),
            *(("--set", *given) if given else ()),
        ]

    def row(self, folder: DatasetFolder, results: Path) -> Path:
        """Return the file of its result row, whether it is there or not."""
        from carbonbench_baselines import load_baseline

        identity = {
            "protocol": self.protocol,
            "protocol_digest": protocol_digest(folder, self.protocol),
            "data_digest": folder.data_digest,
            "feature_set": self.feature_set,
            "model": self.model,
            "preset": self.preset,
            "settings": settings_text(load_baseline(self.model, self.preset, **self._settings()).settings),
        }
        return row_path(identity, self.seed, results)


def read_plan(path: str | Path) -> list[Planned]:
    """Return the runs of a plan, each once.

    Raises
    ------
    UsageError : no such file, no TOML, or a key, model or preset that there is not
    """
    path = Path(path)
    try:
        plan = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path} is no readable plan: {error}.") from None
    if not isinstance(plan.get("feature_set"), str) or not isinstance(plan.get("runs"), list):
        raise UsageError(f"{path} needs feature_set = NAME and tables [[runs]].")
    return list(dict.fromkeys(run for table in plan["runs"] for run in _combinations(table, plan["feature_set"], path)))


def _combinations(table: dict[str, Any], feature_set: str, path: Path) -> Iterator[Planned]:
    from carbonbench_baselines import list_baselines

    _check(table, path)
    models = [name for m in table["models"] for name in (list_baselines() if m == "*" else [m])]
    known = {name: _settings_of(name) for name in models}
    asked = table.get("settings", {})
    everything = {key for of_model in known.values() for key in of_model or asked}
    for key in asked:
        if key not in everything:
            raise unknown(f"setting of {', '.join(known)} in {path}", key, everything)
    for protocol, model, seed in product(table["protocols"], models, table.get("seeds", [0])):
        chosen = tuple((key, json.dumps(value)) for key, value in asked.items() if key in (known[model] or ()))
        yield Planned(protocol, model, table.get("preset", DEFAULT), feature_set, seed, chosen)


def _check(table: Any, path: Path) -> None:
    """Refuse a table [[runs]] that is none."""
    if not isinstance(table, dict):
        raise UsageError(f"{path}: runs are tables [[runs]], got {table!r}.")
    for key in table:
        if key not in KEYS:
            raise unknown(f"key of [[runs]] in {path}", key, KEYS)
    if not table.get("protocols") or not table.get("models"):
        raise UsageError(f"{path}: every table [[runs]] needs protocols and models.")
    kinds = {"protocols": str, "models": str, "seeds": int}
    for key in kinds.keys() & table.keys():
        if not isinstance(table[key], list) or not all(isinstance(each, kinds[key]) for each in table[key]):
            raise UsageError(f"{path}: {key} of [[runs]] is a list of {kinds[key].__name__}, got {table[key]!r}.")
    if not isinstance(table.get("settings", {}), dict) or not isinstance(table.get("preset", ""), str):
        raise UsageError(f"{path}: settings of [[runs]] is a table and preset a name.")


def _settings_of(model: str) -> set[str] | None:
    """Return the names of a baseline's settings; None where a library it needs is not installed, as the run will say.

    Raises
    ------
    UsageError : no such baseline
    """
    from carbonbench_baselines import baseline_class

    try:
        return {"features", *baseline_class(model).defaults}
    except UsageError:
        raise
    except CarbonBenchError:
        return None


def carry_out(
    plan: list[Planned],
    folder: DatasetFolder,
    out: Path,
    results: Path,
    jobs: int = 1,
    tell: Callable[[str], None] = print,
) -> dict[str, str]:
    """Carry out the runs of a plan that have no result row yet, each in a process of its own.

    What is still without a row stands in ``results/not_run.json``, rewritten after every run: the leaderboard shows it.

    Parameters
    ----------
    plan : list of Planned
    folder : DatasetFolder
    out, results : Path, as for `run.run`; what each run prints goes to ``out/logs``
    jobs : int, runs at once
    tell : callable, takes a line of progress

    Returns
    -------
    dict, run -> why it has no row; empty when all is done
    """
    make_folder(out / "logs")
    missing, lock = {run: "planned" for run in plan if not _is_done(run, folder, results)}, Lock()
    tell(f"{len(plan)} runs, {len(plan) - len(missing)} of them done")
    _write_missing(missing, folder, results)

    def one(run: Planned) -> None:
        reason = _run(run, folder, out, results)
        with lock:
            if reason:
                missing[run] = reason
            else:
                del missing[run]
            _write_missing(missing, folder, results)
            tell(f"{run}: {reason or 'done'} ({sum(why == 'planned' for why in missing.values())} to go)")

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(one, list(missing)))
    return {str(run): reason for run, reason in missing.items()}


def _is_done(run: Planned, folder: DatasetFolder, results: Path) -> bool:
    try:
        return run.row(folder, results).is_file()
    except CarbonBenchError:  # the run itself will say what it lacks
        return False


def _run(run: Planned, folder: DatasetFolder, out: Path, results: Path) -> str:
    """Carry out one run and return why it failed, "" where it did not."""
    code = "import sys; from carbonbench_core.cli import main; sys.exit(main(sys.argv[1:]))"
    log = out / "logs" / f"{file_name(str(run))}.txt"
    with log.open("w", encoding="utf-8") as file:
        command = [sys.executable, "-c", code, *run.arguments(folder, out, results)]
        done = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, check=False)
    if done.returncode == 0:
        return ""
    lines = log.read_text("utf-8", errors="replace").strip().splitlines()
    said = [line.removeprefix("carbonbench: ") for line in lines if line.startswith("carbonbench: ")]
    return said[-1] if said else f"ended with exit code {done.returncode}; {log} has its output"


def _write_missing(missing: dict[Planned, str], folder: DatasetFolder, results: Path) -> None:
    make_folder(results)
    entries = [
        {
            "protocol": run.protocol,
            "feature_set": run.feature_set,
            "data_digest": folder.data_digest,
            "model": run.model,
            "label": run.label,
            "preset": run.preset,
            "seed": run.seed,
            "reason": reason,
        }
        for run, reason in missing.items()
    ]
    write_text(results / NOT_RUN, json.dumps(entries, indent=1) + "\n")
