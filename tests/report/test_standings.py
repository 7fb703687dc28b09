"""Models over protocols: mean ranks, mean skills, and who is ranked at all."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from carbonbench_core.report.leaderboard import leaderboard
from carbonbench_core.report.rows import write_row
from carbonbench_core.report.standings import Standing

from .test_leaderboard import row


def standing(folder: Path, *rows: dict) -> list[Standing]:
    for one in rows:
        write_row(one, folder)
    return leaderboard(folder).standings


def test_ranks_are_averaged_over_protocols_and_ties_share_theirs(tmp_path: Path) -> None:
    # GPP: a is first and third, b first... veg 0.6 0.5 0.5 -> ranks 1, 2.5, 2.5; climate 0.1 0.4 0.3 -> 3, 1, 2.
    veg = [row(m, r2) for m, r2 in (("a", 0.6), ("b", 0.5), ("c", 0.5))]
    climate = [row(m, r2, protocol="climate_holdout") for m, r2 in (("a", 0.1), ("b", 0.4), ("c", 0.3))]
    (found,) = standing(tmp_path, *veg, *climate)
    assert found.protocols == ["climate_holdout", "veg_holdout"]
    ranks = {line.label: line.ranks["gpp"] for line in found.lines}
    assert ranks == {"a": 2.0, "b": 1.75, "c": 2.25}
    # RECO and NEE are the same for all: rank 2 everywhere. The mean over targets decides the order.
    assert [line.label for line in found.lines] == ["b", "a", "c"]
    assert found.lines[0].rank == pytest.approx((1.75 + 2 + 2) / 3)


def test_skill_is_averaged_over_protocols_where_every_row_has_it(tmp_path: Path) -> None:
    rows = [row("a", **{"gpp.skill.q50": 0.2}), row("a", protocol="x", **{"gpp.skill.q50": 0.4}), row("b")]
    (found,) = standing(tmp_path, *rows, row("b", protocol="x", **{"gpp.skill.q50": 0.4}))
    skills = {line.label: line.skills["gpp"] for line in found.lines}
    assert skills["a"] == pytest.approx(0.3)
    assert math.isnan(skills["b"])


def test_a_model_that_lacks_a_protocol_is_listed_and_not_ranked(tmp_path: Path) -> None:
    (found,) = standing(tmp_path, row("a", 0.1), row("a", protocol="x"), row("b", 0.9))
    assert [(line.label, line.protocols) for line in found.lines] == [("a", 2), ("b", 1)]
    assert found.lines[0].ranks["gpp"] == 1.0
    assert math.isnan(found.lines[1].rank)
    assert found.cells()[2] == ["b", *["-"] * 7, "1"]


def test_a_protocol_that_few_models_were_run_on_keeps_nobody_from_a_rank(tmp_path: Path) -> None:
    rows = [row(m, protocol=name) for m in ("a", "b", "c") for name in ("veg_holdout", "climate_holdout")]
    (found,) = standing(tmp_path, *rows, row("a", protocol="unseen_veg"), row("d", protocol="unseen_veg"))
    assert found.protocols == ["climate_holdout", "unseen_veg", "veg_holdout"]  # a and d are half of the four
    assert [line.label for line in found.lines if not math.isnan(line.rank)] == ["a"]
    (found,) = standing(tmp_path, row("e"), row("e", protocol="climate_holdout"))
    assert found.protocols == ["climate_holdout", "veg_holdout"]
    assert {line.label: line.protocols for line in found.lines} == {"a": 2, "b": 2, "c": 2, "e": 2}


def test_other_data_or_features_stand_apart_and_one_protocol_alone_has_no_standing(tmp_path: Path) -> None:
    rows = [row("a"), row("a", protocol="x"), row("a", feature_set="full"), row("a", protocol="y", data_digest="z")]
    (found,) = standing(tmp_path, *rows)
    assert (found.feature_set, found.protocols) == ("minimal", ["veg_holdout", "x"])


def test_the_standing_is_printed_below_the_tables_and_marks_made_up_data(tmp_path: Path) -> None:
    standing(tmp_path, row("a", synthetic=True), row("a", protocol="x", synthetic=True))
    text = leaderboard(tmp_path).markdown()
    assert "### SYNTHETIC Over 2 protocols, feature set minimal" in text
    assert "| a | 1.000 | 1.000 | 1.000 | 1.000 | - | - | - | 2 |" in text


def test_the_same_name_with_other_settings_in_another_protocol_is_another_model(tmp_path: Path) -> None:
    rows = [row("a", 0.9), row("a", 0.9, protocol="x", settings='{"depth": 2}'), row("b"), row("b", protocol="x")]
    (found,) = standing(tmp_path, *rows)
    assert [line.label for line in found.lines] == ["b", "a", "a (depth=2)"]
    assert [line.protocols for line in found.lines] == [2, 1, 1]


def test_known_towers_and_few_shot_take_no_part_in_the_standing(tmp_path: Path) -> None:
    known = [row("a", protocol=name) for name in ("random_days", "temporal_holdout")]
    assert standing(tmp_path, row("a"), *known, row("a", protocol="veg_holdout_few_30", support_days=30)) == []
    (found,) = standing(tmp_path, row("a", protocol="unseen_veg"))
    assert found.protocols == ["unseen_veg", "veg_holdout"]


def test_a_protocol_with_two_lists_counts_once_by_the_newest(tmp_path: Path) -> None:
    old = row("a", 0.1, protocol_digest="old", created="2026-01-01")
    new = row("a", 0.3, created="2026-02-01")
    (found,) = standing(tmp_path, old, new, row("a", protocol="x"))
    assert found.protocols == ["veg_holdout", "x"]
    assert "Over 2 protocols" in found.title
