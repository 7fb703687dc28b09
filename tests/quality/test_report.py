"""The quality report of a folder, the file of flags, and a build that acts on it."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from carbonbench_core.build import build
from carbonbench_core.cli import main
from carbonbench_core.dataset_folder import DatasetFolder
from carbonbench_core.errors import UsageError
from carbonbench_core.files import read_shard
from carbonbench_core.quality import KINDS, masks
from carbonbench_core.quality.report import audit, describe
from tests.archives import fluxnet2015

DAYS = 400
STUCK = range(100, 120)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return two towers in archives, the GPP of one standing still for 20 days and missing on another 10."""
    place = tmp_path_factory.mktemp("sources")
    cells = {(day, "GPP_NT_VUT_REF"): "9.5" for day in STUCK}
    cells |= {(day, "GPP_NT_VUT_REF"): "-9999" for day in range(200, 210)}
    fluxnet2015.write_zip(place, "XX-One", days=DAYS, cells=cells)
    fluxnet2015.write_zip(place, "XX-Two", first="2004-01-01", days=DAYS)
    return place


@pytest.fixture(scope="module")
def folder(sources: Path) -> Path:
    return build([sources], sources.parent / f"{sources.name}-out", workers=1).out


def test_counts_are_those_of_the_rows(folder: Path) -> None:
    quality = audit(DatasetFolder.open(folder))
    one, two = quality.towers
    assert (one["site_id"], one["days"], one["first_day"]) == ("XX-One", DAYS, "2003-01-01")
    assert one["valid"] == {"gpp": round(1 - 10 / DAYS, 4), "reco": 1.0, "nee": 1.0}
    # nee_qc of day d is (d mod 5) / 4: a fifth of the days each; what lies on an edge belongs below it.
    assert two["qc"] == {"0": 0.2, "0-0.25": 0.2, "0.25-0.5": 0.2, "0.5-0.75": 0.2, "0.75-1": 0.0, "1": 0.2}
    # RECO - GPP = -3 - 0.01 d is NEE to the fifth digit, but where GPP stands still.
    assert two["closure"] == {"median": 0.0, "p95": 0.0, "max": 0.0, "days": DAYS}
    assert one["closure"]["max"] == pytest.approx(9.5 - (5 + 0.02 * STUCK[0]), abs=1e-4)
    (network,) = quality.networks
    assert (network["towers"], network["days"], network["qc"]["1"]) == (2, 2 * DAYS, 0.2)
    assert network["valid"]["gpp"] == round(1 - 5 / DAYS, 4)
    assert one["flags"]["stuck"] == len(STUCK)


def test_text_and_json_tell_the_same_flags(folder: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["audit", str(folder)]) == 0
    text = capsys.readouterr().out
    assert "XX-One gpp, 20 days (4 of nee_qc 1): in stretches of one value (2003-04-11 to 2003-04-30)" in text
    assert "not seen:" in text
    assert main(["audit", str(folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told["kinds"]) == set(KINDS)
    stuck = [f for f in told["flags"] if f["flag"] == "stuck"]
    assert [(f["site_id"], f["column"], f["days"], f["first_day"]) for f in stuck] == [
        ("XX-One", "gpp", 20, "2003-04-11")
    ]
    assert main(["audit", str(folder), "--only", "closure"]) == 0
    assert "stuck" not in capsys.readouterr().out


def read(folder: Path, site: str) -> pd.DataFrame:
    parts = sorted((folder / "data").glob(f"{site}-*.arrow"))
    return pa.concat_tables([read_shard(part) for part in parts]).to_pandas().set_index("date")


def test_a_build_sets_flagged_days_to_null_and_counts_them(sources: Path, folder: Path, tmp_path: Path) -> None:
    flags = tmp_path / "flags.csv"
    assert main(["audit", str(folder), "--flags", str(flags), "--only", "stuck"]) == 0
    assert main(["build", str(sources), "--out", str(tmp_path / "masked"), "--mask", str(flags)]) == 0
    manifest = json.loads((tmp_path / "masked" / "manifest.json").read_text())
    assert manifest["counts"]["masked: stuck (gpp)"] == 20
    assert manifest["counts"]["gpp_missing"] == 30
    assert manifest["mask"]["name"] == "flags.csv"
    before, after = read(folder, "XX-One"), read(tmp_path / "masked", "XX-One")
    gone = before["gpp"].notna() & after["gpp"].isna()
    assert gone.to_numpy().nonzero()[0].tolist() == list(STUCK)
    pd.testing.assert_frame_equal(before[~gone], after[~gone])
    pd.testing.assert_frame_equal(before.drop(columns="gpp"), after.drop(columns="gpp"))
    pd.testing.assert_frame_equal(read(folder, "XX-Two"), read(tmp_path / "masked", "XX-Two"))


def test_a_file_by_hand_needs_five_columns_and_takes_any_column_of_the_folder(sources: Path, tmp_path: Path) -> None:
    flags = tmp_path / "mine.csv"
    flags.write_text(
        "site_id,flag,column,first_day,last_day\n"
        "XX-One,storm,targets,2003-01-05,2003-01-06\n"
        "XX-One,ice,TA_F,2003-01-06,2003-01-09\n"
        "XX-Gone,storm,nee,2003-01-05,2003-01-06\n"
    )
    report = build([sources], tmp_path / "out", mask=flags, workers=1)
    assert {k: n for k, n in report.counts.items() if k.startswith("masked")} == {
        "masked: storm (gpp)": 2,
        "masked: storm (reco)": 2,
        "masked: storm (nee)": 2,
        "masked: ice (TA_F)": 4,
    }
    assert any("XX-Gone" in note for note in report.notes)
    assert read(tmp_path / "out", "XX-One")["TA_F"].isna().sum() == 4


WRONG = {
    "no columns": ("a,b\n1,2\n", "lack the columns site_id"),
    "an unknown column": ("XX-One,x,gp,2003-01-01,2003-01-02", "Did you mean 'gpp'"),
    "a key": ("XX-One,x,date,2003-01-01,2003-01-02", "Unknown column"),
    "no date": ("XX-One,x,gpp,2003-13-01,2003-01-02", "line 2: '2003-13-01' to '2003-01-02'"),
    "days the other way": ("XX-One,x,gpp,2003-01-03,2003-01-02", "no two days in order"),
    "no tower": (",x,gpp,2003-01-01,2003-01-02", "site_id ''"),
    "a short row": ("XX-One,x", "Unknown column"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_of_flags_is_refused_before_anything_is_built(case: str, tmp_path: Path) -> None:
    text, words = WRONG[case]
    path = tmp_path / "flags.csv"
    path.write_text(text if case == "no columns" else ",".join(masks.NEEDED) + "\n" + text + "\n")
    with pytest.raises(UsageError, match=words):
        masks.read(path)


def test_a_missing_file_two_folders_and_unknown_kinds_are_wrong_use(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(["build", str(tmp_path), "--out", str(tmp_path / "x"), "--mask", str(tmp_path / "none.csv")]) == 2
    assert "audit --flags" in capsys.readouterr().err
    assert main(["audit", str(folder), "--data", str(folder)]) == 2
    assert main(["audit", str(folder), "--only", "stucked"]) == 2
    assert "Did you mean 'stuck'" in capsys.readouterr().err
    assert main(["audit", str(folder), "--flags", str(tmp_path / "no" / "f.csv")]) == 2
    assert main(["audit", str(folder), "--leakage", "veg_holdout", "--only", "stuck"]) == 2


def test_what_is_written_is_read_back(folder: Path, tmp_path: Path) -> None:
    quality = audit(DatasetFolder.open(folder))
    rows = masks.write(quality.flags, tmp_path / "flags.csv")
    with (tmp_path / "flags.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == rows
    told = masks.read(tmp_path / "flags.csv")
    days = sum(
        int((np.datetime64(last) - np.datetime64(first)).astype(int)) + 1
        for stretches in told.values()
        for _, _, first, last in stretches
    )
    assert days == sum(len(flag.days) for flag in quality.flags)


def test_a_damaged_shard_is_one_clear_error(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    shutil.copytree(folder, tmp_path / "f")
    shard = next((tmp_path / "f" / "data").iterdir())
    shard.write_bytes(shard.read_bytes()[:-100])
    assert main(["audit", str(tmp_path / "f")]) == 1
    assert "Build the folder again" in capsys.readouterr().err


def test_what_is_known_of_the_real_towers_is_found(shared_data: Path, tmp_path: Path) -> None:
    sources = [next((shared_data / "oneflux").glob(f"*{site}*")) for site in ("IT-Col", "DE-Hai", "US-Tw1")]
    out = build(sources, tmp_path / "out", towers=shared_data / "towers.csv", workers=1).out
    quality = audit(DatasetFolder.open(out))
    kinds = {site: {f.kind for f in quality.flags if f.site_id == site} for site in ("IT-Col", "DE-Hai", "US-Tw1")}
    # Filled before the first measurement: photosynthesis of a beech forest in January 1996.
    assert {"season", "stuck", "spike"} <= kinds["IT-Col"]
    assert kinds["DE-Hai"] <= {"season"}
    # Its targets are USTAR50, which close, and no unit, sign or calendar is wrong at any of them.
    assert not {"closure", "unit", "sign", "sun", "lag", "duplicate"} & set().union(*kinds.values())
    assert "IT-Col" in describe(quality)
