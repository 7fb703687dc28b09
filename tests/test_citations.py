"""Citations of a dataset folder: valid BibTeX, everything owed and nothing else."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pybtex.database import BibliographyData, parse_string

from carbonbench_core.archives import formats
from carbonbench_core.build import build
from carbonbench_core.citations import Entry, bibtex, owed
from carbonbench_core.cli import main
from carbonbench_core.dataset_folder import DatasetFolder
from tests.archives import ameriflux, fluxnet2015

CATALOGUE = (
    "site,lat,lon,IGBP,koppen,name,doi\nXX-Two,1,2,ENF,Dfb,Two & Co_1 {north},https://hdl.handle.net/11676/aB_3\n"
)


def parsed(text: str) -> BibliographyData:
    """Return what a program that is not ours reads; it refuses a key that stands twice, and broken syntax."""
    return parse_string(text, "bibtex")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> DatasetFolder:
    """Return three towers: with a DOI in the archive, with a handle in the catalogue, and with neither."""
    place = tmp_path_factory.mktemp("cited")
    ameriflux.write_zip(place, "XX-One")
    fluxnet2015.write_zip(place, "XX-Two")
    fluxnet2015.write_zip(place, "XX-Six")
    (place / "towers.txt").write_text(CATALOGUE)
    return DatasetFolder(build([place], place / "carbonbench", towers=place / "towers.txt", workers=1).out)


def test_networks_products_and_towers_are_cited_with_identifier_and_licence(folder: DatasetFolder) -> None:
    text = bibtex(owed(folder))
    entries = parsed(text).entries
    assert set(entries) == {"ameriflux", "pastorello2020", "XX-One", "XX-Two"}
    one, two = entries["XX-One"].fields, entries["XX-Two"].fields
    assert one["doi"] == "10.17190/AMF/1871137"  # of its two DOIs that of the FLUXNET product
    assert "CC-BY-4.0" in one["note"]
    assert two["url"] == "https://hdl.handle.net/11676/aB_3"
    assert two["title"] == r"XX-Two Two \& Co\_1 (north)"
    assert entries["pastorello2020"].fields["doi"] == "10.1038/s41597-020-0534-3"
    assert "% FLUXNET2015: 1 towers without an identifier" in text
    assert "XX-Six" in text.split("@")[0]
    assert "% Licence CC-BY-4.0: 3 towers" in text


def test_the_folder_holds_the_bibliography_that_its_card_links(folder: DatasetFolder) -> None:
    assert (folder.root / "citations.bib").read_text() == bibtex(owed(folder))
    assert "[citations.bib](citations.bib)" in (folder.root / "README.md").read_text()


def test_people_named_in_site_information_are_not_in_it(folder: DatasetFolder) -> None:
    assert not any(word in bibtex(owed(folder)) for word in ameriflux.PEOPLE)


def changed(folder: DatasetFolder, place: Path, text: str) -> DatasetFolder:
    shutil.copytree(folder.root, place)
    manifest = json.loads((place / "manifest.json").read_text())
    manifest["citations"] = [{"citation": text, "licence": "CC0-1.0", "towers": 3}]
    (place / "manifest.json").write_text(json.dumps(manifest))
    return DatasetFolder(place)


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("Me (2026), 50 % of {it}", {"title": r"Me (2026), 50 \% of (it)"}),
        ("Me (2026). My towers. doi:10.5281/zenodo.99.", {"doi": "10.5281/zenodo.99"}),
    ],
)
def test_a_citation_that_is_not_known_is_given_as_it_stands(
    folder: DatasetFolder, tmp_path: Path, text: str, fields: dict
) -> None:
    entries = parsed(bibtex(owed(changed(folder, tmp_path / "a", text)))).entries
    assert fields.items() <= dict(entries["source1"].fields).items()
    assert "pastorello2020" not in entries


@pytest.mark.parametrize("name", formats())
def test_what_every_archive_format_asks_for_is_cited(folder: DatasetFolder, tmp_path: Path, name: str) -> None:
    citation = formats()[name].CITATION
    text = bibtex(owed(changed(folder, tmp_path / "a", citation)))
    assert parsed(text).entries
    assert all(doi.rstrip(".:") in text for doi in re.findall(r"10\.\d+/\S+", citation))


def test_products_of_features_are_cited_where_the_folder_has_their_columns(small_folder: Path) -> None:
    keys = parsed(bibtex(owed(DatasetFolder(small_folder)))).entries.keys()
    assert {"mod09ga", "munozsabater2021"} <= set(keys)


def test_a_protocol_is_cited_with_its_towers_alone_and_a_family_with_those_of_its_folds(
    small_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(small_folder, place := tmp_path / "carbonbench")
    sites = pd.read_parquet(place / "sites.parquet")
    sites.assign(doi="10.1/" + sites["site_id"]).to_parquet(place / "sites.parquet")
    folder = DatasetFolder(place)

    def cited(name: str) -> set[str]:
        return set(parsed(bibtex(owed(folder, name))).entries) & set(sites["site_id"])

    protocol = folder.protocols["veg_holdout"]
    assert cited("veg_holdout") == {site for split in protocol.splits for site in protocol.sites(split)}
    family = next(p.family for p in folder.protocols.values() if p.family)
    folds = [p for p in folder.protocols.values() if p.family == family]
    assert cited(family) == {site for p in folds for split in p.splits for site in p.sites(split)}


def test_the_command_prints_bibtex_or_json_and_says_which_protocols_there_are(
    folder: DatasetFolder, capsys: pytest.CaptureFixture
) -> None:
    data = ["--data", str(folder.root)]
    assert main(["cite", *data]) == 0
    assert capsys.readouterr().out == bibtex(owed(folder))
    assert main(["cite", "--json", *data]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [entry["key"] for entry in told["entries"]][-2:] == ["XX-One", "XX-Two"]
    assert main(["cite", "veg_holdout", *data]) == 1
    assert "cannot be drawn" in capsys.readouterr().err


@given(st.lists(st.tuples(st.sampled_from(["title", "note", "author", "doi", "url"]), st.text()), max_size=6))
def test_whatever_the_text_the_bibtex_is_valid_and_its_braces_balance(pairs: list[tuple[str, str]]) -> None:
    entry = str(Entry("a key, {odd}", "misc", dict(pairs)))
    read = parsed(entry).entries
    assert set(read) == {"akeyodd"}
    depth = 0
    for character in entry:  # BibTeX counts every brace, whatever stands before it
        depth += (character == "{") - (character == "}")
        assert depth >= 0
    assert depth == 0
