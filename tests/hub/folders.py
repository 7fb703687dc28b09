"""Folders of files for tests, as mappings of path to bytes."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa


def arrow_stream(table: pa.Table) -> bytes:
    """Return a table as an Arrow IPC stream, the form of a dataset's shards."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def write(folder: Path, files: dict[str, bytes]) -> Path:
    """Write files below a folder, and return the folder."""
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def read(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder without what only Hub and client keep there."""
    found = {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
    return {name: data for name, data in found.items() if name != ".gitattributes" and not name.startswith(".cache/")}
