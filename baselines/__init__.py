"""Baselines, one file each, found by scan: every module here that is neither private nor `modeling_*`.

A baseline module defines one subclass of `Baseline` whose `name` is the file's name. It says how to learn (`_fit`), how
to predict (`_predict`) and how its weights are written and read (`_save`, `_load`); everything else (choice of columns,
checks, configuration, the frame of predictions) stands here once. To add a baseline, add its file.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import import_module, metadata
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from carbonbench_core import schema
from carbonbench_core.errors import CarbonBenchError, UsageError, unknown
from carbonbench_core.rows import as_table, choose_features, column_of, dates, quality, sites, targets

from ._saved import CONFIG, check_files, check_setting, digest, read_config

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from carbonbench_core.rows import Data

KEYS = ("site_id", "date")


class Baseline:
    """A model of gpp, reco and nee that is fitted on some towers and predicts at others.

    Parameters
    ----------
    seed : int, the same seed gives the same predictions on one machine
    settings : what `defaults` names; `features` are the input columns, None for every feature column of the train split

    Attributes
    ----------
    name : str, the file's name
    defaults : dict, settings and their default values
    quick : dict, settings for a trial in seconds; no result is made with them
    features : list of str, the input columns that `predict` asks for, known after `fit`

    Raises
    ------
    UsageError : a setting that `defaults` does not name, or of another type
    """

    name: ClassVar[str]
    defaults: ClassVar[dict[str, Any]] = {}
    quick: ClassVar[dict[str, Any]] = {}

    def __init__(self, seed: int = 0, **settings: Any) -> None:
        self.seed = seed
        known = {"features": None, **self.defaults}
        for key, value in settings.items():
            if key not in known:
                raise unknown(f"setting of {self.name}", key, ["seed", *known])
            check_setting(key, value, known[key])
        self.settings = {**known, **settings}
        self.features: list[str] | None = None

    def fit(self, train: Data, validation: Data | None = None) -> Self:
        """Learn from the training towers; choices are made on the validation towers.

        Parameters
        ----------
        train, validation : datasets.Dataset, pandas.DataFrame or pyarrow.Table with site_id, date, inputs, the targets
            [gC m-2 d-1] and nee_qc; rows tower by tower in date order

        Raises
        ------
        FeatureError : an input or target column is missing or of the wrong type
        CarbonBenchError : no training row has one of the targets in a quality above 0
        """
        table = as_table(train)
        features = self._choose(table)
        chosen = [*KEYS, *features, *schema.TARGETS, "nee_qc"]
        table = _select(table, chosen)
        without = [t for t, n in zip(schema.TARGETS, _labelled(table), strict=True) if n == 0]
        if without:
            raise CarbonBenchError(
                f"None of the {table.num_rows:,} training rows has {' or '.join(without)} with nee_qc above 0. "
                "A model is fitted on all three targets."
            )
        held = None if validation is None else _select(as_table(validation), chosen)
        self.features = features
        self._fit(table, held if held is not None and any(_labelled(held)) else None)
        return self

    def predict(self, data: Data) -> pd.DataFrame:
        """Predict every row; target columns are taken away before the model sees anything.

        Parameters
        ----------
        data : as in `fit`; only site_id, date and the inputs are looked at

        Returns
        -------
        predictions : DataFrame [N], site_id, date, gpp, reco, nee [gC m-2 d-1], in the order of the rows, finite

        Raises
        ------
        FeatureError : an input that the model was fitted on is missing
        UsageError : the model was not fitted
        """
        import pandas as pd

        table = _select(as_table(data), list(dict.fromkeys([*KEYS, *self._fitted()])))
        values = np.asarray(self._predict(table), dtype=np.float64).reshape(-1, len(schema.TARGETS))
        if len(values) != table.num_rows or not np.isfinite(values).all():
            raise CarbonBenchError(
                f"{self.name} gave {len(values):,} predictions, {int((~np.isfinite(values)).any(axis=1).sum()):,} of "
                f"them not finite, for {table.num_rows:,} rows. Its weights may be damaged: fit it again."
            )
        keys = {"site_id": sites(table), "date": dates(table).astype("datetime64[us]")}
        return pd.DataFrame(keys | dict(zip(schema.TARGETS, values.T, strict=True)))

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the fitted model: its weights, and `config.json` with everything needed to use them.

        Raises
        ------
        UsageError : the model was not fitted, or `folder` is a file
        """
        self._fitted()
        folder = Path(folder)
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder} is a file. Name a folder to write the model to.")
        folder.mkdir(parents=True, exist_ok=True)
        written = self._save(folder)
        # A weights library may have written its own config.json (transformers does); ours is added to it.
        own = json.loads((folder / CONFIG).read_text()) if CONFIG in written else {}
        own |= self._config() | {"files": {f: digest(folder / f) for f in written if f != CONFIG}}
        (folder / CONFIG).write_text(json.dumps(own, indent=1, allow_nan=False) + "\n", encoding="utf-8")

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> Self:
        """Read a model that `save_pretrained` wrote.

        Raises
        ------
        CarbonBenchError : the folder is no model, is damaged, or is another baseline's
        """
        model = from_pretrained(folder)
        if not isinstance(model, cls):
            raise CarbonBenchError(f"{folder} holds baseline {model.name!r}, not {cls.name!r}.")
        return model

    def _choose(self, table: pa.Table) -> list[str]:
        """Return the input columns the model will ask for."""
        return choose_features(table, self.settings["features"])

    def _fit(self, train: pa.Table, validation: pa.Table | None) -> None:
        """Learn; both tables have the keys, `features`, the targets and nee_qc."""
        raise NotImplementedError

    def _predict(self, table: pa.Table) -> np.ndarray:
        """Return predictions [N, 3] for a table of the keys and `features`."""
        raise NotImplementedError

    def _state(self) -> dict[str, Any]:
        """Return what `_load` needs beside the weights, as JSON."""
        return {}

    def _save(self, folder: Path) -> list[str]:
        """Write the weights into the folder and return the names of the files."""
        raise NotImplementedError

    def _load(self, folder: Path, state: dict[str, Any]) -> None:
        """Read what `_save` and `_state` gave; `features`, `settings` and `seed` are set already."""
        raise NotImplementedError

    def _fitted(self) -> list[str]:
        if self.features is None:
            raise UsageError(f"{self.name} is not fitted. Call fit(train, validation) or from_pretrained(folder).")
        return self.features

    def _config(self) -> dict[str, Any]:
        units = {c: schema.COLUMNS[c].unit for c in [*self._fitted(), *schema.TARGETS] if c in schema.COLUMNS}
        return {
            "baseline": self.name,
            "features": self.features,
            "settings": self.settings,
            "seed": self.seed,
            "state": self._state(),
            "units": units,
            "vocabularies": {k: list(v) for k, v in schema.VOCABULARIES.items()},
            "version": metadata.version("carbonbench"),
        }


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


def load_baseline(name: str, **settings: Any) -> Baseline:
    """Return an unfitted baseline by name.

    Parameters
    ----------
    name : str, one of `list_baselines`
    settings : `seed`, and the settings its class names in `defaults`

    Raises
    ------
    UsageError : no such baseline or setting; a setting of the wrong type
    """
    return baseline_class(name)(**settings)


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
        model.features = features
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


def _select(table: pa.Table, names: Sequence[str]) -> pa.Table:
    for name in names:
        column_of(table, name)
    return table.select(list(names))


def _labelled(table: pa.Table) -> list[int]:
    """Return for every target how many rows have it in a quality above 0."""
    y, qc = targets(table), quality(table)
    return [int(n) for n in (np.isfinite(y) & (qc > 0)[:, None]).sum(axis=0)]
