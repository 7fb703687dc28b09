"""Tiny .xlsx workbooks, by script."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from xml.sax.saxutils import escape

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def workbook(rows: Sequence[Sequence[str]], shared: bool = True, head: str = "", guide: str = "") -> bytes:
    """Return a workbook of one sheet.

    Parameters
    ----------
    rows : sequence of sequence of str, "" for an empty cell, which stands in no file
    shared : bool, texts in the table of shared strings, as Excel writes them, or inline
    head : str, what stands before the sheet's root, e.g. a document type
    guide : str, a phonetic guide beside every shared text, as in East Asian workbooks
    """
    texts: list[str] = []
    lines = []
    for r, row in enumerate(rows, start=1):
        cells = "".join(_cell(f"{_letters(c)}{r}", text, texts, shared) for c, text in enumerate(row) if text)
        lines.append(f'<row r="{r}">{cells}</row>')
    sheet = f"{head}<worksheet {MAIN}><sheetData>{''.join(lines)}</sheetData></worksheet>"
    phonetic = f"<rPh sb='0' eb='1'><t>{guide}</t></rPh>" if guide else ""
    items = "".join(f"<si><r><t>{escape(t[:2])}</t></r><r><t>{escape(t[2:])}</t></r>{phonetic}</si>" for t in texts)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("[Content_Types].xml", "<Types/>")
        book.writestr("xl/workbook.xml", f"<workbook {MAIN}/>")
        book.writestr("xl/worksheets/sheet1.xml", sheet)
        if shared:
            book.writestr("xl/sharedStrings.xml", f"<sst {MAIN}>{items}</sst>")
    return out.getvalue()


def _cell(reference: str, text: str, texts: list[str], shared: bool) -> str:
    try:
        float(text)
    except ValueError:
        if not shared:
            return f'<c r="{reference}" t="inlineStr"><is><t>{escape(text)}</t></is></c>'
        texts.append(text)
        return f'<c r="{reference}" t="s"><v>{len(texts) - 1}</v></c>'
    return f'<c r="{reference}"><f>1+1</f><v>{text}</v></c>'


def _letters(column: int) -> str:
    return chr(ord("A") + column)
