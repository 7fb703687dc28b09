"""Predictions in another unit or sign, told from honest ones that are only poor."""

from __future__ import annotations

import numpy as np

from .schema import TARGETS

_ENOUGH = 30  # site-days, to judge a unit by

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
    The rules are about GPP and RECO together, over all site-days, and need 30 of them:

    - too small or too large for any tower: a mean size below 1/200 of the observed one (and not zero), or a median
      size above 100 gC m-2 d-1, four times the daily GPP of the most productive vegetation
    - a unit of `UNITS`: R2 < 0 as given, R2 > 0.6 after conversion, and the slope through the origin is that of the
      unit within 15-18 %. Both hold for good predictions only: of poor ones a factor like 3.66 is not detectable
    - standardised: correlated with the observations (r > 0.3), yet a mean below a quarter of the observed one and more
      than a third of the days negative, where the observed mean is at least 1 gC m-2 d-1
    - the sign of NEE: against the predictions' own RECO - GPP (r < -0.5) and against the observations (r < 0); or
      R2 > 0.25 once negated, unless NEE agrees with RECO - GPP: then the season is wrong, not the sign

    Parameters
    ----------
    p, y : ndarray [N, 3], predictions and observations (NaN where not scored), in the order of `TARGETS`
    """
    pairs = [(p[seen, t], y[seen, t]) for t, seen in enumerate(np.isfinite(y).T)]
    gross = {name: (a, b) for name, (a, b) in zip(("GPP", "RECO"), pairs, strict=False) if len(a) >= _ENOUGH}
    for rule in (_known_unit, _wrong_size, _standardised) if gross else ():
        found = rule(list(gross.values()))
        if found:
            return f"Predicted {' and '.join(gross)} {found}. Expected gC m-2 d-1."
    if len(pairs[2][0]) >= _ENOUGH and _sign_flipped(*pairs[2], p):
        return "Predicted NEE seems to have the opposite sign. Expected NEE = RECO - GPP, negative for uptake."
    return None


def _known_unit(pairs: list) -> str | None:
    def is_it(a: np.ndarray, b: np.ndarray, factor: float) -> bool:
        return _r2(a, b) < 0 and _r2(a / factor, b) > 0.6 and 0.85 < (a @ b) / (b @ b) / factor < 1.18

    found = [unit for unit, factor in UNITS.items() if all(is_it(a, b, factor) for a, b in pairs)]
    return f"seem to be in {found[0]}" if found else None


def _wrong_size(pairs: list) -> str | None:
    if all(0 < np.abs(a).mean() < np.abs(b).mean() / 200 for a, b in pairs):
        return "are less than 1/200 of what was observed"
    if all(np.median(np.abs(a)) > 100 for a, _ in pairs):
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
    if len(a) < _ENOUGH or np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
