"""What test towers have in common with training towers: identities, neighbours, drivers, days, classes, climates.

It takes a sites table, two lists of towers and, for what needs them, their tables; it knows nothing of protocols and
folders, so that any split can be asked about.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import schema
from .errors import UsageError, first_few
from .geography import missing_coordinates, nearest
from .leakage_series import Candidates, Tower, climates, close_days, duplicates, read

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

NEAR = (2, 10, 50)  # km: one satellite box, one reanalysis cell, one weather
WINDOW_DAYS = 30  # the memory of the windowed models
WARM_UP_DAYS = 30  # at the start of every part, never scored
QUANTILES = (0, 5, 25, 50, 75, 95, 100)
CLASSES = ("igbp", "koppen_main", "koppen")
ALIASES = ("aliases", "alias")  # other ids of the same tower: a list, or text with ";" between
SAME = ("tower_id", "cluster")  # one value for towers that are one, or stand together

Tables = Iterable[tuple[str, "pa.Table"]]


def leakage(
    sites: pd.DataFrame,
    train: Sequence[str],
    test: Sequence[str],
    train_tables: Tables = (),
    test_tables: Tables = (),
    window: int = WINDOW_DAYS,
) -> dict[str, object]:
    """Report what test towers share with training towers.

    Parameters
    ----------
    sites : DataFrame [S], site_id and any of latitude, longitude, the classes, aliases, tower_id, cluster
    train, test : sequences of str, site ids
    train_tables, test_tables : iterables of (site id, table), optional; parts of towers in date order with date,
        targets and drivers, the targets null on days that the split may not see. Without them drivers, days and
        climate are not compared
    window : int, days closer than this in time share their inputs

    Returns
    -------
    dict, ready for JSON: train_towers, test_towers, identities, distance, classes, drivers, days, climate; what could
        not be compared is None

    Raises
    ------
    UsageError : a list is empty or names a tower that is not in the sites table
    """
    return compare(sites, train, test, read(train_tables), read(test_tables, WARM_UP_DAYS), window)


def compare(
    sites: pd.DataFrame,
    train: Sequence[str],
    test: Sequence[str],
    seen: Mapping[str, Tower],
    asked: Mapping[str, Tower],
    window: int = WINDOW_DAYS,
    candidates: Candidates | None = None,
    climate: bool = True,
) -> dict[str, object]:
    """Report as `leakage`, from tables that `leakage_series.read` has read.

    Parameters
    ----------
    sites, train, test, window : as in `leakage`
    seen, asked : mappings, site id -> Tower, of the training and the test towers
    candidates : mapping, optional, the pairs of towers that may share a series, see `duplicates`
    climate : bool, whether to compare climates, which takes the moments of the drivers
    """
    train, test = sorted(set(train)), sorted(set(test))
    known = sites.set_index("site_id")
    _check(known, train, "training")
    _check(known, test, "test")
    compared = bool(seen and asked)
    return {
        "train_towers": len(train),
        "test_towers": len(test),
        "identities": _identities(known, train, test),
        "distance": _distance(known, train, test),
        "classes": {by: _classes(known, train, test, by) for by in CLASSES if by in known.columns},
        "drivers": _drivers(seen, asked, candidates) if compared else None,
        "days": close_days(seen, asked, window) if compared else None,
        "climate": _climate(seen, asked) if compared and climate else None,
    }


def read_site_list(path: str | Path) -> list[str]:
    """Read site ids from a text file, one a line, or from a JSON list.

    Raises
    ------
    UsageError : there is no such file, or no site id in it
    """
    try:
        text = Path(path).read_text("utf-8-sig")
        ids = json.loads(text) if text.lstrip().startswith("[") else [line.strip() for line in text.splitlines()]
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read as a list of site ids: {error}") from None
    ids = [str(site) for site in ids if site]
    if not ids:
        raise UsageError(f"{path} holds no site id. Write one a line.")
    return ids


def _check(known: pd.DataFrame, ids: list[str], role: str) -> None:
    strangers = [site for site in ids if site not in known.index]
    if strangers:
        raise UsageError(
            f"{len(strangers)} {role} towers are not in the sites table: {first_few(strangers)}. "
            f"It has {len(known)}: {first_few(known.index)}."
        )
    if not ids:
        raise UsageError(f"There is no {role} tower to compare. Name at least one.")


def _identities(known: pd.DataFrame, train: list[str], test: list[str]) -> dict[str, object]:
    aliased = [known[column].to_dict() for column in ALIASES if column in known.columns]

    def names(site: str) -> set[str]:
        return {site}.union(*(_listed(values[site]) for values in aliased))

    owner = {name: site for site in train for name in names(site)}
    aliases = [(site, owner[name]) for site in test for name in sorted(names(site)) if owner.get(name, site) != site]
    together, trained = {}, set(train)
    for column in (c for c in SAME if c in known.columns):
        held, value = set(known.loc[train, column].dropna()), known[column].to_dict()
        together[column] = [site for site in test if value[site] in held and site not in trained]
    return {"shared": sorted(trained & set(test)), "aliases": sorted(set(aliases)), **together}


def _listed(value: object) -> list[str]:
    if isinstance(value, str):
        return [name.strip() for name in value.split(";") if name.strip()]
    return [str(name) for name in value] if isinstance(value, Sequence | np.ndarray) else []


def _distance(known: pd.DataFrame, train: list[str], test: list[str]) -> dict[str, object] | None:
    if not {"latitude", "longitude"} <= set(known.columns):
        return None
    placed = ~missing_coordinates(known["latitude"], known["longitude"])
    there = known[placed]
    a, b = (there.loc[[site for site in ids if site in there.index]] for ids in (test, train))
    if a.empty or b.empty:
        return None
    km, index = nearest(a["latitude"], a["longitude"], b["latitude"], b["longitude"])
    towers = zip(a.index, b.index[index], km, a["latitude"], a["longitude"], strict=True)
    return {
        "quantiles": _quantiles(km),
        "within": {str(limit): float((km <= limit).mean()) for limit in NEAR},
        "without_coordinates": [site for site in (*train, *test) if site not in there.index],
        "test": [
            {"site_id": s, "nearest": t, "km": round(float(d), 3), "latitude": float(y), "longitude": float(x)}
            for s, t, d, y, x in towers
        ],
        "train": [[float(y), float(x)] for y, x in zip(b["latitude"], b["longitude"], strict=True)],
    }


def _classes(known: pd.DataFrame, train: list[str], test: list[str], by: str) -> dict[str, object]:
    trained = set(known.loc[train, by].dropna())
    counts = known.loc[test, by].value_counts()
    unseen = {str(label): int(n) for label, n in sorted(counts.items()) if label not in trained and n}
    return {"unseen": unseen, "seen_towers": int(counts.sum()) - sum(unseen.values())}


def _drivers(train: Mapping[str, Tower], test: Mapping[str, Tower], candidates: Candidates | None) -> dict[str, object]:
    shared = duplicates(train, test, candidates)
    by_source: dict[str, set[str]] = {}
    for (site, _), names in shared.items():
        for name in names:
            by_source.setdefault(schema.COLUMNS[name].source, set()).add(site)
    pairs = [{"test": a, "train": b, "columns": names} for (a, b), names in sorted(shared.items())]
    return {
        "test_towers": len({site for site, _ in shared}),
        "by_source": {source: len(towers) for source, towers in sorted(by_source.items())},
        "pairs": pairs,
    }


def _climate(train: Mapping[str, Tower], test: Mapping[str, Tower]) -> dict[str, object] | None:
    """Compare the distance of test towers to training towers with that of training towers to each other.

    Source
    ------
    After the dissimilarity index of Meyer and Pebesma 2021, doi:10.1111/2041-210X.13650, here of towers, not of rows.
    """
    found = climates(train, test)
    if found is None:
        return None
    known, asked, drivers = found
    own = _to_nearest(known, known, skip_self=True) if len(known) > 1 else None
    apart = _to_nearest(asked, known)
    limit = None if own is None else float(np.quantile(own, 0.95))
    far = sorted(zip(test, apart.tolist(), strict=True), key=lambda pair: -pair[1])[:5]
    return {
        "drivers": drivers,
        "quantiles": _quantiles(apart),
        "among_training": None if own is None else _quantiles(own),
        "beyond": None if limit is None else float((apart > limit).mean()),
        "farthest": {site: round(d, 3) for site, d in far},
    }


def _to_nearest(points: np.ndarray, others: np.ndarray, skip_self: bool = False) -> np.ndarray:
    """Return the root-mean-square distance per axis to the nearest of other points."""
    squares = (points**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2 * points @ others.T
    apart = np.sqrt(np.maximum(squares, 0) / points.shape[1])
    if skip_self:
        np.fill_diagonal(apart, np.inf)
    return apart.min(axis=1)


def _quantiles(values: np.ndarray) -> dict[str, float]:
    return {str(q): round(float(v), 3) for q, v in zip(QUANTILES, np.percentile(values, QUANTILES), strict=True)}
