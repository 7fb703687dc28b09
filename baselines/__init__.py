"""Baselines, one file each, found by scan: every module here that is neither private nor `modeling_*`.

A baseline module defines one subclass of `Baseline` whose `name` is the file's name. It says how to learn (`_fit`), how
to predict (`_predict`) and how its weights are written and read (`_save`, `_load`); everything else (choice of columns,
checks, configuration, the frame of predictions) stands in `_baseline` once. To add a baseline, add its file.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from carbonbench_core.errors import CarbonBenchError, unknown

from ._baseline import Baseline
from ._saved import check_files, read_config

__all__ = ["Baseline", "baseline_class", "from_pretrained", "list_baselines", "load_baseline", "need"]


def list_baselines() -> list[str]:
    """Return the names of all baselines."""
    names = (m.name for m in iter_modules(__path__) if not m.ispkg)
    return sorted(n for n in names if not n.startswith(("_", "modeling_")))


def baseline_class(name: str) -> type[Baseline]:
    """Return the class of a baseline.

    Raises
    ------
    UsageError : no such baseline
    CarbonBenchError : a package it needs is not installed
    """
    if name not in list_baselines():
        raise unknown("baseline", str(name), list_baselines())
    module = need(f"{__name__}.{name}")
    found = [c for c in vars(module).values() if isinstance(c, type) and issubclass(c, Baseline)]
    return next(c for c in found if c.__module__ == module.__name__ and c.name == name)


def load_baseline(name: str, preset: str = "default", **settings: Any) -> Baseline:
    """Return an unfitted baseline by name.

    Parameters
    ----------
    name : str, one of `list_baselines`
    preset : str, a named set of settings, e.g. "published": the configuration of arXiv:2603.09868
    settings : `seed`, and the settings its class names in `defaults`; they override those of the preset

    Raises
    ------
    UsageError : no such baseline, preset or setting; a setting of the wrong type
    """
    made = baseline_class(name)
    presets = {"default": {}, **made.presets}
    if preset not in presets:
        raise unknown(f"preset of {name}", str(preset), presets)
    return made(**{**presets[preset], **settings})


def from_pretrained(folder: str | Path) -> Baseline:
    """Read a saved baseline, whichever it is.

    Raises
    ------
    CarbonBenchError : the folder is no model, its files are damaged, or this version cannot read it
    """
    folder = Path(folder)
    config = read_config(folder)
    check_files(folder, config)
    try:
        settings, features = dict(config["settings"]), [str(f) for f in config["features"]]
        model = load_baseline(config["baseline"], seed=int(config["seed"]), **settings)
        model.features, model.towers = features, dict(config.get("towers", {}))
        model._load(folder, config["state"])
    except CarbonBenchError:
        raise
    except Exception as error:  # whatever a library says of a damaged file
        raise CarbonBenchError(f"Model folder {folder} is damaged: {error}. Fit and save the model again.") from error
    return model


def need(module: str, extra: str | None = None) -> Any:
    """Import a module that only some baselines need.

    Raises
    ------
    CarbonBenchError : it is not installed; says which extra brings it
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        extras = extra or ("trees" if error.name == "lightgbm" else "neural")
        raise CarbonBenchError(
            f"{error.name} is not installed. Install it with: pip install 'carbonbench[{extras}]'"
        ) from error
