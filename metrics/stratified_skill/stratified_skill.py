"""Skill of daily flux predictions per site, then over sites: overall, by vegetation, climate and any other class.

The functions take arrays and need NumPy alone; `StratifiedSkill` offers them through the `evaluate` library.

A score is one function and one entry of a table, see `scores.py`; a set of columns is one more entry of `CONFIGS`.
"""

from __future__ import annotations

import datasets
import evaluate
import numpy as np

# `evaluate` copies the files that are imported here, one a line, and no others.
from .inputs import UNKNOWN
from .over_sites import summarise
from .physics import WITH_VECTORS
from .probabilistic import WITH_QUANTILES
from .scores import SCORES, WITH_CLIMATOLOGY
from .site_days import SiteDays
from .skill import MIN_DAYS, quantile_skill, site_scores, stratified_skill, vector_skill
from .time_scales import WITH_DATES

__all__ = [
    "SCORES",
    "WITH_CLIMATOLOGY",
    "WITH_DATES",
    "WITH_QUANTILES",
    "WITH_VECTORS",
    "SiteDays",
    "StratifiedSkill",
    "quantile_skill",
    "site_scores",
    "stratified_skill",
    "summarise",
    "vector_skill",
]

_DESCRIPTION = """\
Skill of daily carbon flux predictions at towers never seen in training: R2 (Nash-Sutcliffe efficiency), RMSE, KGE,
skill against a climatology, scores by time scale and of predicted quantiles for every site, then their quantiles over
sites, over all and by IGBP, Koppen main class and any other class."""

_KWARGS_DESCRIPTION = """
Args:
    predictions (list of float): predicted flux, finite wherever there is a reference; three per row (gpp, reco, nee)
        in the configuration `all`, one per level in `quantiles`
    references (list of float): observed flux in the same unit; NaN rows are dropped and counted; three per row in `all`
    site_id (list of str): the site of each row
    igbp (list of str): the site's IGBP class; "" or None is "unknown"
    koppen_main (list of str): the site's Koppen main class; "" or None is "unknown"
    date (list of date or ISO str): the day of each row
    climatology (list of float): what a climatology predicts, in the configuration `skill`
    min_days (int): sites with fewer days are flagged as short; 30 by default
    strata (dict of list of str): more classes, for each a value per row in the order the rows were given
    masks (dict of list of bool): days to score by themselves, for each a value per row; not in `quantiles`
    areas (dict of dict of float): land areas of the classes of a stratum, for medians weighted by area
    levels (list of float): the levels of `quantiles`; 0.05, 0.25, 0.5, 0.75, 0.95 by default
    interval (tuple of float): the two levels whose interval is scored; 0.05 and 0.95 by default
Returns:
    nested dict of float and int: counts, `q05`, `q25`, `q50`, `q75`, `q95`, `n`, `n_undefined` of each score over
    sites, the same under `igbp` and `koppen_main` for each class, and `sites` with the scores of each site; NaN where
    undefined; in `all` such a dict each for `gpp`, `reco`, `nee` and `physics`
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

_NUMBER, _NUMBERS = datasets.Value("float64"), datasets.Sequence(datasets.Value("float64"))
_OF_ROW = {"site_id": "string", "igbp": "string", "koppen_main": "string", "date": "date32"}
_ROW = {name: datasets.Value(dtype) for name, dtype in _OF_ROW.items()}
# One configuration per set of columns: `evaluate` knows no optional ones. Each names its columns and its function.
CONFIGS = {
    "default": ({"predictions": _NUMBER, "references": _NUMBER, **_ROW}, stratified_skill),
    "skill": ({"predictions": _NUMBER, "references": _NUMBER, **_ROW, "climatology": _NUMBER}, stratified_skill),
    "all": ({"predictions": _NUMBERS, "references": _NUMBERS, **_ROW}, vector_skill),
    "quantiles": ({"predictions": _NUMBERS, "references": _NUMBER, **_ROW}, quantile_skill),
}


class StratifiedSkill(evaluate.Metric):
    """`stratified_skill`, `vector_skill` and `quantile_skill` as a metric of the `evaluate` library."""

    of_arrays = staticmethod(stratified_skill)
    of_vectors = staticmethod(vector_skill)
    of_quantiles = staticmethod(quantile_skill)

    def _info(self) -> evaluate.MetricInfo:
        if self.config_name not in CONFIGS:
            raise ValueError(f"Unknown configuration {self.config_name!r}. Available: {', '.join(CONFIGS)}.")
        columns = CONFIGS[self.config_name][0]
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_KWARGS_DESCRIPTION,
            features=datasets.Features(columns),
            # "numpy" would round to float32, and lists can have no format.
            format=None if _NUMBERS in columns.values() else "arrow",
        )

    def add_batch(self, *, predictions=None, references=None, **columns):
        """Add a batch of rows, column by column.

        Arguments are those of `compute`, one value per row in each.
        """
        batch = {"predictions": predictions, "references": references, **columns}
        super().add_batch(**{name: _for_arrow(name, values) for name, values in batch.items()})

    def _compute(
        self,
        predictions,
        references,
        site_id,
        igbp,
        koppen_main,
        date,
        climatology=None,
        min_days=MIN_DAYS,
        strata=None,
        masks=None,
        areas=None,
        levels=None,
        interval=None,
    ):
        given = {"climatology": climatology, "masks": masks, "areas": areas, "levels": levels, "interval": interval}
        given = {name: value for name, value in given.items() if value is not None}
        wrong = given.keys() & (_NOT_OF_QUANTILES if self.config_name == "quantiles" else _OF_QUANTILES)
        if wrong:
            raise ValueError(f"The configuration {self.config_name!r} takes no {' and no '.join(sorted(wrong))}.")
        rows = (predictions, references, site_id, igbp, koppen_main, date)
        return CONFIGS[self.config_name][1](*rows, min_days=min_days, strata=strata, **given)


_OF_QUANTILES = {"levels", "interval"}
_NOT_OF_QUANTILES = {"climatology", "masks", "areas"}


def _for_arrow(name: str, values):
    """Return a column as `evaluate` can store it: null classes, a pandas index and datetime64[D] would stop it."""
    if values is None:
        return None
    values = np.asarray(values)
    if name in ("igbp", "koppen_main"):
        return [UNKNOWN if value is None else str(value) for value in values.tolist()]
    return values.astype("datetime64[us]") if values.dtype.kind == "M" else values
