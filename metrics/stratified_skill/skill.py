"""Scores of arrays: of one flux, of the three together, of predicted quantiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from .inputs import Sites, column, days, masks_of, matrix, numbers, read_sites, require_finite, require_same_length
from .over_sites import COUNTS, MEANS, Areas, scores_of, summarise
from .physics import VECTOR, WITH_VECTORS, Fluxes
from .probabilistic import WITH_QUANTILES, QuantileDays
from .scores import SCORES, WITH_CLIMATOLOGY
from .site_days import SiteDays
from .time_scales import WITH_DATES, TimeScales

MIN_DAYS = 30  # a site with fewer days is scored and flagged
LEVELS = (0.05, 0.25, 0.50, 0.75, 0.95)
INTERVAL = (0.05, 0.95)
# What a result has beside strata, so that no stratum may be called so.
_TAKEN = {"sites", "days", "across", "n_sites", "n_days", "n_short", "n_sites_dropped", "n_crossed"}
_COLUMNS = {"predictions", "references", "site_id", "igbp", "koppen_main", "date", "climatology"}


def site_scores(
    predictions: ArrayLike,
    references: ArrayLike,
    site_id: ArrayLike,
    igbp: ArrayLike | None = None,
    koppen_main: ArrayLike | None = None,
    date: ArrayLike | None = None,
    min_days: int = MIN_DAYS,
    climatology: ArrayLike | None = None,
    strata: Mapping[str, ArrayLike] | None = None,
) -> dict:
    """Score every site.

    Parameters
    ----------
    predictions, references : array-like [N] of float, in one unit; a NaN reference is no observation: dropped, counted
    site_id : array-like [N] of str
    igbp, koppen_main : array-like [N] of str, optional, the site's classes; missing or empty is "unknown"
    date : array-like [N] of date, ISO str or datetime64, optional; with it come the scores of `WITH_DATES`
    min_days : int, sites with fewer days are flagged
    climatology : array-like [N] of float, optional, what a climatology predicts; with it comes `WITH_CLIMATOLOGY`
    strata : dict, name -> array-like [N] of str, optional, more classes of the sites, such as the continent

    Returns
    -------
    dict of ndarray [S], sites in sorted order
        "site_id", each class that was given, "n" (days scored), "n_dropped" (days without a reference), "short"
        (0 < n < min_days), every one of `SCORES` and of the tables that date and climatology bring, NaN where
        undefined, "observed_mean" and "predicted_mean"; a site with n = 0 has no score

    Raises
    ------
    ValueError : lengths differ, no rows, a missing site, a site with two classes, a prediction missing or infinite
        where there is a reference, dates that cannot be read
    """
    rows = _Rows(predictions, references, site_id, igbp, koppen_main, date, climatology, strata)
    return rows.table(rows.observed, min_days)


def stratified_skill(
    predictions: ArrayLike,
    references: ArrayLike,
    site_id: ArrayLike,
    igbp: ArrayLike | None = None,
    koppen_main: ArrayLike | None = None,
    date: ArrayLike | None = None,
    min_days: int = MIN_DAYS,
    climatology: ArrayLike | None = None,
    strata: Mapping[str, ArrayLike] | None = None,
    masks: Mapping[str, ArrayLike] | None = None,
    areas: Areas | None = None,
) -> dict:
    """Score every site, and summarise over sites and over the sites of each class.

    Parameters and errors are those of `site_scores`, and

    masks : dict, name -> array-like [N] of bool, optional, days to score once more by themselves, such as hot ones
    areas : dict, stratum -> class -> land area, optional: medians with every class weighing as much as its area

    Returns
    -------
    dict of int and float, nested
        what `summarise` returns; "sites": for each site its n, n_dropped, short (0 or 1), scores and means; where masks
        are given "days": for each mask the summary of `SCORES` over its days, and "sites"

    Examples
    --------
    >>> skill = stratified_skill([1.0, 2.0, 4.0], [1.0, 2.0, 3.0], ["DE-Hai"] * 3, igbp=["DBF"] * 3)
    >>> skill["r2"]["q50"], skill["igbp"]["DBF"]["n_sites"], skill["sites"]["DE-Hai"]["n"]
    (0.5, 1, 3)
    """
    rows = _Rows(predictions, references, site_id, igbp, koppen_main, date, climatology, strata)
    out = _result(rows.table(rows.observed, min_days), areas)
    if masks is not None:
        chosen = masks_of(masks, len(rows.y))
        out["days"] = {name: rows.summary_of_days(mask, min_days) for name, mask in chosen.items()}
    return out


def vector_skill(
    predictions: ArrayLike,
    references: ArrayLike,
    site_id: ArrayLike,
    igbp: ArrayLike | None = None,
    koppen_main: ArrayLike | None = None,
    date: ArrayLike | None = None,
    min_days: int = MIN_DAYS,
    climatology: ArrayLike | None = None,
    strata: Mapping[str, ArrayLike] | None = None,
    masks: Mapping[str, ArrayLike] | None = None,
    areas: Areas | None = None,
) -> dict:
    """Score GPP, RECO and NEE each, and whether they are possible together.

    Parameters
    ----------
    predictions, references, climatology : array-like [N, 3] of float, in the order gpp, reco, nee; NaN references as in
        `site_scores`, for each flux by itself
    others : as in `stratified_skill`

    Returns
    -------
    dict
        "gpp", "reco", "nee": what `stratified_skill` returns; "physics": the same for `WITH_VECTORS`, over the days on
        which any flux is observed
    """
    p, y = matrix("predictions", predictions, len(VECTOR)), matrix("references", references, len(VECTOR))
    c = None if climatology is None else matrix("climatology", climatology, len(VECTOR))
    common = (site_id, igbp, koppen_main, date)
    out = {
        flux: stratified_skill(
            p[:, i], y[:, i], *common, min_days, None if c is None else c[:, i], strata, masks, areas
        )
        for i, flux in enumerate(VECTOR)
    }
    sites = _sites(site_id, igbp, koppen_main, strata)
    observed = ~np.isnan(y).all(axis=1)
    rows, starts = sites.grouped(observed)
    table = sites.counts(observed, min_days)
    table |= _scores(WITH_VECTORS, Fluxes(p[rows], y[rows], starts), table["n"] > 0)
    return out | {"physics": _result(table)}


def quantile_skill(
    predictions: ArrayLike,
    references: ArrayLike,
    site_id: ArrayLike,
    igbp: ArrayLike | None = None,
    koppen_main: ArrayLike | None = None,
    date: ArrayLike | None = None,
    min_days: int = MIN_DAYS,
    levels: Sequence[float] = LEVELS,
    interval: tuple[float, float] = INTERVAL,
    strata: Mapping[str, ArrayLike] | None = None,
) -> dict:
    """Score predicted quantiles.

    Parameters
    ----------
    predictions : array-like [N, Q] of float, a column per level
    levels : sequence [Q] of float, ascending, between 0 and 1
    interval : two of the levels, the ends of the interval whose coverage and width are scored
    others : as in `site_scores`; `date` is named in errors

    Returns
    -------
    dict
        what `summarise` returns for `WITH_QUANTILES`; "sites"; "n_crossed", the rows whose quantiles are out of order

    Raises
    ------
    ValueError : as `site_scores`; levels that do not ascend, are not as many as quantiles, or lack the interval's ends
    """
    q, y, levels = matrix("predictions", predictions), numbers("references", references), numbers("levels", levels)
    ends = _ends(levels, interval, q.shape[1])
    given = {"igbp": igbp, "koppen_main": koppen_main, "date": date} | _strata(strata)
    require_same_length(references=y, predictions=q, site_id=site_id, **given)
    sites = _sites(site_id, igbp, koppen_main, strata)
    observed = ~np.isnan(y)
    require_finite({"references": y, "predictions": q}, observed, column("site_id", site_id), date)
    rows, starts = sites.grouped(observed)
    predicted = QuantileDays(y[rows], q[rows], levels, ends, starts)
    table = sites.counts(observed, min_days)
    table |= _scores(WITH_QUANTILES, predicted, table["n"] > 0)
    return _result(table) | {"n_crossed": int(predicted.crossed.sum())}


class _Rows:
    """The rows of one flux, read and checked."""

    def __init__(self, predictions, references, site_id, igbp, koppen_main, date, climatology, strata) -> None:
        self.y, self.p = numbers("references", references), numbers("predictions", predictions)
        self.climatology = None if climatology is None else numbers("climatology", climatology)
        given = {"igbp": igbp, "koppen_main": koppen_main, "date": date, "climatology": climatology} | _strata(strata)
        require_same_length(references=self.y, predictions=self.p, site_id=site_id, **given)
        self.day = None if date is None else days(date)
        self.sites = _sites(site_id, igbp, koppen_main, strata)
        self.observed = ~np.isnan(self.y)
        wanted = {"references": self.y, "predictions": self.p, "climatology": self.climatology}
        wanted = {name: values for name, values in wanted.items() if values is not None}
        require_finite(wanted, self.observed, column("site_id", site_id), date)

    def table(self, chosen: np.ndarray, min_days: int) -> dict:
        """Return the table of sites, scored on the chosen rows [N] of bool."""
        table = self.sites.counts(chosen, min_days)
        rows, starts = self.sites.grouped(chosen, self.day)
        day = None if self.day is None else self.day[rows]
        climatology = None if self.climatology is None else self.climatology[rows]
        site_days = SiteDays(self.y[rows], self.p[rows], starts, day, climatology)
        scored = table["n"] > 0
        table |= _scores(SCORES, site_days, scored)
        if climatology is not None:
            table |= _scores(WITH_CLIMATOLOGY, site_days, scored)
        if day is not None:
            table |= _scores(WITH_DATES, TimeScales(site_days), scored)
        return table | {name: _over_all(getattr(site_days, of), scored) for name, of in _MEANS_OF.items()}

    def summary_of_days(self, mask: np.ndarray, min_days: int) -> dict:
        """Return the result of `SCORES` over the sites, each scored on the rows of a mask."""
        chosen = self.observed & mask
        rows, starts = self.sites.grouped(chosen)
        counts = self.sites.counts(chosen, min_days)
        table = {name: counts[name] for name in ("site_id", *COUNTS)}
        return _result(table | _scores(SCORES, SiteDays(self.y[rows], self.p[rows], starts), table["n"] > 0))


_MEANS_OF = dict(zip(MEANS, ("y_mean", "p_mean"), strict=True))


def _sites(site_id, igbp, koppen_main, strata) -> Sites:
    return read_sites(column("site_id", site_id), {"igbp": igbp, "koppen_main": koppen_main} | _strata(strata))


def _strata(strata: Mapping[str, ArrayLike] | None) -> dict[str, ArrayLike]:
    tables = (SCORES, WITH_CLIMATOLOGY, WITH_DATES, WITH_VECTORS, WITH_QUANTILES)
    wrong = sorted(_COLUMNS.union(_TAKEN, COUNTS, MEANS, *tables).intersection(strata or {}))
    if wrong:
        raise ValueError(f"A stratum cannot be called {wrong[0]}: that name is taken. Rename it.")
    return dict(strata or {})


def _scores(functions: Mapping[str, Callable], of: object, scored: np.ndarray) -> dict:
    """Return what functions of the scored sites say, NaN at the others [S] and wherever it is not finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        return {name: _over_all(function(of), scored) for name, function in functions.items()}


def _over_all(values: np.ndarray, scored: np.ndarray) -> np.ndarray:
    out = np.full(len(scored), np.nan)
    out[scored] = np.where(np.isfinite(values), values, np.nan)
    return out


def _result(table: dict, areas: Areas | None = None) -> dict:
    columns = [name for name in (*COUNTS, *scores_of(table), *MEANS) if name in table]
    rows = zip(*(_plain(table[name]) for name in columns), strict=True)
    sites = [dict(zip(columns, row, strict=True)) for row in rows]
    return summarise(table, areas) | {"sites": dict(zip(table["site_id"].tolist(), sites, strict=True))}


def _plain(values: np.ndarray) -> list:
    return (values.astype(int) if values.dtype == bool else values).tolist()


def _ends(levels: np.ndarray, interval: tuple[float, float], n_quantiles: int) -> tuple[int, int]:
    ascending = np.all(np.diff(levels) > 0) and np.all((levels > 0) & (levels < 1))
    if len(levels) != n_quantiles or not ascending:
        raise ValueError(
            f"Got levels {levels.tolist()} for {n_quantiles} quantiles. Give one level per quantile, ascending, "
            "between 0 and 1."
        )
    found = [np.flatnonzero(np.isclose(levels, end)) for end in interval]
    if len(found) != 2 or not all(map(len, found)) or found[0][0] >= found[1][0]:
        raise ValueError(f"interval={tuple(interval)} is no pair of the levels {levels.tolist()}. Name two of them.")
    return int(found[0][0]), int(found[1][0])
