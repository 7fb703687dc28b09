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

from carbonbench_core.errors import CarbonBenchError, UsageError, unknown

from ._baseline import Baseline
from ._saved import check_config, check_files, read_config

__all__ = [
    "Baseline",
    "baseline_class",
    "from_network",
    "from_pretrained",
    "list_baselines",
    "load_baseline",
    "need",
    "register_models",
]


def list_baselines() -> list[str]:
    """Return the names of all baselines."""
    names = (m.name for m in iter_modules(__path__) if not m.ispkg)
    return sorted(n for n in names if not n.startswith(("_", "modeling_")))


def baseline_class(name: str) -> type[Baseline]:
    """Return the class of a baseline.

    Raises
    ------
    UsageError : no such baseline, or its file has no class of that name
    CarbonBenchError : a package it needs is not installed
    """
    if name not in list_baselines():
        raise unknown("baseline", str(name), list_baselines())
    module = need(f"{__name__}.{name}")
    found = [c for c in vars(module).values() if isinstance(c, type) and issubclass(c, Baseline)]
    here = [c for c in found if c.__module__ == module.__name__ and getattr(c, "name", None) == name]
    if len(here) != 1:
        raise UsageError(f"{module.__file__} has {len(here)} baselines named {name!r}, expected one: name = {name!r}.")
    return here[0]


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
        model = _configured(config)
        model._load(folder, config["state"])
    except CarbonBenchError:
        raise
    except Exception as error:  # whatever a library says of a damaged file
        raise CarbonBenchError(f"Model folder {folder} is damaged: {error}. Fit and save the model again.") from error
    return model


def from_network(network: Any) -> Baseline:
    """Return the baseline of a network that transformers has loaded, so that it takes raw site-days.

    Raises
    ------
    CarbonBenchError : its configuration is not that of a saved baseline
    """
    config = check_config(network.config.to_dict(), str(network.config.name_or_path) or "the network")
    model = _configured(config)
    model._adopt(network, config["state"])
    return model


def register_models() -> list[str]:
    """Teach transformers the architectures of this package, and return their model types.

    From then on ``AutoModel.from_pretrained`` builds them from here, and runs no code of a repository.

    Raises
    ------
    CarbonBenchError : transformers is not installed
    """
    auto = need("transformers", "neural")
    types = []
    for file in sorted(m.name for m in iter_modules(__path__) if m.name.startswith("modeling_")):
        for made in list(vars(import_module(f"{__name__}.{file}")).values()):
            config = getattr(made, "config_class", None)
            if made.__class__ is not type or not getattr(config, "model_type", "") or hasattr(made, "architecture"):
                continue
            if made.__module__ != f"{__name__}.{file}":
                continue
            ensemble = getattr(import_module(made.__module__), f"{made.__name__}Ensemble")
            auto.AutoConfig.register(config.model_type, config, exist_ok=True)
            # which of the two it is, transformers reads in the configuration's `architectures`
            auto.AutoModel.register(config, (made, ensemble), exist_ok=True)
            types.append(config.model_type)
    return types


def _configured(config: dict[str, Any]) -> Baseline:
    """Return the baseline of a configuration, its weights not yet read."""
    model = load_baseline(config["baseline"], seed=int(config["seed"]), **config["settings"])
    model.features, model.towers = [str(f) for f in config["features"]], dict(config["towers"])
    model.base = config.get("base_model")
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
