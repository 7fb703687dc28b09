"""Tiny archives of the FLUXNET Shuttle, by script, and its snapshot of what it offers."""

from __future__ import annotations

import zipfile
from pathlib import Path

from . import ameriflux, fluxnet2015

# As in the archives of TERN: groups without GRP_, columns in an order of their own.
TERN_TOLD = (
    ("6", "HEADER", "SITE_NAME", "Loxton"),
    ("8", "IGBP", "IGBP", "DBF"),
    ("8", "IGBP", "IGBP_DATE", "2008"),
    ("10", "LOCATION", "LOCATION_LAT", "-34.47035"),
    ("10", "LOCATION", "LOCATION_LONG", "140.65512"),
    ("16", "TEAM_MEMBER", "TEAM_MEMBER_NAME", "Jane Doe"),
)
TERN_HEADING = ("DATAVALUE", "VARIABLE", "SITE_ID", "VARIABLE_GROUP", "GROUP_ID")
SNAPSHOT = (
    "data_hub,site_id,site_name,location_lat,location_long,igbp,network,team_member_name,team_member_role,"
    "team_member_email,first_year,last_year,download_link,fluxnet_product_name,product_citation,product_id,"
    "oneflux_code_version,product_source_network\n"
    'AmeriFlux,XX-One,"First, forest",42.5,-72.2,DBF,AmeriFlux;Phenocam,Jane Doe;John Roe,PI;Technician,'
    "jane.doe@example.org;john.roe@example.org,2003,2003,https://example.org/x.zip,"
    'AMF_XX-One_FLUXNET_2003-2003_v1.3_r1.zip,"Jane Doe (2025), First forest",10.17190/AMF/1,v1.3,AMF\n'
)


def era5(first: str = "2002-12-30", days: int = 8) -> bytes:
    """Return a reanalysis file: TA_ERA is 20 + the day's number, from `first` on."""
    lines = ["TIMESTAMP,TA_ERA,SW_IN_ERA,P_ERA"]
    lines += [f"{stamp},{20 + n},{100 + n},-9999" for n, stamp in enumerate(fluxnet2015.stamps(first, days))]
    return "\n".join(lines).encode() + b"\n"


def name(site: str = "XX-One", part: str = "", years: str = "2003-2003", code: str = "AMF", of: str = "v1.3_r1") -> str:
    return f"{code}_{site}_FLUXNET_{part}{years}_{of}"


def write_zip(
    folder: Path,
    site: str = "XX-One",
    code: str = "AMF",
    of: str = "v1.3_r1",
    raw: bytes = b"",
    reanalysis: bytes | None = b"",
    info: bytes = b"",
    **made: object,
) -> Path:
    """Write a tower's archive as ONEFlux packs it; `reanalysis` None leaves that file out."""
    path = folder / f"{name(site, '', code=code, of=of)}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for step in ("HH", "WW", "MM", "YY"):
            archive.writestr(f"{name(site, f'FLUXMET_{step}_', code=code, of=of)}.csv", "TIMESTAMP_START\n")
        archive.writestr(f"{name(site, 'BIFVARINFO_DD_', code=code, of=of)}.csv", ameriflux.bif(site, ()))
        archive.writestr(
            f"{name(site, 'FLUXMET_DD_', code=code, of=of)}.csv", raw or fluxnet2015.daily("FULLSET", **made)
        )
        if reanalysis is not None:
            archive.writestr(f"{name(site, 'ERA5_DD_', '1981-2024', code, of)}.csv", reanalysis or era5())
        archive.writestr(f"{name(site, 'BIF_', code=code, of=of)}.csv", info or ameriflux.bif(site))
        archive.writestr("README.txt", "x")
    return path
