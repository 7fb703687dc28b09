"""JapanFlux2024 daily archives: Japan and East Asia, 1990 to 2023.

A dataset of the Arctic Data archive System unpacks to `.../DATA/COREVARS/`, with the variables most wanted, and
`.../DATA/ALLVARS/`, with all; the daily file of either is `FLX_{site}_JapanFLUX2024_{set}_DD_{y0}-{y1}_{version}.csv`.
What the tower is stands in a BADM workbook, `*General*.xlsx` under `.../DATA/BADM/`, at some towers `BDAM`. Columns
have names in any case (`NEE_vUT_USTAR50`), the reference variant is `VUT` alone, and quality is the mean fill class of
the day, from 0 (best) to 3 (worst), which is not ONEFlux's share of good half-hours: q stands here as (3 - q) / 3.

Source
------
Ueyama et al. 2025, doi:10.5194/essd-17-3807-2025; https://ads.nipr.ac.jp/japan-flux2024/.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePath, PurePosixPath

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import ArchiveError
from . import Entry, Options, Record, _bif, _layout, _oneflux, _zips

NETWORK = "JapanFlux"
LICENSE = "as each tower's page at https://ads.nipr.ac.jp/japan-flux2024/ says"
CITATION = (
    "Ueyama, M. et al. (2025). The JapanFlux2024 dataset for eddy covariance observations covering Japan and East Asia "
    "from 1990 to 2023. Earth System Science Data 17, 3807. doi:10.5194/essd-17-3807-2025: cite each tower by its DOI"
)
QC_SCALE = "JapanFlux fill class"
WORST = 3.0  # fill class
VARIANTS = ("VUT_USTAR50", "VUT_REF", "VUT")  # the last is JapanFlux's name of the reference
# NEE = RECO - GPP closes to rounding in one variant; the swap is suspected where it closes so and the names do not.
CLOSES = 0.05  # gC m-2 d-1, median over days
DAYS_TO_TELL = 30

_SET = r"(?P<set>(?i:COREVARS|ALLVARS))"
_DAILY = (
    re.compile(rf"(?:.*/)?FLX_{_layout.SITE}_(?i:JapanFLUX2024)_{_SET}_DD_[^/]*(?i:\.csv)"),
    re.compile(rf"(?:.*/)?{_SET}/(?:[^/]*[^/A-Za-z0-9])?{_layout.SITE}_(?:[^/]*_)?DD_[^/]*(?i:\.csv)"),
    re.compile(rf"(?:.*/)?{_layout.SITE}/DATA/{_SET}/[^/]*_DD_[^/]*(?i:\.csv)"),
)
_ZIP = re.compile(r"(.*JapanFLUX2024.*|A\d{8}-\d{3}.*)\.zip", re.IGNORECASE)
_SIBLING = re.compile(r"FLX_.*_JapanFLUX2024_.*\.(csv|zip)", re.IGNORECASE)
_BADM = ("BADM", "BDAM")
_FOLDERS = ("COREVARS", "ALLVARS", *_BADM)


def find(path: Path, options: Options) -> list[Entry]:
    """Return the daily records of a zip or CSV; see the contract in `archives`.

    Raises
    ------
    ArchiveError : the name is of this format, and the file is no zip, unsafe, or without a daily file
    """
    return _layout.find(path, _LAYOUT)


def knows(path: Path) -> bool:
    """Whether a file is of another time step or product, or says what a tower is."""
    in_folder = path.parent.name.upper() in _FOLDERS and path.parent.parent.name.upper() == "DATA"
    return in_folder or _SIBLING.fullmatch(path.name) is not None


def read(entry: Entry, options: Options) -> Record:
    """Read one tower's days, quality on the scale of 0 to 1; see the contract in `archives`.

    Raises
    ------
    ArchiveError : the daily file is damaged
    """
    heading, end, rest = _layout.content(entry).partition(b"\n")
    daily = _oneflux.read_daily(heading.upper() + end + rest, str(entry), VARIANTS)
    share = pc.divide(pc.subtract(WORST, daily.table["nee_qc"]), WORST)
    table = daily.table.set_column(daily.table.column_names.index("nee_qc"), "nee_qc", share)
    info = _site_info(entry)
    attributes = {**info.attributes, "nee_qc_scale": QC_SCALE}
    notes = [*daily.notes, *_layout.years_lacking(entry, table), *info.notes, *_swapped(table)]
    return Record(entry, table, daily.variant, attributes, notes=notes, citation=CITATION, licence=LICENSE)


def _swapped(table: pa.Table) -> list[str]:
    """Return a note if NEE = GPP - RECO where it should be RECO - GPP; names count all the same."""
    if not {"gpp", "reco", "nee"}.issubset(table.column_names):
        return []
    days = table.select(["gpp", "reco", "nee"]).drop_null()
    if days.num_rows < DAYS_TO_TELL:
        return []
    net = pc.subtract(days["reco"], days["gpp"])
    named, swapped = (_median_gap(days["nee"], side) for side in (net, pc.negate(net)))
    if swapped < CLOSES < named / 10:
        return [f"NEE = GPP - RECO on most days (to {swapped:.2g}, as named {named:.2g}): are the columns swapped?"]
    return []


def _median_gap(a: pa.ChunkedArray, b: pa.ChunkedArray) -> float:
    return pc.quantile(pc.abs(pc.subtract(a, b)), 0.5)[0].as_py()


def _site_info(entry: Entry) -> _bif.SiteInfo:
    """Return what the BADM workbook says of a tower: of the same DATA folder, in the zip or on disk."""
    try:
        if entry.member:
            data = PurePosixPath(entry.member).parent.parent
            inside = (PurePosixPath(m.filename) for m in _zips.members(entry.path))
            for name in sorted(str(p) for p in inside if p.parent.parent == data and _is_general(p)):
                return _bif.read(_layout.content(entry, name), name, entry.site_id)
        for path in entry.companions:
            return _bif.read_file(path, entry.site_id)
    except (ArchiveError, OSError) as error:
        return _bif.SiteInfo(notes=(f"what the archive says of the tower is not read: {error}",))
    return _bif.SiteInfo()


def _is_general(path: PurePath) -> bool:
    """Whether a file of a DATA folder holds the general site information."""
    told = path.suffix.lower() in (".xlsx", ".csv") and "general" in path.name.lower()
    return told and path.parent.name.upper() in _BADM


def _match(path: PurePosixPath) -> re.Match | None:
    return next((m for pattern in _DAILY if (m := pattern.fullmatch(str(path)))), None)


def _entry(path: Path, member: str, match: re.Match) -> Entry:
    site, chosen = match["site"], match["set"].upper()
    folders = [] if member else [d for d in path.parent.parent.iterdir() if d.name.upper() in _BADM and d.is_dir()]
    general = tuple(sorted(p for folder in folders for p in folder.iterdir() if _is_general(p)))
    # COREVARS, as in the published benchmark, unless ALLVARS alone has USTAR50.
    rank = (0, not _has_ustar50(path, member), -2024, chosen != "COREVARS")
    return Entry("japanflux", path, member, site, NETWORK, f"JapanFlux2024 {chosen}", rank, general)


def _has_ustar50(path: Path, member: str) -> bool:
    try:
        if member:
            head = _zips.read_member(path, member, _oneflux.HEADER_BYTES)
        else:
            with path.open("rb") as file:
                head = file.read(_oneflux.HEADER_BYTES)
        names = {name.upper() for name in _oneflux.header(head.upper(), path.name)}
    except ArchiveError:  # reading it will say what is wrong
        return False
    return names.issuperset(_oneflux.target_names(VARIANTS[0]).values())


_LAYOUT = _layout.Layout(_match, _ZIP, _entry)
