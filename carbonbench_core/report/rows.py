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
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..schema import TARGETS
from .intervals import clusters_of, intervals
from .score import PHYSICS, STRATA, site_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

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
# What a row is: scored here from a model that was trained here or from predictions somebody sent, or figures of others
# that are shown beside and never ranked, as published or of a gridded product.
KINDS = ("measured", "submitted", "published", "product")
NOT_RUN = "not_run.json"  # what a plan asks for and no row is there yet, with the reason
SITES = ".sites.parquet"  # beside a row, its scores per tower
# By class these stand in full; of the others only the median, and of the time scales none: the table of towers has all.
_FULL_BY_CLASS = ("r2", "rmse", "mae", "nmae", "rae", "bias")
_MEDIAN_BY_CLASS = ("nnse", "mae_sd", "kge", "kge_sd", "skill")
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
    kind: str = "measured",
    clusters: Mapping[str, Any] | None = None,
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a flat row that JSON can hold; what is undefined is None.

    Parameters
    ----------
    scores, id_test : dict, from `report.score.score`, on unseen towers and on held-out years of training towers
    protocol, protocol_digest, data_digest, feature_set, model, seed : what was run on what
    settings : dict, of the model; kept as one JSON text
    synthetic : bool, whether the data are made up
    fit_seconds, test_predict_seconds, id_test_predict_seconds : float, wall-clock [s]
    kind : str, one of `KINDS`
    clusters : mapping, site id -> the towers it stands with (within 10 km), for the intervals; None: each by itself
    more : mapping, optional, further plain values, such as who submitted it or the noise ceiling

    Returns
    -------
    dict, the above, n_sites and n_days (of the target with most), created (UTC), code and library versions, machine,
        and every score as ``gpp.r2.q50``, its interval as ``gpp.r2.q50.low`` and ``.high``, by class as
        ``gpp.r2.q50.igbp=ENF``, those of `id_test` with ``id_test.``

    Raises
    ------
    UsageError : another kind, or `more` would overwrite a key
    """
    if kind not in KINDS:
        raise UsageError(f"Got kind {kind!r} of a result row, expected one of {', '.join(KINDS)}.")
    of_targets = [scores[target] for target in TARGETS if target in scores]
    row = {
        "protocol": protocol,
        "protocol_digest": protocol_digest,
        "data_digest": data_digest,
        "feature_set": feature_set,
        "model": model,
        "settings": settings_text(settings),
        "seed": seed,
        "kind": kind,
        "synthetic": bool(synthetic),
        "n_sites": len({site for r in of_targets for site, values in r["sites"].items() if values["n"]}),
        "n_days": max(result["n_days"] for result in of_targets),
        "fit_seconds": fit_seconds,
        "test_predict_seconds": test_predict_seconds,
        "id_test_predict_seconds": id_test_predict_seconds,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "code_version": code_version(),
        **machine(),
        **{f"lib.{name}": _version(name) for name in LIBRARIES},
        **_flat(scores, ""),
        **intervals(site_table(scores), protocol, clusters),
        **(_flat(id_test, "id_test.") if id_test else {}),
        **(intervals(site_table(id_test), protocol, clusters, "id_test.") if id_test else {}),
    }
    doubled = sorted(row.keys() & (more or {}))
    if doubled:
        raise UsageError(f"A result row has {doubled[0]} of its own; leave it out of `more`.")
    return {key: _plain(value) for key, value in (row | dict(more or {})).items()}


def write_row(row: dict[str, Any], results: str | Path = "results", sites: pd.DataFrame | None = None) -> Path:
    """Write a row as ``results/PROTOCOL/MODEL-HASH-seedK.json``, whole or not at all.

    The hash is that of data, protocol, feature set and settings: the same run again replaces its row, no other does.

    Parameters
    ----------
    row : dict, from `result_row`
    results : path
    sites : DataFrame, optional, from `sites_to_keep`; written beside the row, which then names its digest

    Returns
    -------
    Path, the file
    """
    path = row_path(row, row["seed"], results)
    path.parent.mkdir(parents=True, exist_ok=True)
    if sites is not None:
        content = _parquet(sites)
        row = row | {"sites_digest": hashlib.sha256(content).hexdigest()[:16]}
        _replace(path.with_name(path.stem + SITES), content)
    _replace(path, (json.dumps(row, indent=1, allow_nan=False) + "\n").encode())
    return path


def row_path(identity: Mapping[str, Any], seed: int, results: str | Path) -> Path:
    """Return the file of the row of a run, whether it is there or not.

    Parameters
    ----------
    identity : mapping, at least the keys of `IDENTITY`, as they stand in a row
    seed : int
    results : path
    """
    told = json.dumps([identity[name] for name in IDENTITY])
    tag = hashlib.sha256(told.encode()).hexdigest()[:8]
    return Path(results) / _file_name(identity["protocol"]) / f"{_file_name(identity['model'])}-{tag}-seed{seed}.json"


def settings_text(settings: Mapping[str, Any] | None) -> str:
    """Return settings as the JSON text that stands in a row."""
    return json.dumps(settings or {}, sort_keys=True, default=str)


def sites_to_keep(scores: dict[str, dict], clusters: Mapping[str, Any] | None = None) -> pd.DataFrame:
    """Return the scores of every tower for keeping beside a row, in single precision, with the cluster of each."""
    table = site_table(scores)
    table.insert(2, "cluster", clusters_of(table["site_id"], clusters))
    doubles = table.select_dtypes("float64").columns
    return table.astype(dict.fromkeys(doubles, "float32") | dict.fromkeys(["n", "n_dropped", "short"], "int32"))


def _parquet(table: pd.DataFrame) -> bytes:
    import io

    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False, compression="zstd")
    return buffer.getvalue()


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


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
    for target in (t for t in (*TARGETS, PHYSICS) if t in scores):
        out |= _summary(_over_all(scores[target]), f"{prefix}{target}.", "")
        for stratum in (s for s in STRATA if s in scores[target]):
            for name, result in scores[target][stratum].items():
                out |= _summary(_of_class(result), f"{prefix}{target}.", f".{stratum}={name}")
        for name, result in scores[target].get("days", {}).items():
            out |= _summary(_of_class(result), f"{prefix}{target}.", f".days={name}")
    return out


def _over_all(result: dict) -> dict:
    """Return a result without the macro and worst classes of scores that are not kept by class either."""

    def kept(score: str, key: str) -> bool:
        return score in (*_FULL_BY_CLASS, *_MEDIAN_BY_CLASS) or not key.startswith(("macro_", "worst_"))

    return {
        score: {key: v for key, v in value.items() if kept(score, key)} if isinstance(value, dict) else value
        for score, value in result.items()
    }


def _of_class(result: dict) -> dict:
    counts = {name: value for name, value in result.items() if not isinstance(value, dict)}
    full = {name: _without(result[name], ("q05", "q95")) for name in _FULL_BY_CLASS if name in result}
    return counts | full | {name: {"q50": result[name]["q50"]} for name in _MEDIAN_BY_CLASS if name in result}


def _without(values: dict, names: tuple[str, ...]) -> dict:
    return {name: value for name, value in values.items() if name not in names}


def _summary(result: dict, prefix: str, suffix: str) -> dict[str, Any]:
    out = {}
    for name, value in result.items():
        if name in (*STRATA, "sites", "days"):
            continue
        parts = {f"{name}.{key}": v for key, v in value.items()} if isinstance(value, dict) else {name: value}
        out |= {f"{prefix}{key}{suffix}": v for key, v in parts.items()}
    return out


def _plain(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _file_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).lstrip(".") or "_"
