"""Skill of daily flux predictions per site, then quantiles over sites: overall, by vegetation and by climate class.

The functions take arrays and need NumPy alone; `StratifiedSkill` offers them through the `evaluate` library.

A score is added in `scores.py`; a set of input columns is one more entry of `CONFIGS`.
"""

from __future__ import annotations

import datasets
import evaluate
import numpy as np
from numpy.typing import ArrayLike

from .scores import SCORES, SiteDays

MIN_DAYS = 30  # a site with fewer days is scored and flagged
QUANTILES = (0.25, 0.50, 0.75)
STRATA = ("igbp", "koppen_main")
UNKNOWN = "unknown"
_MISSING = ("", "none", "nan", "nat", "null", "<na>")  # as the spellings of a missing string reach us
_LARGEST = 1e100  # squares of anything larger overflow when summed


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
    y, p = _numbers("references", references), _numbers("predictions", predictions)
    classes = {"igbp": igbp, "koppen_main": koppen_main}
    classes = {name: _column(name, values) for name, values in classes.items() if values is not None}
    site_id = _column("site_id", site_id)
    _require_same_length(references=y, predictions=p, site_id=site_id, **classes, date=date)
    names, codes = _factorise(site_id)
    if UNKNOWN in names:
        row = int(np.argmax(codes == names.index(UNKNOWN)))
        raise ValueError(f"site_id is missing in row {row}. Every row needs the site it belongs to.")
    observed = ~np.isnan(y)
    _require_finite(p, y, observed, site_id, date)
    n = np.bincount(codes[observed], minlength=len(names))
    table = {"site_id": np.array(names)}
    table |= {name: _class_of_site(name, values, names, codes) for name, values in classes.items()}
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
    sites = [dict(zip(columns, row, strict=True)) for row in rows]
    return summarise(table) | {"sites": dict(zip(table["site_id"].tolist(), sites, strict=True))}


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
    return SiteDays(y, p, _run_starts(codes))


def _run_starts(values: np.ndarray) -> np.ndarray:
    """Return the rows where a value differs from the one before."""
    return np.flatnonzero(np.concatenate([np.ones(min(1, len(values)), bool), values[1:] != values[:-1]]))


def _factorise(values: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Return the sorted distinct names and the code of each row; a missing name is "unknown"."""
    starts = _run_starts(values)  # few, where a site's days stand together
    heads = values[starts].tolist()
    spelling = {value: _name(value) for value in set(heads)}
    names = sorted(set(spelling.values()))
    order = {name: code for code, name in enumerate(names)}
    lookup = {value: order[name] for value, name in spelling.items()}
    codes = np.fromiter(map(lookup.__getitem__, heads), np.uint16 if len(names) < 2**16 else np.int64, len(heads))
    return names, np.repeat(codes, np.diff(starts, append=len(values)))


def _name(value) -> str:
    text = str(value).strip()
    return UNKNOWN if text.lower() in _MISSING else text


def _class_of_site(stratum: str, values: np.ndarray, names: list[str], codes: np.ndarray) -> np.ndarray:
    classes, class_codes = _factorise(values)
    pairs = codes.astype(np.int64) * len(classes) + class_codes
    days = np.bincount(pairs, minlength=len(names) * len(classes)).reshape(len(names), len(classes))
    if np.any((days > 0).sum(axis=1) > 1):
        site = int(np.argmax((days > 0).sum(axis=1) > 1))
        found = " and ".join(np.array(classes)[days[site] > 0].tolist())
        raise ValueError(
            f"Site {names[site]} has more than one {stratum} class: {found}. Give every row of a site one."
        )
    return np.array(classes)[days.argmax(axis=1)]


def _column(name: str, values) -> np.ndarray:
    out = np.asarray(values)
    if out.ndim != 1:
        raise ValueError(f"{name} has the shape {out.shape}; expected one value per row.")
    return out


def _numbers(name: str, values) -> np.ndarray:
    try:
        return _column(name, np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} cannot be read as numbers: {error}. Give one float per row.") from error


def _require_same_length(**columns) -> None:
    lengths = {name: len(values) for name, values in columns.items() if values is not None}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"Inputs differ in length: {lengths}. Give one value per row in each.")
    if not lengths["references"]:
        raise ValueError("There are no rows. Give at least one prediction and its reference.")


def _require_finite(p: np.ndarray, y: np.ndarray, observed: np.ndarray, site_id: np.ndarray, date) -> None:
    for name, values in (("references", y), ("predictions", p)):
        bad = observed & ~(np.abs(values) < _LARGEST)
        if bad.any():
            row = int(np.argmax(bad))
            day = "" if date is None else f" on {np.asarray(date)[row]}"
            raise ValueError(
                f"{name} has {int(bad.sum())} missing or infinite values where there is a reference, the first at "
                f"site {site_id[row]}{day}: {values[row]}. Give a finite number on every day that is scored."
            )


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
