"""What every baseline is: choice of columns, checks, configuration, saving and the frame of predictions, once."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from carbonbench_core import schema
from carbonbench_core.errors import CarbonBenchError, UsageError, unknown
from carbonbench_core.rows import as_table, choose_features, column_of, dates, quality, sites, targets

from ._saved import CONFIG, check_setting, digest
from ._tuning import check_tuning, lineage, towers_after

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from carbonbench_core.rows import Data

KEYS = ("site_id", "date")


class Baseline:
    """A model of gpp, reco and nee that is fitted on some towers and predicts at others.

    Parameters
    ----------
    seed : int, the same seed gives the same predictions on one machine, of networks on its CPU
    settings : what `defaults` names; `features` are the input columns, None for every feature column of the train split

    Attributes
    ----------
    name : str, the file's name
    defaults : dict, settings and their default values
    quick : dict, settings for a trial in seconds; no result is made with them
    presets : dict, name -> settings, such as "published"; "default" is `defaults` and stands in no class
    fine_tuning : dict, the settings that `finetune` takes and their values there; none where training cannot go on
    uses_support : bool, whether `_predict` takes `support`, the labelled days of the towers it predicts
    features : list of str, the input columns that `predict` asks for, known after `fit`
    towers : dict, split -> site ids that `fit` has seen, and under "finetune" those that `finetune` was given
    base : dict or None, what `finetune` started from: `origin` and the settings of that model
    qc_threshold : float, nee_qc from which a day is scored at the validation towers, as `fit` was told
    work : Path or None, where `fit` may keep what lets it resume after a kill, and its logs

    Raises
    ------
    UsageError : a setting that `defaults` does not name, or of another type
    """

    name: ClassVar[str]
    defaults: ClassVar[dict[str, Any]] = {}
    quick: ClassVar[dict[str, Any]] = {}
    presets: ClassVar[dict[str, dict[str, Any]]] = {}
    fine_tuning: ClassVar[dict[str, Any]] = {}
    uses_support: ClassVar[bool] = False

    def __init__(self, seed: int = 0, **settings: Any) -> None:
        if seed < 0:
            raise UsageError(f"Got seed {seed}, expected a number of at least 0.")
        self.seed = seed
        known = {"features": None, **self.defaults}
        for key, value in settings.items():
            if key not in known:
                raise unknown(f"setting of {self.name}", key, ["seed", *known])
            check_setting(key, value, known[key])
        self.settings = {**known, **settings}
        self.features: list[str] | None = None
        self.towers: dict[str, list[str]] = {}
        self.base: dict[str, Any] | None = None
        self.qc_threshold, self.work = 1.0, None

    def fit(
        self,
        train: Data,
        validation: Data | None = None,
        *,
        qc_threshold: float = 1.0,
        work: str | Path | None = None,
    ) -> Self:
        """Learn from the training towers; choices are made on the validation towers.

        Parameters
        ----------
        train, validation : datasets.Dataset, pandas.DataFrame or pyarrow.Table with site_id, date, inputs, the targets
            [gC m-2 d-1] and nee_qc; rows tower by tower in date order
        qc_threshold : float, nee_qc from which the benchmark scores a day, and choices are made on it
        work : path, optional, a folder for checkpoints and logs; the same call resumes from what stands in it

        Raises
        ------
        FeatureError : an input or target column is missing or of the wrong type
        CarbonBenchError : no training row has one of the targets in a quality above 0
        """
        table = as_table(train)
        features = self._choose(table)
        table, held = self._learnt_from(table, validation, features)
        self.features, self.base = features, None
        self.towers = _towers(train=table, validation=held)
        self.qc_threshold, self.work = qc_threshold, None if work is None else Path(work)
        self._fit(table, held if held is not None and any(_labelled(held)) else None)
        return self

    def finetune(
        self,
        train: Data,
        validation: Data | None = None,
        *,
        qc_threshold: float = 1.0,
        origin: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> Self:
        """Return a copy that has learnt on from labelled days, such as the first ones of a new tower.

        Inputs and targets stay scaled as for the towers that the model was fitted on.

        Parameters
        ----------
        train, validation, qc_threshold : as in `fit`; without validation every epoch or tree is kept
        origin : mapping, optional, kept as part of `base`: the name of this model, the protocol that gives the days
        settings : of those in `fine_tuning`, whose values they override

        Raises
        ------
        UsageError : the model cannot learn on, was not fitted, or a setting is not one that `fine_tuning` names
        FeatureError, CarbonBenchError : as in `fit`
        """
        features = self._fitted()
        check_tuning(self, settings)
        tuned = copy.deepcopy(self)
        # a model of these settings is made for its checks alone
        tuned.settings = type(self)(self.seed, **{**self.settings, **self.fine_tuning, **settings}).settings
        table, held = tuned._learnt_from(as_table(train), validation, features)
        tuned.base = lineage(self, origin)
        tuned.towers = towers_after(self.towers, _towers(finetune=table, validation=held))
        tuned.qc_threshold, tuned.work = qc_threshold, None
        tuned._finetune(table, held if held is not None and any(_labelled(held)) else None)
        return tuned

    def predict(self, data: Data, support: Data | None = None) -> pd.DataFrame:
        """Predict every row; target columns are taken away before the model sees anything.

        Parameters
        ----------
        data : as in `fit`; only site_id, date and the inputs are looked at
        support : as in `fit`, optional, labelled days of the towers of `data`, as few-shot protocols give them; a
            model without `uses_support` leaves them aside

        Returns
        -------
        predictions : DataFrame [N], site_id, date, gpp, reco, nee [gC m-2 d-1], in the order of the rows, finite;
            where the model gives quantiles also columns such as gpp_q05 for its 5 %

        Raises
        ------
        FeatureError : an input that the model was fitted on is missing
        UsageError : the model was not fitted
        """
        import pandas as pd

        columns = list(dict.fromkeys([*KEYS, *self._fitted()]))
        table, names = _select(as_table(data), columns), self._outputs()
        given = {}
        if self.uses_support and support is not None:
            given["support"] = _select(as_table(support), [*columns, *schema.TARGETS, "nee_qc"])
        values = np.asarray(self._predict(table, **given), dtype=np.float64).reshape(-1, len(names))
        if len(values) != table.num_rows or not np.isfinite(values).all():
            raise CarbonBenchError(
                f"{self.name} gave {len(values):,} predictions, {int((~np.isfinite(values)).any(axis=1).sum()):,} of "
                f"them not finite, for {table.num_rows:,} rows. Its weights may be damaged: fit it again."
            )
        keys = {"site_id": sites(table), "date": dates(table).astype("datetime64[us]")}
        return pd.DataFrame(keys | dict(zip(names, values.T, strict=True)))

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
        from . import from_pretrained

        model = from_pretrained(folder)
        if not isinstance(model, cls):
            raise CarbonBenchError(f"{folder} holds baseline {model.name!r}, not {cls.name!r}.")
        return model

    def _learnt_from(
        self, train: pa.Table, validation: Data | None, features: list[str]
    ) -> tuple[pa.Table, pa.Table | None]:
        """Return both tables with the columns that `_fit` wants, the first with days of every target."""
        chosen = list(dict.fromkeys([*KEYS, *features, *self._beside(), *schema.TARGETS, "nee_qc"]))
        table = _select(train, chosen)
        without = [t for t, n in zip(schema.TARGETS, _labelled(table), strict=True) if n == 0]
        if without:
            raise CarbonBenchError(
                f"None of the {table.num_rows:,} training rows has {' or '.join(without)} with nee_qc above 0. "
                "A model is fitted on all three targets."
            )
        return table, None if validation is None else _select(as_table(validation), chosen)

    def _choose(self, table: pa.Table) -> list[str]:
        """Return the input columns the model will ask for."""
        return choose_features(table, self.settings["features"])

    def _beside(self) -> list[str]:
        """Return the columns beside the inputs that `_fit` wants to see; `_predict` never does."""
        return []

    def _outputs(self) -> list[str]:
        """Return the names of what `_predict` gives: the targets, then any quantiles such as gpp_q05."""
        return list(schema.TARGETS)

    def _fit(self, train: pa.Table, validation: pa.Table | None) -> None:
        """Learn; both tables have the keys, `features`, the columns of `_beside`, the targets and nee_qc."""
        raise NotImplementedError

    def _finetune(self, train: pa.Table, validation: pa.Table | None) -> None:
        """Learn on from what `_fit` or `_load` left; tables as in `_fit`."""
        raise NotImplementedError

    def _predict(self, table: pa.Table) -> np.ndarray:
        """Return predictions [N, number of `_outputs`] for a table of the keys and `features`.

        With `uses_support` it also takes `support`, a table of the same columns, the targets and nee_qc, or nothing.
        """
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
            "towers": self.towers,
            **({"base_model": self.base} if self.base else {}),
            "settings": self.settings,
            "seed": self.seed,
            "state": self._state(),
            "units": units,
            "vocabularies": {k: list(v) for k, v in schema.VOCABULARIES.items()},
            "version": metadata.version("carbonbench"),
        }


def _select(table: pa.Table, names: Sequence[str]) -> pa.Table:
    for name in names:
        column_of(table, name)
    return table.select(list(names))


def _towers(**tables: pa.Table | None) -> dict[str, list[str]]:
    """Return the site ids of every table."""
    return {split: sorted(set(sites(rows).tolist())) for split, rows in tables.items() if rows is not None}


def _labelled(table: pa.Table) -> list[int]:
    """Return for every target how many rows have it in a quality above 0."""
    y, qc = targets(table), quality(table)
    return [int(n) for n in (np.isfinite(y) & (qc > 0)[:, None]).sum(axis=0)]
