"""Parquet files that hold the rows of many sites, read one site at a time.

A file may have few and huge row groups, so that reading one site's rows by a filter would hold a large part of it in
memory. Here rows are decoded in small batches from the row group where a site begins, and the reading position is kept:
sites asked for in the order in which they stand are read in one pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..errors import ArchiveError, first_few

BATCH = 4096  # rows
MAX_ROWS = 50_000_000  # 2,000 towers of 68 years
BUFFER = 1 << 18  # bytes read ahead of each column
T = TypeVar("T")


class SiteFile:
    """A Parquet file with a column of site names.

    Parameters
    ----------
    path : Path
    wanted : callable (names of all columns) -> names of those to be read

    Attributes
    ----------
    names : dict of str -> int, the sites and their codes
    codes : ndarray [R] of int32, the code of each row's site, -1 for none
    """

    def __init__(self, path: Path, wanted: Callable[[list[str]], list[str]], site: str = "site") -> None:
        self.path = path
        self.file = self._told(lambda: pq.ParquetFile(path, pre_buffer=False, buffer_size=BUFFER))
        if site not in self.file.schema_arrow.names:
            raise ArchiveError(f"{path} has no column {site!r}. Fetch it again.")
        refuse_implausible(self.file.metadata, path)
        self.columns = wanted(self.file.schema_arrow.names)
        sizes = [self.file.metadata.row_group(g).num_rows for g in range(self.file.num_row_groups)]
        self.starts = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        self.names, self.codes = self._told(lambda: self._index(site))
        self._batches: Iterator[pa.RecordBatch] = iter(())
        self._now: tuple[int, pa.RecordBatch | None] = (0, None)  # first row of the batch held

    def _index(self, site: str) -> tuple[dict[str, int], np.ndarray]:
        codes: list[np.ndarray] = [np.empty(0, np.int32)]
        known: dict[str, int] = {}
        for batch in self.file.iter_batches(1 << 17, columns=[site], use_threads=False):
            column = batch.column(0).cast(pa.string()).dictionary_encode()
            own = np.array([known.setdefault(name, len(known)) for name in column.dictionary.to_pylist()], np.int32)
            local = column.indices.fill_null(-1).to_numpy()
            codes.append(np.where(local < 0, -1, own[local] if len(own) else -1).astype(np.int32))
        return known, np.concatenate(codes)

    def first_rows(self) -> dict[str, int]:
        """Return where the rows of each site begin."""
        codes, rows = np.unique(self.codes, return_index=True)
        first = dict(zip(codes.tolist(), rows.tolist(), strict=True))
        return {name: first[code] for name, code in self.names.items()}

    def labels(self, column: str) -> dict[str, dict[str, int]]:
        """Return, for each site, how many rows have which text in a column, the most frequent first."""
        texts = self._told(lambda: self.file.read([column], use_threads=False)[column].cast(pa.string()))
        texts = pc.fill_null(texts, "").combine_chunks().dictionary_encode()
        pairs = self.codes.astype(np.int64) * len(texts.dictionary) + texts.indices.to_numpy()
        found, counts = np.unique(pairs[self.codes >= 0], return_counts=True)
        names, values = list(self.names), texts.dictionary.to_pylist()
        told: dict[str, dict[str, int]] = {}
        for i in np.argsort(-counts, kind="stable"):
            site, value = divmod(int(found[i]), len(values))
            told.setdefault(names[site], {})[values[value]] = int(counts[i])
        return told

    def rows(self, name: str) -> pa.Table:
        """Return the rows of one site, in the file's order.

        Raises
        ------
        ArchiveError : the file is damaged
        """
        wanted = np.flatnonzero(self.codes == self.names[name])
        return self._told(lambda: pa.Table.from_batches(list(self._pieces(wanted))).combine_chunks())

    def _pieces(self, wanted: np.ndarray) -> Iterator[pa.RecordBatch]:
        while len(wanted):
            start, batch = self._batch_with(int(wanted[0]))
            inside = wanted[wanted < start + len(batch)]
            wanted = wanted[len(inside) :]
            if len(inside) == inside[-1] - inside[0] + 1:
                yield batch.slice(inside[0] - start, len(inside))
            else:
                yield batch.take(pa.array(inside - start))

    def _batch_with(self, row: int) -> tuple[int, pa.RecordBatch]:
        """Return the batch that holds a row, and its first row."""
        start, batch = self._now
        group = int(np.searchsorted(self.starts, row, side="right")) - 1
        if batch is None or row < start or self.starts[group] > start + len(batch):  # behind, or groups ahead
            start = int(self.starts[group])
            groups = range(group, self.file.num_row_groups)
            self._batches = self.file.iter_batches(BATCH, groups, self.columns, use_threads=False)
            batch = next(self._batches)
        while row >= start + len(batch):
            start += len(batch)
            batch = next(self._batches)
        self._now = (start, batch)
        return start, batch

    def _told(self, do: Callable[[], T]) -> T:
        """Return what `do` does, its complaints in words."""
        try:
            return do()
        except (pa.ArrowException, OSError, StopIteration, RuntimeError) as error:
            self._now = (0, None)
            what = str(error).splitlines()[0][:160] if str(error) else "it ends too early"
            raise ArchiveError(f"{self.path}: damaged ({what}). Fetch it again.") from None


def opened(path: Path, wanted: Callable[[list[str]], list[str]]) -> SiteFile:
    """Return a file, from memory if this process has it open and it has not changed.

    Raises
    ------
    ArchiveError : it is no Parquet file of sites
    """
    stat = path.stat()
    return _opened(path, stat.st_mtime_ns, stat.st_size, wanted)


@lru_cache(maxsize=3)
def _opened(path: Path, _mtime_ns: int, _size: int, wanted: Callable[[list[str]], list[str]]) -> SiteFile:
    return SiteFile(path, wanted)


def refuse_implausible(metadata: pq.FileMetaData, path: Path) -> None:
    """Raise an `ArchiveError` for a file that declares more rows than all towers have days; a few bytes may do so."""
    if metadata.num_rows > MAX_ROWS:
        raise ArchiveError(
            f"{path}: declares {metadata.num_rows:,} rows, more than all towers have days. Fetch it anew."
        )


def refuse_missing(names: list[str], needed: tuple[str, ...], where: Path) -> None:
    """Raise an `ArchiveError` that names the columns a file lacks."""
    if missing := [name for name in needed if name not in names]:
        raise ArchiveError(f"{where} lacks the columns {first_few(missing)}. Fetch it again.")
