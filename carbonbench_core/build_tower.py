"""One tower of a build: read, harmonised, written as parts, or taken up from an interrupted build."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from . import covariates, leakage_parts, schema
from .archives import SITE_ID
from .errors import CarbonBenchError
from .files import sha256_of, write_shard, write_text
from .harmonise import harmonise, split_parts
from .quality import masks
from .towers import resolve

if TYPE_CHECKING:
    import pyarrow as pa

    from .archives import Record
    from .harmonise import TowerDays
    from .towers import Tower

# Raised when a change in this code makes finished towers of an interrupted build unfit to be taken up.
TOWER_VERSION = 9
KELVIN = 273.15  # 0 degC


@dataclass(frozen=True)
class Job:
    """One tower to be written.

    Parameters
    ----------
    site_id : str
    read : callable () -> Record, picklable
    fingerprint : str, changes whenever the record would
    tower_id : str, the true tower; "" where it is `site_id`
    aliases : tuple of str, other ids of it
    given : covariates.Given, what joins the record from elsewhere
    mask : tuple of quality.masks.Stretch, days to be set to null
    """

    site_id: str
    read: Callable[[], Record]
    fingerprint: str
    tower_id: str = ""
    aliases: tuple[str, ...] = ()
    given: covariates.Given = covariates.NOTHING
    mask: tuple[masks.Stretch, ...] = ()


def write_tower(job: Job, listed: dict | None, place: Path) -> dict:
    """Write the parts of one tower into `place` and return what there is to know of it, or why it failed.

    A tower that an earlier run finished from the same source is taken up as it stands.
    """
    if not SITE_ID.fullmatch(job.site_id):
        return {"source": repr(job.site_id), "error": "not a site id: letters, digits, '.', '_' and '-' are expected"}
    record_file = place / f"{job.site_id}.json"
    key = hashlib.sha256(
        json.dumps(
            [TOWER_VERSION, job.fingerprint, job.tower_id, job.aliases, job.given.fingerprint, job.mask, listed],
            sort_keys=True,
            default=str,
        ).encode()
    ).hexdigest()
    if (done := _finished(record_file, key)) is not None:
        return {**done, "taken_up": True}
    try:
        record = job.read()
        tower = resolve(record, listed)
        tower.tower_id, tower.aliases = job.tower_id or job.site_id, job.aliases
        covariates.settle(tower, record.table, job.given)
        days = harmonise(record, tower)
        joined = covariates.join(days.table, job.given, (job.site_id, job.tower_id, *job.aliases))
        days = _masked(replace(days, table=joined.table, counts=days.counts | +joined.counts), job.mask)
        parts = {part: _write_part(table, place, job.site_id, part) for part, table in split_parts(days).items()}
    except CarbonBenchError as error:
        return {"source": job.site_id, "error": str(error)}
    outcome = {
        "key": key,
        "site": {**_site_row(record, tower, days, parts), "reanalysis_day": joined.reanalysis_day},
        "parts": parts,
        "counts": days.counts,
        "owed": record.owed or [(record.citation, record.licence)],
        "failed": record.failed,
        "conflicts": tower.conflicts,
        "provenance": joined.provenance,
        "matched": joined.matched,
        "notes": [f"{job.site_id}: {note}" for note in (*tower.notes, *tower.lacking, *days.notes)],
    }
    write_text(record_file, json.dumps(outcome, default=str))
    return outcome


def _masked(days: TowerDays, stretches: tuple[masks.Stretch, ...]) -> TowerDays:
    """Return a tower's days with what a user's file of flags names set to null, and counted."""
    if not stretches:
        return days
    table, counts = masks.apply(days.table, stretches)
    missing = {f"{name}_missing": table[name].null_count for name in (*schema.TARGETS, "nee_qc")}
    return replace(days, table=table, counts={**days.counts, **missing, **counts})


def _finished(record_file: Path, key: str) -> dict | None:
    try:
        done = json.loads(record_file.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if done.get("key") != key:
        return None
    files = [part[what] for part in done["parts"].values() for what in ("file", "kept")]
    return done if all((record_file.parent / file).is_file() for file in files) else None


def _write_part(table: pa.Table, place: Path, site_id: str, part: str) -> dict:
    """Write one part, and beside it what will be compared with other towers.

    It has the columns that hold anything; the columns of the whole folder are known only at the end.
    """
    always = {c.name for c in schema.COLUMNS.values() if c.role in ("key", "static", "target")} | {"nee_qc"}
    kept = [n for n in table.column_names if n in always or table[n].null_count < table.num_rows]
    table = table.select(kept)
    file, beside = f"{site_id}-{part}.arrow", f"{site_id}-{part}-kept.arrow"
    write_shard(table, place / file)
    leakage_parts.write(leakage_parts.of_table(table), place / beside)
    return {
        "file": file,
        "rows": table.num_rows,
        "columns": kept,
        "sha256": sha256_of(place / file),
        "kept": beside,
    }


def _site_row(record: Record, tower: Tower, days: TowerDays, parts: dict[str, dict]) -> dict:
    """Return the row of sites.parquet."""
    import pyarrow.compute as pc

    dates = days.table["date"]
    return {
        "site_id": tower.site_id,
        "tower_id": tower.tower_id,
        "aliases": ";".join(tower.aliases),
        "name": tower.name,
        "network": tower.network,
        "networks": ";".join(sorted(pc.unique(days.table["network"]).to_pylist())),
        "product": record.entry.product,
        "target_variant": record.target_variant,
        "nee_qc_scale": record.attributes.get("nee_qc_scale"),
        "latitude": tower.latitude,
        "longitude": tower.longitude,
        "igbp": tower.igbp,
        "koppen_main": tower.koppen_main,
        "koppen": tower.koppen,
        "doi": tower.doi,
        "licence": " and ".join(dict.fromkeys(licence for _, licence in record.owed)) or record.licence,
        "records": json.dumps(record.years),
        "origin": json.dumps(tower.origin, sort_keys=True),
        "first_day": str(dates[0]),
        "last_day": str(dates[-1]),
        "late_start": str(days.late_start) if days.late_start else None,
        "has_late": "late" in parts,
        "days": days.table.num_rows,
        "days_early": parts["early"]["rows"],
        "days_late": parts["late"]["rows"] if "late" in parts else 0,
        "days_inserted": days.counts["inserted_days"],
        "days_qc1": pc.sum(pc.greater_equal(days.table["nee_qc"], 1.0)).as_py() or 0,
        "mean_temperature_era5_land": _mean_temperature(days.table, "temperature_2m", KELVIN),
        "mean_temperature_tower": _mean_temperature(days.table, "TA_F", 0.0),
        **{f"days_{t}": days.table.num_rows - days.table[t].null_count for t in schema.TARGETS},
    }


def _mean_temperature(table: pa.Table, column: str, offset: float) -> float | None:
    """Return the mean of the twelve month-of-year means [degC], so that gaps do not favour a season."""
    import pyarrow.compute as pc

    if column not in table.column_names:
        return None
    months = table.select([column]).append_column("month", pc.month(table["date"]))
    means = months.group_by("month").aggregate([(column, "mean")])[f"{column}_mean"].drop_null()
    return pc.mean(means).as_py() - offset if len(means) == 12 else None
