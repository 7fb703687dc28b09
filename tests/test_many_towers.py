"""A folder of as many towers as the published benchmark has, with every protocol: its card and how fast it loads."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from carbonbench_core import card
from carbonbench_core.dataset_folder import DatasetFolder
from carbonbench_core.files import read_shard, sha256_of, write_shard
from carbonbench_core.leakage import leakage
from carbonbench_core.leakage_text import summary
from carbonbench_core.protocols import draw_all, part_file, rules, whole, write_edition
from tests.protocols.tables import worldwide
from tests.test_builder import in_fresh_process

TOWERS = 567


@pytest.fixture(scope="module")
def many(small_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> DatasetFolder:
    """Return a folder of 567 towers, whose shards are the first 40 days of one; its card is rendered from them."""
    root = tmp_path_factory.mktemp("many") / "carbonbench"
    small = DatasetFolder.open(small_folder)
    sites = worldwide(TOWERS)
    manifest = json.loads(json.dumps(small.manifest)) | {"shards": {}, "towers": TOWERS}
    parts = whole(sites["site_id"], dict(zip(sites["site_id"], sites["has_late"], strict=True)))
    (root / "data").mkdir(parents=True)
    first = next(iter(small.manifest["shards"]))
    write_shard(read_shard(small_folder / first).slice(0, 40), root / "shard.arrow")
    shard = root / "shard.arrow"
    told = {"rows": 40, "bytes": shard.stat().st_size, "sha256": sha256_of(shard)}
    for part in parts:
        os.link(root / "shard.arrow", root / part_file(*part))
        manifest["shards"][part_file(*part)] = told
    table = small.sites.sample(TOWERS, replace=True, random_state=0).reset_index(drop=True)
    sites = table.assign(**{name: sites[name] for name in sites}, tower_id=sites["site_id"], aliases="")
    drawn, unsupported = draw_all(sites)
    told = {n: summary(leakage(sites, p.sites("train"), p.sites("test"))) for n, p in drawn.items()}
    edition = write_edition(drawn, data_digest=small.data_digest, unsupported=unsupported, leakage=told)
    sites.to_parquet(root / "sites.parquet")
    (root / "manifest.json").write_text(json.dumps(manifest))
    (root / "protocols.json").write_text(edition)
    (root / "README.md").write_text(card.render(DatasetFolder(root)))
    return DatasetFolder.open(root)


def test_the_folder_has_every_protocol(many: DatasetFolder) -> None:
    assert len(many.protocols) > 40
    assert {p.rule for p in many.protocols.values()} == set(rules())


def test_the_card_is_at_most_half_a_megabyte_and_tells_the_leakage_of_every_protocol(many: DatasetFolder) -> None:
    text = (many.root / "README.md").read_text("utf-8")
    assert len(text.encode()) <= 500_000
    for name, protocol in many.protocols.items():
        assert f"`{name}`" in text
        assert f"{len(protocol.sites('test'))} test towers" in many.leakage[name]
        assert many.leakage[name] in text


@pytest.mark.parametrize("way", ["plain", "registered"])
def test_a_second_load_takes_less_than_two_seconds_after_import(many: DatasetFolder, tmp_path: Path, way: str) -> None:
    # Time of this process on the processor: on an idle machine hardly less than on the clock.
    code = (
        f"import time, datasets{', carbonbench' if way == 'registered' else ''}\nstarted = time.process_time()\n"
        "ds = datasets.load_dataset('carbonbench', 'veg_holdout')\n"
        "print(sum(d.num_rows for d in ds.values()), time.process_time() - started)\n"
    )
    first = in_fresh_process(code, many.root.parent, tmp_path / "hf")
    rows, seconds = in_fresh_process(code, many.root.parent, tmp_path / "hf").split()
    protocol = many.protocols["veg_holdout"]
    assert first.split()[0] == rows == str(40 * sum(map(len, protocol.splits.values())))
    assert float(seconds) < 2
