"""Tiny JapanFlux2024 datasets, by script."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

from . import fluxnet2015, spreadsheet

# As in the templates that people filled in: a blank line, spaces in headings, the class with its name, people.
BADM = (
    ("Site General Information", "", ""),
    ("", "", ""),
    ("Variable", "Description", "data Value 1"),
    ("SITE_NAME", "Name of the site", "First forest"),
    ("TEAM_MEMBER_NAME", "Name", "Jane Doe"),
    ("TEAM_MEMBER_EMAIL", "E-mail", "jane.doe@example.org"),
    ("LOCATION_LAT", "Latitude", "36.146167"),
    ("LOCATION_LONG", "Longitude", "137.423111"),
    ("IGBP", "Vegetation", "DBF - Deciduous Broadleaf Forests"),
)
TARGETS = ("NEE", "NEE_QC", "RECO_NT", "GPP_NT")


def heading(variants: Sequence[str] = ("vUT_USTAR50", "vUT"), spell: str = "") -> tuple[str, ...]:
    """Return column names as JapanFlux writes them; `spell` "lower" or "upper" for all of them so."""
    fluxes = [f"{n[:-3]}_{v}_QC" if n.endswith("_QC") else f"{n}_{v}" for v in variants for n in TARGETS]
    names = ("TIMESTAMP", "TA_F", "SW_IN_F", *fluxes)
    return tuple(getattr(name, spell)() if spell else name for name in names)


def daily(
    columns: tuple[str, ...] | None = None, cells: dict[tuple[int, str], str] | None = None, days: int = 4
) -> bytes:
    """Return a daily file: on day d, RECO = 2 + d/100 (half more in USTAR50), GPP = 5 + d/50, quality d of 0 to 3."""
    columns = columns or heading()
    lines = [",".join(columns)]
    for day, stamp in enumerate(fluxnet2015.stamps("2003-01-01", days)):
        told = {name: stamp if name.upper() == "TIMESTAMP" else value(name.upper(), day) for name in columns}
        told |= {name: text for (at, name), text in (cells or {}).items() if at == day}
        lines.append(",".join(told[name] for name in columns))
    return "\n".join(lines).encode() + b"\n"


def value(column: str, day: int) -> str:
    reco, gpp = 2.0 + day / 100 + 0.5 * ("USTAR50" in column), 5.0 + day / 50
    if column.endswith("_QC"):
        return f"{day % 4}"
    return (
        f"{ {'NEE': reco - gpp, 'RECO': reco, 'GPP': gpp, 'TA': 10 + day, 'SW': 200 + day}[column.split('_')[0]]:.5f}"
    )


def name(site: str = "XX-One", part: str = "COREVARS_DD") -> str:
    return f"FLX_{site}_JapanFLUX2024_{part}_2003-2003_1-3"


def write_folder(
    folder: Path,
    site: str = "XX-One",
    sets: dict[str, bytes] | None = None,
    badm: Sequence[Sequence[str]] | None = BADM,
    badm_folder: str = "BADM",
) -> Path:
    """Write a tower's dataset as it unpacks; `sets` gives the daily file of COREVARS, of ALLVARS or of both."""
    root = folder / f"A20241022-001-{site}"
    for chosen, raw in (sets or {"COREVARS": daily()}).items():
        place = root / "DATA" / chosen
        place.mkdir(parents=True)
        for step in ("HH", "MM", "YY"):
            (place / f"{name(site, f'{chosen}_{step}')}.csv").write_text("TIMESTAMP_START\n")
        (place / f"{name(site, f'{chosen}_DD')}.csv").write_bytes(raw)
    if badm is not None:
        place = root / "DATA" / badm_folder
        place.mkdir(parents=True)
        (place / f"{site}_Site_General_Info.xlsx").write_bytes(spreadsheet.workbook(badm, guide="フリガナ"))
        (place / f"{site}_Instruments.xlsx").write_bytes(b"not looked at")
    return root


def write_zip(folder: Path, site: str = "XX-One", **made: object) -> Path:
    root = write_folder(folder / "unpacked", site, **made)
    path = folder / f"{root.name}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(p for p in root.rglob("*") if p.is_file()):
            archive.write(file, file.relative_to(root.parent).as_posix())
            file.unlink()
    return path
