"""FLUXNET2015 daily archives, and the Warm Winter 2020 release that has the same layout.

A tower's archive is `FLX_{site}_FLUXNET2015_{FULLSET,SUBSET}_{y0}-{y1}_{version}.zip`; its daily file carries `_DD_`
before the years. The zip is read in place; the unpacked folder and the bare daily CSV are read as well, and a CSV of
another name whose header is that of an ONEFlux daily file. Versions are `{site version}-{code version}`, e.g. `1-4`;
`beta-3` marks Warm Winter 2020.

Source
------
Pastorello et al. 2020, doi:10.1038/s41597-020-0534-3; Warm Winter 2020 Team and ICOS Ecosystem Thematic Centre 2022,
doi:10.18160/2G60-ZHAK.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from ..errors import ArchiveError, first_few
from . import Entry, Options, Record, _oneflux, _zips
from ._strangers import stranger

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

_SITE = r"(?P<site>[A-Z]{2}-[A-Za-z0-9]{3})"
_REST = r"\d{4}-\d{4}_(?P<version>\d+-\d+|beta-\d+)"
_DAILY = re.compile(rf"FLX_{_SITE}_FLUXNET2015_(?P<set>FULLSET|SUBSET)_DD_{_REST}(?i:\.csv)")
_ZIP = re.compile(rf"FLX_{_SITE}_FLUXNET2015_(?P<set>FULLSET|SUBSET)(_DD)?_{_REST}(?i:\.zip)")
_SIBLING = re.compile(
    rf"FLX_{_SITE}_FLUXNET2015_((FULLSET|SUBSET)_(HH|HR|WW|MM|YY)|ERAI_(HH|HR|DD|WW|MM|YY)|AUX[A-Z]+)_{_REST}"
    r"(?i:\.csv|\.zip)"
)


def find(path: Path, options: Options) -> list[Entry]:
    """Return the daily records of a zip or CSV; see the contract in `archives`.

    Raises
    ------
    ArchiveError : the name is of this format, and the file is no zip, unsafe, or without a daily file
    """
    suffix = path.suffix.lower()
    if knows(path) or stranger(path):
        return []
    if suffix == ".zip":
        return _in_zip(path)
    return _bare(path) if suffix == ".csv" else []


def knows(path: Path) -> bool:
    """Whether a file belongs to an archive of this format without being its daily record (hourly, auxiliary, ...)."""
    return _SIBLING.fullmatch(path.name) is not None


def read(entry: Entry, options: Options) -> Record:
    """Read one tower's days; see the contract in `archives`.

    Raises
    ------
    ArchiveError : the daily file is damaged
    """
    raw = _zips.read_member(entry.path, entry.member) if entry.member else _bytes(entry.path)
    daily = _oneflux.read_daily(raw, str(entry))
    notes = list(daily.notes)
    if "renamed" in entry.product:
        notes.append("the file is renamed: taken for FLUXNET2015 by its columns, version unknown")
    citation = WARM_WINTER_CITATION if entry.product.startswith("Warm Winter") else CITATION
    return Record(entry, daily.table, daily.variant, notes=notes, citation=citation, licence=LICENSE)


def _bytes(path: Path) -> bytes:
    if path.stat().st_size > _zips.MAX_BYTES:
        raise ArchiveError(f"{path}: larger than {_zips.MAX_BYTES >> 20} MiB, no daily file is. Use the DD file.")
    return path.read_bytes()


def _in_zip(path: Path) -> list[Entry]:
    ours = _ZIP.fullmatch(path.name)
    try:
        infos = _zips.members(path)
    except ArchiveError:
        if ours:
            raise
        return []
    daily = [(m, _DAILY.fullmatch(PurePosixPath(m.filename).name)) for m in infos]
    entries = [_entry(path, m.filename, match) for m, match in daily if match]
    if entries:
        _zips.refuse_unsafe(path, infos)
    elif ours:
        held = first_few(sorted(m.filename for m in infos)) or "nothing"
        raise ArchiveError(f"{path}: holds no daily file (*_DD_*.csv) but {held}. Fetch the whole archive again.")
    return entries


def _bare(path: Path) -> list[Entry]:
    match = _DAILY.fullmatch(path.name)
    if match:
        return [_entry(path, "", match)]
    if not _oneflux.is_daily(path):
        return []
    sites = set(re.findall(rf"(?<![A-Za-z0-9]){_SITE}(?![A-Za-z0-9])", path.stem))
    if len(sites) != 1:
        raise ArchiveError(
            f"{path}: an ONEFlux daily file whose name does not say which tower it is. Put the tower's id into the "
            "name, e.g. FLX_DE-Hai_FLUXNET2015_FULLSET_DD_2000-2012_1-4.csv."
        )
    # After every named record: its version is not known.
    return [Entry("fluxnet2015", path, "", sites.pop(), NETWORK, "FLUXNET2015 (renamed file)", rank=(0, 9))]


def _entry(path: Path, member: str, match: re.Match) -> Entry:
    subset, version = match["set"], match["version"]
    release = "Warm Winter 2020" if version.startswith("beta") else NETWORK
    product = f"{release} {subset} {version}"
    return Entry("fluxnet2015", path, member, match["site"], NETWORK, product, rank=_rank(subset, version))


def _rank(subset: str, version: str) -> tuple[int, ...]:
    """FULLSET first, since it has USTAR50; then Warm Winter 2020, the later release; then the newest version."""
    first, second = version.split("-")
    beta = first == "beta"
    return (0, subset == "SUBSET", not beta, 0 if beta else -int(first), -int(second))
