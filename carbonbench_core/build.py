"""Sources in, dataset folder out: parallel over towers, resumable, whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from . import archives, covariates, protocols
from .archives import mappings
from .assemble import assemble
from .build_tower import Job, write_tower
from .catalogue import read_towers
from .dataset_folder import MANIFEST
from .edition import Edition
from .errors import ArchiveError, DatasetFolderError, UsageError, first_few
from .files import put_in_place, recover, sha256_of
from .plan import Plan, contents, rivals
from .quality import masks


@dataclass
class BuildReport:
    """What a build did.

    Parameters
    ----------
    out : Path
    towers, taken_up : int, towers in the folder; how many of them an earlier, interrupted run had finished
    counts : dict, rows read, written, inserted, ... summed over towers
    failed : dict, source or tower -> why it is not in the folder
    notes : list of str
    protocols : list of str
    unsupported : dict, protocol -> why these towers do not support it
    superseded, unrecognised : list of str
    same_towers, near_misses : list of dict, ids that are one tower and why, and such that are held to be two and why
    conflicts : list of dict, what sources say differently of a tower, with all values
    replica : bool, records of one tower may stand under several ids
    edition : dict or None, the published edition whose protocols these are, with what differs
    """

    out: Path
    towers: int = 0
    taken_up: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    protocols: list[str] = field(default_factory=list)
    unsupported: dict[str, str] = field(default_factory=dict)
    superseded: list[str] = field(default_factory=list)
    unrecognised: list[str] = field(default_factory=list)
    same_towers: list[dict] = field(default_factory=list)
    near_misses: list[dict] = field(default_factory=list)
    conflicts: list[dict] = field(default_factory=list)
    replica: bool = False
    edition: dict | None = None

    def to_json(self) -> dict[str, object]:
        """Return the report as JSON types."""
        return {**asdict(self), "out": str(self.out)}


def build(
    sources: Iterable[str | Path],
    out: str | Path,
    *,
    towers: str | Path | None = None,
    mapping: str | None = None,
    mask: str | Path | None = None,
    qc_threshold: float = protocols.QC_THRESHOLD,
    edition: str | Path | None = None,
    keep_duplicates: bool = False,
    covariate_paths: Iterable[str | Path] = (),
    koppen: str | Path | None = None,
    workers: int | None = None,
    progress: bool = False,
) -> BuildReport:
    """Build a dataset folder from archives and tables.

    Parameters
    ----------
    sources : iterable of path, files, or folders that are walked
    out : path, the folder to write; an older dataset folder there is replaced at the very end
    towers : path, optional, a CSV of towers for coordinates and classes that the archives do not carry
    mapping : str, optional, mapping file for tables
    mask : path, optional, a file of flags (`quality.masks`): the days it names are set to null and counted
    qc_threshold : float, smallest nee_qc of a scored day
    edition : path, optional, a published protocols.json whose protocols are taken instead of drawing anew, each with
        its own quality threshold
    keep_duplicates : bool, keep a tower's record of each network under an id of its own: a replica of the benchmark's
        first version, in which one tower may stand on both sides of a split
    covariate_paths : iterable of path, files of features, or folders that are walked; they count before the records'
    koppen : path, optional, a Koppen-Geiger raster whose classes count before all others
    workers : int, processes; all cores if None, in this process if 1
    progress : bool, show a progress bar

    Raises
    ------
    UsageError : a source does not exist
    ArchiveError : nothing could be read
    DatasetFolderError : `out` cannot be written or is something else
    """
    if not 0 <= qc_threshold <= 1:
        raise UsageError(f"Got a quality threshold of {qc_threshold}, expected a share from 0 to 1.")
    if workers is not None and workers < 1:
        raise UsageError(f"Got {workers} workers, expected at least 1.")
    options = archives.Options(mapping=mapping)
    catalogue = read_towers(towers) if towers else {}
    pinned = Edition.read(edition) if edition else None
    flagged = masks.read(mask) if mask else {}
    sources = list(sources)
    inventory = archives.scan(sources, options)
    read_from = {path for entry in inventory.entries for path in (entry.path, *entry.companions)}
    digests = {path: contents(path) for path in sorted(read_from)}
    given = covariates.gather(covariate_paths, koppen)
    joining = {path: sha256_of(path) for path in given.files}
    given = replace(given, fingerprint="/".join(joining.values()))
    plan = Plan(options, {**digests, "mapping": _mapping_digest(mapping)}, catalogue, keep_duplicates, given, flagged)
    jobs = plan.jobs(inventory.entries)
    unused = sorted(set(flagged).difference(name for job in jobs for name in (job.site_id, *job.aliases)))
    report = _started(Path(out), sources, inventory, keep_duplicates)
    described = {
        "sources": [_told(path, digests[path]) for path in digests],
        "covariate_files": [_told(path, joining[path]) for path in joining],
        "towers_table": {"name": Path(towers).name, "sha256": sha256_of(Path(towers))} if towers else None,
        "mask": {"name": Path(mask).name, "sha256": sha256_of(Path(mask)), "not_built": unused} if mask else None,
        "settings": {
            "mapping": Path(mapping).name if mapping else None,
            "qc_threshold": qc_threshold,
            "keep_duplicates": keep_duplicates,
        },
        "synthetic": False,
        "edition_of_data": _edition_of(inventory.entries, keep_duplicates),
    }
    report = write_folder(jobs, report, described, plan, pinned, qc_threshold, workers, progress)
    report.notes = rivals(inventory) + report.notes
    if unused:
        report.notes.insert(0, f"{mask} names {first_few(unused)}: no record of that name, nothing is masked there")
    return report


def _told(path: Path, digest: str | None) -> dict[str, object]:
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": digest}


def _started(out: Path, sources: list, inventory: archives.Inventory, replica: bool) -> BuildReport:
    """Return the report of a build of which no tower is written yet."""
    report = BuildReport(out, failed=dict(inventory.broken), replica=replica)
    report.unrecognised = [str(path) for path in inventory.unrecognised]
    # In a folder a file of no known format may be anything; one that the user named was meant to be read.
    named = {str(Path(source)) for source in sources} & set(report.unrecognised)
    report.failed |= {name: archives.why_unrecognised(Path(name)) for name in sorted(named)}
    report.superseded = [str(entry) for entry in inventory.superseded]
    return report


def write_folder(
    jobs: list[Job],
    report: BuildReport,
    described: dict[str, object],
    plan: Plan | None = None,
    edition: Edition | None = None,
    qc_threshold: float = protocols.QC_THRESHOLD,
    workers: int | None = None,
    progress: bool = False,
) -> BuildReport:
    """Write the towers of `jobs` into the dataset folder `report.out`.

    Finished towers wait in a hidden folder beside `out`; a killed build leaves them there, and the next one with the
    same sources takes them up. `described` goes into the manifest, `plan` says which towers turn out to be one; the
    other parameters are those of `build`.
    """
    out = report.out = report.out.expanduser().absolute()
    with _workplace(out) as place:
        outcomes = _write_towers(jobs, plan, place, report, workers, progress)
        if plan:
            outcomes = _join(outcomes, plan, place, report, workers)
        if not outcomes:
            reasons = "; ".join(f"{k}: {v}" for k, v in list(report.failed.items())[:3])
            raise ArchiveError(f"None of the {len(report.failed)} records could be read. {reasons}")
        features, unmatched = covariates.described(outcomes, plan.given if plan else covariates.NOTHING)
        report.notes += unmatched
        described = described | {"covariates": features}
        finished = place / "folder"
        assemble(outcomes, finished, place, report, described, qc_threshold, edition)
        put_in_place(finished, out)
        shutil.rmtree(place, ignore_errors=True)
    return report


@contextmanager
def _workplace(out: Path) -> Iterator[Path]:
    """Hold the hidden folder beside `out`, alone, and turn what the disk says into one clear error."""
    import fcntl

    if around := next((folder for folder in out.parents if (folder / MANIFEST).is_file()), None):
        raise UsageError(f"{out} lies in the dataset folder {around}, which holds nothing else. Choose another --out.")
    if out.exists() and not (out / MANIFEST).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise DatasetFolderError(f"{out} exists and is no dataset folder; it is left alone. Choose another --out.")
    place = out.with_name(f".{out.name}.building")
    try:
        place.mkdir(parents=True, exist_ok=True)
        lock = (place / "lock").open("w")
    except OSError as error:
        raise DatasetFolderError(f"Cannot write beside {out}: {error.strerror}. Choose another --out.") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DatasetFolderError(f"Another build is writing {out}. Wait for it, or choose another --out.") from None
        try:
            recover(out)
            yield place
        except OSError as error:
            what = "The disk is full" if error.errno == errno.ENOSPC else f"Writing failed ({error.strerror or error})"
            raise DatasetFolderError(
                f"{what} at {place}. The finished towers are kept there: make room and run the same command again."
            ) from None


def _write_towers(
    jobs: list[Job],
    plan: Plan | None,
    place: Path,
    report: BuildReport,
    workers: int | None,
    progress: bool,
) -> list[dict]:
    from tqdm import tqdm

    tasks = [partial(write_tower, job, plan.listed(job) if plan else None, place) for job in jobs]
    results = _run(tasks, min(workers or os.cpu_count() or 1, len(tasks)))
    bar = tqdm(results, total=len(tasks), desc="towers", unit="tower", disable=not progress)
    outcomes = []
    for outcome in bar:
        if "error" in outcome:
            report.failed[outcome["source"]] = outcome["error"]
            continue
        outcomes.append(outcome)
        report.failed |= outcome["failed"]
        report.taken_up += outcome.pop("taken_up", False)
    report.failed = dict(sorted(report.failed.items()))
    return sorted(outcomes, key=lambda outcome: outcome["site"]["site_id"])


def _join(outcomes: list[dict], plan: Plan, place: Path, report: BuildReport, workers: int | None) -> list[dict]:
    """Return the outcomes with the towers that turned out to be one written as one."""
    jobs, replaced = plan.join(outcomes, place)
    kept = [outcome for outcome in outcomes if outcome["site"]["site_id"] not in replaced]
    joined = _write_towers(jobs, plan, place, report, workers, False) if jobs else []
    report.same_towers = [pair.to_json() for pair in plan.same]
    report.near_misses = [pair.to_json() for pair in plan.near]
    return sorted(kept + joined, key=lambda outcome: outcome["site"]["site_id"])


def _run(tasks: list[Callable[[], dict]], workers: int) -> Iterator[dict]:
    if workers <= 1:
        yield from (task() for task in tasks)
        return
    try:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            for future in as_completed([pool.submit(task) for task in tasks]):
                yield future.result()
    except BrokenProcessPool:
        raise DatasetFolderError(
            "A worker process was killed, perhaps for want of memory. The finished towers are kept: run the same "
            "command again, with --workers 1 if memory is short."
        ) from None


def _edition_of(entries: list[archives.Entry], keep_duplicates: bool) -> str | None:
    """Return the edition whose own files are all that is built from, if it is one."""
    names = {getattr(archives.formats()[entry.format], "EDITION", None) for entry in entries}
    return names.pop() if len(names) == 1 and not keep_duplicates else None


def _mapping_digest(mapping: str | None) -> str:
    """Return what changes when the mapping of a table does, a shipped one too."""
    given = Path(mapping) if mapping else None
    files = [given] if given and given.is_file() else sorted(Path(mappings.__file__).parent.glob("*.toml"))
    return "/".join(sha256_of(file) for file in files)
