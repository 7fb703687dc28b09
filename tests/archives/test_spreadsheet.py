"""Workbooks: what is read, and what is refused."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonbench_core.archives import _spreadsheet, _zips
from carbonbench_core.errors import ArchiveError

from .spreadsheet import MAIN, workbook

ROWS = [["Variable", "", "data Value 1"], ["IGBP", "", "DBF - Deciduous"], ["LOCATION_LAT", "", "36.1"], ["a<b&c", "é"]]


def rows(raw: bytes) -> list[list[str]]:
    return [[row.get(c, "") for c in range(3)] for row in _spreadsheet.rows(raw, "x.xlsx")]


@pytest.mark.parametrize("shared", [True, False])
def test_texts_and_numbers_stand_in_their_columns(shared: bool) -> None:
    assert rows(workbook(ROWS, shared)) == [*ROWS[:3], ["a<b&c", "é", ""]]


def test_phonetic_guides_are_no_text() -> None:
    assert rows(workbook([["高山", "たかやま"]], guide="タカヤマ")) == [["高山", "たかやま", ""]]


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["C"])), max_size=3), max_size=5))
def test_every_text_comes_back(cells: list[list[str]]) -> None:
    expected = [{c: text for c, text in enumerate(row) if text} for row in cells]
    got = list(_spreadsheet.rows(workbook(cells, shared=False), "x.xlsx"))
    numbers = [{c: got_row[c] for c in row} for row, got_row in zip(expected, got, strict=True)]
    assert numbers == expected


BOMB = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
REFUSED = {
    "no zip": (b"PK", "no readable .xlsx"),
    "cut short": (workbook(ROWS)[:-40], "no readable .xlsx"),
    "entities": (workbook(ROWS, head=BOMB), "document type"),
    "an external document type": (workbook(ROWS, head='<!DOCTYPE x SYSTEM "file:///etc/passwd">'), "document type"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_when_a_workbook_is_not_to_be_trusted_then_it_is_refused(case: str) -> None:
    raw, words = REFUSED[case]
    with pytest.raises(ArchiveError, match=words):
        rows(raw)


def part(name: str, text: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr(name, text)
    return out.getvalue()


def test_when_a_sheet_is_no_xml_or_names_a_missing_text_then_the_workbook_is_damaged() -> None:
    with pytest.raises(ArchiveError, match=r"sheet1\.xml is damaged"):
        rows(part("xl/worksheets/sheet1.xml", "<worksheet><row>"))
    cell = f'<worksheet {MAIN}><row><c t="s"><v>7</v></c></row></worksheet>'
    with pytest.raises(ArchiveError, match="names a text that is not there"):
        rows(part("xl/worksheets/sheet1.xml", cell))


def test_when_a_part_declares_an_implausible_size_then_it_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_zips, "RATIO_FROM", 10_000)
    monkeypatch.setattr(_zips, "MAX_RATIO", 50)
    with pytest.raises(ArchiveError, match="times its packed size"):
        rows(part("xl/worksheets/sheet1.xml", " " * 100_000))


def test_rows_come_as_they_are_read() -> None:
    stream = _spreadsheet.rows(workbook([[str(n)] for n in range(100_000)]), "x.xlsx")
    assert isinstance(stream, Iterator)
    assert next(stream) == {0: "0"}


@given(st.data())
def test_whatever_bytes_are_damaged_a_workbook_is_read_or_refused_in_words(data: st.DataObject) -> None:
    raw = bytearray(workbook(ROWS))
    for at in data.draw(st.lists(st.integers(0, len(raw) - 1), min_size=1, max_size=5)):
        raw[at] = data.draw(st.integers(0, 255))
    with suppress(ArchiveError):  # any other exception fails this test
        rows(bytes(raw))
