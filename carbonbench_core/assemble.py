"""All towers of a build put into one dataset folder, under one schema, with its metadata."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from . import card, citations, dataset_folder, protocols, schema
from .dataset_folder import DatasetFolder
from .edition import of_published_data
from .files import read_shard, sha256_of, write_shard, write_text
from .leakage_folder import summaries
from .leakage_parts import read as read_kept
from .neighbours import with_neighbours

if TYPE_CHECKING:
    import pandas as pd

    from .build import BuildReport
    from .edition import Edition
    from .protocols import Protocol


def assemble(
    outcomes: list[dict],
    finished: Path,
    place: Path,
    report: BuildReport,
    described: dict[str, object],
    qc_threshold: float,
    edition: Edition | None = None,
) -> None:
    """Put the parts of all towers into one folder, under one schema, with its metadata."""
    import pandas as pd

    parts = [part for outcome in outcomes for part in outcome["parts"].values()]
    columns, shards = _place_parts(parts, finished, place)
    kept = {f"{dataset_folder.DATA}/{part['file']}": read_kept(place / part["kept"]) for part in parts}

    sites = with_neighbours(pd.DataFrame([outcome["site"] for outcome in outcomes]))
    data_digest = _digest(shards)
    drawn = _protocols(sites, data_digest, report, described, qc_threshold, edition)
    _tell(report, outcomes)
    manifest = _manifest(report, described, outcomes, sites, columns, shards, data_digest)
    sites.to_parquet(finished / dataset_folder.SITES, index=False)
    write_text(finished / dataset_folder.MANIFEST, json.dumps(manifest, indent=1, default=str))
    folder = DatasetFolder(finished)
    frozen = protocols.write_edition(
        drawn,
        data_digest=data_digest,
        unsupported=report.unsupported,
        leakage=summaries(folder, drawn, kept),
    )
    write_text(finished / dataset_folder.PROTOCOLS, frozen)
    write_text(finished / citations.FILE, citations.bibtex(citations.owed(folder)))
    write_text(finished / dataset_folder.CARD, card.render(folder))


def _place_parts(parts: list[dict], finished: Path, place: Path) -> tuple[list[str], dict[str, dict]]:
    """Begin the folder anew with the parts of all towers; return the columns of all and what each shard is."""
    shutil.rmtree(finished, ignore_errors=True)
    data = finished / dataset_folder.DATA
    data.mkdir(parents=True)
    held = {name for part in parts for name in part["columns"]}
    columns = [name for name in schema.COLUMNS if name in held]
    shards = {f"{dataset_folder.DATA}/{part['file']}": _place_part(part, place, data, columns) for part in parts}
    return columns, shards


def _protocols(
    sites: pd.DataFrame,
    data_digest: str,
    report: BuildReport,
    described: dict[str, object],
    qc_threshold: float,
    edition: Edition | None,
) -> dict[str, Protocol]:
    """Return the protocols, drawn or of an edition, and report them, with what these towers do not support."""
    if edition:
        drawn, report.unsupported, report.edition = edition.take(sites, data_digest)
    else:
        drawn, report.unsupported = protocols.draw_all(sites, qc_threshold=qc_threshold)
        if name := described.get("edition_of_data"):
            report.edition = of_published_data(str(name), drawn)
    report.protocols = sorted(drawn)
    return drawn


def _tell(report: BuildReport, outcomes: list[dict]) -> None:
    """Report what all towers together have."""
    report.towers = len(outcomes)
    report.counts = _sum_counts(outcome["counts"] for outcome in outcomes)
    report.notes += [note for outcome in outcomes for note in outcome["notes"]]
    report.conflicts = [
        {"site_id": outcome["site"]["site_id"], **conflict} for outcome in outcomes for conflict in outcome["conflicts"]
    ]


def _manifest(
    report: BuildReport,
    described: dict[str, object],
    outcomes: list[dict],
    sites: pd.DataFrame,
    columns: list[str],
    shards: dict[str, dict],
    data_digest: str,
) -> dict[str, object]:
    return {
        "format": dataset_folder.FORMAT,
        "versions": {name: _version(name) for name in ("carbonbench", "pyarrow", "pandas", "scikit-learn", "numpy")},
        **{key: value for key, value in described.items() if key != "edition_of_data"},
        "replica": report.replica,
        "edition": report.edition,
        "towers": len(sites),
        "citations": _citations(outcomes),
        "columns": columns,
        "feature_sets": schema.available_feature_sets(columns),
        "target_variants": dict(sorted(Counter(sites["target_variant"]).items())),
        "counts": report.counts,
        "failed": report.failed,
        "superseded": [Path(p).name for p in report.superseded],
        "unrecognised": [Path(p).name for p in report.unrecognised],
        "same_towers": report.same_towers,
        "near_misses": report.near_misses,
        "conflicts": report.conflicts,
        "notes": report.notes,
        "shards": shards,
        "data_digest": data_digest,
    }


def _place_part(part: dict, place: Path, data: Path, columns: list[str]) -> dict[str, object]:
    """Link a part into the folder, or write it anew where it lacks columns that other towers have; say what it is."""
    source, target = place / part["file"], data / part["file"]
    digest = part["sha256"]
    if part["columns"] == columns:
        try:
            os.link(source, target)
        except OSError:  # a file system without hard links
            shutil.copyfile(source, target)
    else:
        _write_wider(source, target, columns)
        digest = sha256_of(target)
    return {"rows": part["rows"], "bytes": target.stat().st_size, "sha256": digest}


def _write_wider(source: Path, target: Path, columns: list[str]) -> None:
    import pyarrow as pa

    table = read_shard(source)
    wanted = schema.arrow_schema(tuple(columns))
    arrays = [
        table[field.name] if field.name in table.column_names else pa.nulls(table.num_rows, field.type)
        for field in wanted
    ]
    write_shard(pa.Table.from_arrays(arrays, schema=wanted), target)


def _citations(outcomes: list[dict]) -> list[dict[str, object]]:
    """Return each citation once, with its licence and the towers it is owed for."""
    owed: dict[tuple[str, str], list[str]] = {}
    for outcome in outcomes:
        for citation, licence in outcome["owed"]:
            owed.setdefault((citation, licence), []).append(outcome["site"]["site_id"])
    return [
        {"citation": citation, "licence": licence, "towers": len(sites), "sites": sites}
        for (citation, licence), sites in sorted(owed.items())
    ]


def _sum_counts(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: Counter = Counter()
    for each in counts:
        total.update(each)
    return dict(sorted(total.items()))


def _digest(shards: dict[str, dict]) -> str:
    text = json.dumps({file: shard["sha256"] for file, shard in shards.items()}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
