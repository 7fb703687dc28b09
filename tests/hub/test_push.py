"""`carbonbench push`: what travels, what is kept back, and what a failing Hub leaves behind."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .client import FOREIGN, LIGHT, run_client
from .server import Hub

REPO = "carbonbench/carbonbench"
CLI = "import sys; from carbonbench_core.cli import main; code = main(sys.argv[1:]); print('exit', code)"
EVALUATE = "import sys; sys.modules['transformers'] = None; import evaluate; del sys.modules['transformers']\n"


def carbonbench(hub: Hub, *args: object, token: str | None = None, **env: str) -> str:
    """Return what a command prints, errors included, and its exit code."""
    code = f"import contextlib, sys\nwith contextlib.redirect_stderr(sys.stdout):\n    exec({CLI!r})"
    return run_client(hub, code, *args, token=token, **LIGHT, **env)


def push(hub: Hub, folder: Path, *more: object, **kwargs: str) -> str:
    return carbonbench(hub, "push", "dataset", folder, "--repo", REPO, "--synthetic", *more, **kwargs)


def commits(hub: Hub) -> int:
    """Return how many commits were made on top of the Hub's own first one."""
    repo = hub.store.repos.get(("dataset", REPO))
    return len(list(repo.revision("main").history())) - 1 if repo else 0


def sent(hub: Hub, since: int = 0) -> list[str]:
    """Return the large files that were sent, by their digest."""
    return [c.target.rsplit("/", 1)[-1] for c in hub.log[since:] if c.method == "PUT" and c.status == 200]


@pytest.fixture
def folder(small_folder: Path, tmp_path: Path) -> Path:
    """Return a dataset folder of the test's own."""
    return Path(shutil.copytree(small_folder, tmp_path / "carbonbench"))


def expected(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


class TestDataset:
    def test_a_folder_arrives_whole_by_one_commit_and_again_nothing_travels(self, hub: Hub, folder: Path) -> None:
        assert "exit 0" in push(hub, folder)
        assert hub.files("dataset", REPO) == expected(folder)
        assert commits(hub) == 1
        before = len(hub.log)
        assert "nothing to push" in push(hub, folder)
        assert commits(hub) == 1
        assert sent(hub, before) == []

    def test_what_somebody_else_put_there_stays(self, hub: Hub, folder: Path) -> None:
        put = "from huggingface_hub import HfApi; a = HfApi(); a.create_repo({0!r}, repo_type='dataset')\n"
        put += "for p in ('precious.bin', 'data/own.arrow', 'manifest.json'):\n"
        put += "    a.upload_file(path_or_fileobj=b'dear', path_in_repo=p, repo_id={0!r}, repo_type='dataset')"
        run_client(hub, put.format(REPO))
        assert "0 removed" in push(hub, folder)
        theirs = {"precious.bin": b"dear", "data/own.arrow": b"dear"}
        assert hub.files("dataset", REPO) == theirs | expected(folder)
        (folder / "README.md").write_text("another card")
        assert "1 changed, 0 removed" in push(hub, folder)
        assert theirs.items() <= hub.files("dataset", REPO).items()

    @pytest.mark.parametrize("name", ["carbonbench/a..b", "carbonbench/a--b", "carbonbench/naïve", "carbonbench/x.git"])
    def test_a_name_that_the_hub_does_not_take_is_wrong_use(self, hub: Hub, folder: Path, name: str) -> None:
        told = carbonbench(hub, "push", "dataset", folder, "--repo", name, "--synthetic")
        assert "exit 2" in told
        assert "Got repository" in told

    def test_only_changed_shards_travel_and_removed_ones_go(self, hub: Hub, folder: Path) -> None:
        push(hub, folder)
        manifest = json.loads((folder / "manifest.json").read_text())
        first, second, *_ = sorted(manifest["shards"])
        (folder / first).unlink()
        del manifest["shards"][first]
        (folder / second).write_bytes(data := (folder / second).read_bytes() + b"\0")
        import hashlib

        manifest["shards"][second] |= {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        (folder / "manifest.json").write_text(json.dumps(manifest))
        before = len(hub.log)
        assert "0 files added, 2 changed, 1 removed" in push(hub, folder)
        assert sent(hub, before) == [hashlib.sha256(data).hexdigest()]
        assert hub.files("dataset", REPO) == expected(folder)

    def test_code_never_travels_though_it_stands_in_the_folder(self, hub: Hub, folder: Path) -> None:
        (folder / "carbonbench.py").write_text("raise SystemExit")
        (folder / "data" / "notes.py").write_text("raise SystemExit")
        push(hub, folder)
        assert not [name for name in hub.files("dataset", REPO) if name.endswith(".py")]

    def test_a_dry_run_lists_what_would_go_and_touches_nothing(self, hub: Hub, folder: Path) -> None:
        said = push(hub, folder, "--dry-run")
        assert "would push" in said
        assert "+ README.md" in said
        assert ("dataset", REPO) not in hub.store.repos

    def test_a_synthetic_folder_is_refused_unless_it_is_asked_for(self, hub: Hub, folder: Path) -> None:
        said = carbonbench(hub, "push", "dataset", folder, "--repo", REPO)
        assert "SYNTHETIC" in said
        assert "exit 2" in said
        assert ("dataset", REPO) not in hub.store.repos

    def test_a_damaged_shard_is_not_pushed(self, hub: Hub, folder: Path) -> None:
        shard = next((folder / "data").glob("*.arrow"))
        shard.write_bytes(shard.read_bytes()[:-8])
        said = push(hub, folder)
        assert "are not as they were written" in said
        assert shard.name in said
        assert "exit 1" in said

    def test_private_and_branch_are_as_asked(self, hub: Hub, folder: Path) -> None:
        push(hub, folder, "--private", "--revision", "next")
        repo = hub.store.repos["dataset", REPO]
        assert repo.private
        assert set(repo.branches) == {"main", "next"}
        assert hub.files("dataset", REPO, "next") == expected(folder)
        assert hub.files("dataset", REPO, "main") == {}

    @pytest.mark.parametrize("name", ["carbonbench", "a/b/c", "../x", ""])
    def test_a_repository_needs_both_parts_of_its_name(self, hub: Hub, folder: Path, name: str) -> None:
        said = carbonbench(hub, "push", "dataset", folder, "--repo", name, "--synthetic")
        assert "expected ORG/NAME" in said
        assert "exit 2" in said


class TestAFailingHub:
    @pytest.mark.parametrize(
        ("match", "order"),
        [
            ("GET .*/revision/", {"status": 500}),
            ("GET .*/tree/", {"status": 503}),
            ("POST .*/preupload/", {"status": 502}),
            ("POST .*objects/batch", {"status": 504}),
            ("PUT /large-files", {"status": 500}),
            ("POST .*/commit/", {"status": 429, "headers": {"Retry-After": "1"}}),
            ("POST .*/commit/", {"status": 503}),
            ("PUT /large-files", {"drop_after_bytes": 0}),
            ("GET .*/tree/", {"drop_after_bytes": 20}),
            ("POST /api/repos/create", {"status": 500}),
        ],
    )
    def test_what_passes_is_tried_again(self, hub: Hub, folder: Path, match: str, order: dict) -> None:
        fault = hub.fail(match, **order)
        assert "exit 0" in push(hub, folder)
        assert fault.hits == 1
        assert hub.files("dataset", REPO) == expected(folder)
        assert commits(hub) == 1

    def test_a_commit_whose_answer_was_lost_is_found_and_not_made_twice(self, hub: Hub, folder: Path) -> None:
        hub.fail("POST .*/commit/", drop_after_bytes=0)
        assert "exit 0" in push(hub, folder)
        assert commits(hub) == 1
        assert hub.files("dataset", REPO) == expected(folder)

    def test_a_stale_parent_is_compared_anew(self, hub: Hub, folder: Path) -> None:
        hub.fail("POST .*/commit/", status=412)
        assert "exit 0" in push(hub, folder)
        assert commits(hub) == 1

    def test_others_who_are_always_faster_are_one_clear_error(self, hub: Hub, folder: Path) -> None:
        hub.fail("POST .*/commit/", status=412, times=math.inf)
        said = push(hub, folder)
        assert "changed by others" in said
        assert "exit 1" in said
        assert hub.files("dataset", REPO) == {}

    @pytest.mark.parametrize(
        ("status", "words"),
        [(401, "No valid token"), (403, "write access"), (404, "no such repository"), (400, "answered 400")],
    )
    def test_a_refusal_is_one_clear_error_at_once(self, hub: Hub, folder: Path, status: int, words: str) -> None:
        fault = hub.fail("POST .*/preupload/", status=status, times=math.inf)
        said = push(hub, folder)
        assert words in said
        assert "exit 1" in said
        assert "Traceback" not in said
        assert fault.hits == 1
        assert hub.files("dataset", REPO) == {}

    def test_a_hub_that_hangs_is_left_in_time(self, hub: Hub, folder: Path) -> None:
        hub.fail("GET .*/revision/", hang=30, times=math.inf)
        started = time.monotonic()
        said = push(hub, folder, CARBONBENCH_HUB_TIMEOUT="0.2")
        assert "did not answer within 0.2 s" in said
        assert time.monotonic() - started < 25

    def test_bytes_that_the_hub_finds_wrong_are_no_commit(self, hub: Hub, folder: Path) -> None:
        hub.fail("PUT /large-files", status=400, times=math.inf)
        assert "exit 1" in push(hub, folder)
        assert hub.files("dataset", REPO) == {}

    def test_a_stranger_may_not_write(self, hub: Hub, folder: Path) -> None:
        said = push(hub, folder, token=hub.stranger)
        assert "answered 403" in said
        assert hub.stranger not in said

    def test_a_killed_push_leaves_the_old_state_and_the_next_sends_only_the_rest(self, hub: Hub, folder: Path) -> None:
        hub.fail("POST .*/commit/", hang=60)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}
        args = [sys.executable, "-c", CLI, "push", "dataset", str(folder), "--repo", REPO, "--synthetic"]
        process = subprocess.Popen(args, env=kept | hub.env() | LIGHT, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not any("/commit/" in target for target in hub.waiting) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert hub.files("dataset", REPO) == {}
        before = len(hub.log)
        assert "exit 0" in push(hub, folder)
        assert sent(hub, before) == []
        assert hub.files("dataset", REPO) == expected(folder)


class TestTokens:
    def test_a_token_is_in_no_output_manifest_or_error(self, hub: Hub, folder: Path) -> None:
        hub.fail("POST .*/preupload/", status=403, times=1, headers={"X-Error-Message": f"Bearer {hub.token} refused"})
        said = push(hub, folder) + push(hub, folder)
        assert hub.token not in said
        assert "[token]" in said
        assert not [name for name, data in hub.files("dataset", REPO).items() if hub.token.encode() in data]


class TestMetric:
    def test_the_metric_is_loaded_from_its_space(self, hub: Hub) -> None:
        assert "exit 0" in carbonbench(hub, "push", "metric", "--repo", "carbonbench/stratified_skill")
        assert {"app.py", "README.md", "requirements.txt"} <= set(hub.files("space", "carbonbench/stratified_skill"))
        code = f"""{EVALUATE}
skill = evaluate.load("carbonbench/stratified_skill")
print(skill.compute(predictions=[1., 2., 4.], references=[1., 2., 3.], site_id=["a"] * 3, igbp=["DBF"] * 3,
                    koppen_main=["C"] * 3, date=["2001-01-01", "2001-01-02", "2001-01-03"])["r2"]["q50"])
"""
        assert float(run_client(hub, code, **LIGHT)) == 0.5  # 1 - 1 / 2
