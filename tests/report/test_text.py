"""What a run says as text: columns stay columns, whatever the numbers."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonbench_core.report.text import describe_gap, describe_scores
from carbonbench_core.schema import TARGETS

numbers = st.floats(-1e9, 1e9) | st.just(float("nan"))


def scores(r2: list[float], rmse: float, towers: int) -> dict[str, dict]:
    one = {"r2": dict(zip(("q25", "q50", "q75"), r2, strict=True)), "rmse": {"q50": rmse}, "n_sites": towers}
    return dict.fromkeys(TARGETS, one)


@given(st.lists(numbers, min_size=3, max_size=3), numbers, st.integers(0, 10**6))
def test_columns_of_scores_are_two_blanks_apart_for_any_numbers(r2: list[float], rmse: float, towers: int) -> None:
    heading, *lines = describe_scores(scores(r2, rmse, towers)).splitlines()
    expected = [f"{value:.3f}" for value in (*r2, rmse)]
    for target, line in zip(TARGETS, lines, strict=True):
        assert re.split(" {2,}", line) == [target, *expected, str(towers)]
        assert len(line) == len(heading)
    assert re.split(" {2,}", heading) == ["target", "R2 q25", "median", "q75", "RMSE", "towers"]


def test_scores_of_usual_size_stand_in_columns_of_usual_width() -> None:
    lines = describe_scores(scores([0.1, 0.2, 0.3], 2.5, 12)).splitlines()
    assert lines[0] == "target     R2 q25   median      q75     RMSE  towers"
    assert lines[1] == "gpp         0.100    0.200    0.300    2.500      12"


@pytest.mark.parametrize("gap", [0.25, -31137.6, -123456789.0])
def test_columns_of_a_gap_are_two_blanks_apart_for_any_numbers(gap: float) -> None:
    row = {}
    for target in TARGETS:
        key = f"{target}.r2.q50"
        row |= {key: -gap, f"id_test.{key}": 1e12, f"gap.{key}": gap, f"gap.{key}.low": 0.0, f"gap.{key}.high": 1.0}
    for line in describe_gap(row).splitlines()[2:]:
        cells = [f"{-gap:.3f}", f"{1e12:.3f}", f"{gap:.3f}"]
        assert re.split(" {2,}", line)[1:] == [*cells, "[0.000, 1.000]"]
