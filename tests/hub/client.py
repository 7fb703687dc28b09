"""The client's side of a test, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from .server import Hub

# What a user's own shell may set and a test must not see.
FOREIGN = ("HF_", "HUGGINGFACE_", "TRANSFORMERS_", "HUB_", "XDG_CACHE")


# For `run_client(..., **LIGHT)`: datasets then leaves torch alone, which saves its import.
LIGHT = {"USE_TORCH": "0"}

PUSH = """
import sys
from huggingface_hub import HfApi
folder, kind, repo = sys.argv[1:]
HfApi().create_repo(repo, repo_type=kind, exist_ok=True, space_sdk="static" if kind == "space" else None)
print(HfApi().upload_folder(repo_id=repo, repo_type=kind, folder_path=folder, commit_message="Push").oid)
"""


def push(hub: Hub, folder: Path, kind: str, repo_id: str) -> str:
    """Let a client push a folder, creating the repository if need be, and return the commit's id."""
    return run_client(hub, PUSH, folder, kind, repo_id).strip()


def run_client(
    hub: Hub, code: str, *args: object, home: str | Path | None = None, token: str | None = None, **env: str
) -> str:
    """Run Python code against the Hub and return what it prints.

    Parameters
    ----------
    hub : Hub
    code : str, Python; `args` are its sys.argv[1:]
    home : path or None, HF_HOME; None for a fresh one, so that no cache stands between client and Hub
    token : str or None, "" for an anonymous client
    env : str, further environment variables

    Raises
    ------
    AssertionError : the code ended with an error, which is told with the last requests
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN) and not k.lower().endswith("_proxy")}
    home = home or tempfile.mkdtemp(prefix="home-", dir=hub.folder)
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, args)],
        cwd=hub.folder,
        env=kept | hub.env(home, token) | env,
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode:
        calls = "\n".join(map(str, hub.log[-20:]))
        raise AssertionError(f"The client ended with {done.returncode}.\n{done.stderr}\nLast requests:\n{calls}")
    return done.stdout
