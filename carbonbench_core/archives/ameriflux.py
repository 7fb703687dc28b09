"""AmeriFlux FLUXNET daily archives, as published until the FLUXNET Shuttle.

A tower's archive is `AMF_{site}_FLUXNET_{FULLSET,SUBSET}_{y0}-{y1}_{version}.zip`; its daily file carries `_DD_` before
the years. What the tower is stands in a BIF file, in the zip or beside it: the tower's own
(`AMF_{site}_FLUXNET_BIF_*.csv`) or the network's on all of its towers (`AMF_AA-Net_BIF_*.csv`, also as .xlsx).

Source
------
AmeriFlux FLUXNET data product README of 2021-11-16; Pastorello et al. 2020, doi:10.1038/s41597-020-0534-3.
"""

from __future__ import annotations

import re
from pathlib import Path

from . import Entry, Options, Record, _layout

NETWORK = "AmeriFlux"
LICENSE = "CC-BY-4.0"
CITATION = (
    "AmeriFlux FLUXNET data product, AmeriFlux Management Project, https://ameriflux.lbl.gov: cite each tower by its "
    "DOI. Processing: Pastorello, G. et al. (2020). The FLUXNET2015 dataset and the ONEFlux processing pipeline for "
    "eddy covariance data. Scientific Data 7, 225. doi:10.1038/s41597-020-0534-3"
)

_NAME = rf"AMF_{_layout.SITE}_FLUXNET"
_REST = rf"{_layout.YEARS}_(?P<version>\d+-\d+)"
_DAILY = re.compile(rf"{_NAME}_(?P<set>FULLSET|SUBSET)_DD_{_REST}(?i:\.csv)")
_ZIP = re.compile(rf"{_NAME}_(?P<set>FULLSET|SUBSET)(_DD)?_{_REST}(?i:\.zip)")
_SIBLING = re.compile(
    rf"{_NAME}_((FULLSET|SUBSET)_(HH|HR|WW|MM|YY)|ERA5_(HH|HR|DD|WW|MM|YY)|AUX[A-Z]+)_{_REST}(?i:\.csv|\.zip)"
)
# Of one tower or of all of the network; years and version follow, or a licence and a day.
_BIF = r"AMF_({site}|AA-[A-Za-z]{3})_(FLUXNET_)?BIF_.*\.(csv|xlsx)"


def find(path: Path, options: Options) -> list[Entry]:
    """Return the daily records of a zip or CSV; see the contract in `archives`.

    Raises
    ------
    ArchiveError : the name is of this format, and the file is no zip, unsafe, or without a daily file
    """
    return [] if knows(path) else _layout.find(path, _LAYOUT)


def knows(path: Path) -> bool:
    """Whether a file is the hourly, auxiliary or site-information sibling of a daily record."""
    return _SIBLING.fullmatch(path.name) is not None or _layout.is_info(path, _LAYOUT)


def read(entry: Entry, options: Options) -> Record:
    """Read one tower's days; see the contract in `archives`.

    Raises
    ------
    ArchiveError : the daily file is damaged
    """
    return _layout.read(entry, CITATION, LICENSE, _LAYOUT)


def _entry(path: Path, member: str, match: re.Match) -> Entry:
    site, subset, version = match["site"], match["set"], match["version"]
    site_version, code_version = map(int, version.split("-"))
    rank = (0, subset == "SUBSET", -2021, -site_version, -code_version)
    product = f"AmeriFlux FLUXNET {subset} {version}"
    beside = _layout.info_beside(path, _LAYOUT, site)
    if not member:
        beside += _layout.reanalysis_beside(path, _LAYOUT, site)
    return Entry("ameriflux", path, member, site, NETWORK, product, rank, beside)


_REANALYSIS = r"AMF_{site}_FLUXNET_ERA5_DD_.*\.csv"
_LAYOUT = _layout.Layout(_layout.by_name(_DAILY), _ZIP, _entry, _BIF, _REANALYSIS)
