"""Tiny AmeriFlux FLUXNET archives, by script."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

from . import fluxnet2015

PEOPLE = ("Jane Doe", "jane.doe@example.org", "1 Tower Road")
TOLD = (
    ("1", "GRP_HEADER", "SITE_NAME", "First, forest"),
    ("2", "GRP_TEAM_MEMBER", "TEAM_MEMBER_NAME", PEOPLE[0]),
    ("2", "GRP_TEAM_MEMBER", "TEAM_MEMBER_EMAIL", PEOPLE[1]),
    ("2", "GRP_TEAM_MEMBER", "TEAM_MEMBER_ADDRESS", PEOPLE[2]),
    ("3", "GRP_LOCATION", "LOCATION_LAT", "42.5378"),
    ("3", "GRP_LOCATION", "LOCATION_LONG", "-72.1715"),
    ("3", "GRP_LOCATION", "LOCATION_ELEV", "340"),
    ("4", "GRP_IGBP", "IGBP", "DBF"),
    ("4", "GRP_IGBP", "IGBP_COMMENT", "ENF nearby"),
    ("5", "GRP_DOI", "DOI", "10.17190/AMF/1246059"),
    ("5", "GRP_DOI", "DOI_DATAPRODUCT", "AmeriFlux"),
    ("6", "GRP_DOI", "DOI", "10.17190/AMF/1871137"),
    ("6", "GRP_DOI", "DOI_DATAPRODUCT", "FLUXNET"),
)
HEADING = ("SITE_ID", "GROUP_ID", "VARIABLE_GROUP", "VARIABLE", "DATAVALUE")


def bif(
    site: str = "XX-One",
    told: tuple[tuple[str, str, str, str], ...] = TOLD,
    heading: tuple[str, ...] = HEADING,
) -> bytes:
    """Return a BIF file, its columns in the order of `heading`."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(heading)
    for row in told:
        cells = dict(zip(HEADING, (site, *row), strict=True))
        writer.writerow([cells[name.upper()] for name in heading])
    return out.getvalue().encode()


def name(site: str = "XX-One", subset: str = "FULLSET", version: str = "3-5", part: str = "_DD") -> str:
    return f"AMF_{site}_FLUXNET_{subset}{part}_2003-2003_{version}"


def write_zip(
    folder: Path,
    site: str = "XX-One",
    subset: str = "FULLSET",
    version: str = "3-5",
    info: bytes | None = b"",
    raw: bytes = b"",
    **made: object,
) -> Path:
    """Write a tower's archive as the network packs it; `info` is the BIF file, b"" for the usual one, None for none."""
    path = folder / f"{name(site, subset, version, part='')}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for step in ("HR", "WW", "MM", "YY"):
            archive.writestr(f"{name(site, subset, version, f'_{step}')}.csv", "TIMESTAMP_START,TIMESTAMP_END\n")
        archive.writestr(f"{name(site, 'ERA5', version)}.csv", "TIMESTAMP,TA_ERA\n")
        archive.writestr(f"{name(site, 'AUXNEE', version, '')}.csv", "Variable,Parameter,Value\n")
        archive.writestr(f"{name(site, subset, version)}.csv", raw or fluxnet2015.daily(subset, **made))
        if info is not None:
            archive.writestr(f"{name(site, 'BIF', version, '')}.csv", info or bif(site))
    return path
