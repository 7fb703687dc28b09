"""The ladder: every step is taken at the towers of both rungs, and nothing but result rows decides it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from carbonbench_core.cli import main
from carbonbench_core.errors import UsageError
from carbonbench_core.report.ladder import LADDER, Ladder, describe, ladders
from carbonbench_core.report.ladder_picture import picture
from carbonbench_core.report.rows import write_row
from carbonbench_core.schema import TARGETS

from .test_leaderboard import row

R2 = np.random.default_rng(0).uniform(0.2, 0.9, 40)
TOWERS = [f"XX-{i:03d}" for i in range(len(R2))]


def write(
    folder: Path, protocol: str, r2: np.ndarray, towers: list[str], model: str = "ridge", **changes: object
) -> None:
    """Write a row of a protocol with its towers, of which the first two stand together."""
    sites = pd.DataFrame({"site_id": towers, "cluster": towers, "igbp": "ENF", "n": 100, "r2": r2})
    sites.loc[1, "cluster"] = sites.loc[0, "cluster"]
    table = pd.concat([sites.assign(target=target) for target in TARGETS], ignore_index=True)
    medians = {f"{target}.r2.q50": float(np.median(r2)) for target in TARGETS}
    one = row(model, protocol=protocol, protocol_digest=f"digest of {protocol}", n_sites=len(towers), **medians)
    write_row(one | changes, folder, table)


def only(folder: Path) -> Ladder:
    (found,) = ladders(folder)
    return found


def test_a_step_costs_what_is_lost_at_the_towers_of_both_rungs(tmp_path: Path) -> None:
    write(tmp_path, "random_days", R2, TOWERS)
    write(tmp_path, "temporal_holdout", R2[10:] - 0.2, TOWERS[10:])
    first, second = only(tmp_path).steps["gpp"]["ridge"]
    assert (first.value.value, first.n_towers, first.cost) == (pytest.approx(np.median(R2)), 40, None)
    assert second.value.value == pytest.approx(np.median(R2[10:]) - 0.2)
    assert second.n_common == 30
    # Every tower loses 0.2, in every draw: towers drawn apart would not give an interval without width.
    assert second.cost == pytest.approx((0.2, 0.2, 0.2), abs=1e-6)


def test_towers_that_only_one_rung_tests_have_no_say_in_the_step(tmp_path: Path) -> None:
    easy = [*R2[:20], *np.full(20, 0.99)]
    write(tmp_path, "veg_holdout", np.array(easy), [*TOWERS[:20], *(f"ZZ-{i}" for i in range(20))])
    write(tmp_path, "spatial_blocks_0km", R2 - 0.1, TOWERS)
    _, step = only(tmp_path).steps["nee"]["ridge"]
    assert step.n_common == 20
    assert step.cost.value == pytest.approx(0.1, abs=1e-6)


def test_an_unseen_class_is_compared_with_the_stratified_rung_and_not_with_the_blocks(tmp_path: Path) -> None:
    for protocol, lost in (("veg_holdout", 0.0), ("spatial_blocks_200km", 0.5), ("unseen_veg", 0.3)):
        write(tmp_path, protocol, R2 - lost, TOWERS)
    steps = {step.rung.protocol: step for step in only(tmp_path).steps["gpp"]["ridge"]}
    assert steps["unseen_veg"].cost.value == pytest.approx(0.3, abs=1e-6)


def test_where_a_rung_was_not_run_the_step_leads_from_the_one_before_it(tmp_path: Path) -> None:
    write(tmp_path, "random_days", R2, TOWERS)
    write(tmp_path, "veg_holdout", R2 - 0.4, TOWERS)
    _, step = only(tmp_path).steps["gpp"]["ridge"]
    assert step.cost.value == pytest.approx(0.4, abs=1e-6)


def test_every_rung_comes_after_one_that_stands_above_it() -> None:
    above = [""]
    for rung in LADDER:
        assert rung.after in above
        above.append(rung.protocol)


def test_a_rung_without_a_table_of_towers_shows_its_median_and_no_step(tmp_path: Path) -> None:
    write(tmp_path, "random_days", R2, TOWERS)
    write_row(row("ridge", 0.3, protocol="veg_holdout"), tmp_path)
    _, step = only(tmp_path).steps["gpp"]["ridge"]
    assert (step.value.value, step.cost) == (0.3, None)
    assert "| veg_holdout | the tower, and towers within 2 km | 0.300 (92) |" in describe(ladders(tmp_path))


def test_models_stand_beside_one_another_and_one_of_a_single_rung_is_left_out(tmp_path: Path) -> None:
    for model in ("ridge", "lightgbm"):
        write(tmp_path, "veg_holdout", R2, TOWERS, model)
        write(tmp_path, "unseen_veg", R2 - 0.25, TOWERS, model)
    write(tmp_path, "veg_holdout", R2, TOWERS, "mlp")
    found = only(tmp_path)
    assert found.cells("gpp")[0] == ["GPP, median R2", "takes away", "lightgbm", "ridge"]
    assert "costs 0.25 [0.25, 0.25] at 40" in found.cells("gpp")[2][3]


def test_of_several_lists_of_one_protocol_the_newest_is_taken(tmp_path: Path) -> None:
    write(tmp_path, "veg_holdout", R2, TOWERS, created="2026-01-02")
    write(tmp_path, "veg_holdout", R2 - 9, TOWERS, protocol_digest="older", created="2026-01-01")
    write(tmp_path, "unseen_veg", R2 - 0.1, TOWERS, created="2026-01-01")
    assert only(tmp_path).steps["gpp"]["ridge"][0].value.value == pytest.approx(np.median(R2))


def test_other_data_and_features_have_ladders_of_their_own(tmp_path: Path) -> None:
    for changes in ({}, {"feature_set": "full"}, {"data_digest": "other", "synthetic": True}):
        write(tmp_path, "veg_holdout", R2, TOWERS, **changes)
        write(tmp_path, "unseen_veg", R2, TOWERS, **changes)
    assert [(ladder.feature_set, ladder.synthetic) for ladder in ladders(tmp_path)] == [
        *(("full", False), ("minimal", False), ("minimal", True))
    ]
    assert describe(ladders(tmp_path)).count("SYNTHETIC") == 1


def test_without_two_rungs_it_says_what_the_rungs_are(tmp_path: Path) -> None:
    write(tmp_path, "veg_holdout", R2, TOWERS)
    assert describe(ladders(tmp_path)).startswith("No model has rows of two rungs of the ladder")
    with pytest.raises(UsageError, match="no ladder to draw"):
        picture(ladders(tmp_path), tmp_path / "ladder.png")


def test_the_command_prints_the_ladder_and_draws_it(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    write(tmp_path, "veg_holdout", R2, TOWERS)
    write(tmp_path, "unseen_veg", R2 - 0.1, TOWERS)
    target = tmp_path / "ladder.png"
    assert main(["leaderboard", str(tmp_path), "--ladder", "--picture", str(target)]) == 0
    assert "costs 0.10 [0.10, 0.10] at 40" in capsys.readouterr().out
    assert main(["leaderboard", str(tmp_path), "--ladder", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert {step["protocol"]: step["cost"] for step in told["steps"] if step["target"] == "nee"} == {
        "veg_holdout": None,
        "unseen_veg": pytest.approx(0.1, abs=1e-6),
    }
    assert target.read_bytes().startswith(b"\x89PNG")
    assert main(["leaderboard", str(tmp_path), "--ladder", "--picture", str(tmp_path / "ladder.xlsx")]) == 2
    assert "expected a name that ends in .png" in capsys.readouterr().err
