"""Tiny FLUXNET2015 archives, by script, so that the real reader runs offline."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

METEOROLOGY = ("TA_F", "SW_IN_F", "LW_IN_F", "VPD_F", "PA_F", "P_F", "WS_F")
REF, USTAR50 = "VUT_REF", "VUT_USTAR50"


def fluxes(variant: str) -> tuple[str, ...]:
    return (f"NEE_{variant}", f"NEE_{variant}_QC", f"RECO_NT_{variant}", f"GPP_NT_{variant}")


def uncertainty(variant: str) -> tuple[str, ...]:
    return (f"GPP_DT_{variant}", f"RECO_DT_{variant}", f"NEE_{variant}_RANDUNC")


BOTH = (*fluxes(REF), *uncertainty(REF), *fluxes(USTAR50), *uncertainty(USTAR50))
COLUMNS = {
    "SUBSET": ("TIMESTAMP", *METEOROLOGY, *fluxes(REF)),
    "FULLSET": ("TIMESTAMP", *METEOROLOGY, "TA_F_DAY", *BOTH),
}


def stamps(first: str, days: int) -> list[str]:
    """Return consecutive days as YYYYMMDD."""
    return [str(d).replace("-", "") for d in np.datetime64(first) + np.arange(days)]


def value(column: str, day: int) -> str:
    """Return what a column holds on a day: all columns and all days differ, NEE closes, QC is in 0-1."""
    variant = 0.5 if USTAR50 in column else 0.0
    reco, gpp = 2.0 + 0.01 * day + variant, 5.0 + 0.02 * day
    told = {"RECO_NT": reco, "GPP_NT": gpp, "NEE": reco - gpp, "RECO_DT": reco - 0.2, "GPP_DT": gpp - 0.3 + variant}
    if column.endswith("_RANDUNC"):
        return f"{0.1 + variant + 0.01 * day:.3f}"
    if column.endswith("_QC"):
        return f"{(day % 5) / 4:.3f}"
    head = column.split("_VUT")[0]
    if head in told:
        return f"{told[head]:.5f}"
    names = [*METEOROLOGY, "TA_F_DAY", "TA_ERA"]
    return f"{10 * (names.index(column) + 1) + 0.1 * day:.3f}"


def daily(
    subset: str = "SUBSET",
    first: str = "2003-01-01",
    days: int = 4,
    columns: tuple[str, ...] | None = None,
    cells: dict[tuple[int, str], str] | None = None,
) -> bytes:
    """Return a daily file.

    Parameters
    ----------
    columns : tuple of str, the heading, if it is not the usual one of the subset
    cells : dict, (day, column) -> text that stands there instead; day -1 is the heading
    """
    columns = columns or COLUMNS[subset]
    cells = cells or {}
    lines = [[cells.get((-1, c), c) for c in columns]]
    for day, stamp in enumerate(stamps(first, days)):
        lines.append([cells.get((day, c), stamp if c == "TIMESTAMP" else value(c, day)) for c in columns])
    return "\n".join(",".join(line) for line in lines).encode() + b"\n"


def reanalysis() -> str:
    """Return the downscaled reanalysis of all of 2003: TA_ERA is a tenth of the day of the year, P_ERA is missing."""
    lines = [f"{stamp},{0.1 * day:.3f},-9999" for day, stamp in enumerate(stamps("2003-01-01", 365), start=1)]
    return "\n".join(["TIMESTAMP,TA_ERA,P_ERA", *lines, ""])


def name(site: str = "XX-One", subset: str = "SUBSET", version: str = "1-4", part: str = "_DD") -> str:
    return f"FLX_{site}_FLUXNET2015_{subset}{part}_2003-2003_{version}"


def write_csv(
    folder: Path, site: str = "XX-One", subset: str = "SUBSET", version: str = "1-4", raw: bytes = b"", **made: object
) -> Path:
    path = folder / f"{name(site, subset, version)}.csv"
    path.write_bytes(raw or daily(subset, **made))
    return path


def write_zip(
    folder: Path, site: str = "XX-One", subset: str = "SUBSET", version: str = "1-4", raw: bytes = b"", **made: object
) -> Path:
    """Write a tower's archive as the network packs it: the daily file among those of other steps."""
    path = folder / f"{name(site, subset, version, part='')}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for step in ("HH", "WW", "MM", "YY"):
            archive.writestr(f"{name(site, subset, version, f'_{step}')}.csv", "TIMESTAMP_START,TIMESTAMP_END\n")
        archive.writestr(f"FLX_{site}_FLUXNET2015_ERAI_DD_1989-2014_{version}.csv", reanalysis())
        archive.writestr(f"{name(site, subset, version)}.csv", raw or daily(subset, **made))
    return path


def unpack(path: Path, folder: Path) -> Path:
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    return folder
