"""Speed of a build beside the floor: unzipping and reading the same files and columns with pyarrow's reader alone.

    python benchmarks/build_speed.py [--towers 567] [--years 25] [--workers N] [--folder DIR]

Writes a zip per tower, of a daily file with the targets and the 36-variable set, and a catalogue of towers; then reads
them, and builds them, with the same number of processes, each a process of its own, start included. What a build does
beyond the floor: it checks sums of all sources, finds and validates towers, writes shards and their sums, and draws all
protocols with what each one leaks. Full scale on two cores: 0.37 of the floor's speed by processor time and 507 MiB in
the largest process; half of it is the aim. A minute's run: `--towers 40`. Made-up numbers; nothing is left behind
unless `--folder` is given, and a folder written before is taken as it stands.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import zipfile
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pv

from carbonbench_core import schema

TARGETS = ("NEE_VUT_USTAR50", "NEE_VUT_USTAR50_QC", "RECO_NT_VUT_USTAR50", "GPP_NT_VUT_USTAR50")
DRIVERS = [c.name for c in schema.COLUMNS.values() if c.source == "ERA5-Land" and "standard" in c.sets]
FIRST_YEAR = 2000
DIFFERENT = 12  # records with numbers of their own; the others are these, begun on another day
CATALOGUE = "towers.txt"  # not .csv, or a build would look into it as a source
# What runs in a process of its own: time and memory are its own and those of its workers.
CHILD = """
import json, resource, sys, time
sys.path.insert(0, {here!r})
from build_speed import {what}
began = time.perf_counter()
rows = {what}({folder!r}, {workers})
seconds = time.perf_counter() - began
used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
cpu, peak = sum(u.ru_utime + u.ru_stime for u in used), max(u.ru_maxrss for u in used) / 1024
print(json.dumps({{"rows": rows, "seconds": seconds, "cpu": cpu, "peak_mib": peak}}))
"""


def site_of(number: int) -> str:
    return f"XX-{number:03d}"


@cache
def record(number: int, years: int) -> tuple[bytes, list[bytes], list[bytes]]:
    """Return the heading, the stamps and the rest of the lines of a daily file."""
    rng = np.random.default_rng(number)
    days = np.arange(np.datetime64(f"{FIRST_YEAR}-01-01"), np.datetime64(f"{FIRST_YEAR + years}-01-01"))
    stamps = [int(str(day).replace("-", "")) for day in days]
    reco, gpp = np.round(rng.gamma(2, 1.5, len(days)), 5), np.round(rng.gamma(2, 2, len(days)), 5)
    fluxes = (reco - gpp, rng.uniform(0, 1, len(days)), reco, gpp)
    columns = {n: np.round(v, 5) for n, v in zip(TARGETS, fluxes, strict=True)}
    columns |= {name: np.round(rng.normal(280, 10, len(days)), 3) for name in DRIVERS}
    sink = pa.BufferOutputStream()
    pv.write_csv(pa.table(columns), sink)
    heading, *lines = sink.getvalue().to_pybytes().rstrip(b"\n").split(b"\n")
    return b"TIMESTAMP," + heading, [b"%d," % stamp for stamp in stamps], lines


def write_tower(folder: Path, years: int, number: int) -> None:
    heading, stamps, lines = record(number % DIFFERENT, years)
    begun = 41 * (number // DIFFERENT) % len(lines)
    moved = lines[begun:] + lines[:begun]
    raw = b"\n".join([heading, *(a + b for a, b in zip(stamps, moved, strict=True)), b""])
    name = f"FLX_{site_of(number)}_FLUXNET2015_FULLSET{{}}_{FIRST_YEAR}-{FIRST_YEAR + years - 1}_1-4"
    with zipfile.ZipFile(folder / f"{name.format('')}.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(f"{name.format('_DD')}.csv", raw)


def write(folder: Path, towers: int, years: int, workers: int) -> None:
    """Write archives and a catalogue of towers that stand apart and have classes as real ones do."""
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        list(pool.map(partial(write_tower, folder, years), range(towers), chunksize=4))
    rng = np.random.default_rng(0)
    lines = ["site,lat,lon,IGBP,koppen_full"]
    for number in range(towers):
        place = f"{-40 + 110 * rng.uniform():.4f},{-170 + 340 * rng.uniform():.4f}"
        lines.append(f"{site_of(number)},{place},{rng.choice(list(schema.IGBP)[:12])},{rng.choice(schema.KOPPEN)}")
    (folder / CATALOGUE).write_text("\n".join(lines) + "\n")


def read_one(path: Path) -> int:
    """Unzip and read one archive with pyarrow: the same columns in the same types."""
    types = {"TIMESTAMP": pa.int64()} | dict.fromkeys(TARGETS, pa.float64()) | dict.fromkeys(DRIVERS, pa.float32())
    with zipfile.ZipFile(path) as archive:
        raw = archive.read(archive.namelist()[0])
    convert = pv.ConvertOptions(include_columns=list(types), column_types=types)
    return pv.read_csv(pa.BufferReader(raw), pv.ReadOptions(use_threads=False), convert_options=convert).num_rows


def floor(folder: str, workers: int) -> int:
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return sum(pool.map(read_one, sorted(Path(folder).glob("*.zip"))))


def build(folder: str, workers: int) -> int:
    from carbonbench_core.build import build as build_folder

    with tempfile.TemporaryDirectory(dir=Path(folder).parent) as out:
        report = build_folder([folder], f"{out}/carbonbench", towers=Path(folder) / CATALOGUE, workers=workers)
    assert not report.failed
    return report.counts["rows_written"]


def measured(what: str, folder: Path, workers: int) -> dict:
    code = CHILD.format(here=str(Path(__file__).parent), what=what, folder=str(folder), workers=workers)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    told = json.loads(done.stdout.splitlines()[-1])
    print(
        f"{what:6} {told['seconds']:7.1f} s  {told['rows'] / told['seconds']:10,.0f} rows/s  "
        f"{told['cpu']:7.1f} s of processor time  largest process {told['peak_mib']:6.0f} MiB"
    )
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--towers", type=int, default=567)
    parser.add_argument("--years", type=int, default=25)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--folder", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (args.folder or Path(temporary)) / "archives"
        if not (folder / CATALOGUE).is_file():
            began = time.perf_counter()
            write(folder, args.towers, args.years, args.workers)
            print(f"write  {time.perf_counter() - began:7.1f} s")
        zips = sorted(folder.glob("*.zip"))
        print(
            f"{len(zips)} towers, {sum(p.stat().st_size for p in zips) / 2**20:,.0f} MiB zipped, {len(DRIVERS)} "
            f"variables, {args.workers} processes on {os.cpu_count()} cores, {platform.python_version()}"
        )
        lowest = measured("floor", folder, args.workers)
        built = measured("build", folder, args.workers)
        assert built["rows"] == lowest["rows"]
        print(
            f"build at {lowest['seconds'] / built['seconds']:.2f} of the speed of the floor, "
            f"{lowest['cpu'] / built['cpu']:.2f} by processor time"
        )


if __name__ == "__main__":
    main()
