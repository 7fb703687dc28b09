"""What a file lacks that no format knows: the columns of the layout nearest to it, or a readable zip."""

from __future__ import annotations

from pathlib import Path

from .. import schema
from ..errors import ArchiveError, first_few
from . import _mapping, _tidy, _zips

UNKNOWN = "of no known format; a tidy table of your own needs --mapping FILE"
_TELLING = ("site_id", "date", *schema.TARGETS, "nee_qc", "latitude", "longitude", "igbp")
_ALIKE = 4  # of the telling columns, in any case: enough to say which layout is meant


def why_unrecognised(path: Path) -> str:
    """Return why a data file is of no known format, in words for whoever meant it to be read."""
    try:
        if path.suffix.lower() == ".zip":
            held = first_few(sorted(member.filename for member in _zips.members(path))) or "nothing"
            return f"of no known format: it holds no daily file of a network but {held}"
        return _nearest(_tidy.heading(path)) or UNKNOWN
    except ArchiveError as error:
        return str(error).removeprefix(f"{path}: ")
    except OSError as error:
        return f"it cannot be opened ({error.strerror or error})"


def _nearest(names: list[str]) -> str | None:
    """Return what a heading lacks of the shipped mapping that it looks like, None where it looks like none."""
    folded = {name.lower(): name for name in names}
    likeness = {m: _alike(m, folded) for m in _mapping.shipped().values()}
    mapping = max(likeness, key=likeness.__getitem__, default=None)
    if mapping is None or likeness[mapping] < _ALIKE:
        return None
    lacking = [column for column in mapping.needed if column not in names]
    spelt = [f"{folded[c.lower()]} for {c}" for c in lacking if c.lower() in folded]
    absent = [c for c in lacking if c.lower() not in folded]
    said = [f"lacks {first_few(absent, 5)}"] if absent else []
    said += [f"spells {first_few(spelt, 5)}"] if spelt else []
    return (
        f"looks like {mapping.title} ({mapping.name}) but {' and '.join(said)}. Add or rename these columns, or say "
        "what yours are with --mapping FILE"
    )


def _alike(mapping: _mapping.Mapping, folded: dict[str, str]) -> int:
    return sum(mapping.column.get(name, "").lower() in folded for name in _TELLING)
