"""Scores beside libraries that others wrote: HydroErr and hydroeval (hydrology), SciPy, scikit-learn, properscoring."""

from __future__ import annotations

import HydroErr
import hydroeval
import numpy as np
import pandas as pd
import properscoring
import pytest
from carbonbench_metrics.stratified_skill.stratified_skill import quantile_skill, site_scores, stratified_skill
from scipy.stats import spearmanr
from sklearn.metrics import mean_pinball_loss

from .frames import columns, random_days

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


@pytest.fixture(scope="module")
def days() -> pd.DataFrame:
    return random_days(n_sites=50, seed=3)


@pytest.fixture(scope="module")
def table(days: pd.DataFrame) -> pd.DataFrame:
    scored = site_scores(
        days["predictions"], days["references"], days["site_id"], climatology=0 * days["references"] + 4
    )
    return pd.DataFrame(scored).set_index("site_id")


def by_site(days: pd.DataFrame, function) -> pd.Series:
    """Return what a library says of predictions and observations of every site."""
    return pd.Series(
        {site: function(d["predictions"].to_numpy(), d["references"].to_numpy()) for site, d in days.groupby("site_id")}
    )


@pytest.mark.parametrize(
    ("score", "library"),
    [
        ("r2", HydroErr.nse),
        ("r2", lambda p, y: hydroeval.evaluator(hydroeval.nse, p, y)[0]),
        ("kge", HydroErr.kge_2009),
        ("kge", lambda p, y: hydroeval.evaluator(hydroeval.kge, p, y)[0, 0]),
        ("rmse", HydroErr.rmse),
        ("rmse", lambda p, y: hydroeval.evaluator(hydroeval.rmse, p, y)[0]),
        ("mae", HydroErr.mae),
        ("bias", HydroErr.me),
        ("nmae", lambda p, y: HydroErr.mae(p, y) / abs(y.mean())),
        # Legates and McCabe's efficiency with absolute values is one less the relative absolute error.
        ("rae", lambda p, y: 1 - HydroErr.lm_index(p, y, obs_bar_p=y.mean())),
        ("nnse", lambda p, y: 1 / (2 - HydroErr.nse(p, y))),
        ("mae_sd", lambda p, y: HydroErr.mae(p, y) / np.std(y)),
        ("skill", lambda p, y: 1 - HydroErr.mse(p, y) / HydroErr.mse(np.full(len(y), 4.0), y)),
    ],
)
def test_a_score_of_every_site_is_that_of_a_library_to_nine_digits(
    score: str, library, days: pd.DataFrame, table: pd.DataFrame
) -> None:
    expected = by_site(days, library)
    assert len(expected) == 50
    assert table[score].to_dict() == pytest.approx(expected.to_dict(), rel=1e-9, abs=1e-9)


def test_kge_of_net_fluxes_is_that_of_its_parts_by_a_library(days: pd.DataFrame, table: pd.DataFrame) -> None:
    def parts(p: np.ndarray, y: np.ndarray) -> float:
        _, r, alpha, beta = hydroeval.evaluator(hydroeval.kge, p, y)[:, 0]
        return 1 - np.sqrt((r - 1) ** 2 + (alpha - 1) ** 2 + ((beta - 1) * y.mean() / np.std(y)) ** 2)

    assert table["kge_sd"].to_dict() == pytest.approx(by_site(days, parts).to_dict(), rel=1e-9, abs=1e-9)


def test_scores_across_sites_are_those_of_libraries(days: pd.DataFrame) -> None:
    across = stratified_skill(**columns(days))["across"]
    means = days.groupby("site_id")[["predictions", "references"]].mean()
    p, y = means["predictions"].to_numpy(), means["references"].to_numpy()
    assert across["r2"] == pytest.approx(HydroErr.nse(p, y), rel=1e-9)
    assert across["spearman"] == pytest.approx(spearmanr(p, y).statistic, rel=1e-9)


def quantiles(days: pd.DataFrame) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.sort(days["predictions"].to_numpy()[:, None] + rng.normal(size=(len(days), len(LEVELS))), axis=1)


def test_crps_is_that_of_properscoring_to_nine_digits() -> None:
    rng = np.random.default_rng(1)
    members = np.sort(rng.normal(size=(200, 3)), axis=1)
    y = 2 * rng.normal(size=200)
    # Every member twice, at levels that end where those of the next one begin: the distribution function rises at the
    # members alone, by a third at each, as that of an ensemble does.
    e = 1e-11
    levels = (0.1, 1 / 3 - e, 1 / 3 + e, 2 / 3 - e, 2 / 3 + e, 0.9)
    names = [f"S{i:03d}" for i in range(200)]
    got = quantile_skill(np.repeat(members, 2, axis=1), y, names, levels=levels, interval=(0.1, 0.9))["sites"]
    assert [s["crps"] for s in got.values()] == pytest.approx(properscoring.crps_ensemble(y, members), rel=1e-9)


def test_crps_of_many_quantiles_nears_the_closed_form_of_a_normal_distribution() -> None:
    from scipy.stats import norm

    rng = np.random.default_rng(2)
    mu, y = rng.normal(size=40), rng.normal(size=40)
    levels = np.arange(1, 1000) / 1000
    got = quantile_skill(mu[:, None] + norm.ppf(levels), y, ["S"] * 40, levels=levels, interval=(0.05, 0.95))
    expected = properscoring.crps_gaussian(y, mu, 1.0).mean()
    # What the levels leave out, a thousandth at either end, is a point mass.
    assert got["sites"]["S"]["crps"] == pytest.approx(expected, rel=1e-3)


def test_pinball_loss_and_interval_are_those_of_libraries_at_every_site(days: pd.DataFrame) -> None:
    q, y = quantiles(days), days["references"].to_numpy()
    got = quantile_skill(q, y, days["site_id"])["sites"]
    for site, rows in days.reset_index(drop=True).groupby("site_id").groups.items():
        each = [mean_pinball_loss(y[rows], q[rows, i], alpha=level) for i, level in enumerate(LEVELS)]
        assert got[site]["pinball"] == pytest.approx(np.mean(each), rel=1e-9)
        # The interval score of an interval that omits a is 2 / a times the sum of the pinball losses of its ends.
        assert got[site]["interval_score"] == pytest.approx(2 / 0.1 * (each[0] + each[-1]), rel=1e-9)
        inside = pd.Series(y[rows]).between(pd.Series(q[rows, 0]), pd.Series(q[rows, -1]))
        assert got[site]["coverage"] == pytest.approx(inside.mean(), rel=1e-12)
