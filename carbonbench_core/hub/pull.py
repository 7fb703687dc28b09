"""A model or a dataset of the Hub, saved into a local folder."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from .. import citations
from ..dataset_folder import HUB_PREFIX, METADATA, DatasetFolder
from ..errors import UsageError
from .model import CARD, CONFIG, fetch_model


def pull_model(model: str, out: str | Path) -> list[str]:
    """Save a model as `from_pretrained`, `run --model` and `finetune` read it: data alone, no code.

    Parameters
    ----------
    model : str, ORG/NAME or ORG/NAME@REVISION
    out : path, a folder that is not there yet or is empty

    Returns
    -------
    list of str, the files

    Raises
    ------
    UsageError : `out` holds something
    HubError : see `model.fetch_model`
    """
    out = _free(out)
    local, weights = fetch_model(model)
    return _copy(local, [CONFIG, *([CARD] if (local / CARD).is_file() else []), *weights], out)


def pull_dataset(repo: str, out: str | Path) -> list[str]:
    """Save a dataset folder with all its shards; parameters as for `pull_model`.

    Raises
    ------
    UsageError : `out` holds something
    DatasetFolderError : no dataset of this benchmark, or the Hub does not give it
    """
    out = _free(out)
    folder = DatasetFolder.open(HUB_PREFIX + repo)
    shards = list(folder.manifest["shards"])
    folder.paths(shards)
    beside = [name for name in (*METADATA, citations.FILE) if (folder.root / name).is_file()]
    return _copy(folder.root, [*beside, *shards], out)


def _free(out: str | Path) -> Path:
    out = Path(out)
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise UsageError(f"{out} is there already. Name another folder with --out.")
    return out


def _copy(root: Path, names: list[str], out: Path) -> list[str]:
    """Copy files into a folder that is put in place when it is whole."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as beside:
        whole = Path(beside) / out.name
        for name in names:
            (whole / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, whole / name)
        os.replace(whole, out)
    return sorted(names)
