"""Reading shards, and writing files whole or not at all."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import DatasetFolderError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    import pandas as pd
    import pyarrow as pa


def read_shard(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Return a shard as a table mapped in place.

    Raises
    ------
    DatasetFolderError : the file is damaged or lacks a column
    """
    import pyarrow as pa

    try:
        table = pa.ipc.open_stream(pa.memory_map(str(path))).read_all()
        return table if columns is None else table.select(columns)
    except (OSError, pa.ArrowException, KeyError) as error:
        raise DatasetFolderError(f"Shard {path} cannot be read: {error}. Build the folder again.") from None


def read_batches(stream: BinaryIO, name: str, columns: list[str]) -> Iterator[pa.Table]:
    """Yield the record batches of a shard that is read from a stream.

    Raises
    ------
    DatasetFolderError : the bytes are damaged or lack a column
    """
    import pyarrow as pa

    try:
        for batch in pa.ipc.open_stream(stream):
            yield pa.Table.from_batches([batch]).select(columns)
    except (pa.ArrowException, KeyError) as error:
        raise DatasetFolderError(f"Shard {name} cannot be read: {error}. Build the folder again.") from None


def write_shard(table: pa.Table, path: Path) -> None:
    """Write a table as an Arrow IPC stream, whole or not at all."""
    import pyarrow as pa

    partial = path.with_suffix(".partial")
    with pa.OSFile(str(partial), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    os.replace(partial, path)


def write_parquet(frame: pd.DataFrame, path: Path) -> None:
    """Write a data frame as Parquet, whole or not at all; folders are made as needed.

    Raises
    ------
    DatasetFolderError : the file cannot be written
    """
    _write_whole(path, lambda partial: frame.to_parquet(partial, index=False))


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a data frame as CSV; else as `write_parquet`."""
    _write_whole(path, lambda partial: frame.to_csv(partial, index=False))


def _write_whole(path: Path, write: Callable[[Path], None]) -> None:
    make_folder(path.parent)
    partial = path.with_name(path.name + ".partial")
    try:
        write(partial)
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise DatasetFolderError(f"Cannot write {path}: {error.strerror or error}. Choose another place.") from None


def make_folder(path: Path) -> None:
    """Make a folder that is to be written to.

    Raises
    ------
    DatasetFolderError : it cannot be made
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatasetFolderError(f"Cannot make folder {path}: {error.strerror or error}. Choose another.") from None


def put_in_place(finished: Path, out: Path) -> None:
    """Replace the folder `out` by the folder `finished` beside it: at any moment `out` is the old one, none or the new.

    Raises
    ------
    DatasetFolderError : `out` cannot be replaced
    """
    old = out.with_name(f".{out.name}.old")
    try:
        recover(out)
        if out.exists():
            os.rename(out, old)
        os.rename(finished, out)
    except OSError as error:
        raise DatasetFolderError(f"Cannot put the dataset folder at {out}: {error.strerror or error}.") from None
    shutil.rmtree(old, ignore_errors=True)


def recover(out: Path) -> None:
    """Undo a replacement that was killed half-way: bring the old folder back, or sweep it away."""
    old = out.with_name(f".{out.name}.old")
    if old.exists() and not out.exists():
        os.rename(old, out)
    shutil.rmtree(old, ignore_errors=True)


def file_name(text: str) -> str:
    """Return a name as one that stays in its folder: letters, digits, dot, underscore and hyphen."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).lstrip(".") or "_"


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all."""
    partial = _partial(path)
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _partial(path: Path) -> Path:
    """Return where a file is written before it is put in place; no two writers share one."""
    return path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.partial")


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file as hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
