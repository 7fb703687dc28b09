"""FLUXNET2015 daily archives, and the Warm Winter 2020 release that has the same layout.

A tower's archive is `FLX_{site}_FLUXNET2015_{FULLSET,SUBSET}_{y0}-{y1}_{version}.zip`; its daily file carries `_DD_`
before the years. The zip is read in place; the unpacked folder and the bare daily CSV are read as well. Versions are
`{site version}-{code version}`, e.g. `1-4`; `beta-3` marks Warm Winter 2020. Of the downscaled reanalysis a FULLSET has
the columns itself; for a SUBSET they come from the archive's `FLX_{site}_FLUXNET2015_ERAI_DD_*.csv`.

Source
------
Pastorello et al. 2020, doi:10.1038/s41597-020-0534-3; Warm Winter 2020 Team and ICOS Ecosystem Thematic Centre 2022,
doi:10.18160/2G60-ZHAK.
"""

from __future__ import annotations

import re
from pathlib import Path

from . import Entry, Options, Record, _layout

NETWORK = "FLUXNET2015"
LICENSE = "CC-BY-4.0"
CITATION = (
    "Pastorello, G. et al. (2020). The FLUXNET2015 dataset and the ONEFlux processing pipeline for eddy covariance "
    "data. Scientific Data 7, 225. doi:10.1038/s41597-020-0534-3"
)
WARM_WINTER_CITATION = (
    "Warm Winter 2020 Team and ICOS Ecosystem Thematic Centre (2022). Warm Winter 2020 ecosystem eddy covariance flux "
    "product for 73 stations in FLUXNET-Archive format, release 2022-1. ICOS Carbon Portal. doi:10.18160/2G60-ZHAK"
)

_REST = rf"{_layout.YEARS}_(?P<version>\d+-\d+|beta-\d+)"
_DAILY = re.compile(rf"FLX_{_layout.SITE}_FLUXNET2015_(?P<set>FULLSET|SUBSET)_DD_{_REST}(?i:\.csv)")
_ZIP = re.compile(rf"FLX_{_layout.SITE}_FLUXNET2015_(?P<set>FULLSET|SUBSET)(_DD)?_{_REST}(?i:\.zip)")
_SIBLING = re.compile(
    rf"FLX_{_layout.SITE}_FLUXNET2015_"
    rf"((FULLSET|SUBSET)_(HH|HR|WW|MM|YY)|ERAI_(HH|HR|DD|WW|MM|YY)|AUX[A-Z]+)_{_REST}(?i:\.csv|\.zip)"
)


def find(path: Path, options: Options) -> list[Entry]:
    """Return the daily records of a zip or CSV; see the contract in `archives`.

    Raises
    ------
    ArchiveError : the name is of this format, and the file is no zip, unsafe, or without a daily file
    """
    return [] if knows(path) else _layout.find(path, _LAYOUT)


def knows(path: Path) -> bool:
    """Whether a file belongs to an archive of this format without being its daily record (hourly, auxiliary, ...)."""
    return _SIBLING.fullmatch(path.name) is not None


def read(entry: Entry, options: Options) -> Record:
    """Read one tower's days; see the contract in `archives`.

    Raises
    ------
    ArchiveError : the daily file is damaged
    """
    citation = WARM_WINTER_CITATION if entry.product.startswith("Warm Winter") else CITATION
    return _layout.read(entry, citation, LICENSE, _LAYOUT)


def _entry(path: Path, member: str, match: re.Match) -> Entry:
    subset, version = match["set"], match["version"]
    release = "Warm Winter 2020" if version.startswith("beta") else NETWORK
    product, site, rank = f"{release} {subset} {version}", match["site"], _rank(subset, version)
    beside = () if member else _layout.reanalysis_beside(path, _LAYOUT, site)
    return Entry("fluxnet2015", path, member, site, NETWORK, product, rank, beside, line=release)


def _rank(subset: str, version: str) -> tuple[int, ...]:
    """FULLSET first, since it has USTAR50; then Warm Winter 2020, the later release; then the newest version."""
    first, second = version.split("-")
    beta = first == "beta"
    return (0, subset == "SUBSET", -2022 if beta else -2020, 0 if beta else -int(first), -int(second))


_REANALYSIS = r"FLX_{site}_FLUXNET2015_(ERAI|ERA5)_DD_.*\.csv"
_LAYOUT = _layout.Layout(_layout.by_name(_DAILY), _ZIP, _entry, reanalysis=_REANALYSIS)
