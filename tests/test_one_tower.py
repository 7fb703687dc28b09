"""One tower in several archives becomes one: its years from the right record, nothing lost, everything said."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from carbonbench_core.archives import Entry, Options
from carbonbench_core.build import BuildReport, build
from carbonbench_core.dataset_folder import DatasetFolder
from carbonbench_core.files import read_shard
from carbonbench_core.leakage import leakage
from carbonbench_core.plan import Plan
from carbonbench_core.records import SUPERSEDED
from tests.archives.networks import nee, write


def days_of(out: Path, site: str) -> pd.DataFrame:
    shards = sorted((out / "data").glob(f"{site}-*.arrow"))
    return pd.concat([read_shard(shard).to_pandas() for shard in shards], ignore_index=True)


def catalogue(folder: Path, *rows: str) -> Path:
    path = folder / "towers.csv"
    path.write_text("\n".join(["site,name,network,lat,lon,IGBP,koppen_full", *rows]))
    return path


def three_networks(folder: Path) -> Path:
    """Write a tower of three networks, each processing with a shift of its own.

    The years overlap: FLUXNET2015 2003-2005; ICOS from October 2005 to 2007; TERN (of the Shuttle) 2007-2008.
    """
    write(folder, "FLUXNET2015", "XX-One", "2003-01-01", "2005-12-31", shift=0.0)
    write(folder, "ICOS", "XX-One", "2005-10-01", "2007-12-31", shift=0.001)
    write(folder, "TERN", "XX-One", "2007-01-01", "2008-12-31", shift=0.002)
    return folder


def test_when_a_tower_has_three_networks_then_one_id_remains_with_each_year_from_one_of_them(tmp_path: Path) -> None:
    report = build([three_networks(tmp_path / "in")], tmp_path / "out", workers=1)
    assert report.towers == 1
    days = days_of(report.out, "XX-One")
    assert len(days) == 6 * 365 + 2  # 2003 to 2008, of which 2004 and 2008 are leap years
    years = pd.to_datetime(days["date"]).dt.year
    # The newest has 2007 and 2008 whole; ICOS 2006; of 2005 ICOS has 92 days only, less than half of 365.
    expected = {2003: 0.0, 2004: 0.0, 2005: 0.0, 2006: 0.001, 2007: 0.002, 2008: 0.002}
    shift = days["nee"] - nee("2003-01-01", "2008-12-31", seed=1)[1]
    assert shift.groupby(years).agg(["min", "max"]).round(5).to_dict() == {"min": expected, "max": expected}
    network = {0.0: "FLUXNET2015", 0.001: "ICOS", 0.002: "TERN"}
    assert (days["network"] == shift.round(3).map(network)).all()


def test_every_row_of_the_records_is_written_or_counted(tmp_path: Path) -> None:
    counts = build([three_networks(tmp_path / "in")], tmp_path / "out", workers=1).counts
    # 1,096 days of FLUXNET2015, 92 + 2 x 365 of ICOS, 365 + 366 of TERN
    assert counts["rows_read"] == 1096 + 822 + 731
    assert counts[f"dropped: {SUPERSEDED}"] == 92 + 365  # of ICOS, 2005 and 2007
    assert counts["rows_read"] == counts["rows_written"] - counts["inserted_days"] + counts["dropped"]


def test_the_sites_table_says_which_years_are_whose(tmp_path: Path) -> None:
    out = build([three_networks(tmp_path / "in")], tmp_path / "out", workers=1).out
    folder = DatasetFolder.open(out)
    (site,) = folder.sites.to_dict("records")
    told = [(r["network"], r["years"], r["rows"], r["superseded"]) for r in json.loads(site["records"])]
    assert told == [
        ("TERN", [2007, 2008], 731, 0),
        ("ICOS", [2006], 365, 457),
        ("FLUXNET2015", [2003, 2004, 2005], 1096, 0),
    ]
    assert (site["tower_id"], site["networks"], site["network"]) == ("XX-One", "FLUXNET2015;ICOS;TERN", "FLUXNET2015")
    assert {c["towers"] for c in folder.manifest["citations"]} == {1}
    assert len(folder.manifest["citations"]) == 3


def test_the_result_does_not_depend_on_where_the_archives_lie(tmp_path: Path) -> None:
    first = build([three_networks(tmp_path / "in")], tmp_path / "a", workers=1).out
    files = sorted((tmp_path / "in").iterdir(), reverse=True)
    second = build(files, tmp_path / "b", workers=1).out
    assert DatasetFolder.open(first).data_digest == DatasetFolder.open(second).data_digest
    assert (first / "manifest.json").read_bytes() == (second / "manifest.json").read_bytes()


@pytest.mark.parametrize("broken", [b"20040230", b"19040229"])  # no day, and a day a century too early
def test_a_record_that_cannot_be_read_costs_its_own_years_only(tmp_path: Path, broken: bytes) -> None:
    folder = three_networks(tmp_path / "in")
    (damaged,) = folder.glob("FLX_*")
    damaged.write_bytes(damaged.read_bytes().replace(b"20040229", broken))
    report = build([folder], tmp_path / "out", workers=1)
    assert [damaged.name in source for source in report.failed] == [True]
    assert damaged.name in next(iter(report.failed.values()))
    # ICOS, whose 92 days of 2005 are now the best there is, and TERN remain.
    assert len(days_of(report.out, "XX-One")) == 92 + 365 + 365 + 366


def test_when_sources_give_other_places_and_classes_then_both_values_are_reported(tmp_path: Path) -> None:
    write(tmp_path / "in", "ICOS", "XX-One", "2005-01-01", "2005-12-31")  # says 51.079, 10.452 and DBF
    towers = catalogue(tmp_path, "XX-One,One,ICOS,51.2,10.452,ENF,Dfb")
    report = build([tmp_path / "in"], tmp_path / "out", towers=towers, workers=1)
    # 0.121 degrees of latitude are 13.5 km
    assert report.conflicts == [
        {"site_id": "XX-One", "field": "igbp", "values": {"archive": "DBF", "towers.csv": "ENF"}, "used": "archive"},
        {
            "site_id": "XX-One",
            "field": "coordinates",
            "values": {"archive": "51.079, 10.452", "towers.csv": "51.2, 10.452"},
            "used": "archive",
            "km": 13.5,
        },
    ]


def test_years_of_another_target_variant_are_noted(tmp_path: Path) -> None:
    write(tmp_path / "in", "ICOS", "XX-One", "2005-01-01", "2005-12-31")
    write(tmp_path / "in", "TERN", "XX-One", "2006-01-01", "2006-12-31", variant="VUT_REF")
    report = build([tmp_path / "in"], tmp_path / "out", workers=1)
    assert any("target variants differ between years: VUT_REF of" in note for note in report.notes)
    assert set(DatasetFolder.open(report.out).manifest["target_variants"]) == {"VUT_REF and VUT_USTAR50"}


def neighbours(folder: Path, seeds: tuple[int, int]) -> BuildReport:
    """Build two towers 300 m apart, of two networks, with 300 common days."""
    write(folder / "in", "FLUXNET2015", "XX-One", "2005-01-01", "2005-10-27", seed=seeds[0])
    write(folder / "in", "AmeriFlux", "XX-Two", "2005-01-01", "2005-10-27", seed=seeds[1], shift=0.001)
    # 0.0027 degrees of latitude are 0.30 km
    towers = catalogue(folder, "XX-One,One,A,50,10,DBF,Dfb", "XX-Two,Two,B,50.0027,10,DBF,Dfb")
    return build([folder / "in"], folder / "out", towers=towers, workers=1)


def test_two_towers_300_m_apart_stay_two_and_are_known_as_neighbours(tmp_path: Path) -> None:
    report = neighbours(tmp_path, (1, 2))
    sites = DatasetFolder.open(report.out).sites.set_index("site_id")
    assert list(sites.index) == ["XX-One", "XX-Two"]
    assert list(sites["nearest_tower"]) == ["XX-Two", "XX-One"]
    assert sites["nearest_km"].round(2).tolist() == [0.3, 0.3]
    assert sites["towers_within_2km"].tolist() == [1, 1]
    assert set(sites["cluster"]) == {"XX-One"}
    assert report.same_towers == []


def test_one_mast_under_two_ids_is_one_tower_if_its_series_is_one(tmp_path: Path) -> None:
    report = neighbours(tmp_path, (1, 1))
    (pair,) = report.same_towers
    assert pair["why"].startswith("NEE is one series: correlation 1.0000 over 300 common days")
    (site,) = DatasetFolder.open(report.out).sites.to_dict("records")
    assert (site["site_id"], site["aliases"]) == ("XX-Two", "XX-One")  # the newer processing gives the id
    counts = report.counts
    assert counts["rows_read"] == 600
    assert counts["rows_read"] == counts["rows_written"] - counts["inserted_days"] + counts["dropped"]


def test_flags_under_an_id_that_turns_out_to_be_another_tower_are_acted_on_there(tmp_path: Path) -> None:
    neighbours(tmp_path, (1, 1))
    flags = tmp_path / "flags.csv"
    flags.write_text("site_id,flag,column,first_day,last_day\nXX-One,ice,nee,2005-02-01,2005-02-03\n")
    report = build([tmp_path / "in"], tmp_path / "out", towers=tmp_path / "towers.csv", mask=flags, workers=1)
    assert len(report.same_towers) == 1
    assert report.counts["masked: ice (nee)"] == 3


@pytest.mark.parametrize(("old", "new"), [("DK-ZaH", "GL-ZaH"), ("XX-oNE", "XX-One")])
def test_a_site_under_an_old_id_is_joined_to_its_present_one(tmp_path: Path, old: str, new: str) -> None:
    write(tmp_path / "in", "FLUXNET2015", old, "2005-01-01", "2005-12-31")
    write(tmp_path / "in", "ICOS", new, "2006-01-01", "2006-12-31", seed=2)
    report = build([tmp_path / "in"], tmp_path / "out", workers=1)
    (site,) = DatasetFolder.open(report.out).sites.to_dict("records")
    assert (site["site_id"], site["aliases"], site["days"]) == (new, old, 730)
    assert len(report.same_towers) == 1


def test_towers_are_read_in_the_order_in_which_they_stand_in_a_file_of_many() -> None:
    entries = [Entry("table", Path("a"), "", site, "N", "p", order=order) for site, order in (("A", 30), ("B", 10))]
    entries += [Entry("icos", Path("b"), "", "C", "N", "p"), Entry("table", Path("a"), "", "D", "N", "p", order=20)]
    plan = Plan(Options(), {Path("a"): "1", Path("b"): "2", "mapping": ""}, {})
    assert [job.site_id for job in plan.jobs(entries)] == ["C", "B", "D", "A"]


def test_a_replica_keeps_a_record_per_network_and_says_that_it_leaks(tmp_path: Path) -> None:
    folder = three_networks(tmp_path / "in")
    write(folder, "FLUXNET2015", "XX-Two", "2003-01-01", "2003-12-31", seed=2)
    report = build([folder], tmp_path / "out", keep_duplicates=True, workers=1)
    opened = DatasetFolder.open(report.out)
    sites = opened.sites.set_index("site_id")
    assert sites["tower_id"].to_dict() == {
        "XX-One_FLUXNET2015": "XX-One",
        "XX-One_ICOS": "XX-One",
        "XX-One_TERN": "XX-One",
        "XX-Two": "XX-Two",
    }
    assert sites["days"].tolist() == [1096, 822, 731, 365]
    assert opened.manifest["replica"] is True
    assert "REPLICA with duplicates" in (report.out / "README.md").read_text()
    shared = leakage(opened.sites, ["XX-One_ICOS"], ["XX-One_TERN", "XX-Two"])["identities"]
    assert shared["tower_id"] == ["XX-One_TERN"]


def test_a_replica_knows_one_mast_under_two_ids(tmp_path: Path) -> None:
    neighbours(tmp_path, (1, 1))
    report = build([tmp_path / "in"], tmp_path / "out", towers=tmp_path / "towers.csv", keep_duplicates=True, workers=1)
    sites = DatasetFolder.open(report.out).sites
    assert list(sites["site_id"]) == ["XX-One", "XX-Two"]
    assert set(sites["tower_id"]) == {"XX-Two"}


def test_a_merged_tower_is_taken_up_after_an_interruption(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from carbonbench_core import build as building

    folder = three_networks(tmp_path / "in")
    monkeypatch.setattr(building, "assemble", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        build([folder], tmp_path / "out", workers=1)
    monkeypatch.undo()
    assert build([folder], tmp_path / "out", workers=1).taken_up == 1
    # Now one of its records changes.
    monkeypatch.setattr(building, "assemble", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        build([folder], tmp_path / "out", workers=1)
    monkeypatch.undo()
    write(folder, "ICOS", "XX-One", "2005-10-01", "2007-12-30", shift=0.001)
    assert build([folder], tmp_path / "out", workers=1).taken_up == 0
