"""Archives of the FLUXNET Shuttle, the common download of the tower networks since 2025.

A tower's archive is `{code}_{site}_FLUXNET_{y0}-{y1}_{ONEFlux version}_{release}.zip`, e.g.
`AMF_US-Ha1_FLUXNET_1991-2020_v1.2_r2.zip`, where the code is that of the network that prepared the data. Of its files,
`{code}_{site}_FLUXNET_FLUXMET_DD_*.csv` holds fluxes and tower meteorology, `..._ERA5_DD_*.csv` downscaled reanalysis
on every day since 1981, and `..._BIF_*.csv` says what the tower is. The days are those of the fluxes, with the
reanalysis joined to them. The snapshot that the Shuttle makes of what it offers, `fluxnet_shuttle_snapshot_*.csv`, is a
catalogue for `towers.read_towers`; the names and addresses of people in it stay there.

Source
------
README and data policy that ONEFlux puts into every archive (https://github.com/fluxnet/ONEFlux, oneflux.metadata of
2025-12-05); https://github.com/fluxnet/shuttle.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from ..errors import ArchiveError
from . import Entry, Options, Record, _join, _layout, _oneflux, _tidy

LICENSE = "CC-BY-4.0"
CITATION = (
    "FLUXNET data products by the FLUXNET Shuttle, https://data.fluxnet.org: cite each tower by its product's PID. "
    "Processing: Pastorello, G. et al. (2020). The FLUXNET2015 dataset and the ONEFlux processing pipeline for eddy "
    "covariance data. Scientific Data 7, 225. doi:10.1038/s41597-020-0534-3"
)
_OZFLUX = "Beringer et al. (2016), doi:10.5194/bg-13-5895-2016; Isaac et al. (2017), doi:10.5194/bg-14-2903-2017"
# Code in a file's name -> network, and what its data policy asks to be cited besides. Others go by their code.
NETWORKS = {
    "AMF": ("AmeriFlux", ""),
    "CNF": ("ChinaFlux", "Yu et al. (2006), doi:10.1016/j.agrformet.2006.02.011"),
    "EUF": ("European Fluxes Database", ""),
    "ICOS": ("ICOS", ""),
    "ICOSETC": ("ICOS", ""),
    "JPF": ("JapanFlux", "Ueyama et al. (2025), doi:10.5194/essd-17-3807-2025"),
    "KOF": ("KoFlux", ""),
    "OZF": ("OzFlux", _OZFLUX),
    "SAEON": ("SAEON", ""),
    "TERN": ("TERN", _OZFLUX),
}

_NAME = rf"(?P<code>[A-Za-z]+)_{_layout.SITE}_FLUXNET"
_REST = rf"{_layout.YEARS}_v(?P<version>\d+(\.\d+)*)_r(?P<release>\d+)"
_DAILY = re.compile(rf"{_NAME}_FLUXMET_DD_{_REST}(?i:\.csv)")
_ZIP = re.compile(rf"{_NAME}_{_REST}(?i:\.zip)")
_SIBLING = re.compile(rf"{_NAME}_((FLUXMET|ERA5|BIFVARINFO)_(HH|HR|DD|WW|MM|YY)|BIF)_{_REST}(?i:\.csv|\.zip)")
_BIF = r"[A-Za-z]+_{site}_FLUXNET_BIF_\d{4}-\d{4}_v[\d.]+_r\d+\.csv"

_SNAPSHOT = {"data_hub", "site_id", "location_lat", "location_long", "fluxnet_product_name"}


def find(path: Path, options: Options) -> list[Entry]:
    """Return the daily records of a zip or CSV; see the contract in `archives`.

    Raises
    ------
    ArchiveError : the name is of this format, and the file is no zip, unsafe, or without a daily file
    """
    return _layout.find(path, _LAYOUT)


def knows(path: Path) -> bool:
    """Whether a file is a sibling of a daily record, or the Shuttle's catalogue of towers."""
    return _SIBLING.fullmatch(path.name) is not None or is_snapshot(path)


def is_snapshot(path: Path) -> bool:
    """Whether a CSV is the Shuttle's snapshot of what it offers: a catalogue of towers, not a table of days."""
    if path.suffix.lower() != ".csv":
        return False
    try:
        return _SNAPSHOT.issubset(_tidy.heading(path))
    except ArchiveError:
        return False


def read(entry: Entry, options: Options) -> Record:
    """Read one tower's days with the reanalysis of its archive; see the contract in `archives`.

    Raises
    ------
    ArchiveError : the daily file or the reanalysis is damaged
    """
    match = _DAILY.fullmatch(PurePosixPath(entry.member or entry.path.name).name)
    also = _network(match["code"])[1]
    record = _layout.read(entry, f"{CITATION}. {also}" if also else CITATION, LICENSE, _LAYOUT)
    if found := _layout.reanalysis(entry, _era5_name(match)):
        record.table = _join.within(record.table, _oneflux.read_drivers(*found))
    else:
        record.notes.append("no ERA5 daily file with this record: no downscaled reanalysis")
    return record


def _entry(path: Path, member: str, match: re.Match) -> Entry:
    site, version, release = match["site"], match["version"], int(match["release"])
    named = _era5_name(match)
    companions = _layout.info_beside(path, _LAYOUT, site)
    if not member:
        companions += tuple(_layout.beside(path, site, named))
    rank = (0, 0, -2025, *(-int(part) for part in version.split(".")), -release)
    product = f"FLUXNET Shuttle {match['code']} v{version} r{release}"
    return Entry("shuttle", path, member, site, _network(match["code"])[0], product, rank, companions)


def _network(code: str) -> tuple[str, str]:
    return NETWORKS.get(code.upper(), (code, ""))


def _era5_name(match: re.Match) -> re.Pattern:
    """Return the pattern of the reanalysis file that goes with a daily file: other years, the same release."""
    tower = "_".join(re.escape(match[name]) for name in ("code", "site"))
    release = rf"v{re.escape(match['version'])}_r{match['release']}"
    return re.compile(rf"{tower}_FLUXNET_ERA5_DD_{_layout.YEARS}_{release}\.csv", re.IGNORECASE)


_LAYOUT = _layout.Layout(_layout.by_name(_DAILY), _ZIP, _entry, _BIF)
