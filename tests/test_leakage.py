"""Leakage: what test towers share with training towers is found where it is put, and only there."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from carbonbench_core.dataset_folder import DatasetFolder
from carbonbench_core.errors import CarbonBenchError, UsageError
from carbonbench_core.geography import distances
from carbonbench_core.leakage import leakage, read_site_list
from carbonbench_core.leakage_folder import protocol_leakage, summaries
from carbonbench_core.leakage_picture import picture
from carbonbench_core.leakage_text import describe, summary
from carbonbench_core.protocols import draw_all
from tests.protocols.tables import days, placed, real_sites

KM = 1 / 111.195  # degree of latitude


def sites(**columns: list) -> pd.DataFrame:
    """Return towers A, B, C, D; C and D stand 1 and 30 km north of A and B."""
    table = {
        "site_id": ["A", "B", "C", "D"],
        "latitude": [50.0, -20.0, 50.0 + KM, -20.0 + 30 * KM],
        "longitude": [10.0, 130.0, 10.0, 130.0],
        "igbp": ["ENF", "SAV", "ENF", "GRA"],
        "koppen_main": ["C", "A", "C", "A"],
    }
    return pd.DataFrame({**table, **columns})


def test_towers_on_both_sides_are_named() -> None:
    report = leakage(sites(), ["A", "B", "C"], ["C", "D"])
    assert report["identities"]["shared"] == ["C"]
    assert "2 test towers, 1 of them in training" in summary(report)


@pytest.mark.parametrize("aliases", [["", "", "A;US-Old", ""], [None, None, ["A"], []]])
def test_a_tower_under_two_ids_is_found_by_its_aliases(aliases: list) -> None:
    report = leakage(sites(aliases=aliases), ["A", "B"], ["C", "D"])
    assert report["identities"] == {"shared": [], "aliases": [("C", "A")]}
    assert "one tower under two ids: C = A" in describe(report)


def test_two_ids_that_share_a_third_name_are_one_tower() -> None:
    report = leakage(sites(aliases=["Old", "", "", "Old"]), ["A", "B"], ["C", "D"])
    assert report["identities"]["aliases"] == [("D", "A")]


def test_clusters_that_straddle_are_counted() -> None:
    report = leakage(sites(cluster=[1, 2, 1, None]), ["A", "B"], ["C", "D"])
    assert report["identities"]["cluster"] == ["C"]
    assert "test towers that share their cluster with training: 1" in describe(report)


def test_distances_and_shares_are_those_of_the_nearest_training_tower() -> None:
    report = leakage(sites(), ["A", "B"], ["C", "D"])["distance"]
    assert [(t["site_id"], t["nearest"]) for t in report["test"]] == [("C", "A"), ("D", "B")]
    assert [t["km"] for t in report["test"]] == pytest.approx([1, 30], abs=1e-3)
    assert report["within"] == {"2": 0.5, "10": 0.5, "50": 1.0}
    # between 1 and 30: 1 + 0.25 x 29, 1 + 0.5 x 29
    assert report["quantiles"]["25"] == pytest.approx(8.25, abs=1e-2)
    assert report["quantiles"]["50"] == pytest.approx(15.5, abs=1e-2)


def test_towers_without_coordinates_are_named() -> None:
    report = leakage(sites(latitude=[50.0, np.nan, 51.0, np.nan]), ["A", "B"], ["C", "D"])["distance"]
    assert report["without_coordinates"] == ["B", "D"]
    assert len(report["test"]) == 1


@pytest.mark.parametrize("table", [sites(latitude=[np.nan] * 4), sites().drop(columns=["latitude", "longitude"])])
def test_without_any_coordinates_there_is_no_distance(table: pd.DataFrame) -> None:
    report = leakage(table, ["A"], ["B"])
    assert report["distance"] is None
    assert "not known, no coordinates" in describe(report)
    assert summary(report).startswith("1 test towers, 0 of them in training; classes not in training")


def test_classes_that_training_lacks_are_counted() -> None:
    report = leakage(sites(), ["A", "B"], ["C", "D"])
    assert report["classes"]["igbp"] == {"unseen": {"GRA": 1}, "seen_towers": 1}
    assert report["classes"]["koppen_main"] == {"unseen": {}, "seen_towers": 2}
    assert summary(report).endswith("classes not in training: igbp GRA.")


def test_towers_that_share_a_series_are_reported_by_source() -> None:
    report = leakage(
        sites(), ["A", "B"], ["C", "D"], [("A", days(1)), ("B", days(2))], [("C", days(1)), ("D", days(3))]
    )
    assert report["drivers"] == {
        "test_towers": 1,
        "by_source": {"ERA5-Land": 1},
        "pairs": [{"test": "C", "train": "A", "columns": ["temperature_2m", "total_precipitation_sum"]}],
    }
    assert "1 share a driver series with one" in summary(report)
    assert "training tower: 1; by source: ERA5-Land 1" in describe(report)


def test_days_after_the_warm_up_of_a_late_part_are_not_close_to_the_early_part() -> None:
    early, late = days(1, n=365), days(1, start="2002-01-01", n=365)
    report = leakage(sites(), ["A"], ["A"], [("A", early)], [("A", late)])["days"]
    # the first 30 days are not scored: 31 December to 31 January are 31 days
    assert (report["towers"], report["close_days"], report["closest"], report["test_days"]) == (1, 0, 31, 335)
    wide = leakage(sites(), ["A"], ["A"], [("A", early)], [("A", late)], window=40)["days"]
    assert wide["close_days"] == 9  # 31 to 39 days


def test_days_whose_targets_are_hidden_count_on_neither_side() -> None:
    hidden = leakage(sites(), ["A"], ["A"], [("A", days(1, target=False))], [("A", days(1))])["days"]
    assert hidden["close_days"] == 0
    assert leakage(sites(), ["A"], ["A"], [("A", days(1))], [("A", days(1))])["days"]["share"] == 1


def test_without_target_columns_every_day_counts() -> None:
    bare = days(1).drop_columns("nee")
    assert leakage(sites(), ["A"], ["A"], [("A", bare)], [("A", bare)])["days"]["closest"] == 0


def test_a_test_tower_of_another_climate_is_far_and_one_of_the_same_is_near() -> None:
    train = [(site, days(seed, temperature_2m=280 + seed)) for seed, site in enumerate("ABC")]
    report = leakage(sites(), ["A", "B", "C"], ["D"], train, [("D", days(9, temperature_2m=380.0))])["climate"]
    assert report["quantiles"]["50"] > 10
    assert report["beyond"] == 1
    assert list(report["farthest"]) == ["D"]
    same = leakage(sites(), ["A", "B", "C"], ["D"], train, [("D", days(1, temperature_2m=281.0))])["climate"]
    assert same["quantiles"]["50"] == pytest.approx(0, abs=1e-3)
    assert same["beyond"] == 0


def test_the_climate_distance_is_the_root_mean_square_of_standardised_differences() -> None:
    def still(value: float, swing: float) -> pa.Table:
        wave = np.where(np.arange(1460) % 2, value + swing, value - swing)
        return pa.table({"date": np.datetime64("2001-01-01") + np.arange(1460), "TA_F": wave.astype(np.float32)})

    train = [("A", still(0, 1)), ("B", still(10, 3))]
    report = leakage(sites(), ["A", "B"], ["C"], train, [("C", still(15, 2))])["climate"]
    # Means 0, 10 and spreads 1, 3 have mean (5, 2) and spread (5, 1): A is (-1, -1), B (1, 1), C (2, 0).
    # C to B: sqrt((1 + 1) / 2) = 1; A to B: sqrt((4 + 4) / 2) = 2.
    assert report["drivers"] == ["TA_F"]
    assert report["quantiles"]["50"] == pytest.approx(1)
    assert report["among_training"]["50"] == pytest.approx(2)


def test_a_driver_that_few_towers_have_takes_no_part() -> None:
    with_snow = [("A", days(1, snow_depth=1.0)), ("B", days(2))]
    report = leakage(sites(), ["A", "B"], ["C"], with_snow, [("C", days(3))])["climate"]
    assert report["drivers"] == ["temperature_2m", "total_precipitation_sum"]


def test_a_single_training_tower_has_no_climate_to_compare_with() -> None:
    report = leakage(sites(), ["A"], ["C"], [("A", days(1))], [("C", days(2))])
    assert report["climate"] is None
    assert "climate distance: not known" in describe(report)


def test_without_tables_what_needs_them_is_left_open() -> None:
    report = leakage(sites(), ["A", "B"], ["C", "D"])
    assert report["drivers"] is report["days"] is report["climate"] is None
    assert "no tables were given" in describe(report)


def test_a_report_is_ready_for_json() -> None:
    tables = [(site, days(seed)) for seed, site in enumerate("ABCD")]
    report = leakage(sites(aliases=["C", "", "", ""]), ["A", "B"], ["B", "C", "D"], tables[:2], tables[1:])
    again = json.loads(json.dumps(report, allow_nan=False))
    assert describe(again) == describe(report)
    assert summary(again) == summary(report)


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        (["A", "US-Ha1"], ["B"], "1 training towers are not in the sites table: US-Ha1. It has 4: A, B, C and 1 more"),
        (["A"], ["X", "Y"], "2 test towers are not in the sites table: X, Y"),
        ([], ["B"], "no training tower to compare"),
        (["A"], [], "no test tower to compare"),
    ],
)
def test_lists_that_cannot_be_compared_are_refused(train: list, test: list, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        leakage(sites(), train, test)


@pytest.mark.parametrize("text", ["US-Ha1\nDE-Hai\n\n", '["US-Ha1", "DE-Hai"]', "\ufeffUS-Ha1\r\n DE-Hai "])
def test_a_list_of_sites_is_read_from_lines_or_json(tmp_path: Path, text: str) -> None:
    file = tmp_path / "sites.txt"
    file.write_text(text, encoding="utf-8")
    assert read_site_list(file) == ["US-Ha1", "DE-Hai"]


@pytest.mark.parametrize("text", [None, "", "[]", "[1,"])
def test_a_list_that_is_none_is_refused(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "sites.txt"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UsageError, match=r"sites\.txt"):
        read_site_list(file)


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_a_picture_is_drawn(tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("matplotlib", reason="the extra `plot` is not installed")
    picture(leakage(sites(), ["A", "B"], ["C", "D"]), tmp_path / f"leakage.{suffix}")
    assert (tmp_path / f"leakage.{suffix}").stat().st_size > 2000


def test_a_picture_without_distances_or_of_another_kind_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra `plot` is not installed")
    with pytest.raises(UsageError, match=r"ends in \.png, \.svg or \.pdf"):
        picture(leakage(sites(), ["A"], ["B"]), tmp_path / "leakage.docx")
    with pytest.raises(UsageError, match="no distances to draw"):
        picture(leakage(sites(latitude=[np.nan] * 4), ["A"], ["B"]), tmp_path / "leakage.png")


def test_a_picture_without_matplotlib_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "matplotlib.figure", raising=False)
    with pytest.raises(CarbonBenchError, match=r"pip install 'carbonbench\[plot\]'"):
        picture(leakage(sites(), ["A"], ["B"]), tmp_path / "leakage.png")


def test_spatial_blocks_leave_no_test_tower_near_and_random_days_leave_all() -> None:
    table = placed()
    drawn = draw_all(table)[0]

    def within(name: str) -> dict:
        return leakage(table, drawn[name].sites("train"), drawn[name].sites("test"))["distance"]["within"]

    assert within("spatial_blocks_50km_1") == {"2": 0, "10": 0, "50": 0}
    assert within("random_days") == {"2": 1, "10": 1, "50": 1}


def test_neighbours_of_the_real_test_towers_are_found(shared_data: Path) -> None:
    table = real_sites(shared_data)
    protocol = draw_all(table)[0]["veg_holdout"]
    report = leakage(table, protocol.sites("train"), protocol.sites("test"))["distance"]
    there = table.set_index("site_id")[["latitude", "longitude"]]
    train, test = (there.loc[protocol.sites(split)].to_numpy() for split in ("train", "test"))
    nearest = distances(*test.T[:, :, None], *train.T).min(axis=1)
    assert [t["km"] for t in report["test"]] == pytest.approx(nearest, abs=2e-3)
    assert report["within"]["10"] == (nearest <= 10).mean() > 0


def test_the_summaries_of_a_folder_are_those_of_its_protocols_one_by_one(small_folder: Path) -> None:
    folder = DatasetFolder.open(small_folder)
    found = summaries(folder, folder.protocols)
    assert found == folder.leakage
    assert set(found) == set(folder.protocols)
    for name in ("random_days", "temporal_holdout", "veg_holdout", "published_veg"):
        assert found[name] == summary(protocol_leakage(folder, folder.protocol(name)))
