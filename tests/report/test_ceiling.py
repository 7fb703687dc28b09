"""The noise ceiling: hand-derived, against a made-up truth, and on real towers."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonbench_core.errors import UsageError
from carbonbench_core.report.ceiling import (
    ceiling_keys,
    ceiling_of_towers,
    ceiling_table,
    ceilings,
    closure_error,
    partitioning_error,
    random_error,
)


def test_the_ceilings_of_two_days_are_those_worked_out_by_hand() -> None:
    # y = 1 3: m = 2, sum (y - m)^2 = 2. Day-time 2 3: errors (1^2 / 2, 0): 1 - 0.5 / 2; RMSE sqrt(0.5 / 2).
    found = ceiling_of_towers(["S", "S"], [1.0, 3.0], partitioning_error([1.0, 3.0], [2.0, 3.0]))
    assert (found["r2"][0], found["rmse"][0]) == (0.75, 0.5)
    # sigma = 0.6 on both days: 1 - 0.72 / 2.
    assert ceiling_of_towers(["S", "S"], [1.0, 3.0], random_error([0.6, 0.6]))["r2"][0] == pytest.approx(0.64)
    # |nee - (reco - gpp)| = |-1 - (2 - 6)| = 3: each flux is missed by 1.
    assert closure_error([6.0], [2.0], [-1.0]).tolist() == [1.0]


@given(st.lists(st.floats(-50, 50), min_size=3, max_size=3))
def test_no_fluxes_that_close_are_nearer_to_the_observed_ones(observed: list[float]) -> None:
    gpp, reco, nee = observed
    # The plane nee - reco + gpp = 0 has the normal (1, -1, 1) / sqrt(3) in the order gpp, reco, nee.
    normal = np.array([1, -1, 1]) / math.sqrt(3)
    nearest = observed - (normal @ observed) * normal
    assert (np.array(observed) - nearest) ** 2 == pytest.approx(np.repeat(closure_error(gpp, reco, nee), 3), abs=1e-9)


def test_what_knows_the_truth_scores_the_ceiling() -> None:
    rng = np.random.default_rng(0)
    truth = rng.gamma(2, 2, 200_000)
    night, day = truth + rng.normal(size=(2, len(truth)))
    found = ceiling_of_towers(np.repeat("S", len(truth)), night, partitioning_error(night, day))
    reached = 1 - np.sum((night - truth) ** 2) / np.sum((night - night.mean()) ** 2)
    assert found["r2"][0] == pytest.approx(reached, abs=0.005)
    sigma = ceiling_of_towers(np.repeat("S", len(truth)), night, random_error(np.ones(len(truth))))
    assert sigma["r2"][0] == pytest.approx(reached, abs=0.005)


def test_towers_stand_in_order_and_days_that_know_nothing_take_no_part() -> None:
    site = np.array(["B", "A", "B", "A", "B", "C"])
    y = np.array([1.0, 2.0, 3.0, np.nan, 5.0, 1.0])
    error = np.array([0.1, 0.2, 0.3, 0.4, np.nan, np.nan])
    found = ceiling_of_towers(site, y, error)
    assert found["site_id"].tolist() == ["A", "B"]
    assert found["n"].tolist() == [1, 2]
    assert math.isnan(found["r2"][0])
    assert found["r2"][1] == pytest.approx(1 - 0.4 / 2)
    assert found["rmse"].tolist() == pytest.approx([math.sqrt(0.2), math.sqrt(0.2)])


def test_an_uncertainty_below_zero_is_none() -> None:
    # Archives write -9999 where there is no value.
    assert np.isnan(random_error([-9999.0, np.nan])).all()


def test_arrays_of_different_length_are_refused() -> None:
    with pytest.raises(UsageError, match="Got 1 site ids, 2 observations, 1 errors"):
        ceiling_of_towers(["S"], [1.0, 2.0], [0.1])


def test_a_frame_gives_the_ceilings_it_has_columns_for() -> None:
    frame = pd.DataFrame({"site_id": ["A", "A"], "gpp": [1.0, 3.0], "reco": [1.0, 1.0], "nee": [np.nan, np.nan]})
    # NEE is not scored here: no closure, and nothing to say of its uncertainty.
    assert ceiling_keys(frame.assign(nee_randunc=0.1)) == {}
    keys = ceiling_keys(frame.assign(gpp_dt=[2.0, 3.0], reco_dt=1.5))
    assert keys["gpp.ceiling_partitioning.q50"] == 0.75
    assert keys["gpp.ceiling_partitioning.n"] == 1
    # RECO does not vary: no R2, and it is said of how many towers there is one.
    assert keys["reco.ceiling_partitioning.q50"] is None
    assert keys["reco.ceiling_partitioning.n"] == 0


def test_the_ceilings_of_every_tower_stand_in_a_table() -> None:
    frame = pd.DataFrame({"site_id": ["A", "A", "B", "B"], "gpp": [1.0, 3.0] * 2, "reco": 1.0, "nee": np.nan})
    found = ceiling_table(frame.assign(gpp_dt=[2.0, 3.0, np.nan, np.nan]))
    assert found.loc[("gpp", "A"), "ceiling_partitioning"] == 0.75
    assert ("gpp", "B") not in found.index
    assert ceiling_table(frame).empty


def test_the_two_partitionings_of_real_towers_leave_room_below_a_perfect_score(shared_data: Path) -> None:
    columns = {"site": "site_id", "GPP": "gpp", "RECO": "reco", "NEE": "nee", "GPP_DT": "gpp_dt", "NEE_QC": "qc"}
    frame = pd.read_parquet(shared_data / "site_days.parquet", columns=list(columns)).rename(columns=columns)
    frame = frame[frame["qc"] >= 1]
    found = ceilings(frame)
    partitioning = found["gpp.ceiling_partitioning"]["r2"]
    # Measured: quartiles 0.885, 0.944, 0.967 over 170 towers, the lowest twentieth below 0.51.
    assert len(partitioning) == 170
    assert np.quantile(partitioning, [0.25, 0.5, 0.75]) == pytest.approx([0.885, 0.944, 0.967], abs=0.001)
    assert np.quantile(partitioning, 0.05) < 0.51
    # RECO of this table is mostly NEE + GPP and closes by construction; of the 18 towers with a RECO of their own the
    # night-time identity holds to rounding at DE-Hai and DE-Kli.
    closure = found["nee.ceiling_closure"]
    assert len(closure["r2"]) == 16
    assert {"DE-Hai", "DE-Kli"}.isdisjoint(closure["site_id"])
    assert np.nanmedian(closure["r2"]) > 0.99


def test_the_random_uncertainty_of_a_real_archive_bounds_the_skill_for_nee(shared_data: Path) -> None:
    path = shared_data / "oneflux" / "FLX_DE-Hai_FLUXNET2015_SUBSET_DD_2000-2012_1-4.csv"
    table = pd.read_csv(path, na_values=[-9999])
    nee = table["NEE_VUT_REF"].where(table["NEE_VUT_REF_QC"] >= 1)
    found = ceiling_of_towers(["DE-Hai"] * len(table), nee, random_error(table["NEE_VUT_REF_RANDUNC"]))
    assert found["n"][0] == 2646
    assert found["r2"][0] == pytest.approx(0.995, abs=0.001)
