"""The scores of a site: one function of its days each, and the tables that list them.

To add a score, write one function of `SiteDays` and enter it in the table of what it needs: `SCORES` (observations and
predictions alone), `WITH_CLIMATOLOGY`, or in `time_scales.py` `WITH_DATES`; sums that several scores share are
properties of `SiteDays`. Formulas: y observed, p predicted, m the mean of y and sd its standard deviation (over n, not
n - 1) over the site's n days.

Source
------
Nash and Sutcliffe 1970, doi:10.1016/0022-1694(70)90255-6 (R2 as used here, not a squared correlation).
Nossent and Bauwens 2012, Geophysical Research Abstracts 14, EGU2012-237 (NNSE).
Gupta et al. 2009, doi:10.1016/j.jhydrol.2009.08.003 (KGE); Tang et al. 2021, doi:10.1175/JCLI-D-21-0067.1 (its bias
over sd); Knoben et al. 2019, doi:10.5194/hess-23-4323-2019 (a constant prediction counts as r = 0).
"""

from __future__ import annotations

import numpy as np

from .site_days import SiteDays, ratio

_ZERO_MEAN = 1e-12  # of the mean of |y|: a mean below this is rounding error


def r2(s: SiteDays) -> np.ndarray:
    """Nash-Sutcliffe efficiency: 1 - sum (y-p)^2 / sum (y-m)^2; undefined where y does not vary."""
    return 1 - ratio(s.sse, s.sst)


def rmse(s: SiteDays) -> np.ndarray:
    """Root mean square error: sqrt(mean (p-y)^2)."""
    return np.sqrt(s.sse / s.n)


def mae(s: SiteDays) -> np.ndarray:
    """Mean absolute error: mean |p-y|."""
    return s.sae / s.n


def nmae(s: SiteDays) -> np.ndarray:
    """Mean absolute error over the size of the observed mean: MAE / |m|; undefined where m is zero."""
    return ratio(mae(s), np.abs(s.y_mean), zero=_zero_mean(s))


def rae(s: SiteDays) -> np.ndarray:
    """Relative absolute error: sum |y-p| / sum |y-m|; undefined where y does not vary."""
    return ratio(s.sae, s.sat)


def bias(s: SiteDays) -> np.ndarray:
    """Mean error: mean (p-y)."""
    return s.mean(s.error)


def nnse(s: SiteDays) -> np.ndarray:
    """Normalised Nash-Sutcliffe efficiency: 1 / (2 - R2), in (0, 1]; undefined where R2 is."""
    return 1 / (2 - r2(s))


def mae_sd(s: SiteDays) -> np.ndarray:
    """Mean absolute error over the observed spread: MAE / sd; undefined where y does not vary."""
    return ratio(mae(s), np.sqrt(s.sst / s.n))


def kge(s: SiteDays) -> np.ndarray:
    """Kling-Gupta efficiency: 1 - sqrt((r-1)^2 + (sd_p/sd_y - 1)^2 + (m_p/m_y - 1)^2); undefined where m_y is zero."""
    size = ratio(np.ones(len(s.n)), np.abs(s.y_mean), zero=_zero_mean(s))
    return _kling_gupta(s, (s.p_mean - s.y_mean) * size)


def kge_sd(s: SiteDays) -> np.ndarray:
    """Kling-Gupta efficiency with its bias as (m_p - m_y) / sd_y: for fluxes whose mean is near zero, as NEE."""
    return _kling_gupta(s, ratio(s.p_mean - s.y_mean, np.sqrt(s.sst / s.n)))


def skill(s: SiteDays) -> np.ndarray:
    """Skill against the climatology: 1 - MSE / MSE(climatology); undefined where the climatology makes no error."""
    return 1 - ratio(s.sse, s.total((s.climatology - s.y) ** 2))


def _zero_mean(s: SiteDays) -> np.ndarray:
    return _ZERO_MEAN * s.mean(np.abs(s.y))


def _kling_gupta(s: SiteDays, relative_bias: np.ndarray) -> np.ndarray:
    spread, spread_p = np.sqrt(s.sst), np.sqrt(s.ssp)
    correlation = np.nan_to_num(ratio(s.total(s.y_centred * s.p_centred), spread * spread_p))
    variability = ratio(spread_p, spread)
    return 1 - np.sqrt((correlation - 1) ** 2 + (variability - 1) ** 2 + relative_bias**2)


SCORES = {
    "r2": r2,
    "rmse": rmse,
    "mae": mae,
    "nmae": nmae,
    "rae": rae,
    "bias": bias,
    "nnse": nnse,
    "mae_sd": mae_sd,
    "kge": kge,
    "kge_sd": kge_sd,
}
WITH_CLIMATOLOGY = {"skill": skill}
