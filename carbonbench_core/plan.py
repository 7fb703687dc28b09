"""What a build reads: the records found, one job per tower, and the towers that turn out to be one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from operator import attrgetter
from pathlib import Path

import numpy as np

from . import archives, covariates
from .archives import Entry, Inventory, Options
from .build_tower import Job
from .catalogue import look_up, networks
from .errors import first_few
from .files import read_shard, sha256_of
from .identity import Pair, Site, by_place, common_series, groups, official, one_id
from .quality.masks import Stretch
from .records import Reader


@dataclass
class Plan:
    """The towers of a build and their records.

    Parameters
    ----------
    options : archives.Options
    versions : dict, Path -> sha256 of every file that is read (None: it cannot be opened), and "mapping" -> what
        changes with the mapping
    catalogue : dict, see `catalogue.read_towers`
    keep_duplicates : bool, a record per network under ids of their own instead of one per tower
    given : covariates.Given, what joins the records from elsewhere
    masks : dict, site id -> stretches of days to be set to null, see `quality.masks`
    towers : dict, tower id -> its records; filled by `jobs`
    same, near : lists of Pair, ids found to be one tower, and near misses
    """

    options: Options
    versions: dict[Path | str, str | None]
    catalogue: dict[str, dict]
    keep_duplicates: bool = False
    given: covariates.Given = covariates.NOTHING
    masks: dict[str, tuple[Stretch, ...]] = field(default_factory=dict)
    towers: dict[str, list[Entry]] = field(default_factory=dict)
    same: list[Pair] = field(default_factory=list)
    near: list[Pair] = field(default_factory=list)

    def jobs(self, entries: Iterable[Entry]) -> list[Job]:
        """Return the jobs of the towers that `entries` are of, in the order in which their files are best read."""
        entries = list(entries)
        self.same = [pair for pair in one_id(e.site_id for e in entries) if not _in_one_file(pair, entries)]
        held: dict[str, list[Entry]] = {}
        for entry in entries:
            held.setdefault(entry.site_id, []).append(entry)
        towers = [[e for site in group for e in held[site]] for group in groups(self.same, held)]
        for tower in sorted(towers, key=lambda records: min(e.order for e in records)):
            self._add(tower)
        return [job for tower in self.towers for job in self._jobs_of(tower)]

    def join(self, outcomes: list[dict], place: Path) -> tuple[list[Job], set[str]]:
        """Find towers of several ids by place and evidence, once it is known where all stand.

        Parameters
        ----------
        outcomes : list of dict, what `build_tower.write_tower` returned; of a replica their tower ids are set
        place : Path, where their shards are

        Returns
        -------
        jobs : list of Job, the towers to be written anew
        replaced : set of str, the site ids that they replace
        """
        rows = {o["site"]["site_id"]: o["site"] for o in outcomes}
        parts = {o["site"]["site_id"]: [place / part["file"] for part in o["parts"].values()] for o in outcomes}
        nee = cache(lambda site: _nee(parts[site]))
        sites = [self._site(row) for row in rows.values()]
        same, near = by_place(sites, lambda a, b: common_series(nee(a), nee(b)))
        # Of a replica, the records of one tower are known to be one.
        same, self.near = (
            [p for p in pairs if rows[p.a]["tower_id"] != rows[p.b]["tower_id"]] for pairs in (same, near)
        )
        self.same += same
        jobs: list[Job] = []
        replaced: set[str] = set()
        for group in groups([Pair(*(rows[s]["tower_id"] for s in (p.a, p.b)), p.km, p.why) for p in same]):
            tower = self._add([entry for old in group for entry in self.towers.pop(old)])
            if self.keep_duplicates:
                for row in (r for r in rows.values() if r["tower_id"] in group):
                    row["tower_id"] = tower
            else:
                jobs += self._jobs_of(tower)
                replaced.update(group)
        return jobs, replaced

    def _add(self, entries: list[Entry]) -> str:
        """Keep the records of a tower, best first, and return its id: that of the best, if it has not been renamed."""
        entries = sorted(entries, key=archives.best_first)
        tower = official(entries[0].site_id)
        self.towers[tower] = entries
        return tower

    def _jobs_of(self, tower: str) -> list[Job]:
        entries = self.towers[tower]
        names = list(dict.fromkeys(e.network for e in entries))
        if not self.keep_duplicates or len(names) == 1:
            return [self._job(tower, tower, entries)]
        return [self._job(replica_id(tower, n), tower, [e for e in entries if e.network == n]) for n in names]

    def _job(self, site_id: str, tower: str, entries: list[Entry]) -> Job:
        fingerprint = "/".join(
            [f"{e.format}{self.versions[path]}{e.member}" for e in entries for path in (e.path, *e.companions)]
        )
        aliases = tuple(sorted({e.site_id for e in entries} - {site_id, tower}))
        return Job(
            site_id,
            Reader(site_id, tuple(entries), self.options),
            f"{fingerprint}/{self.versions['mapping']}",
            tower,
            aliases,
            self.given,
            mask=tuple(stretch for name in (site_id, *aliases) for stretch in self.masks.get(name, ())),
        )

    def listed(self, job: Job) -> dict | None:
        """Return what the catalogue says of the tower of a job."""
        return look_up(self.catalogue, (job.tower_id or job.site_id, *job.aliases))

    def _site(self, row: dict) -> Site:
        ids = (row["tower_id"], *row["aliases"].split(";"))
        named = set(row["networks"].split(";")) | networks(look_up(self.catalogue, ids) or {})
        return Site(row["site_id"], row["name"], frozenset(named), row["latitude"], row["longitude"], row["igbp"])


def replica_id(tower: str, network: str) -> str:
    """Return the id of one network's record of a tower where such records are kept apart, e.g. DE-Hai_ICOS."""
    return f"{tower}_{re.sub('[^A-Za-z0-9]+', '', network)}"


def rivals(inventory: Inventory) -> list[str]:
    """Return a note for each file that was left for another of the same kind and version with other contents."""
    line = attrgetter("site_id", "format", "network", "line")
    taken = {line(entry): entry for entry in inventory.entries}
    found: dict[tuple[Path, Path], list[str]] = {}
    for entry in inventory.superseded:
        used = taken[line(entry)]
        if used.rank == entry.rank and used.path.suffix == entry.path.suffix and used.path != entry.path:
            found.setdefault((used.path, entry.path), []).append(entry.site_id)
    return [
        f"{other} and {used} have one name and version but differ: {first_few(sites)} is taken from the latter, the "
        "first by path. Keep the one that is right"
        for (used, other), sites in sorted(found.items())
        if contents(used) != contents(other)
    ]


def contents(path: Path) -> str | None:
    """Return the sha256 of a file, None where it cannot be opened: reading it costs its tower and says why."""
    try:
        return sha256_of(path)
    except OSError:
        return None


def _in_one_file(pair: Pair, entries: list[Entry]) -> bool:
    """Whether one file holds both ids: then its makers mean two towers."""
    files = [{(e.path, e.member) for e in entries if e.site_id == site} for site in (pair.a, pair.b)]
    return bool(files[0] & files[1])


def _nee(shards: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    tables = [read_shard(shard, ["date", "nee"]) for shard in shards]
    days = np.concatenate([t["date"].to_numpy() for t in tables]).astype("datetime64[D]")
    return days, np.concatenate([t["nee"].to_numpy() for t in tables])
