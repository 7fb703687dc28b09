"""Result rows: one model on one protocol, flat, with everything needed to trust or repeat it."""

from __future__ import annotations

import hashlib
import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..files import file_name, write_bytes
from ..schema import TARGETS
from .bootstrap import SMALL
from .intervals import ALL_DAYS, DEFAULT_PRESET, LOW_HIGH, QUANTILES, clusters_of, intervals
from .provenance import provenance
from .score import PHYSICS, STRATA, site_table, site_table_of_days

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

# What a row is: scored here from a model that was trained here or from predictions somebody sent, or figures of others
# that are shown beside and never ranked, as published or of a gridded product.
KINDS = ("measured", "submitted", "published", "product")
NOT_RUN = "not_run.json"  # what a plan asks for and no row is there yet, with the reason
SITES = ".sites.parquet"  # beside a row, its scores per tower: all quantiles, by any class, follow from it
# Of every score a row has the quartiles over towers; of these also the means over classes and the worst classes.
MAIN = ("r2", "rmse", "nnse", "skill")
_OF_CLASS = ("r2",)  # their medians stand in the row by class
OF_DAYS = ("r2", "rmse", "bias")  # and these by chosen days
OF_ID_TEST = ("r2", "rmse", "bias", "nnse", "skill")
_OVER_CLASSES = ("macro_", "worst_", "area_", "mean")
_SIGNIFICANT = 6  # digits of a figure
# What makes two rows results of different things; a row of another identity never overwrites a file.
IDENTITY = ("protocol", "protocol_digest", "data_digest", "feature_set", "model", "preset", "settings")


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
    preset: str = DEFAULT_PRESET,
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
    preset : str, the named settings of the model, such as "published"
    clusters : mapping, site id -> the towers it stands with (within 10 km), for the intervals; None: each by itself
    more : mapping, optional, further plain values, such as who submitted it or the noise ceiling

    Returns
    -------
    dict, the above, n_sites and n_days (of the target with most), created (UTC), code and library versions, machine,
        and every score as ``gpp.r2.q25``, ``.q50`` and ``.q75`` with the interval of its median as ``gpp.r2.q50.low``
        and ``.high``; R2 by class as ``gpp.r2.q50.igbp=ENF``; scores on chosen days as ``gpp.r2.q50.days=heat``; those
        of `id_test` with ``id_test.``; figures have six digits

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
        "preset": preset,
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
        **provenance(),
        **_flat(scores),
        **intervals_of(scores, protocol, clusters),
        **(_of_id_test(id_test, protocol, clusters) if id_test else {}),
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
        write_bytes(path.with_name(path.stem + SITES), content)
    write_bytes(path, (json.dumps(row, indent=1, allow_nan=False) + "\n").encode())
    return path


def row_path(identity: Mapping[str, Any], seed: int, results: str | Path) -> Path:
    """Return the file of the row of a run, whether it is there or not.

    Parameters
    ----------
    identity : mapping, at least the keys of `IDENTITY`, as they stand in a row; without preset it is the default
    seed : int
    results : path
    """
    told = json.dumps([({"preset": DEFAULT_PRESET} | dict(identity))[name] for name in IDENTITY])
    tag = hashlib.sha256(told.encode()).hexdigest()[:8]
    return Path(results) / file_name(identity["protocol"]) / f"{file_name(identity['model'])}-{tag}-seed{seed}.json"


def settings_text(settings: Mapping[str, Any] | None) -> str:
    """Return settings as the JSON text that stands in a row."""
    return json.dumps(settings or {}, sort_keys=True, default=str)


def sites_to_keep(
    scores: dict[str, dict], clusters: Mapping[str, Any] | None = None, beside: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return the scores of every tower for keeping beside a row, in single precision, with the cluster of each.

    The column days is "all", or names the chosen days that a row is about, which have `OF_DAYS` alone. What is beside,
    by target and site_id, stands beside the scores of all days, such as the noise ceilings of `ceiling_table`.
    """
    import pandas as pd

    table = site_table(scores)
    if beside is not None and len(beside):
        table = table.join(beside, on=["target", "site_id"])
    chosen = {days: site_table_of_days(scores, days) for days in scores[TARGETS[0]].get("days", {})}
    of_days = [t[["target", "site_id", "n", *OF_DAYS]].assign(days=days) for days, t in chosen.items()]
    table = pd.concat([table.assign(days=ALL_DAYS), *of_days], ignore_index=True)
    table.insert(2, "cluster", clusters_of(table["site_id"], clusters))
    doubles = table.select_dtypes("float64").columns.difference(["n", "n_dropped", "short"])
    counts = dict.fromkeys(("n", "n_dropped", "short"), "Int32")
    return table.astype(dict.fromkeys(doubles, "float32") | counts)


def _parquet(table: pd.DataFrame) -> bytes:
    import io

    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False, compression="zstd")
    return buffer.getvalue()


def _flat(scores: dict[str, dict]) -> dict[str, Any]:
    out = _summary(scores[PHYSICS], f"{PHYSICS}.") if PHYSICS in scores else {}
    for target in (t for t in TARGETS if t in scores):
        result = scores[target]
        out |= _summary(result, f"{target}.")
        for stratum in (s for s in STRATA if s in result):
            for name, of_class in result[stratum].items():
                out |= _medians(of_class, ("n_sites",), _OF_CLASS, f"{target}.", f".{stratum}={name}")
        for name, days in result.get("days", {}).items():
            out |= _medians(days, ("n_sites", "n_days"), OF_DAYS, f"{target}.", f".days={name}")
    return out


def _medians(result: dict, counts: tuple[str, ...], scores: tuple[str, ...], prefix: str, suffix: str) -> dict:
    kept = {name: result[name] for name in counts} | {f"{name}.q50": result[name]["q50"] for name in scores}
    return {f"{prefix}{key}{suffix}": value for key, value in kept.items()}


def _of_id_test(scores: dict[str, dict], protocol: str, clusters: Mapping[str, Any] | None) -> dict[str, Any]:
    kept = {
        target: {key: v for key, v in scores[target].items() if key in OF_ID_TEST or not isinstance(v, dict)}
        for target in TARGETS
    }
    out = {}
    for target in TARGETS:
        out |= _summary(kept[target], f"id_test.{target}.")
    return out | intervals(site_table(scores), protocol, clusters, "id_test.", OF_ID_TEST)


def intervals_of(scores: dict[str, dict], protocol: str, clusters: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the intervals of scores over all days and over chosen ones, as they stand in a row."""
    out = intervals(site_table(scores), protocol, clusters)
    for name in scores[TARGETS[0]].get("days", {}):
        table = site_table_of_days(scores, name)
        # Of a handful of towers an interval says nothing.
        found = intervals(table, protocol, clusters, only=("r2",)) if table["site_id"].nunique() >= SMALL else {}
        for end in LOW_HIGH:
            out |= {f"{k.removesuffix(end)}.days={name}{end}": v for k, v in found.items() if k.endswith(end)}
    return out


def _summary(result: dict, prefix: str) -> dict[str, Any]:
    """Return what a row has of a result over all towers."""
    kept = {
        name: _of_score(name, value) if isinstance(value, dict) and "q50" in value else value
        for name, value in result.items()
        if name not in (*STRATA, "sites", "days")
    }
    return {f"{prefix}{key}": value for key, value in _dotted(kept).items()}


def _of_score(score: str, values: dict) -> dict:
    """Return quartiles, how many towers lack the score if any does, and what is said over classes of the main ones."""

    def kept(key: str, value: float) -> bool:
        return key in QUANTILES or (key == "n_undefined" and value) or (score in MAIN and key.startswith(_OVER_CLASSES))

    return {key: value for key, value in values.items() if kept(key, value)}


def _dotted(values: dict) -> dict[str, Any]:
    """Return a dict of dicts as one, its keys joined by dots."""
    out = {}
    for name, value in values.items():
        out |= {f"{name}.{key}": v for key, v in value.items()} if isinstance(value, dict) else {name: value}
    return out


def _plain(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") else value
    if not isinstance(value, float):
        return value
    return float(f"{value:.{_SIGNIFICANT}g}") if math.isfinite(value) else None
