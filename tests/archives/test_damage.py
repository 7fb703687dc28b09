"""Damaged archives of every format, built by the command: no traceback, no hang, and every row is accounted for."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from carbonbench_core import archives
from carbonbench_core.errors import ArchiveError
from carbonbench_core.files import read_shard

from . import ameriflux, carbonfluxbench, fluxnet2015, icos, japanflux, shuttle
from . import table as tidy
from .damage import AFTER, CONTENT, HARMLESS

ARCHIVES, TABLES = 85, 15  # of a batch
BATCHES = 20
SECONDS = 240  # of a batch on a busy machine; it takes about 10
BUILD = "import sys; from carbonbench_core.cli import main; sys.exit(main(sys.argv[1:]))"

# Format -> what writes the archive of one tower around a daily file.
WRITERS: dict[str, Callable[[Path, str, bytes], Path]] = {
    "FLUXNET2015 zip": lambda folder, site, raw: fluxnet2015.write_zip(folder, site, raw=raw),
    "FLUXNET2015 CSV": lambda folder, site, raw: fluxnet2015.write_csv(folder, site, raw=raw),
    "AmeriFlux": lambda folder, site, raw: ameriflux.write_zip(folder, site, raw=raw),
    "ICOS": lambda folder, site, raw: icos.write_zip(folder, site, raw=raw),
    "Shuttle": lambda folder, site, raw: shuttle.write_zip(folder, site, raw=raw),
    "JapanFlux": lambda folder, site, raw: japanflux.write_zip(folder, site, sets={"COREVARS": raw}),
    "renamed": lambda folder, site, raw: _write(folder / f"{site} daily.csv", raw),
}


def _write(path: Path, raw: bytes) -> Path:
    path.write_bytes(raw)
    return path


@dataclass(frozen=True)
class Damaged:
    """One archive of a batch: what it is, what was done to it, and its daily file as it was packed."""

    site: str
    format: str
    damage: str
    path: Path
    raw: bytes


def lines(raw: bytes) -> int:
    """Return the rows of a CSV: lines with anything on them, but for the heading."""
    return sum(bool(line.strip(b"\r")) for line in raw.split(b"\n")) - 1


def write_batch(folder: Path, seed: int) -> list[Damaged]:
    """Write `ARCHIVES` archives, nearly all damaged, each of a tower of its own."""
    rng = np.random.default_rng(seed)
    made = []
    for n in range(ARCHIVES):
        site, kind = f"XX-{n:03d}", list(WRITERS)[n % len(WRITERS)]
        days = int(rng.integers(2, 60))
        raw = japanflux.daily(days=days) if kind == "JapanFlux" else fluxnet2015.daily("FULLSET", days=days)
        damage = str(rng.choice(["none", *HARMLESS, *CONTENT, *AFTER]))
        raw = {**HARMLESS, **CONTENT}.get(damage, lambda raw, rng: raw)(raw, rng)
        (folder / site).mkdir()
        path = WRITERS[kind](folder / site, site, raw)
        if damage in AFTER:
            path.write_bytes(AFTER[damage](path.read_bytes(), rng))
        made.append(Damaged(site, kind, damage, path, raw))
    return made


def build(folder: Path, *options: str) -> tuple[dict, str]:
    """Run the command and return its report and what it says to a user."""
    command = [sys.executable, "-c", BUILD, "build", str(folder), "--out", f"{folder}-out", "--json", "--workers", "1"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr
    assert "unexpected" not in done.stderr, done.stderr
    assert done.stdout, done.stderr
    return json.loads(done.stdout), done.stderr


def read(folder: Path) -> dict[str, pa.Table]:
    """Return the days of every tower that was built."""
    parts: dict[str, list[Path]] = {}
    for path in sorted(Path(f"{folder}-out", "data").iterdir()):
        parts.setdefault(path.stem.rpartition("-")[0], []).append(path)
    return {site: pa.concat_tables([read_shard(path) for path in paths]) for site, paths in parts.items()}


def check(folder: Path, seed: int) -> None:
    folder.mkdir()
    made = write_batch(folder, seed)
    report, _ = build(folder)
    built = read(folder)
    sites = pq.read_table(Path(f"{folder}-out", "sites.parquet")).to_pylist()
    rows = {row["site_id"]: row["days"] - row["days_inserted"] for row in sites}
    assert len(made) == ARCHIVES
    told = {**report["failed"], **dict.fromkeys(report["unrecognised"], "not recognised")}
    for each in made:
        if each.site not in rows:
            # Named as a tower or as a file, and never without a reason.
            assert told.get(each.site) or told.get(str(each.path)), each
            assert each.damage not in ("none", *HARMLESS), (each, told)
        else:  # the check sums of a zip hold, so that what is read from a damaged one is what was packed
            expected = lines(each.path.read_bytes() if each.path.suffix == ".csv" else each.raw)
            # A day that the daily file lacks may stand in the reanalysis beside it.
            more = each.format in ("Shuttle", "FLUXNET2015 zip")
            assert rows[each.site] >= expected if more else rows[each.site] == expected, each
        if each.damage in ("none", *HARMLESS):
            assert nee_of(built[each.site]) == pytest.approx(nee_in(each)), each
    strangers = set(rows) - {each.site for each in made}
    assert not strangers
    assert len(rows) >= ARCHIVES // 4  # enough were built for the counts to mean something
    counts = report["counts"]
    assert counts["rows_read"] + counts["inserted_days"] == counts["rows_written"] + counts["dropped"]


def nee_of(table: pa.Table) -> list[float]:
    return table["nee"].drop_null().to_pylist()


def nee_in(each: Damaged) -> list[float]:
    """Return the NEE of a daily file as Python's own CSV reader has it, by day."""
    rows = csv.DictReader(io.StringIO(each.raw.decode("utf-8-sig")))
    days = {row[next(k for k in row if k.upper() == "TIMESTAMP")]: row for row in rows}
    name = "NEE_vUT_USTAR50" if each.format == "JapanFlux" else "NEE_VUT_USTAR50"
    return [float(days[day][name]) for day in sorted(days)]


def check_tables(folder: Path, seed: int) -> None:
    """Damage tables of several towers, and hold the rows of their records against those of the file."""
    rng = np.random.default_rng([seed, 1])
    folder.mkdir()
    (folder / "mine.toml").write_text(tidy.MAPPING)
    for n in range(TABLES):
        suffix = (".csv", ".parquet", "hub")[n % 3]
        place = folder / f"{n}"
        place.mkdir()
        if suffix == "hub":
            path = (
                carbonfluxbench.write_folder(place, carbonfluxbench.targets(int(rng.integers(3, 9)))) / "ERA5.parquet"
            )
            path = path if rng.uniform() < 0.5 else place / "target_fluxes_v2.parquet"
        else:
            path = tidy.write(place, tidy.rows(), suffix)
        damage = str(rng.choice([*CONTENT, *AFTER] if suffix == ".csv" else [*AFTER]))
        path.write_bytes({**CONTENT, **AFTER}[damage](path.read_bytes(), rng))
        check_table(place, archives.Options(mapping=None if suffix == "hub" else str(folder / "mine.toml")), damage)


def check_table(folder: Path, options: archives.Options, damage: str) -> None:
    records = []
    with suppress(ArchiveError):  # any other exception fails this test
        inventory = archives.scan([folder], options)
        records = [archives.read(entry, options) for entry in inventory.entries]
    source = folder / "table.csv"
    if records and source.is_file():
        rows = sum(record.table.num_rows + record.dropped.total() for record in records)
        notes = " ".join(note for record in records for note in record.notes)
        without_site = sum(int(n) for n in re.findall(r"([\d,]+) rows of table", notes))
        assert rows + without_site == lines(source.read_bytes()), damage


def test_a_hundred_damaged_archives_are_built_or_told_with_a_reason_and_no_row_is_lost(tmp_path: Path) -> None:
    check(tmp_path / "batch", seed=0)
    check_tables(tmp_path / "tables", seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, BATCHES + 1))
def test_two_thousand_damaged_archives_are_built_or_told_with_a_reason(tmp_path: Path, seed: int) -> None:
    check(tmp_path / "batch", seed)
    check_tables(tmp_path / "tables", seed)
