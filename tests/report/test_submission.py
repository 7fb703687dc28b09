"""Submissions: a good one is read and scored, and every bad one is refused in words of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

from carbonbench_core.errors import PredictionError
from carbonbench_core.report.rows import result_row
from carbonbench_core.report.score import score
from carbonbench_core.report.submission import Submission, read_submission

from .submissions import BAD, GOOD, frame, predicted, write

ROOT = Path(__file__).resolve().parents[2]
DIGEST = "1" * 16


def check(folder: Path) -> pd.DataFrame:
    """Do all that is done before scoring."""
    submission = read_submission(folder)
    submission.require_digest(DIGEST)
    return submission.predictions(frame())


def message(kind: str, tmp_path: Path) -> str:
    folder = tmp_path / "it"
    BAD[kind][0](folder)
    with pytest.raises(PredictionError) as caught:
        check(folder)
    return str(caught.value).replace(str(tmp_path), "")


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_submission_is_refused_with_its_own_message(kind: str, tmp_path: Path) -> None:
    assert re.search(BAD[kind][1], message(kind, tmp_path))


def test_there_are_thirty_kinds_and_none_has_the_message_of_another(tmp_path: Path) -> None:
    assert len(BAD) >= 30
    for kind in BAD:
        (tmp_path / kind).mkdir()
    messages = {kind: message(kind, tmp_path / kind) for kind in BAD}
    confused = [
        (kind, other)
        for kind, (_, pattern) in BAD.items()
        for other, said in messages.items()
        if other != kind and re.search(pattern, said)
    ]
    assert confused == []
    assert len(set(messages.values())) == len(BAD)


def test_a_good_submission_is_read_with_what_it_declares(tmp_path: Path) -> None:
    found = read_submission(write(tmp_path / "it", seed=3, protocol_digest=DIGEST, description="A line."))
    assert found == Submission(
        folder=tmp_path / "it",
        model="my-model",
        authors=("First Author", "Second Author"),
        link="https://example.org/paper",
        protocol="veg_holdout",
        feature_set="minimal",
        training_data=("train and validation splits of veg_holdout",),
        test_towers_seen=False,
        seed=3,
        protocol_digest=DIGEST,
        description="A line.",
    )
    found.require_digest(DIGEST)


def test_names_may_be_written_in_any_script(tmp_path: Path) -> None:
    assert read_submission(write(tmp_path / "it", authors=["Jörg Müller", "山田"])).authors == ("Jörg Müller", "山田")


def test_rows_in_another_order_and_more_columns_are_taken(tmp_path: Path) -> None:
    shuffled = predicted().sample(frac=1, random_state=0).assign(note="x")
    pd.testing.assert_frame_equal(check(write(tmp_path / "it", shuffled)), check(write(tmp_path / "other")))


def test_a_submission_becomes_a_row_that_says_whose_it_is(tmp_path: Path) -> None:
    submission = read_submission(write(tmp_path / "it", test_towers_seen=True))
    scores = score(submission.predictions(frame()), frame())
    row = result_row(scores, protocol_digest=DIGEST, data_digest="d", **submission.row_fields())
    assert (row["kind"], row["model"], row["protocol"]) == ("submitted", "my-model", "veg_holdout")
    assert row["authors"] == "First Author; Second Author"
    assert row["test_towers_seen"] is True
    assert row["training_data"] == GOOD["training_data"][0]


def test_the_template_is_filled_in_by_nobody_yet_and_names_every_key() -> None:
    template = (ROOT / "results" / "TEMPLATE" / "submission.yaml").read_text("utf-8")
    assert set(yaml.safe_load(template)) == set(GOOD)
    for key in ("seed", "protocol_digest", "description"):
        assert f"# {key}:" in template


def test_the_template_as_it_is_is_refused_for_every_key(tmp_path: Path) -> None:
    folder = write(tmp_path / "it")
    (folder / "submission.yaml").write_bytes((ROOT / "results" / "TEMPLATE" / "submission.yaml").read_bytes())
    with pytest.raises(PredictionError, match="7 problems") as caught:
        read_submission(folder)
    assert str(caught.value).count("still holds the words of the template") == 7


SUBMITTED = [p.parent for p in sorted((ROOT / "results").rglob("submission.yaml")) if p.parent.name != "TEMPLATE"]


@pytest.mark.parametrize("folder", SUBMITTED or [None])
def test_every_submission_under_results_is_in_order(folder: Path | None) -> None:
    if folder is None:
        pytest.skip("nothing has been submitted yet")
    submission = read_submission(folder)
    assert folder.parent.name == submission.protocol, f"{folder} belongs into results/{submission.protocol}/"
    # Days and towers are checked where the data are, by `carbonbench score --submission`.
    submission.predictions(pd.read_parquet(folder / "predictions.parquet").drop_duplicates(["site_id", "date"]))
