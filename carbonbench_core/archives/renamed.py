"""ONEFlux daily files under names of their own, known by their header and first day.

Which network they come from, and which version, their columns do not say: they are taken for FLUXNET2015.
"""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import ArchiveError
from . import Entry, Options, Record, _layout, _oneflux
from .fluxnet2015 import CITATION, LICENSE, NETWORK

__all__ = ["CITATION", "GUESSES", "LICENSE", "find", "read"]

GUESSES = True


def find(path: Path, options: Options) -> list[Entry]:
    """Return the daily record of a CSV; see the contract in `archives`.

    Raises
    ------
    ArchiveError : its name does not say which tower it is
    """
    if path.suffix.lower() != ".csv" or not _oneflux.is_daily(path):
        return []
    sites = set(re.findall(rf"(?<![A-Za-z0-9]){_layout.SITE}(?![A-Za-z0-9])", path.stem))
    if len(sites) != 1:
        raise ArchiveError(
            f"{path}: an ONEFlux daily file whose name does not say which tower it is. Put the tower's id into the "
            "name, e.g. FLX_DE-Hai_FLUXNET2015_FULLSET_DD_2000-2012_1-4.csv."
        )
    # After every named record: its version is not known.
    return [Entry("renamed", path, "", sites.pop(), NETWORK, "FLUXNET2015 (renamed file)", rank=(0, 9), line="renamed")]


def read(entry: Entry, options: Options) -> Record:
    """Read one tower's days; see the contract in `archives`.

    Raises
    ------
    ArchiveError : the file is damaged
    """
    record = _layout.read(entry, CITATION, LICENSE)
    record.notes.append("the file is renamed: taken for FLUXNET2015 by its columns, version unknown")
    return record
