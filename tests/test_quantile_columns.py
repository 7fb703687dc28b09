"""Predicted quantiles: their names, and what of them is refused."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from carbonbench_core.errors import PredictionError
from carbonbench_core.predictions import read_predictions, validate_predictions
from carbonbench_core.quantile_columns import quantile_column, quantile_columns, quantile_levels
from tests.report.submissions import frame, predicted


def with_quantiles(width: float = 1.0) -> pd.DataFrame:
    given = predicted()
    return given.assign(**{f"gpp_q{q:02d}": given["gpp"] + width * (q - 50) / 45 for q in (5, 50, 95)})


def test_a_level_has_one_name_and_a_name_one_level() -> None:
    assert [quantile_column("nee", level) for level in (0.05, 0.5, 0.95)] == ["nee_q05", "nee_q50", "nee_q95"]
    assert quantile_levels(["site_id", "gpp_q95", "gpp", "gpp_q05"]) == {"gpp": [0.05, 0.95]}
    names = ["gpp_q95", "nee_q10", "gpp_q05", "nee_q90"]
    assert quantile_columns(names) == ["gpp_q05", "gpp_q95", "nee_q10", "nee_q90"]
    every = [level / 100 for level in range(1, 100)]
    assert quantile_levels(quantile_column("reco", level) for level in every) == {"reco": every}


def test_a_level_that_has_no_name_is_refused() -> None:
    for level in (0.0, 1.0, 0.025, -0.1):
        with pytest.raises(PredictionError, match="expected whole hundredths"):
            quantile_column("gpp", level)


@pytest.mark.parametrize("name", ["gpp_q5", "gpp_q00", "gpp_q100", "nee_q0.05", "reco_qlow"])
def test_a_column_that_looks_like_a_quantile_and_is_none_is_refused(name: str) -> None:
    with pytest.raises(PredictionError, match=re.escape(f"have the column {name}, which is no quantile")):
        quantile_levels([name, "gpp_q95"])


def test_a_single_quantile_is_refused() -> None:
    with pytest.raises(PredictionError, match=r"one quantile of nee, nee_q50\. Give two or more"):
        quantile_levels(["nee_q50"])


def test_quantiles_are_aligned_with_the_frame_as_the_fluxes_are(tmp_path) -> None:
    given = with_quantiles().sample(frac=1, random_state=0)
    given.assign(more=1.0).to_parquet(tmp_path / "p.parquet", index=False)
    read = read_predictions(tmp_path / "p.parquet")
    assert list(read.columns) == ["site_id", "date", "gpp", "reco", "nee", "gpp_q05", "gpp_q50", "gpp_q95"]
    out = validate_predictions(read, frame())
    pd.testing.assert_frame_equal(out[["gpp_q05", "gpp_q95"]], with_quantiles()[["gpp_q05", "gpp_q95"]])


def test_a_quantile_that_is_missing_where_its_flux_is_scored_is_refused() -> None:
    given = with_quantiles()
    given.loc[3, "gpp_q95"] = np.nan
    with pytest.raises(PredictionError, match="Predicted gpp_q95 is NaN, infinite or -9999 on 1 scored site-days"):
        validate_predictions(given, frame())
    observed = frame()
    observed.loc[3, "gpp"] = np.nan
    assert np.isnan(validate_predictions(given, observed)["gpp_q95"][3])


def test_text_for_a_quantile_is_refused() -> None:
    given = with_quantiles().astype({"gpp_q05": object})
    given.loc[0, "gpp_q05"] = "low"
    with pytest.raises(PredictionError, match="Predicted gpp_q05 is no number in 1 rows, the first: 'low'"):
        validate_predictions(given, frame())


def test_quantiles_of_another_unit_or_flux_than_their_prediction_are_refused() -> None:
    given = with_quantiles()
    for factor in (44.009 / 12.011, 1000.0):
        wrong = given.assign(**{name: given[name] * factor for name in ("gpp_q05", "gpp_q50", "gpp_q95")})
        with pytest.raises(PredictionError, match=r"gpp lies outside all of its own quantiles on \d+ of 360"):
            validate_predictions(wrong, frame())
    # Quantiles that cross, or that a mean leaves on some days, are the model's own affair: they are scored.
    crossed = given.rename(columns={"gpp_q05": "gpp_q95", "gpp_q95": "gpp_q05"})
    assert len(validate_predictions(crossed, frame())) == 360
