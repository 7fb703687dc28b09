"""The stand-in for the Hub, as the real clients see it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request as WebRequest
from urllib.request import urlopen

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from .client import push, run_client
from .folders import arrow_stream, read, write
from .messages import Request
from .routing import answer
from .server import Hub
from .store import Account, Blob, Store

REPO = "carbonbench/tiny"
BYTES = bytes(range(256)) * 1200  # 307,200 bytes in which every position of a period can be told from its neighbours

# Prints one word per expression: its value, or the name of the error it ends with.
OUTCOMES = """
import json, sys
from huggingface_hub import HfApi, CommitOperationAdd, CommitOperationDelete, hf_hub_download
api = HfApi()
def outcome(expression):
    try:
        return eval(expression)
    except Exception as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        return " ".join(map(str, filter(None, [type(error).__name__, status])))
print(json.dumps([outcome(expression) for expression in sys.argv[1:]]))
"""


def outcomes(hub: Hub, *expressions: str, token: str | None = None) -> list:
    return json.loads(run_client(hub, OUTCOMES, *expressions, token=token))


def calls(hub: Hub, start: str) -> list[str]:
    return [str(c) for c in hub.log if f"{c.method} {c.target}".startswith(start)]


FILES = {
    "README.md": b"---\nlicense: cc-by-4.0\n---\n# Tiny\n",
    "data/DE-Hai-early.arrow": arrow_stream(pa.table({"gpp": [1.0, None]})),
    "data/an empty file.txt": b"",
    "häufig/50 %.json": b"{}",
}


@pytest.mark.parametrize("kind", ["dataset", "model", "space"])
def test_what_upload_folder_pushes_snapshot_download_brings_back_byte_for_byte(
    hub: Hub, tmp_path: Path, kind: str
) -> None:
    write(tmp_path / "out", FILES)
    commit = push(hub, tmp_path / "out", kind, REPO)
    code = f"import huggingface_hub as h; h.snapshot_download('{REPO}', repo_type='{kind}', local_dir='in')"
    run_client(hub, code)
    assert hub.files(kind, REPO) == FILES == read(tmp_path / "in")
    # of the four files only the Arrow file is kept beside git
    assert len(calls(hub, "PUT /large-files")) == 1
    assert hub.store.repos[kind, REPO].head("main").id == commit


def test_when_a_folder_is_pushed_again_then_only_what_changed_is_sent(hub: Hub, tmp_path: Path) -> None:
    folder = write(tmp_path / "out", FILES)
    first = push(hub, folder, "dataset", REPO)
    assert push(hub, folder, "dataset", REPO) == first
    write(folder, {"data/new.arrow": BYTES})
    assert push(hub, folder, "dataset", REPO) != first
    assert len(calls(hub, "PUT /large-files")) == 2
    assert len(calls(hub, "POST /api/datasets/carbonbench/tiny/commit/main")) == 2


def test_a_read_through_the_file_system_asks_for_its_range_alone(hub: Hub) -> None:
    hub.add("dataset", REPO, {"data/a.arrow": BYTES, "b.txt": b"b"})
    code = """
from huggingface_hub import HfFileSystem
fs = HfFileSystem()
root = "datasets/carbonbench/tiny"
print(sorted(fs.glob(root + "/**/*.arrow")), fs.info(root + "/data/a.arrow")["size"], fs.isdir(root + "/data"))
with fs.open(root + "/data/a.arrow", block_size=1000, cache_type="none") as f:
    f.seek(100_000)
    print(f.read(50).hex())
print(fs.cat_file(root + "/data/a.arrow", start=-3).hex(), fs.cat(root + "/b.txt"))
"""
    lines = run_client(hub, code).splitlines()
    assert lines[0] == "['datasets/carbonbench/tiny/data/a.arrow'] 307200 True"
    assert lines[1] == BYTES[100_000:100_050].hex()
    assert lines[2] == "fdfeff b'b'"
    ranges = [c.range for c in hub.log if c.status == 206]
    assert ranges[:2] == ["bytes=100000-100049", "bytes=307197-307199"]


@given(data=st.binary(max_size=40), first=st.integers(0, 50), length=st.integers(1, 50))
def test_a_range_is_the_slice_it_names(data: bytes, first: int, length: int) -> None:
    store = Store({"t": Account("tester")})
    repo = store.create("model", "tester/m")
    repo.commit("main", {"f.bin": Blob(data, large=True)}, "f", "tester")

    def get(asked: str) -> tuple[int, bytes]:
        reply = answer(store, Request("GET", "/tester/m/resolve/main/f.bin", {"Range": asked}, b"", ""))
        return reply.status, reply.body

    inside = data[first : first + length]
    assert get(f"bytes={first}-{first + length - 1}") == ((206, inside) if inside else (416, b""))
    assert get(f"bytes={first}-") == ((206, data[first:]) if data[first:] else (416, b""))
    assert get(f"bytes=-{length}") == ((206, data[-length:]) if data else (416, b""))
    assert get("bytes=0-1,3-4") == (200, data)


def test_a_private_repository_exists_for_its_members_alone(hub: Hub) -> None:
    hub.add("dataset", REPO, {"a.txt": b"a"}, private=True)
    ask = ["api.dataset_info('carbonbench/tiny').id", "api.dataset_info('carbonbench/none').id"]
    ask += ["hf_hub_download('carbonbench/tiny', 'a.txt', repo_type='dataset') and 'there'"]
    lost = "RepositoryNotFoundError"
    assert outcomes(hub, *ask) == [REPO, f"{lost} 404", "there"]
    assert outcomes(hub, *ask, token=hub.stranger) == [f"{lost} 404", f"{lost} 404", f"{lost} 404"]
    assert outcomes(hub, *ask, token="") == [f"{lost} 401", f"{lost} 401", f"{lost} 401"]
    assert outcomes(hub, *ask, token="hf_wrong")[0] == "HfHubHTTPError 401"


def test_what_is_not_there_and_what_is_not_allowed_have_errors_of_their_own(hub: Hub) -> None:
    hub.add("model", REPO, {"a.txt": b"a"})
    got = outcomes(
        hub,
        "hf_hub_download('carbonbench/tiny', 'b.txt')",
        "hf_hub_download('carbonbench/tiny', 'a.txt', revision='v9')",
        "list(api.list_repo_tree('carbonbench/tiny', 'no/folder'))",
        "api.delete_file('b.txt', 'carbonbench/tiny')",
        "api.create_repo('carbonbench/tiny')",
        "api.create_repo('carbonbench/tiny', exist_ok=True).repo_id",
        "api.create_repo('others/tiny')",
        "api.get_paths_info('carbonbench/tiny', ['b.txt'])",
    )
    missing = ["RemoteEntryNotFoundError 404", "RevisionNotFoundError 404", "RemoteEntryNotFoundError 404"]
    taken = ["HfHubHTTPError 409", REPO, "HfHubHTTPError 403"]
    assert got == [*missing, "RemoteEntryNotFoundError 404", *taken, []]
    denied = "api.upload_file(path_or_fileobj=b'x', path_in_repo='a.txt', repo_id='carbonbench/tiny')"
    assert outcomes(hub, denied, token=hub.stranger) == ["HfHubHTTPError 403"]
    assert hub.files("model", REPO) == {"a.txt": b"a"}


def test_a_client_may_remove_a_folder_a_repository_and_nothing_of_others(hub: Hub) -> None:
    hub.add("model", REPO, {"a.txt": b"a", "d/b.txt": b"b", "d/e/c.txt": b"c", "df.txt": b"d"})
    who = "[api.whoami()['name'], api.whoami()['orgs'][0]['name']]"
    folder = "len(api.delete_folder('d', 'carbonbench/tiny').oid)"
    repo = "api.delete_repo('carbonbench/tiny')"
    assert outcomes(hub, repo, token=hub.stranger) == ["HfHubHTTPError 403"]
    assert outcomes(hub, who, folder) == [["tester", "carbonbench"], 40]
    assert hub.files("model", REPO) == {"a.txt": b"a", "df.txt": b"d"}
    assert outcomes(hub, repo, repo) == [None, "RepositoryNotFoundError 404"]


def test_when_the_parent_is_stale_then_the_commit_is_refused_and_nothing_changes(hub: Hub) -> None:
    old = hub.add("dataset", REPO, {"a.txt": b"1"})
    new = hub.add("dataset", REPO, {"a.txt": b"2"})
    commit = (
        "api.create_commit('carbonbench/tiny', [CommitOperationAdd('a.txt', b'3'), CommitOperationDelete('{}')], "
        "commit_message='m', repo_type='dataset', parent_commit='{}').oid"
    )
    stale, half = outcomes(hub, commit.format("a.txt", old), commit.format("none.txt", new))
    assert stale == "HfHubHTTPError 412"
    assert half == "RemoteEntryNotFoundError 404"  # and the first of its two changes is not made either
    assert hub.store.repos["dataset", REPO].head("main").id == new
    fresh = "api.upload_file(path_or_fileobj=b'3', path_in_repo='a.txt', repo_id='carbonbench/tiny', "
    assert len(outcomes(hub, fresh + f"repo_type='dataset', parent_commit='{new}').oid")[0]) == 40
    assert hub.files("dataset", REPO) == {"a.txt": b"3"}


def test_tags_branches_and_history_name_earlier_states(hub: Hub) -> None:
    first = hub.add("dataset", REPO, {"a.txt": b"1", "d/b.txt": b"1"})
    of = "repo_id='carbonbench/tiny', repo_type='dataset'"
    up = f"api.upload_file(path_or_fileobj=b'2', path_in_repo='a.txt', {of}, revision='{{}}').oid"
    info = f"[i.last_commit.oid for i in api.get_paths_info(paths=['a.txt', 'd'], expand=True, {of})]"
    got = outcomes(
        hub,
        f"api.create_tag(tag='v1', tag_message='one', {of})",
        f"api.create_branch(branch='next/try', {of})",
        up.format("main"),
        up.format("v1"),
        f"[r.name for r in api.list_repo_refs({of}).branches + api.list_repo_refs({of}).tags]",
        f"[c.title for c in api.list_repo_commits({of})]",
        f"[open(hf_hub_download(filename='a.txt', revision=r, {of})).read() for r in ('v1', 'main', 'next/try')]",
        info,
        f"api.delete_tag(tag='v1', {of}) or api.delete_branch(branch='next/try', {of})",
        f"[r.name for r in api.list_repo_refs({of}).branches + api.list_repo_refs({of}).tags]",
    )
    assert got[3] == "RevisionNotFoundError 404"  # a tag stays where it is
    assert got[4] == ["main", "next/try", "v1"]
    assert got[5] == ["Upload a.txt with huggingface_hub", "Add files", "initial commit"]
    assert got[6] == ["1", "2", "1"]
    assert got[7] == [got[2], first]
    assert got[9] == ["main"]


def test_when_a_listing_is_long_then_it_comes_in_pages(tmp_path: Path) -> None:
    with Hub(tmp_path, page_size=2) as hub:
        hub.add("dataset", REPO, {f"d/{n}.txt": b"" for n in range(4)})
        of = "'carbonbench/tiny', repo_type='dataset'"
        tree, top = outcomes(
            hub,
            f"[i.path for i in api.list_repo_tree({of}, recursive=True)]",
            f"[i.path for i in api.list_repo_tree({of})]",
        )
        # .gitattributes, d and four files: three pages of two; at the top level the first two only: one page
        assert tree == [".gitattributes", "d", *(f"d/{n}.txt" for n in range(4))]
        assert top == [".gitattributes", "d"]
        assert len(calls(hub, "GET /api/datasets/carbonbench/tiny/tree/main")) == 4


def test_an_ordered_failure_hits_as_often_as_ordered_and_the_client_tries_again(hub: Hub, tmp_path: Path) -> None:
    fault = hub.fail("^PUT /large-files", status=500)
    push(hub, write(tmp_path / "out", FILES), "dataset", REPO)
    assert (fault.hits, fault.left) == (1, 0)
    assert [c.rsplit("->")[1] for c in calls(hub, "PUT")] == [" 500 on order", " 200"]
    assert hub.files("dataset", REPO) == FILES


def test_an_ordered_404_is_the_error_its_headers_name(hub: Hub) -> None:
    hub.add("dataset", REPO, {"a.txt": b"a"})
    hub.fail("resolve/main/a.txt", status=404, times=1, headers={"X-Error-Code": "EntryNotFound"})
    hub.fail("/api/datasets/carbonbench/tiny", status=403, times=math.inf, headers={"X-Error-Code": "GatedRepo"})
    get = "open(hf_hub_download('carbonbench/tiny', 'a.txt', repo_type='dataset')).read()"
    info = "api.dataset_info('carbonbench/tiny')"
    gated = "GatedRepoError 403"
    assert outcomes(hub, get, get, info, info) == ["RemoteEntryNotFoundError 404", "a", gated, gated]


def test_when_the_line_breaks_then_the_download_goes_on_where_it_stopped(hub: Hub) -> None:
    chunk = 10 * 2**20  # [byte] the client writes in chunks of this size, so that is where it can go on
    data = BYTES * (chunk // len(BYTES) + 2)
    hub.add("dataset", REPO, {"a.arrow": data})
    hub.fail("^GET .*a.arrow", drop_after_bytes=chunk + 100_000)
    code = f"import huggingface_hub as h; print(h.hf_hub_download('{REPO}', 'a.arrow', repo_type='dataset'))"
    path = run_client(hub, code).strip()
    assert Path(path).read_bytes() == data
    gets = [c for c in hub.log if c.method == "GET" and c.target.endswith("a.arrow")]
    assert [(c.status, c.range) for c in gets] == [(200, ""), (206, f"bytes={chunk}-")]


def test_when_the_answer_to_a_commit_is_lost_then_the_commit_stands(hub: Hub) -> None:
    hub.add("dataset", REPO, {"a.txt": b"1"})
    hub.fail("^POST .*/commit/", drop_after_bytes=0)
    up = "api.upload_file(path_or_fileobj=b'2', path_in_repo='a.txt', repo_id='carbonbench/tiny', repo_type='dataset')"
    assert outcomes(hub, up) == ["RemoteProtocolError"]
    assert hub.files("dataset", REPO) == {"a.txt": b"2"}


def test_a_large_file_is_taken_only_as_announced(hub: Hub) -> None:
    def put(name: str, data: bytes) -> int:
        try:
            return urlopen(WebRequest(f"{hub.url}/large-files/{name}", data, method="PUT")).status
        except HTTPError as error:
            return error.code

    blob = Blob(b"abc")
    assert put(blob.sha256, b"abc") == 403
    hub.store.announced[blob.sha256] = 3
    assert put(blob.sha256, b"abd") == 400
    assert put(blob.sha256, b"abc") == 200
    assert hub.store.large == {blob.sha256: b"abc"}


def test_when_the_hub_itself_fails_then_its_block_says_so(tmp_path: Path) -> None:
    def ask_nonsense() -> None:
        with Hub(tmp_path) as hub:
            request = WebRequest(f"{hub.url}/api/repos/create", b"{}", {"Authorization": f"Bearer {hub.token}"})
            with pytest.raises(HTTPError, match="501"):
                urlopen(request)

    with pytest.raises(RuntimeError, match="KeyError: 'name'"):
        ask_nonsense()
