"""Whether predicted fluxes are possible together: carbon closure and sign.

Source
------
NEE = RECO - GPP by definition, negative NEE being uptake; GPP and RECO are not negative. Night-time partitioning gives
negative GPP all the same, so the share among the observations stands beside that among the predictions.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from .site_days import SiteDays, ratio

VECTOR = ("gpp", "reco", "nee")


class Fluxes:
    """The three fluxes of every site.

    Parameters
    ----------
    predicted, observed : ndarray [N, 3], in the order of `VECTOR`, NaN where there is none
    starts : ndarray [S] of int, the first row of each site
    """

    def __init__(self, predicted: np.ndarray, observed: np.ndarray, starts: np.ndarray) -> None:
        self.predicted, self.observed = predicted, observed
        self._days = SiteDays(observed[:, 0], predicted[:, 0], starts)

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Return the mean over each site's days where a value is given, NaN at sites without any."""
        given = ~np.isnan(values)
        return ratio(self._days.total(np.where(given, values, 0.0)), self._days.total(given.astype(float)))


def closure(fluxes: np.ndarray) -> np.ndarray:
    """Return |NEE - (RECO - GPP)| of fluxes [..., 3] in the order of `VECTOR`."""
    gpp, reco, nee = np.moveaxis(fluxes, -1, 0)
    return np.abs(nee - (reco - gpp))


def negative(flux: int, fluxes: np.ndarray) -> np.ndarray:
    """Return 1 where one of the fluxes [..., 3] is below zero, 0 where it is not, NaN where it is not given."""
    values = fluxes[..., flux]
    return np.where(np.isnan(values), np.nan, values < 0)


def _of_both(name: str, each: Callable[[np.ndarray], np.ndarray]) -> dict:
    return {name: lambda f: f.mean(each(f.predicted)), f"{name}_observed": lambda f: f.mean(each(f.observed))}


# Means over a site's days, of the predictions and then of the observations.
WITH_VECTORS = {
    **_of_both("closure", closure),
    **_of_both("negative_gpp", partial(negative, VECTOR.index("gpp"))),
    **_of_both("negative_reco", partial(negative, VECTOR.index("reco"))),
}
