"""Zip archives, read in place: nothing is ever unpacked to disk, and what is implausible is refused."""

from __future__ import annotations

import zipfile
import zlib
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import IO

from ..errors import ArchiveError, first_few

# A FULLSET day file of 40 years has about 50 MB, and even one full of -9999 packs no better than some 300 to 1.
MAX_BYTES = 512 << 20
MAX_RATIO = 400
RATIO_FROM = 64 << 20  # small files may pack as well as they like
MAX_DIRECTORY = 16 << 20  # bytes that list the members: about 150,000 of them, and a download of a network has 20,000
CHUNK = 1 << 20  # bytes unpacked at a time, whatever the archive declares


def members(path: Path) -> list[zipfile.ZipInfo]:
    """Return the files in a zip.

    Raises
    ------
    ArchiveError : it is no zip, or cut short
    """
    stat = path.stat()
    return _members(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=1)  # every format asks for the same zip in turn
def _members(path: Path, _mtime_ns: int, _size: int) -> list[zipfile.ZipInfo]:
    try:
        _refuse_long_directory(path)
        with zipfile.ZipFile(path) as archive:
            return [m for m in archive.infolist() if not m.is_dir()]
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError) as error:
        raise ArchiveError(f"{path}: no readable zip ({error}). The download is cut short: fetch it again.") from None


def _refuse_long_directory(path: Path) -> None:
    """Raise an `ArchiveError` for a zip whose list of members alone would fill the memory (APPNOTE.TXT, 4.3.16)."""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - (1 << 16) - 22, 0))
        end = file.read()
    record = end[end.rfind(b"PK\x05\x06") :]
    listed = int.from_bytes(record[12:16], "little") if len(record) >= 22 else 0
    if listed > MAX_DIRECTORY:
        raise ArchiveError(f"{path}: lists far more members than any archive holds. Get it from the network itself.")


def holds_zips(path: Path) -> bool:
    """Whether a file is a zip of zips, as portals pack several archives into one download."""
    try:
        names = [m.filename.lower() for m in members(path)] if path.suffix.lower() == ".zip" else []
    except ArchiveError:
        return False
    return any(name.endswith(".zip") for name in names)


def refuse_unsafe(path: Path, infos: list[zipfile.ZipInfo]) -> None:
    """Raise an `ArchiveError` for a zip with a member that points outside of it."""
    bad = [m.filename for m in infos if _escapes(m.filename)]
    if bad:
        raise ArchiveError(
            f"{path}: member {first_few(bad)} points outside the archive. Get it from the network itself."
        )


def _escapes(name: str) -> bool:
    member = PurePosixPath(name.replace("\\", "/"))
    return member.is_absolute() or ".." in member.parts or name[1:2] == ":"


def read_member(path: Path, member: str, first: int = -1) -> bytes:
    """Return the bytes of one member, or the first so many of them.

    Raises
    ------
    ArchiveError : damaged, encrypted, or implausibly large
    """
    where = f"{path}:{member}"
    try:
        with zipfile.ZipFile(path) as archive:
            info = archive.getinfo(member)
            refuse_unsafe(path, [info])
            refuse_implausible([info], str(path))
            with archive.open(info) as file:
                return _bounded(file, first)
    except KeyError:
        raise ArchiveError(f"{where}: no such member any more. Scan the sources again.") from None
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, zlib.error) as error:
        raise ArchiveError(f"{where}: damaged ({error}). Fetch the archive again.") from None
    except (RuntimeError, NotImplementedError) as error:  # zipfile's words for a password or a rare compression
        raise ArchiveError(f"{where}: cannot be unpacked ({error}). Pack it anew without a password.") from None


def _bounded(file: IO[bytes], first: int) -> bytes:
    """Read a member in pieces, so that one which unpacks to more than it declares is cut where it should end."""
    if first >= 0:
        return file.read(first)
    return b"".join(iter(lambda: file.read(CHUNK), b""))


def refuse_implausible(infos: list[zipfile.ZipInfo], where: str) -> None:
    """Raise an `ArchiveError` for a member that declares more than any file of a network holds."""
    for info in infos:
        ratio = info.file_size / max(info.compress_size, 1)
        if info.file_size > MAX_BYTES or (info.file_size > RATIO_FROM and ratio > MAX_RATIO):
            raise ArchiveError(
                f"{where}:{info.filename}: declares {info.file_size / 2**20:,.0f} MiB, {ratio:,.0f} times its packed "
                f"size; a day file has at most {MAX_BYTES >> 20} MiB. Get it from the network itself."
            )
