"""The dataset folder: its layout, and how it is opened.

carbonbench/
  README.md        the card; its YAML names the shards of every protocol, so that plain `datasets` reads the folder
  data/            one Arrow IPC stream per part of a tower: {site_id}-early.arrow, {site_id}-late.arrow
  sites.parquet    one row per tower
  protocols.json   the frozen protocols
  manifest.json    sources with sha256, settings, versions, counts, licences, citations
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from .citations import FILE as CITATIONS
from .errors import CarbonBenchError, DatasetFolderError, ProtocolError, first_few
from .files import read_shard
from .protocols import Protocol, derive, families, masked, read_edition, rules, split_name
from .shapes import require_manifest, require_sites, texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    import pyarrow as pa

FORMAT = 3
CARD, SITES, PROTOCOLS, MANIFEST, DATA = "README.md", "sites.parquet", "protocols.json", "manifest.json", "data"
SHARD = re.compile(rf"{DATA}/[^/\\]+\.arrow")
METADATA = (CARD, SITES, PROTOCOLS, MANIFEST)
ENV_DATA, ENV_REPO = "CARBONBENCH_DATA", "CARBONBENCH_REPO"
DEFAULT_NAME = "carbonbench"
HUB_PREFIX = "hf://datasets/"


@dataclass(frozen=True)
class DatasetFolder:
    """A finished dataset folder, opened for reading.

    Parameters
    ----------
    root : Path, where its files are; for a Hub repository the local snapshot, filled as files are asked for
    repo, revision : str or None, the Hub repository and commit it stands for
    """

    root: Path
    repo: str | None = None
    revision: str | None = None

    @classmethod
    def open(cls, location: str | Path) -> DatasetFolder:
        """Open a local folder or ``hf://datasets/ORG/NAME[@REVISION]``.

        Raises
        ------
        DatasetFolderError : it is missing, unfinished, damaged, or written by another format version
        """
        if str(location).startswith(HUB_PREFIX):
            folder = cls._from_hub(str(location))
        else:
            folder = cls(Path(location).expanduser().resolve())
        missing = [name for name in METADATA if not (folder.root / name).is_file()]
        if missing:
            raise DatasetFolderError(
                f"{location} is no CarbonBench dataset folder: {first_few(missing)} not found. "
                "Make one with `carbonbench build SOURCE... --out FOLDER`, or try `carbonbench demo`."
            )
        if folder.manifest.get("format") != FORMAT:
            raise DatasetFolderError(
                f"{location} has format {folder.manifest.get('format')!r}, this version reads {FORMAT}. Build it again."
            )
        require_manifest(folder.manifest, f"{location}/{MANIFEST}")
        return folder

    @classmethod
    def find(cls, data_dir: str | Path | None = None) -> DatasetFolder:
        """Open `data_dir`, else $CARBONBENCH_DATA, else ./carbonbench, else the Hub repository $CARBONBENCH_REPO.

        Raises
        ------
        DatasetFolderError : nothing was found; says what to run
        """
        given = data_dir or os.environ.get(ENV_DATA)
        if given:
            return cls.open(given)
        if (Path(DEFAULT_NAME) / MANIFEST).is_file():
            return cls.open(DEFAULT_NAME)
        if repo := os.environ.get(ENV_REPO):
            return cls.open(HUB_PREFIX + repo.removeprefix(HUB_PREFIX))
        raise DatasetFolderError(
            f"No CarbonBench data found: no data_dir given, ${ENV_DATA} and ${ENV_REPO} not set, no folder "
            f"./{DEFAULT_NAME} here. Build one with `carbonbench build SOURCE... --out ./{DEFAULT_NAME}`, "
            "or make a synthetic one with `carbonbench demo`."
        )

    @classmethod
    def _from_hub(cls, location: str) -> DatasetFolder:
        from .hub._fetch import fetch

        repo, _, revision = location.removeprefix(HUB_PREFIX).partition("@")
        try:
            root = fetch("dataset", repo, (MANIFEST, *METADATA, CITATIONS), revision or None)
        except CarbonBenchError as error:
            raise DatasetFolderError(f"Cannot read {location} from the Hub: {error}") from None
        return cls(root, repo, root.name)

    @cached_property
    def manifest(self) -> dict:
        """The manifest."""
        return self._json(MANIFEST)

    @cached_property
    def columns(self) -> list[str]:
        """The columns of every shard, in order."""
        return list(self.manifest["columns"])

    @cached_property
    def data_digest(self) -> str:
        """First 16 hex digits of the sha256 over the shards' names and contents."""
        return str(self.manifest["data_digest"])

    @cached_property
    def is_synthetic(self) -> bool:
        """Whether the towers are made up."""
        return bool(self.manifest["synthetic"])

    @cached_property
    def sites(self) -> pd.DataFrame:
        """The sites table, one row per tower."""
        import pandas as pd

        try:
            sites = pd.read_parquet(self.root / SITES)
        except (OSError, ValueError) as error:
            raise DatasetFolderError(f"{self.root / SITES} cannot be read: {error}. Build the folder again.") from None
        require_sites(sites, f"{self}/{SITES}")
        return sites

    @cached_property
    def protocols(self) -> dict[str, Protocol]:
        """Every frozen protocol by name."""
        return read_edition(self._json(PROTOCOLS))

    @cached_property
    def unsupported(self) -> dict[str, str]:
        """Rules and folds that these towers do not support, and why."""
        return texts(self._json(PROTOCOLS).get("unsupported", {}), f"{self}/{PROTOCOLS}: unsupported")

    @cached_property
    def leakage(self) -> dict[str, str]:
        """What the test towers of every protocol share with its training towers, in one line each."""
        return texts(self._json(PROTOCOLS).get("leakage", {}), f"{self}/{PROTOCOLS}: leakage")

    def protocol(self, name: str) -> Protocol:
        """Return a frozen protocol.

        Raises
        ------
        ProtocolError : the towers of this folder do not support it; says why
        UsageError : there is no such protocol
        """
        base, _ = split_name(name)
        if base in self.protocols:
            return derive(name, self.protocols)
        if why := self._why_unsupported(base):
            raise ProtocolError(
                f"Protocol {base!r} cannot be drawn from the {len(self.sites)} towers of {self}: {why}. "
                f"Available: {', '.join(sorted(self.protocols)) or 'none'}."
            )
        if folds := families(self.protocols).get(base):
            raise ProtocolError(f"{base!r} is a family of folds, not one protocol. Take one of {', '.join(folds)}.")
        if base in rules():
            raise ProtocolError(f"Protocol {base!r} is not frozen in {self}. Build the folder again.")
        return derive(name, self.protocols)

    def folds(self, name: str) -> list[str]:
        """Return the folds of a family, with its days of support where it names some; of any other protocol itself."""
        base, days = split_name(name)
        found = families(self.protocols).get(base)
        if not found:
            return [name]
        return found if days is None else [f"{fold}_few_{days}" for fold in found]

    def _why_unsupported(self, name: str) -> str | None:
        """Return why a protocol, or the rule of a fold without any supported one, was not drawn."""
        return next((why for rule, why in self.unsupported.items() if f"{name}_".startswith(f"{rule}_")), None)

    def urls(self, files: list[str]) -> list[str]:
        """Return where the shards `files` are, as paths, or as hf:// addresses where the folder is on the Hub."""
        self._check_names(files)
        base = f"{HUB_PREFIX}{self.repo}@{self.revision}" if self.repo else self.root.as_posix()
        return [f"{base}/{file}" for file in files]

    def days(self, protocol: Protocol, split: str) -> int:
        """Return the number of site-days in the shards of a split."""
        self._check_names(protocol.splits[split])
        return sum(self.manifest["shards"][file]["rows"] for file in protocol.splits[split])

    def paths(self, files: list[str]) -> list[Path]:
        """Return local paths of the shards `files`; those of a Hub repository are fetched first.

        Raises
        ------
        DatasetFolderError : a shard is missing
        """
        self._check_names(files)
        if self.repo:
            self._fetch(files)
        paths = [self.root / file for file in files]
        missing = [str(path) for path in paths if not path.is_file()]
        if missing:
            raise DatasetFolderError(f"Shards are missing from {self}: {first_few(missing)}. Build the folder again.")
        written = self.manifest["shards"]
        damaged = [
            str(path) for file, path in zip(files, paths, strict=True) if path.stat().st_size != written[file]["bytes"]
        ]
        if damaged:
            raise DatasetFolderError(
                f"Shards of {self} are not as they were written: {first_few(damaged)}. Build the folder again."
            )
        return paths

    def tables(self, protocol: Protocol, split: str, columns: list[str]) -> Iterator[pa.Table]:
        """Yield the parts of a split one by one, mapped in place, with `columns` only, as the split may see them.

        Raises
        ------
        ProtocolError : the protocol has no such split
        """
        if split not in protocol.splits:
            raise ProtocolError(
                f"Protocol {protocol.name!r} has no split {split!r}. Available: {', '.join(protocol.splits)}."
            )
        for path in self.paths(protocol.splits[split]):
            yield self.visible(read_shard(path, columns), protocol, split)

    def visible(self, table: pa.Table, protocol: Protocol, split: str) -> pa.Table:
        """Return site-days as a split may see them: targets that a row rule hides are null."""
        return masked(table, protocol.rows, split, self._first_days if protocol.rows else None)

    @cached_property
    def _first_days(self) -> dict[str, str]:
        return dict(zip(self.sites["site_id"], self.sites["first_day"], strict=True))

    def _check_names(self, files: list[str]) -> None:
        """Refuse shards that are not where shards are: a folder of somebody else's may name any file."""
        shards = self.manifest["shards"]
        strange = [file for file in files if not (SHARD.fullmatch(file) and file in shards)]
        if strange:
            raise DatasetFolderError(
                f"{self} names shards that are not in its manifest or not in {DATA}/ ({first_few(strange)}). "
                "It is not read. Build the folder again, or take another one."
            )

    def _fetch(self, files: list[str]) -> None:
        from .hub._fetch import fetch

        digests = {file: self.manifest["shards"][file]["sha256"] for file in files}
        try:
            fetch("dataset", self.repo, (MANIFEST, *files), self.revision, digests)
        except CarbonBenchError as error:
            raise DatasetFolderError(f"Cannot read shards of {self} from the Hub: {error}") from None

    def _json(self, name: str) -> dict:
        try:
            value = json.loads((self.root / name).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise DatasetFolderError(f"{self.root / name} cannot be read: {error}. Build the folder again.") from None
        if not isinstance(value, dict):
            raise DatasetFolderError(f"{self.root / name} holds no JSON object. Build the folder again.")
        return value

    def __str__(self) -> str:
        return f"{HUB_PREFIX}{self.repo}@{self.revision}" if self.repo else str(self.root)
