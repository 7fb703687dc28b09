"""A model by name: a baseline, a saved one here or on the Hub, or a class of the user's own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from inspect import signature
from pathlib import Path
from typing import Any

from .errors import UsageError, unknown
from .files import sha256_of
from .own_model import as_its_own, own_class

SOURCE_DIGITS = 12  # of the sha256 of what a model is read from, as it stands among the settings of its row


def make_model(model: str, seed: int, settings: dict[str, Any], preset: str | None = None) -> Any:
    """Return a model that is not fitted yet.

    Parameters
    ----------
    model : str, a baseline's name, ``FILE.py:CLASS``, or a saved model: its folder, or ORG/NAME[@REVISION] on the Hub
    seed : int
    settings : dict
    preset : str, optional, a named set of settings of a baseline, which `settings` override

    Raises
    ------
    UsageError : no such baseline, file, class, preset or setting, or the class takes no seed
    CarbonBenchError : a saved model is damaged, or the Hub does not give it
    """
    if ("/" in model and ".py:" not in model) or (Path(model) / "config.json").is_file():
        if seed:
            raise UsageError(f"Got seed {seed}, but {model} is a saved model, trained from its own. Leave --seed out.")
        return Pretrained(model, preset, settings)
    if "seed" in settings:
        raise UsageError("The seed is no setting of a model. Give it with --seed.")
    if ".py:" not in model:
        from carbonbench_baselines import load_baseline

        return load_baseline(model, preset or "default", seed=seed, **settings)
    if preset:
        raise UsageError(f"Got preset {preset!r}, but {model} is a class of your own. Give its settings with --set.")
    file, _, name = model.rpartition(":")
    cls = own_class(Path(file), name)
    takes = signature(cls).parameters
    if "seed" in takes:
        settings = {**settings, "seed": seed}
    elif seed:
        raise UsageError(f"Got seed {seed}, but {name} takes no seed. Give its constructor one, or leave --seed out.")
    strangers = [key for key in settings if key not in takes]
    if strangers and not any(p.kind is p.VAR_KEYWORD for p in takes.values()):
        raise unknown(f"setting of {name}", strangers[0], takes)
    with as_its_own(cls, "__init__"):
        return cls(**settings)


class Pretrained:
    """A saved model as one that needs no fit: it is scored as it is.

    Parameters
    ----------
    location : str, as for `open_model`
    preset, settings : what a user asked for beside; a saved model has its own

    Raises
    ------
    UsageError : a preset or settings are asked for
    """

    def __init__(self, location: str, preset: str | None = None, settings: dict[str, Any] | None = None) -> None:
        if preset or settings:
            raise UsageError(f"{location} is a saved model with settings of its own: leave out --preset and --set.")
        folder = _folder_of(location)
        self.location, self.model = location, open_model(folder)
        self.name = self.model.name
        # The configuration holds the digests of the weights: another model at the same place is another model.
        digest = sha256_of(folder / "config.json")[:SOURCE_DIGITS]
        self.settings = self.model.settings | {"pretrained": location, "source": digest}

    def has_seen(self, towers: Iterable[str], protocol_digest: str | None = None) -> list[str]:
        """Return those of some towers that the model was trained or chosen on.

        Fine-tuning on the support of the few-shot protocol of that digest does not count: the protocol gives it.
        """
        given = protocol_digest is not None and (self.model.base or {}).get("protocol_digest") == protocol_digest
        known = [ids for split, ids in self.model.towers.items() if not (given and split == "finetune")]
        return sorted({site for ids in known for site in ids}.intersection(towers))

    def fit(self, train: Any, validation: Any) -> None:
        """Do nothing: the model is fitted."""

    def predict(self, data: Any, support: Any = None) -> Any:
        """Predict as the saved model does."""
        return self.model.predict(data, support)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the model as it was read."""
        self.model.save_pretrained(folder)


def open_model(location: str | Path) -> Any:
    """Read a saved baseline from a folder or from the Hub.

    Parameters
    ----------
    location : path of a folder that `save_pretrained` wrote, or ORG/NAME[@REVISION] on the Hub

    Raises
    ------
    CarbonBenchError : no model there, a damaged one, or one that may hold code
    """
    from carbonbench_baselines import from_pretrained

    return from_pretrained(_folder_of(location))


def _folder_of(location: str | Path) -> Path:
    from .hub.model import fetch_model, is_remote

    return fetch_model(str(location))[0] if is_remote(str(location)) else Path(location)


def source_of(model: str) -> dict[str, str]:
    """Return the mark that tells own models of one name apart, by what their file holds; nothing for another model."""
    file, user, _ = model.rpartition(":")
    return {"source": sha256_of(Path(file))[:SOURCE_DIGITS]} if user and file.endswith(".py") else {}


def register_models() -> list[str]:
    """Let ``AutoModel.from_pretrained`` build this package's networks without code from a repository.

    Returns
    -------
    list of str, the model types that transformers knows from then on

    Raises
    ------
    CarbonBenchError : transformers is not installed
    """
    from carbonbench_baselines import register_models

    return register_models()


def fit_model(model: Any, train: Any, validation: Any, **offered: Any) -> None:
    """Call `fit`, with those of the further arguments (`qc_threshold`, `work`) that it names."""
    with as_its_own(type(model), "fit"):
        model.fit(train, validation, **_named(model.fit, offered))


def predict_model(model: Any, data: Any, **offered: Any) -> Any:
    """Call `predict`, with those of the further arguments (`support`) that it names, and return what it gives."""
    with as_its_own(type(model), "predict"):
        return model.predict(data, **_named(model.predict, offered))


def save_model(model: Any, folder: Path) -> None:
    """Call `save_pretrained` of a model that has it."""
    if hasattr(model, "save_pretrained"):
        with as_its_own(type(model), "save_pretrained"):
            model.save_pretrained(folder)


def _named(call: Callable, offered: dict[str, Any]) -> dict[str, Any]:
    takes = signature(call).parameters
    return {key: value for key, value in offered.items() if key in takes}


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
