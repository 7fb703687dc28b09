"""What a result row says of the code and the machine that made it."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import subprocess
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PACKAGES = ("carbonbench_core", "carbonbench_baselines")
LIBRARIES = (
    "numpy",
    "pandas",
    "pyarrow",
    "datasets",
    "evaluate",
    "scikit-learn",
    "lightgbm",
    "xgboost",
    "skops",
    "pyrealm",
    "torch",
    "transformers",
)


def provenance() -> dict[str, Any]:
    """Return versions of code and libraries, and the machine, as they stand in a row."""
    libraries = {f"lib.{name}": _version(name) for name in LIBRARIES}
    return {"code_version": code_version(), **machine(), **libraries}


def code_version() -> str:
    """Return the version of the package, with the commit where it runs from a checkout, "-dirty" if code was changed.

    Result rows, which measuring itself adds and replaces, are no code.
    """
    root = Path(__file__).resolve().parents[2]
    commit = ""
    if (root / ".git").exists():
        try:
            name = _git(root, "describe", "--always", "--abbrev=12", "--exclude=*")
            changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", ".", ":(exclude)results")
            commit = f"+g{name}{'-dirty' if changed else ''}"
        except (OSError, subprocess.SubprocessError):
            commit = "+unknown"
    return f"{_version('carbonbench') or 'unknown'}{commit}"


def source_digest() -> str:
    """Return a digest of the code itself: what is kept for resuming fits this code, whatever was committed since."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        (place,) = find_spec(package).submodule_search_locations
        for path in sorted(Path(place).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()


def machine() -> dict[str, Any]:
    """Return the processor, the cores this process may use, the system and the Python version."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"cpu": _cpu(), "cores": cores, "platform": platform.platform(), "python": platform.python_version()}


def _cpu() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
