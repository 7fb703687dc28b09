"""One tower's days as several networks' archives, by script: noise that tells towers, years and processings apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from . import ameriflux, fluxnet2015, icos, shuttle

WRITERS = {
    "FLUXNET2015": lambda folder, site, raw: fluxnet2015.write_csv(folder, site, "FULLSET").write_bytes(raw),
    "AmeriFlux": lambda folder, site, raw: ameriflux.write_zip(folder, site, raw=raw, info=None),
    "ICOS": lambda folder, site, raw: icos.write_zip(folder, site, raw=raw),
    "TERN": lambda folder, site, raw: shuttle.write_zip(folder, site, "TERN", raw=raw, reanalysis=None, info=b"x"),
}


def nee(first: str, last: str, seed: int) -> tuple[list[str], np.ndarray]:
    """Return days as YYYYMMDD and a NEE for each that depends on the day and the seed alone [gC m-2 d-1]."""
    days = np.arange(np.datetime64(first), np.datetime64(last) + 1)
    values = [np.random.default_rng([seed, day]).normal() for day in days.astype(int)]
    return [str(day).replace("-", "") for day in days], np.array(values)


def daily(first: str, last: str, seed: int = 1, shift: float = 0.0, variant: str = "VUT_USTAR50") -> bytes:
    """Return a daily file whose NEE is `nee` + shift, GPP 4 and RECO what closes."""
    names = [f"{head}_{variant}" for head in ("NEE", "GPP_NT", "RECO_NT")]
    lines = [",".join(["TIMESTAMP", "TA_F", *names, f"NEE_{variant}_QC"])]
    for stamp, value in zip(*nee(first, last, seed), strict=True):
        lines.append(f"{stamp},10,{value + shift:.6f},4,{4 + value + shift:.6f},1")
    return "\n".join(lines).encode() + b"\n"


def write(folder: Path, network: str, site: str, first: str, last: str, **made: object) -> None:
    """Write one tower's archive of a network."""
    folder.mkdir(exist_ok=True)
    WRITERS[network](folder, site, daily(first, last, **made))
