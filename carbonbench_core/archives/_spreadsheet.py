"""Cells of an .xlsx workbook (ECMA-376), as text, with the standard library alone.

Nothing in a workbook is trusted: a document type, which entities would need, is refused; sizes are bounded; rows are
handed on as they are read.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from xml.parsers import expat

from ..errors import ArchiveError
from . import _zips

CHUNK = 1 << 16
MAX_UNPACKED = 256 << 20  # a network's information on all of its towers has some 50 MiB
MAX_COLUMNS = 1 << 14  # of the format itself
_SHEET = re.compile(r"xl/worksheets/sheet(\d+)\.xml")


def rows(raw: bytes, where: str) -> Iterator[dict[int, str]]:
    """Yield the rows of all sheets of a workbook, each as column number -> text of the cells that have any.

    Raises
    ------
    ArchiveError : it is no workbook, damaged, or not to be trusted
    """
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as book:
            names = {m.filename for m in book.infolist()}
            _zips.refuse_implausible(book.infolist(), where)
            _refuse_large(book.infolist(), where)
            shared = list(_texts(book, where)) if "xl/sharedStrings.xml" in names else []
            sheets = sorted((int(m[1]), name) for name in names if (m := _SHEET.fullmatch(name)))
            for _, name in sheets:
                yield from _cells(book, name, shared, where)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        raise ArchiveError(f"{where}: no readable .xlsx workbook ({error}). Fetch it again.") from None


def _refuse_large(infos: list[zipfile.ZipInfo], where: str) -> None:
    size = sum(info.file_size for info in infos)
    if size > MAX_UNPACKED:
        raise ArchiveError(f"{where}: unpacks to {size >> 20} MiB, no site information does. Get it from the network.")


def _texts(book: zipfile.ZipFile, where: str) -> Iterator[str]:
    """Yield the shared strings in order, without the phonetic guides of East Asian text."""
    reader = _Reader(item="si")
    for item in _parsed(book, "xl/sharedStrings.xml", reader, where):
        yield item.text


def _cells(book: zipfile.ZipFile, name: str, shared: list[str], where: str) -> Iterator[dict[int, str]]:
    for item in _parsed(book, name, _Reader(item="row"), where):
        row = {}
        for column, kind, text in item.cells:
            if kind == "s":
                if not text.isdecimal() or int(text) >= len(shared):
                    raise ArchiveError(f"{where}: a cell names a text that is not there. Fetch it again.")
                text = shared[int(text)]
            if text:
                row[column] = text
        yield row


class _Item:
    """One shared string, or one row with its cells (column, type, text)."""

    def __init__(self) -> None:
        self.text = ""
        self.cells: list[tuple[int, str, str]] = []


class _Reader:
    """Handlers that gather the items of one part: texts are in <t> and, of cells, in <v>; <rPh> is phonetic."""

    def __init__(self, item: str) -> None:
        self.item = item
        self.done: list[_Item] = []
        self.now = _Item()
        self.cell: tuple[int, str] | None = None
        self.text: list[str] = []
        self.in_text = False
        self.phonetic = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        tag = tag.rpartition(":")[2]
        if tag == self.item:
            self.now = _Item()
        elif tag == "c":
            after = self.now.cells[-1][0] + 1 if self.now.cells else 0
            self.cell = (_column(attributes.get("r", ""), after), attributes.get("t", "n"))
        elif tag == "rPh":
            self.phonetic += 1
        self.in_text = tag in ("t", "v") and not self.phonetic

    def end(self, tag: str) -> None:
        tag = tag.rpartition(":")[2]
        self.in_text = False
        if tag == "rPh":
            self.phonetic -= 1
        elif tag == "c" and self.cell:
            self.now.cells.append((*self.cell, "".join(self.text)))
            self.text, self.cell = [], None
        elif tag == self.item:
            self.now.text = "".join(self.text)
            self.text = []
            self.done.append(self.now)

    def data(self, text: str) -> None:
        if self.in_text:
            self.text.append(text)

    def take(self) -> list[_Item]:
        done, self.done = self.done, []
        return done


def _column(reference: str, after: int) -> int:
    """Return the column number of a reference such as AB12, or the one after the last where there is none."""
    letters = re.match(r"[A-Z]{1,3}", reference)
    number = 0
    for letter in letters[0] if letters else "":
        number = 26 * number + ord(letter) - ord("A") + 1
    return min(number - 1 if letters else after, MAX_COLUMNS)


def _parsed(book: zipfile.ZipFile, part: str, reader: _Reader, where: str) -> Iterator[_Item]:
    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.data
    parser.StartDoctypeDeclHandler = _refuse(where)
    try:
        with book.open(part) as file:
            while chunk := file.read(CHUNK):
                parser.Parse(chunk, False)
                yield from reader.take()
        parser.Parse(b"", True)
        yield from reader.take()
    except expat.ExpatError as error:
        raise ArchiveError(f"{where}: {part} is damaged ({error}). Fetch it again.") from None


def _refuse(where: str) -> Callable[..., None]:
    def refuse(*_: object) -> None:
        raise ArchiveError(f"{where}: declares a document type, as no workbook does. Get it from the network itself.")

    return refuse
