"""The leaderboard: a pure function of a folder of result rows.

Rows compare only where they share protocol, its digest, the data and the feature set; each such group is a table.
Figures as published and of products stand below a table of their protocol and are never ranked in it.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError, first_few
from ..schema import TARGETS
from .bootstrap import DRAWS
from .gap import SUPPORT_DAYS
from .rows import KINDS, NOT_RUN, SITES
from .standings import Standing, standings
from .table import GROUP, SHOWN, TIED, UNRANKED, Table, table
from .text import NOTE_FEW_SHOT
from .views import BY, cells_by, comparison_cells

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pandas as pd

PUBLISHED = "as_published.csv"
NOTE = (
    "Medians over test towers, mean over seeds, RMSE in gC m-2 d-1; sorted by R2 of GPP. In brackets the 95 % interval "
    f"over {DRAWS} draws of towers, neighbours together; {TIED} marks models whose difference from the best of the "
    "column may be zero."
)
NOTE_COMPARED = (
    "Beside the best: the rank by median R2, by how much the smooth median, a mean of the towers around the median, "
    "differs from that of the best, and at how many towers the model is better than the best; intervals over the same "
    "draws."
)
NOTE_PUBLISHED = "As published, product: figures of others, on other towers and days; not ranked."


@dataclass(frozen=True)
class Leaderboard:
    """All tables of a folder, and the files in it that are no result rows.

    Parameters
    ----------
    tables : list of Table
    skipped : dict, path -> why
    """

    tables: list[Table]
    skipped: dict[str, str]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """All result rows, table by table."""
        return [row for table in self.tables for row in table.rows]

    @property
    def standings(self) -> list[Standing]:
        """The models over all protocols of one data set and feature set."""
        return standings(self.tables)

    def markdown(self) -> str:
        """Return the tables in Markdown."""
        return _headed([*self._parts()], self.notes)

    def summary(self, protocols: Iterable[str]) -> str:
        """Return the tables of some protocols alone in Markdown."""
        chosen = set(protocols)
        parts = [(part.title, part.cells()) for part in self.tables if part.group["protocol"] in chosen]
        return _headed(parts, [NOTE])

    def __str__(self) -> str:
        return "\n\n".join([*(f"{title}\n{_text(cells)}" for title, cells in self._parts()), *self.notes])

    def by(self, stratum: str, target: str = TARGETS[0]) -> str:
        """Return the medians of every class as text: by igbp, koppen_main, continent, days or dissimilarity.

        Raises
        ------
        UsageError : no such view, or no row has it
        """
        found = [(part.title, cells) for part in self.tables if (cells := cells_by(part, stratum, target))]
        if not found:
            raise UsageError(f"No row has scores by {stratum}. Measure again with this version: carbonbench run.")
        what = f"{BY[stratum].partition('.')[0]} of {target} by {stratum}"
        return "\n\n".join(f"{title}: {what} (towers)\n{_text(cells)}" for title, cells in found)

    def _parts(self) -> Iterator[tuple[str, list[list[str]]]]:
        for part in self.tables:
            yield part.title, part.cells()
            if compared := comparison_cells(part):
                yield f"{part.title}: beside the best", compared
        for part in self.standings:
            yield part.title, part.cells()

    @property
    def notes(self) -> list[str]:
        """What the tables mean, and what was left out of them."""
        notes = [NOTE, *([NOTE_COMPARED] if any(comparison_cells(part) for part in self.tables) else [])]
        if any(row.get("kind") in UNRANKED for row in self.rows):
            notes.append(NOTE_PUBLISHED)
        if any(SUPPORT_DAYS in row for row in self.rows):
            notes.append(NOTE_FEW_SHOT)
        if self.skipped:
            reasons = first_few(f"{path} ({why})" for path, why in self.skipped.items())
            notes.append(f"Skipped {len(self.skipped)} files that are no result rows: {reasons}.")
        return notes


def _headed(parts: list[tuple[str, list[list[str]]]], notes: list[str]) -> str:
    return "\n\n".join([*(f"### {title}\n\n{markdown_table(cells)}" for title, cells in parts), *notes])


def leaderboard(results: str | Path) -> Leaderboard:
    """Read every result row below a folder.

    Parameters
    ----------
    results : path, what `write_row` wrote into

    Returns
    -------
    Leaderboard, to print, or as `markdown()` or `rows`

    Raises
    ------
    UsageError : no such folder, or no result row in it
    """
    folder = Path(results)
    if not folder.is_dir():
        raise UsageError(f"No folder {folder} of result rows. Name one, or run a model first: carbonbench run.")
    groups, skipped = defaultdict(list), {}
    for path in sorted(p for p in folder.rglob("*.json") if not p.name.startswith(".") and p.name != NOT_RUN):
        try:
            row = _read(path)
            groups[tuple(row[name] for name in GROUP)].append((row, _sites(path, row, folder, skipped)))
        except ValueError as error:
            skipped[str(path.relative_to(folder))] = str(error)
    published = _published(folder / PUBLISHED)
    missing = _not_run(folder / NOT_RUN, skipped)
    tables = [
        table(key, [*groups[key], *_fitting(key, published)], _missing_from(key, missing)) for key in sorted(groups)
    ]
    board = Leaderboard(tables, dict(sorted(skipped.items())))
    if not groups:
        found = board.notes[-1] if skipped else "It holds no .json file."
        raise UsageError(f"No result row in {folder}. {found} Run a model first: carbonbench run.")
    return board


def _read(path: Path) -> dict[str, Any]:
    try:
        row = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"unreadable: {type(error).__name__}") from error
    if not isinstance(row, dict):
        raise ValueError("not a JSON object")
    for kind, names in ((str, (*GROUP, "model", "settings")), (bool, ("synthetic",)), (int, ("seed", "n_sites"))):
        wrong = [name for name in names if not isinstance(row.get(name), kind)]
        if wrong:
            raise ValueError(f"no {wrong[0]}")
    wrong = [key for key in SHOWN.values() if key not in row or not isinstance(row[key], int | float | None)]
    if wrong:
        raise ValueError(f"no {wrong[0]}")
    if row.get("kind", KINDS[0]) not in KINDS:
        raise ValueError(f"kind {row['kind']!r} is none of {', '.join(KINDS)}")
    return row


def _sites(path: Path, row: dict[str, Any], folder: Path, skipped: dict[str, str]) -> pd.DataFrame | None:
    """Return the towers beside a row, None where there are none or where they are not this row's."""
    import io

    import pandas as pd

    beside = path.with_name(path.stem + SITES)
    if not beside.is_file():
        return None
    content = beside.read_bytes()
    if hashlib.sha256(content).hexdigest()[:16] != row.get("sites_digest"):
        skipped[str(beside.relative_to(folder))] = "not the towers of the row beside it"
        return None
    return pd.read_parquet(io.BytesIO(content))


def _published(path: Path) -> list[dict[str, Any]]:
    """Return figures of others as rows; the columns are the keys of rows."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(line for line in file if not line.startswith("#")))
    named = ("kind", "source", "version", "protocol", "feature_set", "model")
    return [
        {"settings": "{}", "seed": 0, "synthetic": False, "n_sites": int(line["n_sites"])}
        | {name: line[name] for name in named}
        | {key: float(line[key]) for key in line if key.split(".")[0] in TARGETS and line[key]}
        for line in lines
    ]


def _fitting(key: tuple[str, ...], published: list[dict[str, Any]]) -> list[tuple[dict[str, Any], None]]:
    group = dict(zip(GROUP, key, strict=True))
    return [
        (row | {"protocol_digest": "-", "data_digest": row["version"]}, None)
        for row in published
        if row["protocol"] == group["protocol"] and row["feature_set"] in (group["feature_set"], "product")
    ]


def _not_run(path: Path, skipped: dict[str, str]) -> list[dict[str, Any]]:
    """Return what a plan asks for and was not run yet."""
    try:
        entries = json.loads(path.read_text("utf-8"))
        return [entry for entry in entries if isinstance(entry["label"], str) and isinstance(entry["reason"], str)]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError) as error:
        skipped[path.name] = f"unreadable: {type(error).__name__}"
        return []


def _missing_from(key: tuple[str, ...], missing: list[dict[str, Any]]) -> dict[str, str]:
    """Return label -> reason of the runs that a table lacks."""
    group = dict(zip(GROUP, key, strict=True))
    same = [e for e in missing if all(e.get(name) == group[name] for name in GROUP if name != "protocol_digest")]
    return {entry["label"]: entry["reason"] for entry in same}


def _text(cells: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True)))
        for line in cells
    )


def markdown_table(cells: list[list[str]]) -> str:
    """Return a header and lines as a table in Markdown, numbers to the right."""
    rule = ["---", *["---:"] * (len(cells[0]) - 1)]
    escaped = [[cell.replace("|", "\\|") for cell in line] for line in cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in [escaped[0], rule, *escaped[1:]])
