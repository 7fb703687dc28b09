"""A published edition is taken with its own lists; what differs is said, and the manifest keeps what it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from carbonbench_core.build import build
from carbonbench_core.cli import main
from carbonbench_core.dataset_folder import DatasetFolder
from carbonbench_core.errors import ProtocolError, UsageError
from tests.archives import carbonfluxbench
from tests.archives.fluxnet2015 import write_csv

SITES = [f"XX-S{i:02d}" for i in range(24)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the archives of 24 towers, their table, and the dataset folder made from them."""
    place = tmp_path_factory.mktemp("edition")
    (place / "archives").mkdir()
    for site in SITES:
        write_csv(place / "archives", site, first="2003-06-01", days=1000)
    rows = [f"{s},{10 + i},{20 + i},{'ENF' if i % 2 else 'GRA'},Dfb" for i, s in enumerate([*SITES, "XX-New"])]
    (place / "towers.csv").write_text("\n".join(["site,lat,lon,IGBP,koppen_full", *rows]))
    build([place / "archives"], place / "published", towers=place / "towers.csv", workers=1)
    return place


def test_an_edition_keeps_its_lists_in_a_folder_with_a_tower_more(world: Path, tmp_path: Path) -> None:
    more = tmp_path / "more"
    more.mkdir()
    write_csv(more, "XX-New", first="2003-06-01", days=1000)
    edition = world / "published" / "protocols.json"
    report = build(
        [world / "archives", more], tmp_path / "out", towers=world / "towers.csv", edition=edition, workers=1
    )
    published, folder = DatasetFolder.open(world / "published"), DatasetFolder.open(report.out)
    assert {n: p.digest for n, p in folder.protocols.items()} == {n: p.digest for n, p in published.protocols.items()}
    told = folder.manifest["edition"]
    assert told["differences"] == ["towers here that the edition does not know (1): XX-New"]
    assert (told["data_digest"], told["same_data"]) == (published.data_digest, False)
    assert (told["file"], len(told["sha256"]), len(told["digest"])) == ("protocols.json", 64, 16)


def test_the_edition_of_the_same_data_says_so(world: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    report = build([world / "archives"], out, towers=world / "towers.csv", edition=world / "published", workers=1)
    assert (report.edition["same_data"], report.edition["differences"]) == (True, [])


def test_a_folder_that_lacks_towers_says_exactly_which_protocols_it_cannot_have(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    files = [str(p) for p in sorted((world / "archives").iterdir())[1:]]
    told = [
        "--towers",
        str(world / "towers.csv"),
        "--edition",
        str(world / "published"),
        "--out",
        str(tmp_path / "out"),
    ]
    assert main(["build", *files, *told, "--workers", "1"]) == 0
    assert "differs: veg_holdout: not taken, towers missing here (1): XX-S00" in capsys.readouterr().out
    folder = DatasetFolder.open(tmp_path / "out")
    with pytest.raises(
        ProtocolError, match=r"the edition's towers are not all here; towers missing here \(1\): XX-S00"
    ):
        folder.protocol("veg_holdout")


def test_what_is_no_edition_is_refused_before_anything_is_read(world: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        build([world / "archives"], tmp_path / "out", edition=tmp_path / "nowhere.json")
    (tmp_path / "text.json").write_text("no")
    with pytest.raises(ProtocolError, match="is no JSON"):
        build([world / "archives"], tmp_path / "out", edition=tmp_path / "text.json")
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(ProtocolError, match="has no protocols"):
        build([world / "archives"], tmp_path / "out", edition=tmp_path / "other.json")


def test_an_edition_whose_lists_were_changed_is_refused(world: Path, tmp_path: Path) -> None:
    contents = json.loads((world / "published" / "protocols.json").read_text())
    contents["protocols"]["veg_holdout"]["splits"]["train"].pop()
    (tmp_path / "changed.json").write_text(json.dumps(contents))
    with pytest.raises(ProtocolError, match="lists were changed"):
        build([world / "archives"], tmp_path / "out", edition=tmp_path / "changed.json")


def test_a_folder_made_from_the_published_benchmarks_own_files_is_of_its_edition(tmp_path: Path) -> None:
    out = build([carbonfluxbench.write_folder(tmp_path / "hub")], tmp_path / "out", workers=1).out
    told = DatasetFolder.open(out).manifest["edition"]
    assert (told["name"], len(told["digest"])) == ("CarbonFluxBench 1.0", 16)
    assert "not published as files" in told["note"]


def test_a_list_too_long_for_a_screen_breaks_off_between_names_and_says_where_the_rest_stands() -> None:
    from carbonbench_core.commands._shared import brief

    names = ", ".join(SITES)
    assert brief(f"missing: {names}", "manifest.json", 300) == f"missing: {names}"
    assert (
        brief(f"missing: {names}", "manifest.json", 33)
        == "missing: XX-S00, XX-S01, XX-S02, ... (all of it: manifest.json)"
    )
