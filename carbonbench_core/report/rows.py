"""Result rows: one model on one protocol, flat, with everything needed to trust or repeat it."""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ..schema import TARGETS
from .score import STRATA

LIBRARIES = (
    "numpy",
    "pandas",
    "pyarrow",
    "datasets",
    "evaluate",
    "scikit-learn",
    "lightgbm",
    "torch",
    "transformers",
)
# What makes two rows results of different things; a row of another identity never overwrites a file.
IDENTITY = ("protocol", "protocol_digest", "data_digest", "feature_set", "model", "settings")


def result_row(
    scores: dict[str, dict],
    *,
    protocol: str,
    protocol_digest: str,
    data_digest: str,
    feature_set: str,
    model: str,
    settings: dict[str, Any] | None = None,
    seed: int = 0,
    synthetic: bool = False,
    id_test: dict[str, dict] | None = None,
    fit_seconds: float | None = None,
    test_predict_seconds: float | None = None,
    id_test_predict_seconds: float | None = None,
) -> dict[str, Any]:
    """Return a flat row that JSON can hold; what is undefined is None.

    Parameters
    ----------
    scores, id_test : dict, from `report.score.score`, on unseen towers and on held-out years of training towers
    protocol, protocol_digest, data_digest, feature_set, model, seed : what was run on what
    settings : dict, of the model; kept as one JSON text
    synthetic : bool, whether the data are made up
    fit_seconds, test_predict_seconds, id_test_predict_seconds : float, wall-clock [s]

    Returns
    -------
    dict, the above, n_sites and n_days (of the target with most), created (UTC), code and library versions, machine,
        and every score as ``gpp.r2.q50``, by class as ``gpp.r2.q50.igbp=ENF``, those of `id_test` with ``id_test.``
    """
    row = {
        "protocol": protocol,
        "protocol_digest": protocol_digest,
        "data_digest": data_digest,
        "feature_set": feature_set,
        "model": model,
        "settings": json.dumps(settings or {}, sort_keys=True, default=str),
        "seed": seed,
        "synthetic": bool(synthetic),
        "n_sites": len({site for r in scores.values() for site, values in r["sites"].items() if values["n"]}),
        "n_days": max(result["n_days"] for result in scores.values()),
        "fit_seconds": fit_seconds,
        "test_predict_seconds": test_predict_seconds,
        "id_test_predict_seconds": id_test_predict_seconds,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "code_version": code_version(),
        **machine(),
        **{f"lib.{name}": _version(name) for name in LIBRARIES},
        **_flat(scores, ""),
        **(_flat(id_test, "id_test.") if id_test else {}),
    }
    return {key: _plain(value) for key, value in row.items()}


def write_row(row: dict[str, Any], results: str | Path = "results") -> Path:
    """Write a row as ``results/PROTOCOL/MODEL-HASH-seedK.json``, whole or not at all.

    The hash is that of data, protocol, feature set and settings: the same run again replaces its row, no other does.

    Returns
    -------
    Path, the file
    """
    identity = json.dumps([row[name] for name in IDENTITY])
    tag = hashlib.sha256(identity.encode()).hexdigest()[:8]
    folder = Path(results) / _file_name(row["protocol"])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{_file_name(row['model'])}-{tag}-seed{row['seed']}.json"
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_text(json.dumps(row, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def code_version() -> str:
    """Return the version of the package, with the commit where it runs from a checkout."""
    root = Path(__file__).resolve().parents[2]
    commit = ""
    if (root / ".git").exists():
        command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
            commit = f"+g{done.stdout.strip()}"
        except (OSError, subprocess.SubprocessError):
            commit = "+unknown"
    return f"{_version('carbonbench') or 'unknown'}{commit}"


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


def _flat(scores: dict[str, dict], prefix: str) -> dict[str, Any]:
    out = {}
    for target in (t for t in TARGETS if t in scores):
        out |= _summary(scores[target], f"{prefix}{target}.", "")
        for stratum in (s for s in STRATA if s in scores[target]):
            for name, result in scores[target][stratum].items():
                out |= _summary(result, f"{prefix}{target}.", f".{stratum}={name}")
    return out


def _summary(result: dict, prefix: str, suffix: str) -> dict[str, Any]:
    out = {}
    for name, value in result.items():
        if name in (*STRATA, "sites"):
            continue
        parts = {f"{name}.{key}": v for key, v in value.items()} if isinstance(value, dict) else {name: value}
        out |= {f"{prefix}{key}{suffix}": v for key, v in parts.items()}
    return out


def _plain(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _file_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).lstrip(".") or "_"
