"""A model by name: a baseline, or a class of the user's own with `fit` and `predict`."""

from __future__ import annotations

import json
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any

from .errors import UsageError, unknown


def make_model(model: str, seed: int, settings: dict[str, Any], preset: str | None = None) -> Any:
    """Return a model that is not fitted yet.

    Parameters
    ----------
    model : str, a baseline's name or ``FILE.py:CLASS``
    seed : int
    settings : dict
    preset : str, optional, a named set of settings of a baseline, which `settings` override

    Raises
    ------
    UsageError : no such baseline, file, class, preset or setting, or the class takes no seed
    """
    if "seed" in settings:
        raise UsageError("The seed is no setting of a model. Give it with --seed.")
    if ".py:" not in model:
        from carbonbench_baselines import load_baseline

        return load_baseline(model, preset or "default", seed=seed, **settings)
    if preset:
        raise UsageError(f"Got preset {preset!r}, but {model} is a class of your own. Give its settings with --set.")
    file, _, name = model.rpartition(":")
    cls = _user_class(Path(file), name)
    takes = signature(cls).parameters
    if "seed" in takes:
        settings = {**settings, "seed": seed}
    elif seed:
        raise UsageError(f"Got seed {seed}, but {name} takes no seed. Give its constructor one, or leave --seed out.")
    strangers = [key for key in settings if key not in takes]
    if strangers and not any(p.kind is p.VAR_KEYWORD for p in takes.values()):
        raise unknown(f"setting of {name}", strangers[0], takes)
    return cls(**settings)


def fit_model(model: Any, train: Any, validation: Any, **offered: Any) -> None:
    """Call `fit`, with those of the further arguments (`qc_threshold`, `work`) that it names."""
    model.fit(train, validation, **_named(model.fit, offered))


def predict_model(model: Any, data: Any, **offered: Any) -> Any:
    """Call `predict`, with those of the further arguments (`support`) that it names, and return what it gives."""
    return model.predict(data, **_named(model.predict, offered))


def _named(call: Callable, offered: dict[str, Any]) -> dict[str, Any]:
    takes = signature(call).parameters
    return {key: value for key, value in offered.items() if key in takes}


def _user_class(file: Path, name: str) -> type:
    """Return a class from a user's own file, which runs as any Python the user starts."""
    from importlib.util import module_from_spec, spec_from_file_location

    if not file.is_file():
        raise UsageError(f"No file {file}. Expected FILE.py:CLASS or the name of a baseline.")
    spec = spec_from_file_location(file.stem, file)
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UsageError(
            f"{file} cannot be run: {type(error).__name__}: {error}. Run it with python to see."
        ) from error
    if not hasattr(module, name):
        raise unknown(f"class in {file}", name, [n for n, v in vars(module).items() if isinstance(v, type)])
    cls = getattr(module, name)
    lacking = [method for method in ("fit", "predict") if not callable(getattr(cls, method, None))]
    if lacking:
        raise UsageError(f"{name} in {file} has no method {' and '.join(lacking)}; a model has fit and predict.")
    return cls


def parse_settings(pairs: list[str]) -> dict[str, Any]:
    """Return ``KEY=VALUE`` pairs as a dict; values are JSON where they parse as such, else text.

    Raises
    ------
    UsageError : a pair has no "="
    """
    settings = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"Got setting {pair!r}, expected KEY=VALUE.")
        try:
            settings[key] = json.loads(value)
        except ValueError:
            settings[key] = {"True": True, "False": False, "None": None}.get(value, value)
    return settings
