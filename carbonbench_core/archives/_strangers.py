"""Archives of networks that no format here reads: known by name, so that a message can say so."""

from __future__ import annotations

import re
from pathlib import Path

# Drop the line of a network once its format has a file of its own.
_NAMES = {
    "AmeriFlux FLUXNET": r"AMF_[A-Z]{2}-\w{3}_(FLUXNET_)?(FULLSET|SUBSET|BIF)_.*",
    "ICOS ETC": r"ICOSETC_[A-Z]{2}-\w{3}_.*",
    "FLUXNET Shuttle": r"[A-Za-z]+_[A-Z]{2}-\w{3}_FLUXNET_(FLUXMET_|ERA5_|BIF|\d{4}-\d{4}_v).*",
}


def stranger(path: Path) -> str | None:
    """Return a message when a file is named like another network's archive, else None."""
    for network, pattern in _NAMES.items():
        if re.fullmatch(pattern, path.name):
            return (
                f"{path} looks like {network}, which this version does not read. "
                "Leave it out, or give the tower's FLUXNET2015 archive or a tidy table instead."
            )
    return None
