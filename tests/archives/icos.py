"""Tiny ICOS archives, by script."""

from __future__ import annotations

import zipfile
from pathlib import Path

from . import fluxnet2015

OTHERS = ("FLUXES", "METEO", "ANCILLARY", "VARINFO_FLUXNET_DD", "FLUXNET_HH")


def siteinfo(site: str = "XX-One") -> bytes:
    lines = (
        "SITE_ID,GROUP_ID,VARIABLE,DATAVALUE",
        f"{site},1,SITE_NAME,Ä forest",
        f"{site},2,LOCATION_LAT,51.079",
        f"{site},3,LOCATION_LONG,10.452",
        f"{site},4,LOCATION_ELEV,438,7",  # a comma too many, as real files have
        f"{site},5,IGBP,DBF",
        f"{site},6,TEAM_MEMBER_NAME,Jane Doe",
    )
    return "\n".join(lines).encode("latin-1") + b"\n"


def name(site: str, part: str, level: str = "L2") -> str:
    return f"ICOSETC_{site}_{part}_{level}"


def write_zip(folder: Path, site: str = "XX-One", level: str = "L2", raw: bytes = b"", **made: object) -> Path:
    """Write a tower's archive as the Carbon Portal packs it."""
    path = folder / f"{name(site, 'ARCHIVE', level)}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in OTHERS:
            archive.writestr(f"{name(site, part, level)}.csv", "TIMESTAMP_START,TIMESTAMP_END\n")
        archive.writestr(f"{name(site, 'FLUXNET_DD', level)}.csv", raw or fluxnet2015.daily("FULLSET", **made))
        archive.writestr(f"{name(site, 'SITEINFO', level)}.csv", siteinfo(site))
    return path
