"""What a card says of where its data come from, how they are cited, and what they cannot tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .citations import FILE as CITATIONS
from .citations import owed
from .geography import continent

if TYPE_CHECKING:
    import pandas as pd

    from .dataset_folder import DatasetFolder

MOST_ENTRIES = 40  # of BibTeX on the card; the file has all


def provenance(folder: DatasetFolder) -> str:
    """Return the networks and products with their towers, years and licences, and the terms of their sources."""
    lines = ["## Sources and licences", "", "| network | product | towers | years | licence |", "|---|---|---|---|---|"]
    keys = ["network", "product", "licence"]
    known = folder.sites.reindex(columns=[*keys, "first_day", "last_day"])
    for of, rows in known.fillna({"licence": "not stated"}).fillna("").groupby(keys, sort=True):
        years = f"{str(rows['first_day'].min())[:4]}-{str(rows['last_day'].max())[:4]}"
        cells = [str(cell).replace("|", "/") for cell in of]
        lines.append(f"| {cells[0]} | {cells[1]} | {len(rows)} | {years} | {cells[2]} |")
    lines.append("")
    for cited in folder.manifest["citations"]:
        lines.append(f"- {cited['towers']} towers, {cited['licence']}: {cited['citation']}")
    lines += ["", f"{len(folder.manifest['sources'])} source files; names and sha256 stand in `manifest.json`."]
    if folder.manifest["failed"]:
        lines += ["", f"{len(folder.manifest['failed'])} records could not be read; `manifest.json` says why."]
    return "\n".join(lines)


def citation(folder: DatasetFolder) -> str:
    """Return how networks ask to be cited: the products as BibTeX, and where the entries of the towers stand."""
    towers = set(folder.sites["site_id"])
    products = [entry for entry in owed(folder).entries if entry.key not in towers]
    shown = "\n\n".join(map(str, products[:MOST_ENTRIES]))
    text = (
        "## Citation\n\nCite the products below and, as their networks ask, the towers that you use: BibTeX of all, "
        f"towers by their own identifiers, is in [{CITATIONS}]({CITATIONS}); `carbonbench cite PROTOCOL` prints that "
        "of one protocol."
    )
    return f"{text}\n\n```bibtex\n{shown}\n```" if shown else text


def limits(folder: DatasetFolder) -> str:
    """Return what the data cannot tell, with the counts of this folder."""
    counts, sites = folder.manifest["counts"], folder.sites
    rows = max(1, counts["rows_written"])
    missing = ", ".join(f"{t.upper()} {100 * counts[f'{t}_missing'] / rows:.0f} %" for t in ("gpp", "reco", "nee"))
    late = int((~sites["has_late"].astype(bool)).sum())
    return "\n".join(
        [
            "## Known limits",
            "",
            f"- Towers are where people built them: {_continents(sites)}. Medians over towers are not means over land.",
            "- Only NEE is measured. GPP and RECO are partitioned from it by a model of respiration, so their errors "
            "go together, and where RECO is NEE + GPP it closes by construction.",
            f"- Targets are missing or suspect on {missing} of the days; "
            f"{counts['inserted_days']:,} days were inserted to keep calendars whole and have no values of the source.",
            f"- `nee_qc` says how much of a day is measured or filled well; {int(sites['days_qc1'].sum()):,} of "
            f"{rows:,} days have 1.",
            f"- {late} towers have under three years and no late part: they are in no `id_test`.",
            "- A tower sees some hundred metres around it, satellite and reanalysis see cells of 500 m to 9 km.",
            "- Feature sets `tower` and `archive` need instruments at the place: no zero-shot results.",
        ]
    )


def _continents(sites: pd.DataFrame) -> str:
    placed = sites.dropna(subset=["latitude", "longitude"])
    found: dict[str, int] = {}
    for name in continent(placed["latitude"], placed["longitude"]):
        found[str(name)] = found.get(str(name), 0) + 1
    return ", ".join(f"{name} {n}" for name, n in sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))
