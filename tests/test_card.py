"""The card of a dataset folder: rendered from the folder, never by hand, with what the Hub asks of a card."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from huggingface_hub import DatasetCard

from carbonbench_core import card
from carbonbench_core.dataset_folder import DatasetFolder
from carbonbench_core.leakage_folder import summaries


@pytest.fixture(scope="module")
def folder(small_folder: Path) -> DatasetFolder:
    return DatasetFolder.open(small_folder)


@pytest.fixture(scope="module")
def text(folder: DatasetFolder) -> str:
    return (folder.root / "README.md").read_text("utf-8")


def changed(folder: DatasetFolder, tmp_path: Path, **manifest: object) -> str:
    """Return the card of the folder with another manifest."""
    for name in ("sites.parquet", "protocols.json"):
        shutil.copyfile(folder.root / name, tmp_path / name)
    (tmp_path / "manifest.json").write_text(json.dumps(folder.manifest | manifest))
    return card.render(DatasetFolder(tmp_path))


def test_the_card_in_the_folder_is_what_its_metadata_render_to(folder: DatasetFolder, text: str) -> None:
    assert card.render(folder) == text


def test_a_changed_folder_makes_the_card_stale(folder: DatasetFolder, text: str, tmp_path: Path) -> None:
    counts = folder.manifest["counts"]
    assert changed(folder, tmp_path, counts=counts | {"inserted_days": 12_345}) != text


def test_the_hub_reads_its_front_matter(text: str, folder: DatasetFolder) -> None:
    data = DatasetCard(text).data.to_dict()
    assert data["license"] == "cc0-1.0"
    assert {"tabular-regression", "time-series-forecasting"} == set(data["task_categories"])
    assert data["size_categories"] == ["10K<n<100K"]
    assert [c["config_name"] for c in data["configs"]] == [i["config_name"] for i in data["dataset_info"]]
    protocol = folder.protocol("veg_holdout")
    told = next(info for info in data["dataset_info"] if info["config_name"] == "veg_holdout")
    rows = {split["name"]: split["num_examples"] for split in told["splits"]}
    shards = folder.manifest["shards"]
    assert rows == {split: sum(shards[f]["rows"] for f in files) for split, files in protocol.splits.items()}


def test_licences_that_differ_are_told_one_by_one(folder: DatasetFolder, tmp_path: Path) -> None:
    cited = [
        {"citation": "One, https://a.example", "licence": "CC-BY-4.0", "towers": 20, "sites": ["SY-001"]},
        {"citation": "Two, https://b.example", "licence": "on request", "towers": 10, "sites": ["SY-002"]},
    ]
    text = changed(folder, tmp_path, citations=cited)
    assert yaml.safe_load(text.split("---")[1])["license"] == "other"
    for each in cited:
        assert f"- {each['towers']} towers, {each['licence']}: {each['citation']}" in text
    alone = changed(folder, tmp_path, citations=cited[1:])
    assert yaml.safe_load(alone.split("---")[1])["license"] == "other"  # the Hub knows no such code
    assert yaml.safe_load(changed(folder, tmp_path, citations=cited[:1]).split("---")[1])["license"] == "cc-by-4.0"


def test_every_network_and_product_stands_there_with_towers_and_licence(folder: DatasetFolder, text: str) -> None:
    sites = folder.sites
    years = f"{sites['first_day'].min()[:4]}-{sites['last_day'].max()[:4]}"
    assert f"| SYNTHETIC | {sites['product'].iloc[0]} | {len(sites)} | {years} | CC0-1.0 |" in text


def test_every_column_has_its_unit_and_every_protocol_its_counts_and_leakage(folder: DatasetFolder, text: str) -> None:
    for name in folder.columns:
        assert f"| `{name}` | " in text
    told = summaries(folder, folder.protocols)
    for name, protocol in folder.protocols.items():
        assert f"`{name}`" in text
        assert told[name] in text
        if not protocol.family:
            assert f"| `{name}` | test | {len(protocol.sites('test'))} |" in text


def test_the_citation_is_bibtex_and_limits_are_said_with_their_counts(folder: DatasetFolder, text: str) -> None:
    block = text.split("```bibtex\n")[1].split("```")[0]
    assert block.count("@") >= 2
    assert "ERA5-Land" in block
    counts = folder.manifest["counts"]
    share = round(100 * counts["gpp_missing"] / counts["rows_written"])
    assert f"GPP {share} %" in text.split("## Known limits")[1]
