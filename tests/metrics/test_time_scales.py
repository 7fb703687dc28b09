"""Scores by time scale: plain loops as witnesses, the decomposition of the error, and when a scale is undefined."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from carbonbench_metrics.stratified_skill.stratified_skill import WITH_DATES, site_scores, stratified_skill
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score


def records(seed: int = 0, years: tuple[int, ...] = (1, 2, 3, 5), share: float = 0.7) -> pd.DataFrame:
    """Return shuffled site-days: a site per number of years, a season, an anomaly, a third of the days missing."""
    rng = np.random.default_rng(seed)
    parts = []
    for i, n in enumerate(years):
        date = pd.date_range(f"{2001 + i}-03-11", periods=round(365.25 * n), name="date")
        season = np.sin(2 * np.pi * np.asarray(date.day_of_year) / 365)
        y = 3 + 2 * season + np.convolve(rng.normal(size=len(date) + 29), np.ones(30) / 5, "valid")
        p = 2.5 + 1.5 * season + 0.5 * (y - y.mean()) + rng.normal(size=len(date))
        part = pd.DataFrame({"site_id": f"S{n}", "date": date, "references": y, "predictions": p})
        parts.append(part.sample(frac=share, random_state=seed + i))
    return pd.concat(parts).sample(frac=1, random_state=seed)


def scored(frame: pd.DataFrame) -> pd.DataFrame:
    table = site_scores(frame["predictions"], frame["references"], frame["site_id"], date=frame["date"])
    return pd.DataFrame(table).set_index("site_id")


def split(days: pd.DataFrame, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Return season and anomaly, by comparing every day with every other."""
    leap = pd.to_datetime({"year": 2000, "month": days["date"].dt.month, "day": days["date"].dt.day})
    slot = leap.dt.day_of_year.to_numpy()
    apart = np.abs(slot[:, None] - slot[None, :])
    near = np.minimum(apart, 366 - apart) <= 15
    values = days[column].to_numpy() - days[column].mean()
    season = (near @ values) / near.sum(axis=1)
    season -= season.mean()
    return season, values - season


def test_weeks_months_and_years_agree_with_pandas_and_scikit_learn() -> None:
    frame = records()
    table = scored(frame)
    for site, days in frame.groupby("site_id"):
        for name, rule, least in (("weekly", "W-SUN", 4), ("monthly", "M", 15), ("annual", "Y", 183)):
            groups = days.groupby(days["date"].dt.to_period(rule))[["references", "predictions"]]
            means = groups.mean()[groups.size() >= least]
            r2 = r2_score(means["references"], means["predictions"]) if len(means) > 1 else math.nan
            rmse = math.sqrt(mean_squared_error(means["references"], means["predictions"]))
            assert table.loc[site, f"r2_{name}"] == pytest.approx(r2, rel=1e-9, nan_ok=True)
            assert table.loc[site, f"rmse_{name}"] == pytest.approx(rmse, rel=1e-9)
        error = means["predictions"] - means["references"]
        assert table.loc[site, "annual_bias"] == pytest.approx(365.25 * error.mean(), rel=1e-9)
        mae = mean_absolute_error(means["references"], means["predictions"])
        assert table.loc[site, "annual_mae"] == pytest.approx(365.25 * mae, rel=1e-9)


def test_season_anomaly_and_interannual_variability_agree_with_comparing_all_days() -> None:
    frame = records()
    table = scored(frame)
    for site in ("S2", "S3", "S5"):
        days = frame[frame["site_id"] == site]
        (season, anomaly), (season_p, anomaly_p) = split(days, "references"), split(days, "predictions")
        assert table.loc[site, "r2_seasonal"] == pytest.approx(r2_score(season, season_p), rel=1e-9)
        assert table.loc[site, "r2_anomaly"] == pytest.approx(r2_score(anomaly, anomaly_p), rel=1e-9)
        parts = pd.DataFrame({"y": anomaly, "p": anomaly_p}).groupby(days["date"].dt.year.to_numpy())
        means = parts.mean()[parts.size() >= 183]
        means -= means.mean()
        r2 = r2_score(means["y"], means["p"]) if len(means) >= 3 else math.nan
        assert table.loc[site, "r2_interannual"] == pytest.approx(r2, rel=1e-9, nan_ok=True)
    assert not math.isnan(table.loc["S5", "r2_interannual"])
    assert math.isnan(table.loc["S2", "r2_interannual"])


def test_the_parts_of_the_error_agree_with_their_definition() -> None:
    frame = records()
    table = scored(frame)
    days = frame[frame["site_id"] == "S3"]
    (season, anomaly), (season_p, anomaly_p) = split(days, "references"), split(days, "predictions")
    dc, da = season_p - season, anomaly_p - anomaly
    expected = [table.loc["S3", "bias"] ** 2, np.mean(dc**2), np.mean(da**2), 2 * np.mean(dc * da)]
    got = table.loc["S3", ["mse_bias", "mse_seasonal", "mse_anomaly", "mse_cross"]]
    assert got.tolist() == pytest.approx(expected, rel=1e-9)
    # The cross term is there because the cycle is smoothed; it is small beside the others.
    assert 1e-6 < abs(expected[3]) < 0.1 * expected[2]


@given(st.integers(0, 2**16), st.floats(0.2, 1.0), st.floats(-1e4, 1e4))
@settings(deadline=None)
def test_the_parts_of_the_error_add_up_to_it(seed: int, share: float, shift: float) -> None:
    frame = records(seed, years=(2, 4), share=share)
    frame["predictions"] += shift
    table = scored(frame)
    parts = table[["mse_bias", "mse_seasonal", "mse_anomaly", "mse_cross"]].sum(axis=1, skipna=False)
    # At a fifth of the days all of these sites still have two years of 30 days.
    assert parts.tolist() == pytest.approx((table["rmse"] ** 2).tolist(), rel=1e-9)


def test_a_site_of_one_year_has_no_season_and_is_counted() -> None:
    frame = records(years=(1, 3))
    # From March to March: both calendar years have 30 days and more. A year from January on is one.
    one = frame[(frame["site_id"] == "S1") & (frame["date"] < "2002-01-01")]
    frame = pd.concat([one, frame[frame["site_id"] == "S3"]])
    result = stratified_skill(frame["predictions"], frame["references"], frame["site_id"], date=frame["date"])
    for name in ("r2_seasonal", "r2_anomaly", "mse_seasonal", "mse_cross"):
        assert math.isnan(result["sites"]["S1"][name])
        assert (result[name]["n"], result[name]["n_undefined"]) == (1, 1)


@pytest.mark.parametrize(("n_days", "defined"), [(29, False), (30, True)])
def test_a_year_counts_for_the_season_from_thirty_days_on(n_days: int, defined: bool) -> None:
    date = np.concatenate(
        [np.arange("2001-05-01", "2001-06-30", dtype="M8[D]"), np.datetime64("2002-05-01") + np.arange(n_days)]
    )
    rng = np.random.default_rng(0)
    table = site_scores(rng.normal(size=len(date)), rng.normal(size=len(date)), ["S"] * len(date), date=date)
    assert math.isnan(table["r2_seasonal"][0]) != defined


@pytest.mark.parametrize(("scale", "least", "step"), [("weekly", 4, 7), ("monthly", 15, 31), ("annual", 183, 366)])
def test_a_period_with_too_few_days_is_left_out(scale: str, least: int, step: int) -> None:
    # Periods that start on Monday 2001-01-01; one, then two of them have days enough.
    starts = {"weekly": ["2001-01-01", "2001-01-08"], "monthly": ["2001-01-01", "2001-02-01"]}
    first, second = (np.datetime64(s) for s in starts.get(scale, ["2001-01-01", "2002-01-01"]))
    for n, defined in ((least - 1, False), (least, True)):
        date = np.concatenate([first + np.arange(least), second + np.arange(n)])
        y = np.repeat([1.0, 3.0], [least, n])
        table = site_scores(y + 1, y, ["S"] * len(y), date=date)
        # Two means 1 and 3, each predicted one too high: R2 = 1 - 2 / 2 = 0.
        assert table[f"r2_{scale}"][0] == pytest.approx(0.0) if defined else math.isnan(table[f"r2_{scale}"][0])
        assert table[f"rmse_{scale}"][0] == pytest.approx(1.0)


def test_the_right_course_at_the_wrong_level_leaves_all_error_to_the_bias() -> None:
    frame = records(years=(4,))
    frame["predictions"] = 1 + frame["references"]
    table = scored(frame)
    assert table["mse_bias"].item() == pytest.approx(1.0)
    assert table[["mse_seasonal", "mse_anomaly", "mse_cross"]].to_numpy() == pytest.approx(0.0, abs=1e-20)
    exact = table[["r2_seasonal", "r2_anomaly", "r2_interannual"]].to_numpy()
    assert exact == pytest.approx(1.0)
    assert table["annual_bias"].item() == pytest.approx(365.25)


def test_a_course_of_the_mean_season_alone_has_no_skill_for_the_anomaly() -> None:
    frame = records(years=(4,))
    season, _ = split(frame, "references")
    frame["predictions"] = frame["references"].mean() + season
    table = scored(frame)
    # Smoothed once more on its way through the score, the season is a little flatter than itself.
    assert 0.99 < table["r2_seasonal"].item() < 1
    assert abs(table["r2_anomaly"].item()) < 0.01


@pytest.mark.parametrize("level", [0.1, 1e9 / 3])
def test_a_constant_site_has_no_r2_at_any_scale(level: float) -> None:
    date = np.datetime64("2001-01-01") + np.flatnonzero(np.random.default_rng(0).random(1500) < 0.6)
    table = site_scores(np.arange(len(date)), np.full(len(date), level), ["S"] * len(date), date=date)
    for name in WITH_DATES:
        assert math.isnan(table[name][0]) == name.startswith("r2_"), name


def test_the_order_of_rows_does_not_matter() -> None:
    frame = records()
    base, shuffled = scored(frame), scored(frame.sample(frac=1, random_state=5))
    pd.testing.assert_frame_equal(base, shuffled, rtol=1e-9)


def test_without_dates_there_are_no_scores_by_time_scale() -> None:
    assert not set(WITH_DATES) & set(site_scores([1.0, 2.0], [1.0, 2.0], ["S", "S"]))


@pytest.mark.parametrize(
    ("date", "message"),
    [(["2010-01-01", "someday"], "date cannot be read as dates"), (["2010-01-01", None], "date is missing in row 1")],
)
def test_what_is_no_date_is_refused(date: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        site_scores([1.0, 2.0], [1.0, 2.0], ["S", "S"], date=date)


def test_the_parts_of_the_error_add_up_at_every_real_tower(shared_data: Path) -> None:
    # Day-time partitioning as the prediction of night-time partitioning.
    frame = pd.read_parquet(shared_data / "site_days.parquet", columns=["site", "date", "GPP", "GPP_DT", "NEE_QC"])
    frame = frame[(frame["NEE_QC"] >= 1) & frame["GPP"].notna() & frame["GPP_DT"].notna()]
    table = pd.DataFrame(site_scores(frame["GPP_DT"], frame["GPP"], frame["site"], date=frame["date"]))
    parts = table[["mse_bias", "mse_seasonal", "mse_anomaly", "mse_cross"]].sum(axis=1, skipna=False)
    known = parts.notna()
    assert known.sum() > 120
    assert parts[known].tolist() == pytest.approx((table["rmse"][known] ** 2).tolist(), rel=1e-9)
    # Measured: the two agree on the season (0.989), less on whole days (0.888), least on anomalies (0.569).
    medians = table[["r2_seasonal", "r2", "r2_anomaly"]].median().tolist()
    assert medians == pytest.approx([0.989, 0.888, 0.569], abs=0.001)
