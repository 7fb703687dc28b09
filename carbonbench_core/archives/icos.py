"""ICOS daily archives: the Level 2 product of the Ecosystem Thematic Centre.

A tower's archive is `ICOSETC_{site}_ARCHIVE_L2.zip`; of its files, `ICOSETC_{site}_FLUXNET_DD_L2.csv` holds the days
and `ICOSETC_{site}_SITEINFO_L2.csv` says what the tower is. Interim releases have `_INTERIM_L2`, the first ones a
number in place of `L2`. The names do not tell the release: a final one comes before an interim one.

Source
------
ICOS RI, Ecosystem final quality (L2) product in ETC-Archive format, e.g. doi:10.18160/NNAD-PN5W (2019-1).
"""

from __future__ import annotations

import re
from pathlib import Path

from . import Entry, Options, Record, _layout

NETWORK = "ICOS"
LICENSE = "CC-BY-4.0"
CITATION = (
    "ICOS RI. Ecosystem final quality (L2) product in ETC-Archive format. ICOS ERIC - Carbon Portal, "
    "https://data.icos-cp.eu: cite the release, and each tower by its PID. Processing: Pastorello, G. et al. (2020). "
    "The FLUXNET2015 dataset and the ONEFlux processing pipeline for eddy covariance data. Scientific Data 7, 225. "
    "doi:10.1038/s41597-020-0534-3"
)

_NAME = rf"ICOSETC_{_layout.SITE}"
_LEVEL = r"(?P<interim>INTERIM_)?(?P<level>L2|\d\d)"
_DAILY = re.compile(rf"{_NAME}_FLUXNET_DD_{_LEVEL}(?i:\.csv)")
_ZIP = re.compile(rf"{_NAME}_ARCHIVE_{_LEVEL}(?i:\.zip)")
_SIBLING = re.compile(rf"{_NAME}_[A-Z0-9_]+_{_LEVEL}(?i:\.csv|\.zip)")
_SITEINFO = r"ICOSETC_{site}_SITEINFO_(INTERIM_)?(L2|\d\d)\.csv"


def find(path: Path, options: Options) -> list[Entry]:
    """Return the daily records of a zip or CSV; see the contract in `archives`.

    Raises
    ------
    ArchiveError : the name is of this format, and the file is no zip, unsafe, or without a daily file
    """
    return _layout.find(path, _LAYOUT)


def knows(path: Path) -> bool:
    """Whether a file is one of the product's others: half-hourly, sensors, ancillary, site information."""
    return _SIBLING.fullmatch(path.name) is not None


def read(entry: Entry, options: Options) -> Record:
    """Read one tower's days; see the contract in `archives`.

    Raises
    ------
    ArchiveError : the daily file is damaged
    """
    return _layout.read(entry, CITATION, LICENSE, _LAYOUT)


def _entry(path: Path, member: str, match: re.Match) -> Entry:
    site, interim = match["site"], bool(match["interim"])
    product = f"ICOS {match['level']}{' interim' if interim else ''}"
    # A release a year since 2019, which the name does not tell: taken for the last before the Shuttle's.
    rank = (0, 0, -2024, interim, match["level"] != "L2")
    return Entry("icos", path, member, site, NETWORK, product, rank, _layout.info_beside(path, _LAYOUT, site))


_LAYOUT = _layout.Layout(_layout.by_name(_DAILY), _ZIP, _entry, _SITEINFO)
