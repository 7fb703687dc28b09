"""Skill of daily flux predictions per site, then quantiles over sites: overall, by vegetation and by climate class.

The functions take arrays and need NumPy alone; `StratifiedSkill` offers them through the `evaluate` library.

A score is added in `scores.py`; a set of input columns is one more entry of `CONFIGS`.
"""

from __future__ import annotations

import datasets
import evaluate
import numpy as np
from numpy.typing import ArrayLike

from .inputs import UNKNOWN, class_of_site, column, numbers, require_finite, require_same_length, run_starts, sites
from .scores import SCORES, SiteDays

MIN_DAYS = 30  # a site with fewer days is scored and flagged
QUANTILES = (0.25, 0.50, 0.75)
STRATA = ("igbp", "koppen_main")


def site_scores(
    predictions: ArrayLike,
    references: ArrayLike,
    site_id: ArrayLike,
    igbp: ArrayLike | None = None,
    koppen_main: ArrayLike | None = None,
    date: ArrayLike | None = None,
    min_days: int = MIN_DAYS,
) -> dict:
    """Score every site.

    Parameters
    ----------
    predictions, references : array-like [N] of float, in one unit; a NaN reference is no observation: dropped, counted
    site_id : array-like [N] of str
    igbp, koppen_main : array-like [N] of str, optional, the site's classes; missing or empty is "unknown"
    date : array-like [N], optional, named in errors
    min_days : int, sites with fewer days are flagged

    Returns
    -------
    dict of ndarray [S], sites in sorted order
        "site_id", each class that was given, "n" (days scored), "n_dropped" (days without a reference), "short"
        (0 < n < min_days), then every one of `SCORES`, NaN where undefined; a site with n = 0 has no score

    Raises
    ------
    ValueError : lengths differ, no rows, a missing site, a site with two classes, a prediction missing or infinite
        where there is a reference
    """
    y, p = numbers("references", references), numbers("predictions", predictions)
    classes = {"igbp": igbp, "koppen_main": koppen_main}
    classes = {name: column(name, values) for name, values in classes.items() if values is not None}
    site_id = column("site_id", site_id)
    require_same_length(references=y, predictions=p, site_id=site_id, **classes, date=date)
    names, codes = sites(site_id)
    observed = ~np.isnan(y)
    require_finite(p, y, observed, site_id, date)
    n = np.bincount(codes[observed], minlength=len(names))
    table = {"site_id": np.array(names)}
    table |= {name: class_of_site(name, values, names, codes) for name, values in classes.items()}
    table |= {"n": n, "n_dropped": np.bincount(codes, minlength=len(names)) - n, "short": (n > 0) & (n < min_days)}
    return table | _scores(_group(y[observed], p[observed], codes[observed]), n > 0)


def stratified_skill(
    predictions: ArrayLike,
    references: ArrayLike,
    site_id: ArrayLike,
    igbp: ArrayLike | None = None,
    koppen_main: ArrayLike | None = None,
    date: ArrayLike | None = None,
    min_days: int = MIN_DAYS,
) -> dict:
    """Score every site, and summarise over sites and over the sites of each class.

    Parameters and errors are those of `site_scores`.

    Returns
    -------
    dict of int and float, nested
        what `summarise` returns, and "sites": for each site its n, n_dropped, short (0 or 1) and scores

    Examples
    --------
    >>> skill = stratified_skill([1.0, 2.0, 4.0], [1.0, 2.0, 3.0], ["DE-Hai"] * 3, igbp=["DBF"] * 3)
    >>> skill["r2"]["q50"], skill["igbp"]["DBF"]["n_sites"], skill["sites"]["DE-Hai"]["n"]
    (0.5, 1, 3)
    """
    table = site_scores(predictions, references, site_id, igbp, koppen_main, date, min_days)
    columns = {name: _plain(table[name]) for name in ("n", "n_dropped", "short", *SCORES)}
    rows = zip(*columns.values(), strict=True)
    scores = [dict(zip(columns, row, strict=True)) for row in rows]
    return summarise(table) | {"sites": dict(zip(table["site_id"].tolist(), scores, strict=True))}


def summarise(table: dict) -> dict:
    """Return quantiles over the sites of a table of `site_scores`, over all and by class.

    Returns
    -------
    dict of int and float, nested
        "n_sites", "n_days", "n_short"; for each score "q25", "q50", "q75" over the sites where it is defined, "n" of
        these and "n_undefined"; the same for each class under "igbp" and "koppen_main" where these were given;
        "n_dropped" (days without a reference) and "n_sites_dropped" (sites without any)
    """
    scored = table["n"] > 0
    out = {"n_dropped": int(table["n_dropped"].sum()), "n_sites_dropped": int((~scored).sum())}
    out |= _summary(table, scored)
    for stratum in STRATA:
        if stratum in table:
            present = np.unique(table[stratum][scored]).tolist()
            out[stratum] = {name: _summary(table, scored & (table[stratum] == name)) for name in present}
    return out


def _summary(table: dict, chosen: np.ndarray) -> dict:
    out = {"n_sites": chosen.sum(), "n_days": table["n"][chosen].sum(), "n_short": table["short"][chosen].sum()}
    return {name: int(count) for name, count in out.items()} | {s: _over_sites(table[s][chosen]) for s in SCORES}


def _over_sites(values: np.ndarray) -> dict:
    defined = values[~np.isnan(values)]
    quantiles = np.quantile(defined, QUANTILES) if len(defined) else np.full(len(QUANTILES), np.nan)
    out = {f"q{round(100 * q)}": float(value) for q, value in zip(QUANTILES, quantiles, strict=True)}
    return out | {"n": len(defined), "n_undefined": len(values) - len(defined)}


def _scores(days: SiteDays, scored: np.ndarray) -> dict:
    out = {}
    with np.errstate(over="ignore", invalid="ignore"):
        for name, score in SCORES.items():
            values = score(days)
            out[name] = np.full(len(scored), np.nan)
            out[name][scored] = np.where(np.isfinite(values), values, np.nan)
    return out


def _group(y: np.ndarray, p: np.ndarray, codes: np.ndarray) -> SiteDays:
    if np.any(codes[1:] < codes[:-1]):
        order = np.argsort(codes, kind="stable")
        y, p, codes = y[order], p[order], codes[order]
    return SiteDays(y, p, run_starts(codes))


def _plain(values: np.ndarray) -> list:
    return (values.astype(int) if values.dtype == bool else values).tolist()


_DESCRIPTION = """\
Skill of daily carbon flux predictions at towers never seen in training: R2 (Nash-Sutcliffe efficiency), RMSE, MAE,
nMAE, RAE and bias of every site, then their quartiles over sites, over all and by IGBP and Koppen main class."""

_KWARGS_DESCRIPTION = """
Args:
    predictions (list of float): predicted flux, finite wherever there is a reference
    references (list of float): observed flux in the same unit; NaN rows are dropped and counted
    site_id (list of str): the site of each row
    igbp (list of str): the site's IGBP class; "" or None is "unknown"
    koppen_main (list of str): the site's Koppen main class; "" or None is "unknown"
    date (list of date or ISO str): the day of each row, named in errors
    min_days (int): sites with fewer days are flagged as short; 30 by default
Returns:
    nested dict of float and int: counts, `q25`, `q50`, `q75`, `n`, `n_undefined` of each score over sites, the same
    under `igbp` and `koppen_main` for each class, and `sites` with the scores of each site; NaN where undefined
Examples:
    >>> import evaluate
    >>> skill = evaluate.load("metrics/stratified_skill")
    >>> result = skill.compute(
    ...     predictions=[1.0, 2.0, 4.0, 5.0, 7.0],
    ...     references=[1.0, 2.0, 3.0, 6.0, 8.0],
    ...     site_id=["DE-Hai", "DE-Hai", "DE-Hai", "US-Ha1", "US-Ha1"],
    ...     igbp=["DBF"] * 5,
    ...     koppen_main=["C", "C", "C", "D", "D"],
    ...     date=["2010-06-01", "2010-06-02", "2010-06-03", "2010-06-01", "2010-06-02"],
    ... )
    >>> result["r2"]["q50"], result["igbp"]["DBF"]["n_sites"], result["sites"]["US-Ha1"]["bias"]
    (0.25, 2, -1.0)
"""

_CITATION = """\
@misc{carbonbench,
  title = {CarbonBench: the benchmark of zero-shot spatial transfer for terrestrial carbon fluxes},
  author = {{The CarbonBench developers}},
}"""

# One configuration per set of columns: `evaluate` knows no optional ones.
CONFIGS = {
    "default": {
        "predictions": "float64",
        "references": "float64",
        "site_id": "string",
        "igbp": "string",
        "koppen_main": "string",
        "date": "date32",
    },
}


class StratifiedSkill(evaluate.Metric):
    """`stratified_skill` as a metric of the `evaluate` library."""

    of_arrays = staticmethod(stratified_skill)

    def _info(self) -> evaluate.MetricInfo:
        if self.config_name not in CONFIGS:
            raise ValueError(f"Unknown configuration {self.config_name!r}. Available: {', '.join(CONFIGS)}.")
        columns = CONFIGS[self.config_name]
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_KWARGS_DESCRIPTION,
            features=datasets.Features({name: datasets.Value(dtype) for name, dtype in columns.items()}),
            format="arrow",  # "numpy" would round to float32
        )

    def add_batch(self, *, predictions=None, references=None, **columns):
        """Add a batch of rows, column by column.

        Arguments are those of `compute`, one value per row in each.
        """
        batch = {"predictions": predictions, "references": references, **columns}
        super().add_batch(**{name: _for_arrow(name, values) for name, values in batch.items()})

    def _compute(self, predictions, references, site_id, igbp, koppen_main, date, min_days=MIN_DAYS):
        return stratified_skill(predictions, references, site_id, igbp, koppen_main, date, min_days)


def _for_arrow(name: str, values):
    """Return a column as `evaluate` can store it: null classes, a pandas index and datetime64[D] would stop it."""
    if values is None:
        return None
    values = np.asarray(values)
    if name in STRATA:
        return [UNKNOWN if value is None else str(value) for value in values.tolist()]
    return values.astype("datetime64[us]") if values.dtype.kind == "M" else values
