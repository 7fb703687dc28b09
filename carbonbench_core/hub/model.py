"""Models on the Hub: a saved baseline with its card; fetched as data, never as code.

A model repository is what `save_pretrained` writes: `config.json`, which names its weights with their digests, the
inputs, units and class codes, and for a network also the architecture's own files, which `AutoModel` runs with
``trust_remote_code=True``. This package has the architectures itself and takes no code from a repository.
"""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import HubError, UsageError, first_few
from ..files import sha256_of
from ..fold import ROW
from ._client import REPO_ID, api, check_repo, download, patiently
from ._push import Content, Push, push
from .model_card import knows_synthetic_towers, render

CONFIG, CARD = "config.json", "README.md"
WEIGHTS = (".safetensors", ".txt", ".json", ".npz", ".ubj", ".skops")  # formats that hold no code
MODEL = "model"  # the folder of the model below that of its run


def push_model(
    run: str | Path, repo_id: str, *, private: bool = False, revision: str = "main", dry_run: bool = False
) -> Push:
    """Push a saved model with a card; see `_push.push` for the parameters that are not named here.

    Parameters
    ----------
    run : path, a folder that `carbonbench run` left (model and result row), or a saved model alone

    Raises
    ------
    UsageError : neither of the two
    HubError : the Hub refuses or cannot be reached
    """
    run = Path(run)
    folder = run / MODEL if (run / MODEL / CONFIG).is_file() else run
    config = _config(folder)
    row = _row(run)
    if (row and row["synthetic"]) or knows_synthetic_towers(config):
        print("SYNTHETIC data: the card says so.", file=sys.stderr)
    files: dict[str, Path | bytes] = {CONFIG: folder / CONFIG}
    files |= {name: _part(folder, name, digest) for name, digest in config["files"].items()}
    # A model that was pulled has no row of its own; its card has the scores it was pushed with.
    pulled = row is None and (folder / CARD).is_file()
    files[CARD] = folder / CARD if pulled else render(config, row, repo_id).encode()
    content = Content("model", files, f"{config['baseline']} of carbonbench {config['version']}", (CONFIG, "files"))
    return push(content, repo_id, private=private, revision=revision, dry_run=dry_run)


def _part(folder: Path, name: str, digest: str) -> Path:
    """Return where a file of a model is: an architecture that a pull left on the Hub is the package's own, if the same.

    It is in `folder`, whether it is there or not, where the package has another.
    """
    here = folder / name
    if here.is_file() or not name.startswith("modeling_"):
        return here
    (package,) = find_spec("carbonbench_baselines").submodule_search_locations
    own = (Path(package) / name).resolve()
    return own if own.is_file() and sha256_of(own) == digest else here


def is_remote(model: str) -> bool:
    """Return whether a model's name is that of a Hub repository, ORG/NAME[@REVISION], and not of a local folder."""
    return bool(REPO_ID.fullmatch(model.partition("@")[0])) and not Path(model).exists()


def fetch_model(model: str) -> tuple[Path, list[str]]:
    """Fetch a model repository and return its local copy and the names of its weights.

    Code, and what may hide code, is left on the Hub.

    Parameters
    ----------
    model : str, ORG/NAME or ORG/NAME@REVISION

    Raises
    ------
    HubError : no such repository, no model of this benchmark, or one whose weights are not plain data
    """
    repo_id, _, revision = model.partition("@")
    check_repo(repo_id)
    with api() as hub:
        commit = patiently(hub.model_info, repo_id, revision=revision or None).sha
        listed = {entry.path for entry in patiently(lambda: list(hub.list_repo_tree(repo_id, revision=commit)))}
        if CONFIG not in listed:
            raise HubError(f"{model} has no {CONFIG}: it is no model of this benchmark.")
        local = download("model", repo_id, CONFIG, commit).parent
        names = _weights(local / CONFIG, model, listed)
        for name in [*names, *([CARD] if CARD in listed else [])]:
            download("model", repo_id, name, commit)
    return local, names


def _weights(path: Path, model: str, listed: set[str]) -> list[str]:
    """Return the names of the weights that a configuration asks for, if all are plain data in the repository."""
    try:
        config = json.loads(path.read_text("utf-8"))
        named = [str(name) for name in config["files"]]
    except (OSError, ValueError, KeyError, TypeError):
        raise HubError(f"{model} is no model of this benchmark: its {CONFIG} names no files.") from None
    outside = [name for name in named if Path(name).name != name]
    if outside:
        raise HubError(f"{model} names files outside its folder ({first_few(outside)}). It is not read.")
    weights = [name for name in named if not (name.startswith("modeling_") and name.endswith(".py"))]
    unsafe = [name for name in weights if Path(name).suffix not in WEIGHTS]
    if unsafe:
        raise HubError(
            f"{model} keeps its weights in {first_few(unsafe)}, which may hold code. "
            f"Only {', '.join(WEIGHTS)} are read."
        )
    absent = [name for name in weights if name not in listed]
    if absent:
        raise HubError(
            f"{model} lacks {first_few(absent)}, which its {CONFIG} names. Ask its authors to push it again."
        )
    return weights


def _config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / CONFIG).read_text("utf-8"))
        missing = [k for k in ("baseline", "files", "features", "version") if k not in config]
    except (OSError, ValueError, TypeError):
        missing = [CONFIG]
    if missing:
        raise UsageError(
            f"{folder} is no saved model ({first_few(missing)} missing). Name a folder that `carbonbench run` left, "
            "such as runs/veg_holdout/ridge-...-seed0."
        )
    return config


def _row(run: Path) -> dict[str, Any] | None:
    """Return the result row that a run left beside its model, None for a model alone."""
    for place in (run / ROW, run.parent / ROW):
        if place.is_file():
            return json.loads(place.read_text("utf-8"))
    return None
