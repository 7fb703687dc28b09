"""Predictions in another unit or sign, told from honest ones that are only poor."""

from __future__ import annotations

import numpy as np

from .schema import ENOUGH_TO_JUDGE as ENOUGH
from .schema import LARGEST_MEDIAN, TARGETS

_UNLIKELY_MEDIAN = 30.0  # gC m-2 d-1: impossible too, where the observed median is 50 times smaller
_FAR = 50.0  # times as large or small
_FAR_UNIT = 10.0  # units that differ by so much are told for one flux alone

# gC m-2 d-1 in other units: molar masses C 12.011, CO2 44.009 [g mol-1]. umol m-2 s-1 (0.96) cannot be told apart.
UNITS = {
    "kgC m-2 d-1": 1e-3,
    "kgCO2 m-2 d-1": 44.009 / 12.011 / 1000,
    "tC ha-1 d-1": 1e-2,
    "molC m-2 d-1": 1 / 12.011,
    "gCO2 m-2 d-1 (or tC ha-1 yr-1)": 44.009 / 12.011,
    "mmolC m-2 d-1": 1000 / 12.011,
    "gC m-2 yr-1": 365.25,
    "mgC m-2 d-1": 1000.0,
}


def suspect_units(p: np.ndarray, y: np.ndarray) -> str | None:
    """Return why predictions seem to be in another unit or sign, or None.

    Only what no honest model does is suspect; one that is wrong by much, flat, noisy or of the wrong season is not.
    The rules are about all site-days, and need 30 of them. Of GPP and RECO together:

    - too small or too large for any tower: a mean size below 1/200 of the observed one (and not zero), or a median
      size above 100 gC m-2 d-1, four times the daily GPP of the most productive vegetation
    - a unit of `UNITS`: R2 < 0 as given, R2 > 0.6 after conversion, and the slope through the origin is that of the
      unit within 15-18 %. Both hold for good predictions only: of poor ones a factor like 3.66 is not detectable
    - standardised: correlated with the observations (r > 0.3), yet a mean below a quarter of the observed one and more
      than a third of the days negative, where the observed mean is at least 1 gC m-2 d-1

    Of one flux alone, the other two being right:

    - a unit of `UNITS` that differs by a factor of 10 or more, by the same rule
    - too large: a median size above 100 gC m-2 d-1, or above 30 and 50 times the observed one
    - too small: a mean size below 1/200 of the observed one, of a flux that yet follows it (r > 0.3): a constant is let
      through
    - NEE that follows the predictions' own RECO - GPP (r > 0.8) and varies 50 times as much or as little
    - the sign of NEE: against the predictions' own RECO - GPP (r < -0.5) and against the observations (r < 0); or
      R2 > 0.25 once negated, unless NEE agrees with RECO - GPP: then the season is wrong, not the sign

    Parameters
    ----------
    p, y : ndarray [N, 3], predictions and observations (NaN where not scored), in the order of `TARGETS`
    """
    pairs = [(p[seen, t], y[seen, t]) for t, seen in enumerate(np.isfinite(y).T)]
    gross = {name: (a, b) for name, (a, b) in zip(("GPP", "RECO"), pairs, strict=False) if len(a) >= ENOUGH}
    for rule in (_known_unit, _wrong_size, _standardised) if gross else ():
        found = rule(list(gross.values()))
        if found:
            return f"Predicted {' and '.join(gross)} {found}. Expected gC m-2 d-1."
    if found := _one_flux_alone(dict(zip(("GPP", "RECO", "NEE"), pairs, strict=True)), p):
        return f"{found}. Expected gC m-2 d-1."
    if len(pairs[2][0]) >= ENOUGH and _sign_flipped(*pairs[2], p):
        return "Predicted NEE seems to have the opposite sign. Expected NEE = RECO - GPP, negative for uptake."
    return None


def _one_flux_alone(fluxes: dict[str, tuple], p: np.ndarray) -> str | None:
    for name, (a, b) in fluxes.items():
        if len(a) < ENOUGH:
            continue
        if found := _known_unit([(a, b)], _FAR_UNIT) or _too_large(a, b):
            return f"Predicted values of {name} {found}"
        small = 0 < np.abs(a).mean() < np.abs(b).mean() / 200
        if small and _correlation(a, b) > 0.3:
            return f"Predicted values of {name} follow what was observed at less than 1/200 of its size"
    return _apart_from_the_others(p) if len(fluxes["NEE"][0]) >= ENOUGH else None


def _too_large(a: np.ndarray, b: np.ndarray) -> str | None:
    middle = np.median(np.abs(a))
    impossible = middle > LARGEST_MEDIAN or (middle > _UNLIKELY_MEDIAN and middle > _FAR * np.median(np.abs(b)))
    return f"are larger than any ecosystem's: their median size is {middle:,.3g}" if impossible else None


def _apart_from_the_others(p: np.ndarray) -> str | None:
    """Return words for NEE that is RECO - GPP of the same predictions, but for its size."""
    gpp, reco, nee = p[np.isfinite(p).all(axis=1)].T
    if len(nee) < ENOUGH or _correlation(nee, reco - gpp) < 0.8:
        return None
    ratio = nee.std() / (reco - gpp).std()
    if 1 / _FAR < ratio < _FAR:
        return None
    return f"Predicted NEE varies {ratio:,.3g} times as much as the predicted RECO - GPP that it follows"


def _known_unit(pairs: list, least: float = 1.0) -> str | None:
    def is_it(a: np.ndarray, b: np.ndarray, factor: float) -> bool:
        return _r2(a, b) < 0 and _r2(a / factor, b) > 0.6 and 0.85 < (a @ b) / (b @ b) / factor < 1.18

    units = {unit: factor for unit, factor in UNITS.items() if max(factor, 1 / factor) >= least}
    found = [unit for unit, factor in units.items() if all(is_it(a, b, factor) for a, b in pairs)]
    return f"seem to be in {found[0]}" if found else None


def _wrong_size(pairs: list) -> str | None:
    if all(0 < np.abs(a).mean() < np.abs(b).mean() / 200 for a, b in pairs):
        return "are less than 1/200 of what was observed"
    if all(np.median(np.abs(a)) > LARGEST_MEDIAN for a, _ in pairs):
        return "are larger than any ecosystem's"
    return None


def _standardised(pairs: list) -> str | None:
    def is_it(a: np.ndarray, b: np.ndarray) -> bool:
        return b.mean() >= 1 and a.mean() < b.mean() / 4 and (a < 0).mean() > 1 / 3 and _correlation(a, b) > 0.3

    found = all(is_it(a, b) for a, b in pairs)
    return "seem to be standardised: a third is negative, yet they follow the fluxes" if found else None


def _sign_flipped(nee: np.ndarray, observed: np.ndarray, p: np.ndarray) -> bool:
    p = p[np.isfinite(p).all(axis=1)]
    gpp, reco = p[:, TARGETS.index("gpp")], p[:, TARGETS.index("reco")]
    own = _correlation(p[:, TARGETS.index("nee")], reco - gpp)
    return (own < -0.5 and _correlation(nee, observed) < 0) or (own < 0.3 and _r2(-nee, observed) > 0.25)


def _r2(p: np.ndarray, y: np.ndarray) -> float:
    spread = np.sum((y - y.mean()) ** 2)
    return 1 - np.sum((p - y) ** 2) / spread if spread > 0 else np.nan


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    if len(a) < ENOUGH or np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
