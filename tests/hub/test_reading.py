"""Reading from a Hub that fails or lies: what passes is tried again, all else is one clear error."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from carbonbench_core.dataset_folder import DatasetFolder
from carbonbench_core.errors import DatasetFolderError
from carbonbench_core.protocols import Protocol, read_edition, write_edition

from .client import LIGHT, run_client
from .server import Hub

# One client reads many repositories, each with an empty cache.
READ = """
import json, sys, tempfile, traceback
import huggingface_hub.constants as constants
from carbonbench_core.dataset_folder import DatasetFolder
from carbonbench_core.errors import CarbonBenchError
from carbonbench_core.files import read_shard
said = {}
for repo in sys.argv[1:]:
    constants.HF_HUB_CACHE = tempfile.mkdtemp()
    try:
        folder = DatasetFolder.open("hf://datasets/carbonbench/" + repo)
        shards = folder.protocol("veg_holdout").splits["train"][:4]
        said[repo] = sum(read_shard(path).num_rows for path in folder.paths(shards))
    except CarbonBenchError as error:
        said[repo] = str(error)
    except Exception:
        said[repo] = "TRACEBACK " + traceback.format_exc()
print(json.dumps(said))
"""
SHARD = "data/.*-early.arrow"
# repository -> method and file of the requests that fail, and how
PASSING = {
    "http500": ("HEAD .*manifest.json", {"status": 500}),
    "http429": (f"HEAD .*{SHARD}", {"status": 429, "headers": {"Retry-After": "1"}}),
    "http503": (f"GET .*{SHARD}", {"status": 503}),
    "dropped": (f"GET .*{SHARD}", {"drop_after_bytes": 1000}),
    "list504": ("HEAD .*protocols.json", {"status": 504}),
}
REFUSED = {
    "http401": ("HEAD .*manifest.json", {"status": 401}, "No valid token"),
    "http403": (f"HEAD .*{SHARD}", {"status": 403}, "The token may not do this"),
    "http404": ("HEAD .*", {"status": 404, "headers": {"X-Error-Code": "RepoNotFound"}}, "no such repository"),
}


@pytest.fixture(scope="module")
def content(small_folder: Path) -> dict[str, bytes]:
    return {p.relative_to(small_folder).as_posix(): p.read_bytes() for p in small_folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with Hub(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


@pytest.fixture(scope="module")
def said(hub: Hub, content: dict[str, bytes]) -> dict:
    """Return what the client said of every repository."""
    for repo, (match, order) in PASSING.items():
        hub.fail(match.replace(" ", f" .*carbonbench/{repo}/resolve/", 1), **order)
    for repo, (match, order, _) in REFUSED.items():
        told = {"X-Error-Message": f"Bearer {hub.token} refused"} | order.get("headers", {})
        hub.fail(match.replace(" ", f" .*carbonbench/{repo}/resolve/", 1), times=math.inf, **order | {"headers": told})
    poisoned = {name: made(content) for name, made in POISON.items()}
    for repo, files in {**dict.fromkeys([*PASSING, *REFUSED], content), **poisoned}.items():
        hub.add("dataset", f"carbonbench/{repo}", files)
    return json.loads(run_client(hub, READ, *PASSING, *REFUSED, *POISON, "nosuch", **LIGHT).splitlines()[-1])


def wrong_bytes(content: dict[str, bytes]) -> dict[str, bytes]:
    """Return a dataset of which one training shard has another last byte."""
    protocol = read_edition(json.loads(content["protocols.json"]))["veg_holdout"]
    name = protocol.splits["train"][0]
    return content | {name: content[name][:-1] + bytes([content[name][-1] ^ 1])}


def outside(path: str) -> object:
    """Return a function to a dataset whose protocol and manifest name a file elsewhere, digests and all."""

    def made(content: dict[str, bytes]) -> dict[str, bytes]:
        told, manifest = json.loads(content["protocols.json"]), json.loads(content["manifest.json"])
        frozen = read_edition(told)
        entry = frozen["veg_holdout"].to_json()
        del entry["digest"]
        entry["splits"]["train"] = [path]
        frozen["veg_holdout"] = Protocol(**entry)
        manifest["shards"][path] = {"rows": 1, "bytes": 1, "sha256": hashlib.sha256(b"x").hexdigest()}
        edition = write_edition(frozen, data_digest=manifest["data_digest"], unsupported={}, leakage={})
        return content | {"protocols.json": edition.encode(), "manifest.json": json.dumps(manifest).encode()}

    return made


EVIL = b"open('owned', 'w').write('x')"
POISON = {
    "wrongbytes": wrong_bytes,
    "outside": outside("../../../escaped.arrow"),
    "absolute": outside("/etc/hostname"),
    "pickled": outside("data/a.pkl"),
    "scripted": lambda content: content | {"scripted.py": EVIL, "carbonbench.py": EVIL, "data/x.py": EVIL},
    "unfinished": lambda content: {name: data for name, data in content.items() if name != "sites.parquet"},
    "another": lambda content: {"README.md": b"# Something else"},
}


@pytest.fixture(scope="module")
def rows(small_folder: Path) -> int:
    """Return how many rows the first four training shards have."""
    folder = DatasetFolder.open(small_folder)
    return sum(folder.manifest["shards"][file]["rows"] for file in folder.protocol("veg_holdout").splits["train"][:4])


@pytest.mark.parametrize("repo", PASSING)
def test_what_passes_is_tried_again(said: dict, rows: int, repo: str) -> None:
    assert said[repo] == rows


@pytest.mark.parametrize("repo", REFUSED)
def test_a_refusal_is_one_clear_error(said: dict, repo: str) -> None:
    assert "from the Hub" in said[repo]
    assert REFUSED[repo][-1] in said[repo]


def test_no_error_names_the_token(said: dict, hub: Hub) -> None:
    assert hub.token not in json.dumps(said)
    assert "Bearer [token] refused" in said["http403"]


def test_bytes_that_the_manifest_does_not_name_are_refused(said: dict) -> None:
    assert "are not the ones that its manifest names" in said["wrongbytes"]


@pytest.mark.parametrize("repo", ["outside", "absolute", "pickled"])
def test_a_file_that_is_no_shard_is_not_read(said: dict, hub: Hub, repo: str) -> None:
    assert "It is not read" in said[repo]
    asked = [call.target for call in hub.log if f"/{repo}/resolve/" in call.target]
    assert not [target for target in asked if "escaped" in target or "hostname" in target or ".pkl" in target]


def test_code_in_a_dataset_repository_is_left_there(said: dict, hub: Hub, rows: int) -> None:
    assert said["scripted"] == rows
    assert not [call for call in hub.log if call.target.endswith(".py")]
    assert not list(hub.folder.rglob("owned"))


def test_what_is_no_dataset_of_ours_is_said_to_be_none(said: dict) -> None:
    assert "sites.parquet not found" in said["unfinished"]
    assert "carbonbench/another has no manifest.json" in said["another"]
    assert "no such repository" in said["nosuch"]


def test_a_local_folder_cannot_name_files_elsewhere_either(content: dict[str, bytes], tmp_path: Path) -> None:
    for name, data in outside("../escaped.arrow")(content).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    with pytest.raises(DatasetFolderError, match="It is not read"):
        DatasetFolder.open(tmp_path).paths(["../escaped.arrow"])


def test_a_dataset_that_was_read_is_there_without_the_hub(hub: Hub, content: dict[str, bytes], rows: int) -> None:
    hub.add("dataset", "carbonbench/kept", content)
    code = READ.replace("tempfile.mkdtemp()", "'cache'")
    assert json.loads(run_client(hub, code, "kept", **LIGHT)) == {"kept": rows}
    before = len(hub.log)
    assert json.loads(run_client(hub, code, "kept", HF_HUB_OFFLINE="1", **LIGHT)) == {"kept": rows}
    assert len(hub.log) == before


@pytest.mark.slow
@pytest.mark.parametrize(("status", "words"), [(500, "answered 500"), (429, "asks to slow down")])
def test_a_hub_that_stays_down_is_one_clear_error_in_the_end(
    hub: Hub, content: dict[str, bytes], status: int, words: str
) -> None:
    hub.add("dataset", f"carbonbench/down{status}", content)
    hub.fail(f"carbonbench/down{status}/resolve", status=status, times=math.inf)
    assert words in json.loads(run_client(hub, READ, f"down{status}", **LIGHT))[f"down{status}"]
