"""Building a dataset folder: complete, resumable, and in place whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from carbonbench_core import build as building
from carbonbench_core.build import build
from carbonbench_core.build_tower import Job, write_tower
from carbonbench_core.dataset_folder import METADATA, DatasetFolder
from carbonbench_core.errors import ArchiveError, DatasetFolderError, UsageError
from carbonbench_core.files import put_in_place, read_shard
from tests.archives.fluxnet2015 import write_csv

SITES = [f"XX-S{i:02d}" for i in range(24)]


@pytest.fixture
def archives(tmp_path: Path) -> Path:
    """Return a folder of 24 tiny archives of 4 calendar years each."""
    folder = tmp_path / "archives"
    folder.mkdir()
    for site in SITES:
        write_csv(folder, site, first="2003-06-01", days=1000)
    return folder


@pytest.fixture
def towers(tmp_path: Path) -> Path:
    """Return a table that gives every tower coordinates and classes."""
    rows = [f"{s},{10 + i},{20 + i},{'ENF' if i % 2 else 'GRA'},Dfb" for i, s in enumerate(SITES)]
    path = tmp_path / "towers.csv"
    path.write_text("\n".join(["site,lat,lon,IGBP,koppen_full", *rows]))
    return path


STRATIFIED = {"veg_holdout", "climate_holdout", "published_veg", "published_climate"}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_folder_of_archives_becomes_a_dataset_folder(archives: Path, towers: Path, tmp_path: Path) -> None:
    report = build([archives], tmp_path / "carbonbench", towers=towers, workers=1)
    folder = DatasetFolder.open(report.out)
    assert report.towers == 24
    assert report.counts["rows_read"] == report.counts["rows_written"] == 24_000
    assert report.failed == {}
    assert set(folder.protocols) >= STRATIFIED
    # 2003 to 2006 are 4 calendar years, so the last 1 is late: 1000 days from 2003-06-01 end on 2006-02-24
    site = folder.sites.set_index("site_id").loc["XX-S00"]
    assert (site["days_early"], site["days_late"], site["late_start"]) == (945, 55, "2006-01-01")
    assert (site["latitude"], site["igbp"], site["koppen_main"]) == (10, "GRA", "D")
    assert not (tmp_path / ".carbonbench.building").exists()


def test_parallel_and_serial_builds_write_the_same_bytes(archives: Path, towers: Path, tmp_path: Path) -> None:
    serial = build([archives], tmp_path / "serial", towers=towers, workers=1).out
    parallel = build([archives], tmp_path / "parallel", towers=towers, workers=2).out
    assert contents(serial) == contents(parallel)


def test_the_order_and_place_of_sources_do_not_matter(archives: Path, towers: Path, tmp_path: Path) -> None:
    files = sorted(archives.iterdir())
    first = build([archives], tmp_path / "first", towers=towers, workers=1).out
    second = build(files[::-1], tmp_path / "second", towers=towers, workers=1).out
    assert contents(first) == contents(second)


def test_the_manifest_names_sources_by_name_and_sha256_and_no_path(
    archives: Path, towers: Path, tmp_path: Path
) -> None:
    out = build([archives], tmp_path / "carbonbench", towers=towers, workers=1).out
    manifest = json.loads((out / "manifest.json").read_text())
    assert len(manifest["sources"]) == 24
    assert all(len(source["sha256"]) == 64 for source in manifest["sources"])
    assert manifest["target_variants"] == {"VUT_REF": 24}
    assert [(c["licence"], c["towers"]) for c in manifest["citations"]] == [("CC-BY-4.0", 24)]
    assert "doi:10.1038/s41597-020-0534-3" in manifest["citations"][0]["citation"]
    assert set(pd.read_parquet(out / "sites.parquet")["licence"]) == {"CC-BY-4.0"}
    for name in METADATA:
        assert str(tmp_path).encode() not in (out / name).read_bytes(), name


def test_the_card_names_every_shard_of_the_protocols_that_plain_datasets_can_read(
    archives: Path, towers: Path, tmp_path: Path
) -> None:
    out = build([archives], tmp_path / "carbonbench", towers=towers, workers=1).out
    front = yaml.safe_load((out / "README.md").read_text().split("---\n")[1])
    listed = {c["config_name"]: {d["split"]: d["path"] for d in c["data_files"]} for c in front["configs"]}
    protocols = DatasetFolder.open(out).protocols
    assert listed == {name: p.splits for name, p in protocols.items() if not p.family and not p.rows}
    assert set(listed) >= STRATIFIED
    assert [c["config_name"] for c in front["configs"] if c.get("default")] == ["veg_holdout"]


def test_towers_without_class_or_coordinates_are_kept_and_named(archives: Path, tmp_path: Path) -> None:
    report = build([archives], tmp_path / "carbonbench", workers=1)
    assert report.towers == 24
    assert STRATIFIED.isdisjoint(report.protocols)
    assert set(report.unsupported) >= STRATIFIED
    assert any(note.startswith("XX-S00: no ") for note in report.notes)


def test_one_bad_archive_costs_only_its_own_tower(archives: Path, towers: Path, tmp_path: Path) -> None:
    good = build([archives], tmp_path / "good", towers=towers, workers=1).out
    bad = archives / f"{sorted(p.name for p in archives.iterdir())[0]}"
    bad.write_bytes(bad.read_bytes()[:500].replace(b"2003", b"20x3"))
    report = build([archives], tmp_path / "rest", towers=towers, workers=1)
    assert report.towers == 23
    assert list(report.failed) == ["XX-S00"]
    kept = contents(report.out / "data")
    assert kept == {name: data for name, data in contents(good / "data").items() if "XX-S00" not in name}


def test_a_source_that_cannot_be_opened_costs_only_its_own_tower(
    archives: Path, towers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed, opened = min(archives.iterdir()), Path.open

    def refuse(self: Path, *args: object, **more: object) -> object:  # root may open whatever its permissions say
        if self == closed:
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return opened(self, *args, **more)

    monkeypatch.setattr(Path, "open", refuse)
    report = build([archives], tmp_path / "carbonbench", towers=towers, workers=1)
    assert report.towers == 23
    assert "cannot be opened (Permission denied)" in report.failed["XX-S00"]


def test_columns_that_only_some_towers_have_are_null_at_the_others(tmp_path: Path) -> None:
    folder = tmp_path / "archives"
    folder.mkdir()
    write_csv(folder, "XX-One", "SUBSET", days=40)
    write_csv(folder, "XX-Two", "FULLSET", days=40)
    out = build([folder], tmp_path / "carbonbench", workers=1).out
    one, two = (read_shard(out / "data" / f"XX-{s}-early.arrow") for s in ("One", "Two"))
    assert one.schema == two.schema
    assert one["TA_F_DAY"].null_count == 40
    assert two["TA_F_DAY"].null_count == 0
    assert list(DatasetFolder.open(out).sites["target_variant"]) == ["VUT_REF", "VUT_USTAR50"]


def test_a_second_run_takes_up_the_towers_that_an_interrupted_one_finished(
    archives: Path, towers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(job: Job, listed: dict | None, place: Path) -> dict:
        if job.site_id == "XX-S10":
            raise KeyboardInterrupt
        return write_tower(job, listed, place)

    out = tmp_path / "carbonbench"
    monkeypatch.setattr(building, "write_tower", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build([archives], out, towers=towers, workers=1)
    assert not out.exists()
    monkeypatch.undo()
    report = build([archives], out, towers=towers, workers=1)
    assert (report.towers, report.taken_up) == (24, 10)
    assert contents(report.out) == contents(build([archives], tmp_path / "other", towers=towers, workers=1).out)


def test_a_finished_tower_is_not_taken_up_when_its_source_has_changed(
    archives: Path, towers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "carbonbench"
    monkeypatch.setattr(building, "assemble", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        build([archives], out, towers=towers, workers=1)
    monkeypatch.undo()
    write_csv(archives, "XX-S03", first="2003-06-01", days=1001)
    assert build([archives], out, towers=towers, workers=1).taken_up == 23


def test_a_finished_tower_is_not_taken_up_without_what_was_kept_for_comparison(
    archives: Path, towers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "carbonbench"
    monkeypatch.setattr(building, "assemble", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        build([archives], out, towers=towers, workers=1)
    monkeypatch.undo()
    (tmp_path / ".carbonbench.building" / "XX-S03-early-kept.arrow").unlink()
    assert build([archives], out, towers=towers, workers=1).taken_up == 23
    folder = DatasetFolder.open(out)
    assert {file: shard["sha256"] for file, shard in folder.manifest["shards"].items()} == {
        file: hashlib.sha256((out / file).read_bytes()).hexdigest() for file in folder.manifest["shards"]
    }


@pytest.mark.parametrize("had_one_before", [False, True])
def test_a_build_killed_at_any_moment_leaves_the_old_folder_or_none(
    archives: Path, towers: Path, tmp_path: Path, had_one_before: bool
) -> None:
    out = tmp_path / "carbonbench"
    before = {}
    if had_one_before:
        build([archives / f"{p.name}" for p in sorted(archives.iterdir())[:12]], out, towers=towers, workers=1)
        before = contents(out)
    code = "import sys; from carbonbench_core.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "build", str(archives), "--out", str(out), "--towers", str(towers)]
    seen = Counter()
    for delay in (0.3, 0.8, 1.2, 1.6, 2.0, 2.4):
        process = subprocess.Popen([*command, "--workers", "1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        if out.exists() and (now := contents(out)) != before:
            assert DatasetFolder.open(out).manifest["towers"] == 24
            seen["new"] += 1
            before = now
        else:
            seen["old or none"] += 1
            assert out.exists() == bool(before)
    assert seen["old or none"] > 0
    assert build([archives], out, towers=towers, workers=1).towers == 24


def test_a_replacement_killed_between_its_two_renames_is_undone(archives: Path, towers: Path, tmp_path: Path) -> None:
    out = tmp_path / "carbonbench"
    build([archives], out, towers=towers, workers=1)
    before = contents(out)
    os.rename(out, tmp_path / ".carbonbench.old")
    with pytest.raises(UsageError):
        build([tmp_path / "nosuch"], out)
    finished = tmp_path / "finished"
    finished.mkdir()
    (finished / "new").write_text("new")
    put_in_place(finished, out)
    assert contents(out) == {"new": b"new"}
    assert before
    assert not (tmp_path / ".carbonbench.old").exists()


def test_a_folder_of_something_else_is_never_replaced(archives: Path, tmp_path: Path) -> None:
    out = tmp_path / "thesis"
    out.mkdir()
    (out / "chapter1.tex").write_text("precious")
    with pytest.raises(DatasetFolderError, match="is no dataset folder; it is left alone"):
        build([archives], out, workers=1)
    assert (out / "chapter1.tex").read_text() == "precious"


def test_a_place_that_cannot_be_written_is_one_clear_error(archives: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetFolderError, match="Cannot write beside"):
        build([archives], tmp_path / "file" / "carbonbench", workers=1)


def test_a_full_disk_is_one_clear_error_and_keeps_the_finished_towers(archives: Path, towers: Path) -> None:
    small = Path(f"/dev/shm/carbonbench-full-disk-test-{os.getpid()}")  # a place of its own, if two suites run
    if not small.parent.is_dir() or os.geteuid() != 0:
        pytest.skip("needs root to mount a small file system")
    small.mkdir(exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)], check=False).returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        with pytest.raises(DatasetFolderError, match=r"The disk is full.*run the same command again"):
            build([archives], small / "carbonbench", towers=towers, workers=1)
        assert list((small / ".carbonbench.building").glob("XX-*.json"))
        subprocess.run(["mount", "-o", "remount,size=50m", str(small)], check=True)
        report = build([archives], small / "carbonbench", towers=towers, workers=1)
        assert report.towers == 24
        assert report.taken_up > 0
    finally:
        subprocess.run(["umount", str(small)], check=True)
        small.rmdir()


@pytest.mark.parametrize("below", ["x", "x/y", "data/x"])
def test_nothing_is_built_inside_another_dataset_folder(archives: Path, small_folder: Path, below: str) -> None:
    before = sorted(small_folder.rglob("*"))
    with pytest.raises(UsageError, match=f"lies in the dataset folder {small_folder}"):
        build([archives], small_folder / below, workers=1)
    assert sorted(small_folder.rglob("*")) == before


def test_two_builds_of_one_folder_do_not_mix(archives: Path, tmp_path: Path) -> None:
    out = tmp_path / "carbonbench"
    with (
        building._workplace(out),
        pytest.raises(DatasetFolderError, match="Another build is writing"),
    ):
        build([archives], out, workers=1)


MAPPING = """
[table]
title = "Mine"
network = "MyNet"
[columns]
site_id = "tower"
date = "date"
gpp = "GPP"
reco = "RECO"
nee = "NEE"
nee_qc = "QC"
"""


def table(path: Path, sites: str = "AB", **factors: float) -> Path:
    """Write a tidy table of 400 days per site, its columns multiplied."""
    path.parent.mkdir(exist_ok=True)
    days = pd.date_range("2003-01-01", periods=400)
    season = 1 - np.cos(2 * np.pi * np.arange(400) / 365)
    one = {"date": days, "GPP": 4 * season, "RECO": 1 + season, "NEE": 1 - 3 * season, "QC": (days.day % 5) / 4}
    told = pd.concat([pd.DataFrame({"tower": site, **one}) for site in sites])
    told.assign(**{name: told[name] * factor for name, factor in factors.items()}).to_csv(path, index=False)
    return path


@pytest.fixture
def mapping(tmp_path: Path) -> str:
    path = tmp_path / "mine.toml"
    path.write_text(MAPPING)
    return str(path)


def test_a_tower_whose_quality_is_in_per_cent_is_left_out_with_the_reason(tmp_path: Path, mapping: str) -> None:
    good, wrong = table(tmp_path / "good.csv", "A"), table(tmp_path / "wrong.csv", "BC", QC=100)
    report = build([good, wrong], tmp_path / "out", mapping=mapping, workers=1)
    assert (report.towers, list(report.failed)) == (1, ["B", "C"])
    # QC is (day of the month mod 5) / 4, and 4 of 5 values are above 0.
    assert "up to 100: it seems to be per cent" in report.failed["B"]
    # Another record of the tower is read all the same.
    again = build([table(tmp_path / "b.csv", "B"), good, wrong], tmp_path / "more", mapping=mapping, workers=1)
    assert again.towers == 2
    assert set(again.failed) == {"C", str(wrong)}


def test_a_table_that_contradicts_another_of_the_same_tower_is_told_and_which_is_used(
    tmp_path: Path, mapping: str
) -> None:
    first, negated = table(tmp_path / "a.csv"), table(tmp_path / "b.csv", "A", NEE=-1)
    noted = [build(s, tmp_path / "out", mapping=mapping, workers=1) for s in ([first, negated], [negated, first])]
    for report in noted:
        assert [note for note in report.notes if "contradicts" in note] == [
            "A: nee of Mine in b.csv, superseded, contradicts what is used on 400 common days (r -1.00, 1 times the "
            "size): check which is right"
        ]
        days = pd.concat(read_shard(s).to_pandas() for s in sorted((report.out / "data").glob("A-*.arrow")))
        assert days["nee"].iloc[0] == 1.0  # 1 - 3 x 0 on 1 January, of a.csv
    assert not [n for n in build([first], tmp_path / "out", mapping=mapping, workers=1).notes if "contradicts" in n]


def test_a_release_that_differs_a_little_from_another_contradicts_nothing(tmp_path: Path, mapping: str) -> None:
    report = build(
        [table(tmp_path / "a.csv"), table(tmp_path / "b.csv", NEE=0.9, GPP=1.2)],
        tmp_path / "out",
        mapping=mapping,
        workers=1,
    )
    assert not [note for note in report.notes if "contradicts" in note]


def test_files_of_one_name_that_differ_are_told_and_copies_are_not(tmp_path: Path, mapping: str) -> None:
    used, other = table(tmp_path / "a" / "x.csv"), table(tmp_path / "b" / "x.csv", NEE=-1)
    copy = table(tmp_path / "c" / "x.csv")
    report = build([other, copy, used], tmp_path / "out", mapping=mapping, workers=1)
    (note,) = [note for note in report.notes if "differ" in note]
    assert note.startswith(f"{other} and {used} have one name and version but differ: A, B is taken from the latter")


@pytest.mark.parametrize("site_id", ["../../etc/x", "a/b", "", ".hidden", "a b"])
def test_a_site_id_cannot_write_outside_the_folder(site_id: str, tmp_path: Path) -> None:
    outcome = write_tower(Job(site_id, lambda: None, ""), None, tmp_path)
    assert "not a site id" in outcome["error"]
    assert list(tmp_path.iterdir()) == []


def test_nothing_readable_is_one_error_with_the_first_reasons(archives: Path, tmp_path: Path) -> None:
    for path in archives.iterdir():
        path.write_text("TIMESTAMP,NEE_VUT_REF\n")
    with pytest.raises(ArchiveError):
        build([archives], tmp_path / "carbonbench", workers=1)
    assert not (tmp_path / "carbonbench").exists()


def test_every_target_and_qc_of_the_real_files_is_kept_to_1e_6(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "oneflux"
    report = build([source], tmp_path / "carbonbench", towers=shared_data / "towers.csv")
    assert report.towers == 18
    rows = 0
    for path in sorted(source.glob("*.csv")):
        site = path.name.split("_")[1]
        variant = "USTAR50" if "FULLSET" in path.name else "REF"
        names = {f"NEE_VUT_{variant}": "nee", f"NEE_VUT_{variant}_QC": "nee_qc"} | {
            f"{long}_NT_VUT_{variant}": short for long, short in (("GPP", "gpp"), ("RECO", "reco"))
        }
        raw = pd.read_csv(path, na_values=[-9999], usecols=["TIMESTAMP", *names])
        shards = sorted((report.out / "data").glob(f"{site}-*.arrow"))
        days = pd.concat([read_shard(shard).to_pandas() for shard in shards], ignore_index=True)
        assert list(pd.to_datetime(days["date"]).dt.strftime("%Y%m%d").astype(int)) == list(raw["TIMESTAMP"])
        for theirs, ours in names.items():
            pd.testing.assert_series_equal(days[ours], raw[theirs], check_names=False, rtol=0, atol=1e-6)
        rows += len(raw)
    assert report.counts["rows_read"] == rows
    assert report.counts["rows_written"] == rows + report.counts["inserted_days"]


def test_the_tidy_table_of_170_towers_is_kept_whole(shared_data: Path, tmp_path: Path) -> None:
    report = build([shared_data / "site_days.parquet"], tmp_path / "carbonbench")
    raw = pd.read_parquet(shared_data / "site_days.parquet", columns=["site", "date", "NEE", "NEE_QC", "suspect"])
    assert report.towers == 170
    assert report.counts["rows_read"] == len(raw) == 442_689
    assert report.counts["rows_written"] - report.counts["inserted_days"] == 442_689
    shards = sorted((report.out / "data").glob("*.arrow"))
    days = pd.concat([read_shard(s, ["site_id", "date", "nee", "nee_qc"]).to_pandas() for s in shards])
    days["date"] = pd.to_datetime(days["date"])
    joined = raw.astype({"site": str}).merge(days, left_on=["site", "date"], right_on=["site_id", "date"], how="left")
    assert joined["site_id"].notna().all()
    expected = joined["NEE"].where(~joined["suspect"]).astype(float)
    pd.testing.assert_series_equal(joined["nee"], expected, check_names=False, rtol=0, atol=1e-6)
    pd.testing.assert_series_equal(joined["nee_qc"], joined["NEE_QC"].astype(float), check_names=False)
    assert 0 < raw["suspect"].sum() <= 639
