"""From scores per site to what is said over sites: quantiles, classes and the worst of them, means across sites."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .inputs import UNKNOWN

QUANTILES = (0.05, 0.25, 0.50, 0.75, 0.95)
COMMON = 5  # sites; smaller classes are pooled as "rare" for the worst group
WORST_SHARE = 0.1
_HIGHER_IS_BETTER = ("r2", "nnse", "kge", "kge_sd", "skill", "coverage")
COUNTS = ("n", "n_dropped", "short")
MEANS = ("observed_mean", "predicted_mean")


def higher_is_better(score: str) -> bool:
    """Whether more of a score is better; of the others less is, in size."""
    return score in _HIGHER_IS_BETTER or score.startswith("r2_")


def strata_of(table: dict) -> list[str]:
    """Return the columns of a table of sites that hold classes."""
    return [name for name, values in table.items() if values.dtype.kind == "U" and name != "site_id"]


def scores_of(table: dict) -> list[str]:
    """Return the columns of a table of sites that hold scores."""
    return [name for name in table if name not in ("site_id", *strata_of(table), *COUNTS, *MEANS)]


Areas = Mapping[str, Mapping[str, float]]  # stratum -> class -> the land area it covers, in any unit


def summarise(table: dict, areas: Areas | None = None) -> dict:
    """Return what is said over the sites of a table of `site_scores`, over all and by class.

    Parameters
    ----------
    table : dict, from `site_scores`
    areas : dict, stratum -> class -> land area, optional

    Returns
    -------
    dict of int and float, nested
        "n_sites", "n_days", "n_short"; for each score "q05", "q25", "q50", "q75", "q95" over the sites where it is
        defined, "n" of these and "n_undefined"; the same for each class of each stratum, under the stratum's name;
        over all sites also "macro_STRATUM" (mean over classes of their medians) and "worst_STRATUM" (the worst median
        among classes of at least 5 sites, smaller ones pooled; sites of unknown class take part in neither), and for
        nnse "mean" and "worst_tenth" (mean of the lowest tenth of the sites); where areas are given "area_STRATUM", the
        median with every class weighing as much as its area, the sites of a class sharing it (classes without an area
        take no part); "n_dropped" (days without a reference) and "n_sites_dropped" (sites without any); "across", see
        `across_sites`

    Raises
    ------
    ValueError : areas of a stratum that is not there, or one that is not above zero
    """
    _check_areas(table, areas or {})
    scored, scores = table["n"] > 0, scores_of(table)
    out = {"n_dropped": int(table["n_dropped"].sum()), "n_sites_dropped": int((~scored).sum())}
    out |= _summary(table, scores, scored)
    if MEANS[0] in table:
        out["across"] = across_sites(*(table[name][scored] for name in MEANS))
    for stratum in strata_of(table):
        present = np.unique(table[stratum][scored]).tolist()
        out[stratum] = {name: _summary(table, scores, scored & (table[stratum] == name)) for name in present}
        for score in scores:
            medians = {name: out[stratum][name][score]["q50"] for name in present if name != UNKNOWN}
            out[score][f"macro_{stratum}"] = _mean_of_defined(list(medians.values()))
            out[score][f"worst_{stratum}"] = _worst_group(table, stratum, score, scored)
            if stratum in (areas or {}):
                values, classes = table[score][scored], table[stratum][scored]
                out[score][f"area_{stratum}"] = _median_by_area(values, classes, areas[stratum])
    return out


def across_sites(observed: np.ndarray, predicted: np.ndarray) -> dict:
    """Return R2 (Nash-Sutcliffe) and Spearman's rank correlation of the site means [S], and how many there are."""
    spread = observed - observed.mean() if len(observed) else observed
    spread = spread - spread.mean() if len(observed) else spread
    total = float(spread @ spread)
    error = predicted - observed
    r2 = 1 - float(error @ error) / total if total > 0 else np.nan
    return {"r2": r2, "spearman": _correlation(_ranks(observed), _ranks(predicted)), "n": len(observed)}


def quantiles(values: np.ndarray, levels: tuple[float, ...] = QUANTILES) -> np.ndarray:
    """Return quantiles [Q, K] of the defined values [S, K] of each column, interpolated linearly; NaN without any."""
    n = np.sum(~np.isnan(values), axis=0)
    if not len(values):
        return np.full((len(levels), values.shape[1]), np.nan)
    place = np.array(levels)[:, None] * np.maximum(n - 1, 0)
    low = np.floor(place).astype(int)
    share = place - low
    ordered = np.sort(values, axis=0)  # the undefined stand last
    a = np.take_along_axis(ordered, low, axis=0)
    b = np.take_along_axis(ordered, np.minimum(low + 1, np.maximum(n - 1, 0)), axis=0)
    # From the nearer end, as numpy does, so that both agree to the last digit.
    return np.where(share < 0.5, a + (b - a) * share, b - (b - a) * (1 - share))


def _summary(table: dict, scores: list[str], chosen: np.ndarray) -> dict:
    out = {"n_sites": chosen.sum(), "n_days": table["n"][chosen].sum(), "n_short": table["short"][chosen].sum()}
    out = {name: int(count) for name, count in out.items()}
    values = np.column_stack([table[score][chosen] for score in scores])
    found, defined = quantiles(values).T.tolist(), np.sum(~np.isnan(values), axis=0).tolist()
    for score, of_score, n in zip(scores, found, defined, strict=True):
        named = {f"q{100 * q:02.0f}": value for q, value in zip(QUANTILES, of_score, strict=True)}
        out[score] = named | {"n": n, "n_undefined": len(values) - n}
    if "nnse" in scores:
        out["nnse"] |= _low_end(table["nnse"][chosen])
    return out


def _low_end(values: np.ndarray) -> dict:
    ordered = np.sort(values[~np.isnan(values)])
    lowest = ordered[: int(np.ceil(WORST_SHARE * len(ordered)))]
    return {"mean": _mean_of_defined(ordered.tolist()), "worst_tenth": _mean_of_defined(lowest.tolist())}


def _worst_group(table: dict, stratum: str, score: str, scored: np.ndarray) -> float:
    """Return the worst class median among classes with enough sites where the score is defined."""
    values, classes = table[score], table[stratum]
    chosen = scored & ~np.isnan(values) & (classes != UNKNOWN)
    values, (names, code, n) = values[chosen], np.unique(classes[chosen], return_inverse=True, return_counts=True)
    group = np.where(n < COMMON, len(names), np.arange(len(names)))[code]
    groups = [values[group == g] for g in np.unique(group)]
    medians = [float(np.median(of_group)) for of_group in groups if len(of_group) >= COMMON]
    if not medians:
        return np.nan
    return min(medians) if higher_is_better(score) else max(medians, key=abs)


def _median_by_area(values: np.ndarray, classes: np.ndarray, areas: Mapping[str, float]) -> float:
    given = ~np.isnan(values) & np.isin(classes, list(areas))
    if not given.any():
        return np.nan
    values, (names, code, n) = values[given], np.unique(classes[given], return_inverse=True, return_counts=True)
    weight = (np.array([areas[name] for name in names]) / n)[code]
    order = np.argsort(values)
    # Each site stands in the middle of its weight: with equal weights this is the plain median.
    place = np.cumsum(weight[order]) - weight[order] / 2
    return float(np.interp(weight.sum() / 2, place, values[order]))


def _check_areas(table: dict, areas: Areas) -> None:
    strange = [stratum for stratum in areas if stratum not in strata_of(table)]
    if strange:
        raise ValueError(
            f"Got areas of {strange[0]}, which is no stratum here: {', '.join(strata_of(table)) or 'none'}."
        )
    wrong = [f"{name}={area}" for of in areas.values() for name, area in of.items() if not 0 < area < np.inf]
    if wrong:
        raise ValueError(f"An area is not above zero: {wrong[0]}. Leave the class out if it is not known.")


def _mean_of_defined(values: list[float]) -> float:
    defined = [value for value in values if not np.isnan(value)]
    return float(np.mean(defined)) if defined else np.nan


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks from 1, those of equal values being their mean."""
    _, code, n = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(n) - (n - 1) / 2)[code]


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    if len(a) < 2:
        return np.nan
    a, b = a - a.mean(), b - b.mean()
    spread = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / spread) if spread > 0 else np.nan
