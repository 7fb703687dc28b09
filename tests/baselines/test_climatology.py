"""Climatology: classes, seasons by hemisphere, fall-backs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from carbonbench_baselines import load_baseline

from carbonbench_core.errors import UsageError


def days(start: str, periods: int, **columns: object) -> pd.DataFrame:
    base = {"site_id": "A", "date": pd.date_range(start, periods=periods), "latitude": 50.0, "koppen_main": "D"}
    fluxes = {"igbp": "DBF", "gpp": 1.0, "reco": 1.0, "nee": 0.0, "nee_qc": 1.0}
    return pd.DataFrame(base | fluxes | columns)


def test_days_weigh_by_quality_and_towers_alike() -> None:
    long = days("2010-01-01", 366, gpp=4.0)  # two first of January, the second one poor and different
    long.loc[365, ["gpp", "nee_qc"]] = 1.0, 0.5
    short = days("2010-01-01", 1, site_id="B", gpp=9.0)
    model = load_baseline("climatology", half_width=0).fit(pd.concat([long, short]))
    # A day of the long record has 1 / 365.5 of its tower's weight, the one of the short record all of it.
    expected = ((1 * 4 + 0.5 * 1) / 365.5 + 9) / (1.5 / 365.5 + 1)
    assert model.predict(days("2012-01-01", 1))["gpp"].item() == pytest.approx(expected)
    mean = load_baseline("constant").fit(pd.concat([long, short]))
    # The long record's own mean is (365 x 4 + 0.5 x 1) / 365.5, the short one's 9.
    assert mean.predict(days("2012-01-01", 1))["gpp"].item() == pytest.approx((1460.5 / 365.5 + 9) / 2)


def test_neighbouring_days_are_averaged_around_the_turn_of_the_year() -> None:
    train = days("2010-12-30", 4, gpp=[0.0, 2.0, 4.0, 6.0])  # 30 and 31 December, 1 and 2 January
    model = load_baseline("climatology", half_width=1).fit(train)
    got = model.predict(days("2012-01-01", 1))["gpp"].item()
    # the first of January with its neighbours: (2 + 4 + 6) / 3
    assert got == pytest.approx(4.0)


def test_the_south_has_the_season_of_the_north_half_a_year_later(train: pd.DataFrame) -> None:
    model = load_baseline("climatology").fit(train[train["latitude"] > 0])
    north = model.predict(days("2011-01-01", 365))
    south = model.predict(days("2011-01-01", 365, latitude=-50.0))
    assert north["gpp"].idxmax() in range(150, 240)
    shift = (south["gpp"].idxmax() - north["gpp"].idxmax()) % 365
    assert abs(shift - 365 / 2) <= 1


def test_an_unseen_class_takes_its_climate_and_then_all_towers() -> None:
    train = pd.concat(
        [
            days("2010-01-01", 365, gpp=1.0),
            days("2010-01-01", 365, site_id="B", igbp="ENF", gpp=3.0),
            days("2010-01-01", 365, site_id="C", igbp="SAV", koppen_main="A", gpp=11.0),
        ]
    )
    model = load_baseline("climatology").fit(train)

    def gpp(igbp: str | None, koppen: str | None) -> float:
        return model.predict(days("2012-05-05", 1, igbp=igbp, koppen_main=koppen))["gpp"].item()

    assert gpp("ENF", "D") == pytest.approx(3.0)
    assert gpp("ENF", "A") == pytest.approx(3.0)  # the class rules, whatever the climate
    assert gpp("WET", "D") == pytest.approx(2.0)  # unseen class: mean of the two towers in D
    assert gpp("nonsense", "A") == pytest.approx(11.0)
    assert gpp("WET", "E") == pytest.approx(5.0)  # unseen climate too: (1 + 3 + 11) / 3
    assert gpp(None, None) == pytest.approx(5.0)


def test_a_season_that_a_class_does_not_show_is_taken_from_its_climate() -> None:
    summer = days("2010-06-01", 30, igbp="ENF", gpp=9.0)
    model = load_baseline("climatology", half_width=7).fit(pd.concat([summer, days("2010-01-01", 365, site_id="B")]))
    got = model.predict(days("2012-01-01", 366, igbp="ENF"))["gpp"]
    assert got[165] == pytest.approx(9.0)  # the middle of June
    assert got[0] == pytest.approx(1.0)  # January of the other tower in D


def test_a_season_no_tower_shows_is_the_training_mean() -> None:
    model = load_baseline("climatology").fit(days("2010-06-01", 2, gpp=[2.0, 4.0]))
    assert model.predict(days("2012-01-01", 1))["gpp"].item() == pytest.approx(3.0)


def test_by_climate_and_by_mean_are_coarser_and_ask_for_less(train: pd.DataFrame, test_towers: pd.DataFrame) -> None:
    by_climate = load_baseline("climatology_koppen").fit(train)
    assert by_climate.features == ["koppen_main", "latitude"]
    mean = load_baseline("constant").fit(train)
    assert mean.features == []
    got = mean.predict(test_towers[["site_id", "date"]])
    assert got["gpp"].nunique() == 1
    known = train[train["gpp"].notna()]
    assert got["gpp"].iloc[0] == pytest.approx(np.average(known["gpp"], weights=known["nee_qc"]), rel=0.1)


def test_it_asks_for_class_and_hemisphere_only(train: pd.DataFrame) -> None:
    assert load_baseline("climatology").fit(train).features == ["igbp", "koppen_main", "latitude"]


@pytest.mark.parametrize("latitude", [None, np.nan])
def test_a_tower_without_latitude_is_of_the_north(train: pd.DataFrame, latitude: float | None) -> None:
    model = load_baseline("climatology").fit(train)
    there, lost = (model.predict(days("2012-01-01", 366, latitude=x)) for x in (10.0, latitude))
    pd.testing.assert_frame_equal(there, lost)


@pytest.mark.parametrize(
    "settings", [{"by": "igbp"}, {"half_width": -1}, {"half_width": 400}, {"half_width": 1.5}, {"features": ["TA_F"]}]
)
def test_settings_that_make_no_climatology_are_refused(settings: dict) -> None:
    with pytest.raises(UsageError):
        load_baseline("climatology", **settings)


def test_a_class_of_its_own_beats_the_climate(
    train: pd.DataFrame, test_towers: pd.DataFrame, site_r2: Callable
) -> None:
    # the towers of one climate have summer maxima of 5, 6 and 8 by class
    igbp, koppen, mean = (
        site_r2(test_towers, load_baseline(name).fit(train).predict(test_towers), "gpp").median()
        for name in ("climatology", "climatology_koppen", "constant")
    )
    assert igbp > koppen > mean
