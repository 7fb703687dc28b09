"""Files damaged at random, the same way for the same draws."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st


def damage(path: Path, data: st.DataObject, cut: bool = True) -> None:
    """Change up to five bytes of a file and, if `cut`, cut it short.

    Places are drawn as shares of the file: its length is that of compressed bytes, which need not be the same twice.
    """
    content = bytearray(path.read_bytes())
    for share in data.draw(st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=5)):
        content[int(share * len(content))] = data.draw(st.integers(0, 255))
    end = round(data.draw(st.floats(0, 1)) * len(content)) if cut else len(content)
    path.write_bytes(content[:end])
