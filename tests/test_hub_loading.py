"""A dataset folder on the Hub: loaded by plain `datasets`, by name after import, and by `carbonbench.load`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import carbonbench

from .hub.client import LIGHT, push, run_client
from .hub.server import Hub

REPO = "carbonbench/carbonbench"
ROWS = "{s: (d.num_rows, round(sum(v for v in d['gpp'] if v is not None), 6)) for s, d in ds.items()}"


@pytest.fixture(scope="module")
def hub(small_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with Hub(tmp_path_factory.mktemp("hub")) as hub:
        push(hub, small_folder, "dataset", REPO)
        yield hub


@pytest.fixture
def expected(small_folder: Path) -> str:
    ds = carbonbench.load("climate_holdout", small_folder)
    return str({s: (d.num_rows, round(sum(v for v in d["gpp"] if v is not None), 6)) for s, d in ds.items()})


def test_plain_datasets_loads_the_repository(hub: Hub, expected: str) -> None:
    code = f"from datasets import load_dataset\nds = load_dataset('{REPO}', 'climate_holdout')\nprint({ROWS})"
    assert run_client(hub, code, **LIGHT).strip() == expected


def test_the_name_finds_the_repository_of_the_environment(hub: Hub, expected: str) -> None:
    code = (
        "import carbonbench, datasets\n"
        f"ds = datasets.load_dataset('carbonbench', 'climate_holdout', feature_set='minimal')\nprint({ROWS})"
    )
    assert run_client(hub, code, CARBONBENCH_REPO=REPO, **LIGHT).strip() == expected


def test_load_maps_shards_of_the_repository_and_fetches_only_those_of_the_protocol(hub: Hub, expected: str) -> None:
    code = f"import carbonbench\nds = carbonbench.load('climate_holdout', 'hf://datasets/{REPO}')\nprint({ROWS})"
    assert run_client(hub, code, **LIGHT).strip() == expected


def test_streaming_reads_the_first_rows_without_the_rest(hub: Hub, small_folder: Path) -> None:
    code = (
        "import carbonbench, datasets\n"
        "ds = datasets.load_dataset('carbonbench', 'climate_holdout', split='test', streaming=True)\n"
        "print(next(iter(ds))['site_id'])"
    )
    before = len(hub.log)
    printed = run_client(hub, code, CARBONBENCH_REPO=REPO, **LIGHT).strip()
    assert printed == carbonbench.load("climate_holdout", small_folder)["test"][0]["site_id"]
    shards = {
        str(call).split("data/")[-1] for call in hub.log[before:] if "/resolve/" in str(call) and "data/" in str(call)
    }
    assert len(shards) < 5


def test_a_repository_that_does_not_exist_is_one_clear_error(hub: Hub) -> None:
    code = (
        "import carbonbench\n"
        "try:\n    carbonbench.load('veg_holdout', 'hf://datasets/carbonbench/nosuch')\n"
        "except carbonbench.CarbonBenchError as error:\n    print(error)"
    )
    assert "Cannot read hf://datasets/carbonbench/nosuch from the Hub" in run_client(hub, code, **LIGHT)
