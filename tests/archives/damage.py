"""Ways to damage files at random, the same way for the same draws."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

Damage = Callable[[bytes, np.random.Generator], bytes]


def damage(path: Path, data: st.DataObject, cut: bool = True) -> None:
    """Change up to five bytes of a file and, if `cut`, cut it short.

    Places are drawn as shares of the file: its length is that of compressed bytes, which need not be the same twice.
    """
    content = bytearray(path.read_bytes())
    for share in data.draw(st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=5)):
        content[int(share * len(content))] = data.draw(st.integers(0, 255))
    end = round(data.draw(st.floats(0, 1)) * len(content)) if cut else len(content)
    path.write_bytes(content[:end])


def flip_bits(raw: bytes, rng: np.random.Generator) -> bytes:
    content = bytearray(raw)
    for at in rng.integers(0, len(content), rng.integers(1, 9)):
        content[at] ^= 1 << int(rng.integers(0, 8))
    return bytes(content)


def truncate(raw: bytes, rng: np.random.Generator) -> bytes:
    return raw[: int(rng.integers(0, len(raw)))]


def blank_out(raw: bytes, rng: np.random.Generator) -> bytes:
    start = int(rng.integers(0, len(raw)))
    stop = start + int(rng.integers(1, 200))
    return raw[:start] + bytes(len(raw[start:stop])) + raw[stop:]


def append(raw: bytes, rng: np.random.Generator) -> bytes:
    return raw + rng.bytes(int(rng.integers(1, 300)))


def twice(raw: bytes, rng: np.random.Generator) -> bytes:
    return raw + raw


# Of a whole file, compressed or not.
AFTER: dict[str, Damage] = {
    "bits flipped": flip_bits,
    "cut short": truncate,
    "zeros": blank_out,
    "bytes appended": append,
    "written twice": twice,
}


def _lines(raw: bytes) -> list[bytes]:
    return raw.rstrip(b"\n").split(b"\n")


def _joined(lines: list[bytes]) -> bytes:
    return b"\n".join(lines) + b"\n"


def shuffle_columns(raw: bytes, rng: np.random.Generator) -> bytes:
    cells = [line.split(b",") for line in _lines(raw)]
    order = rng.permutation(len(cells[0]))
    return _joined([b",".join(row[i] for i in order) for row in cells])


def shuffle_days(raw: bytes, rng: np.random.Generator) -> bytes:
    heading, *days = _lines(raw)
    return _joined([heading, *(days[i] for i in rng.permutation(len(days)))])


def blank_lines(raw: bytes, rng: np.random.Generator) -> bytes:
    heading, *days = _lines(raw)
    at = int(rng.integers(0, len(days) + 1))
    return _joined([heading, *days[:at], b"", *days[at:], b""])


def extra_column(raw: bytes, rng: np.random.Generator) -> bytes:
    return _joined([line + (b",x" if n else b",STRANGE") for n, line in enumerate(_lines(raw))])


# What a reader must take in its stride.
HARMLESS: dict[str, Damage] = {
    "columns in another order": shuffle_columns,
    "days in another order": shuffle_days,
    "line ends of Windows": lambda raw, rng: raw.replace(b"\n", b"\r\n"),
    "a byte order mark": lambda raw, rng: b"\xef\xbb\xbf" + raw,
    "no last line end": lambda raw, rng: raw.rstrip(b"\n"),
    "blank lines": blank_lines,
    "a strange column": extra_column,
}


def shuffle_heading(raw: bytes, rng: np.random.Generator) -> bytes:
    heading, *days = _lines(raw)
    names = heading.split(b",")
    return _joined([b",".join(names[i] for i in rng.permutation(len(names))), *days])


def drop_lines(raw: bytes, rng: np.random.Generator) -> bytes:
    lines = _lines(raw)
    gone = set(rng.integers(0, len(lines), rng.integers(1, 5)).tolist())
    return _joined([line for n, line in enumerate(lines) if n not in gone])


def double_lines(raw: bytes, rng: np.random.Generator) -> bytes:
    lines = _lines(raw)
    at = int(rng.integers(0, len(lines)))
    return _joined([*lines[: at + 1], *lines[at:]])


def drop_cells(raw: bytes, rng: np.random.Generator) -> bytes:
    lines = _lines(raw)
    at = int(rng.integers(0, len(lines)))
    lines[at] = b",".join(lines[at].split(b",")[: int(rng.integers(0, 9))])
    return _joined(lines)


CELLS = (
    b"",
    b"n/a",
    b"1e999",
    b"-inf",
    b"NaN",
    b"1,5",
    b'"',
    b'"7',
    b"\x00",
    b"\xff",
    b"9" * 400,
    b"0x1F",
    b"-9999",
    b"=1",
)


def odd_cells(raw: bytes, rng: np.random.Generator) -> bytes:
    cells = [line.split(b",") for line in _lines(raw)]
    for _ in range(int(rng.integers(1, 5))):
        row = cells[int(rng.integers(0, len(cells)))]
        row[int(rng.integers(0, len(row)))] = CELLS[int(rng.integers(0, len(CELLS)))]
    return _joined([b",".join(row) for row in cells])


def encode(encoding: str) -> Damage:
    return lambda raw, rng: raw.decode().encode(encoding)


# Of the text of a daily file, before it is packed.
CONTENT: dict[str, Damage] = {
    "text: bits flipped": flip_bits,
    "text: cut short": truncate,
    "text: zeros": blank_out,
    "text: written twice": twice,
    "heading in another order": shuffle_heading,
    "lines dropped": drop_lines,
    "a line doubled": double_lines,
    "cells dropped": drop_cells,
    "odd cells": odd_cells,
    "UTF-16": encode("utf-16"),
    "UTF-32": encode("utf-32-le"),
    "EBCDIC": encode("cp500"),
    "semicolons": lambda raw, rng: raw.replace(b",", b";"),
    "decimal commas": lambda raw, rng: raw.replace(b",", b";").replace(b".", b","),
    "line ends of old": lambda raw, rng: raw.replace(b"\n", b"\r"),
    "quotes": lambda raw, rng: raw.replace(b",", b'","', int(rng.integers(1, 40))),
    "random bytes": lambda raw, rng: rng.bytes(len(raw)),
}
