"""What stands in the folder of a saved baseline, and how it is checked before anything is read."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from carbonbench_core import schema
from carbonbench_core.errors import CarbonBenchError, UsageError, first_few

CONFIG = "config.json"


def read_config(folder: Path) -> dict[str, Any]:
    """Return the configuration of a model folder, checked for what this version needs."""
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        inside = folder / "model"
        hint = f" Did you mean {inside}?" if (inside / CONFIG).is_file() else ""
        raise CarbonBenchError(f"{folder} is no saved baseline: {CONFIG} cannot be read ({error}).{hint}") from None
    return check_config(config, str(folder))


def check_config(config: Any, place: str) -> dict[str, Any]:
    """Return a configuration that this version can use; `place` is where it stands."""
    expected = {"baseline", "features", "settings", "seed", "state", "files", "vocabularies", "towers"}
    missing = expected - set(config) if isinstance(config, dict) else expected
    if missing:
        raise CarbonBenchError(f"{place} is no saved baseline: {CONFIG} lacks {', '.join(sorted(missing))}.")
    if config["vocabularies"] != {k: list(v) for k, v in schema.VOCABULARIES.items()}:
        raise CarbonBenchError(
            f"The model in {place} was fitted with other class codes (carbonbench {config.get('version')}); "
            "this version would misread its inputs. Fit it again."
        )
    return config


def check_files(folder: Path, config: dict[str, Any]) -> None:
    """Refuse weights that are missing, changed or outside the folder; code is not read and may be missing."""
    files = config["files"]
    if not isinstance(files, dict) or any(Path(str(f)).name != f for f in files):
        raise CarbonBenchError(f"{folder / CONFIG} names weights outside its folder: {first_few(files)}.")
    for name, expected in files.items():
        path = folder / name
        if path.suffix == ".py":
            continue
        if not path.is_file():
            raise CarbonBenchError(f"Model folder {folder} lacks its file {name}. Fit and save the model again.")
        if digest(path) != expected:
            raise CarbonBenchError(f"{path} is not the file that was saved (truncated or changed). Save it again.")


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_setting(key: str, value: Any, default: Any) -> None:
    """Refuse a setting whose type is not that of its default."""
    kinds: dict[type, Callable[[Any], bool]] = {
        bool: lambda v: isinstance(v, bool),
        int: lambda v: isinstance(v, int) and not isinstance(v, bool),
        float: lambda v: isinstance(v, int | float) and not isinstance(v, bool),
        str: lambda v: isinstance(v, str),
        tuple: lambda v: isinstance(v, list | tuple),
    }
    check = kinds.get(type(default))
    if check and not check(value):
        raise UsageError(f"Got {key}={value!r}, expected {type(default).__name__} such as {default!r}.")
    if key == "features" and value is not None:
        names = list(value) if isinstance(value, list | tuple) else []
        if not names or not all(isinstance(n, str) for n in names):
            raise UsageError(f"Got features={value!r}, expected a list of column names.")


def write_arrays(path: Path, **arrays: np.ndarray) -> None:
    """Write arrays into one file without pickle."""
    np.savez_compressed(path, **arrays)


def read_arrays(path: Path, **shapes: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Read arrays that `write_arrays` wrote.

    Raises
    ------
    CarbonBenchError : an array is missing, not finite or not of the shape expected
    """
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: np.asarray(file[name], dtype=np.float64) for name in shapes if name in file}
    for name, shape in shapes.items():
        got = arrays[name].shape if name in arrays else "nothing"
        if got != shape or not np.isfinite(arrays[name]).all():
            raise CarbonBenchError(f"{path}: expected finite numbers {shape} for {name!r}, got {got}. Save it again.")
    return arrays


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or, after a kill or on a full disk, as it was before."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
