"""Random forest: trees on random days and random inputs, averaged (Breiman 2001, doi:10.1023/A:1010933404324)."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from carbonbench_core.errors import CarbonBenchError, UsageError
from carbonbench_core.schema import TARGETS

from . import Baseline, need
from ._inputs import Design, design, input_columns

if TYPE_CHECKING:
    import pyarrow as pa
    from sklearn.ensemble import RandomForestRegressor

# skops reads scikit-learn's own types and plain arrays; a tree it leaves to us, since its nodes are followed unchecked.
TRUSTED = ["sklearn.tree._tree.Tree"]


class RandomForest(Baseline):
    """One forest per target, rows weighted by nee_qc; a missing input takes the side of a split that fits better.

    It uses no validation towers. Saved with skops, without pickle, and read with a list of what a forest may hold.

    Settings
    --------
    coordinates : bool, whether latitude and longitude are inputs
    lags : bool, add 30 days of history: the day before, and means of 7 and 30 days, of every driver
    day_of_year : bool, add sine and cosine of the season day, shifted by half a year south of the equator
    trees : int, trees per target
    days : int, days drawn for a tree; neighbouring days tell the same, so that a small share is enough
    min_samples_leaf, max_features : as scikit-learn names them; max_features is a share of the inputs (0-1)
    n_jobs : int, processor threads while fitting; they change nothing in the model
    """

    name = "random_forest"
    defaults: ClassVar[dict[str, Any]] = {
        "coordinates": True,
        "lags": False,
        "day_of_year": True,
        "trees": 100,
        "days": 30_000,
        "min_samples_leaf": 30,
        "max_features": 0.33,
        "n_jobs": 1,
    }
    quick: ClassVar[dict[str, Any]] = {"trees": 10, "days": 1000, "min_samples_leaf": 5}

    def _choose(self, table: pa.Table) -> list[str]:
        return input_columns(table, self.settings)

    def _fit(self, train: pa.Table, validation: pa.Table | None) -> None:
        from tqdm import tqdm

        rows = design(train, self.features, self.settings)
        targets = tqdm(range(len(TARGETS)), desc=self.name, unit="forest", disable=None)
        self._forests = [self._grow(j, rows) for j in targets]

    def _grow(self, target: int, rows: Design) -> RandomForestRegressor:
        from sklearn.ensemble import RandomForestRegressor

        known = rows.labelled(target)
        forest = RandomForestRegressor(
            n_estimators=self.settings["trees"],
            max_samples=min(self.settings["days"], len(known)),
            min_samples_leaf=self.settings["min_samples_leaf"],
            max_features=float(self.settings["max_features"]),
            n_jobs=self.settings["n_jobs"],
            random_state=self.seed,
        )
        try:
            forest.fit(rows.x[known], rows.y[known, target], sample_weight=rows.weight[known])
        except ValueError as error:
            raise UsageError(f"The random forest refuses these settings: {error}") from error
        return forest

    def _predict(self, table: pa.Table) -> np.ndarray:
        rows = design(table, self.features, self.settings)
        if not len(rows.x):
            return np.zeros((0, len(TARGETS)))
        # Threads would add the trees up in the order they finish, and the last digits would differ from call to call.
        return np.stack([forest.set_params(n_jobs=1).predict(rows.x) for forest in self._forests], axis=1)

    def _state(self) -> dict[str, Any]:
        return {"inputs": int(self._forests[0].n_features_in_)}

    def _save(self, folder: Path) -> list[str]:
        skops = need("skops.io", "trees")
        for target, forest in zip(TARGETS, self._forests, strict=True):
            skops.dump(forest, folder / _file(target), compression=zipfile.ZIP_DEFLATED, compresslevel=6)
        return [_file(target) for target in TARGETS]

    def _load(self, folder: Path, state: dict[str, Any]) -> None:
        self._forests = [_read(folder / _file(target), state["inputs"]) for target in TARGETS]


def _file(target: str) -> str:
    return f"{target}.skops"


def _read(path: Path, inputs: int) -> RandomForestRegressor:
    """Return the forest of a file; no type is read that a forest does not have, and every tree is looked at.

    Raises
    ------
    CarbonBenchError : other types, another kind of model, or trees that would lead outside their own memory
    """
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.tree import DecisionTreeRegressor

    skops = need("skops.io", "trees")
    strangers = set(skops.get_untrusted_types(file=path)) - set(TRUSTED)
    if strangers:
        raise CarbonBenchError(f"{path} holds {', '.join(sorted(strangers))}, which no forest has. It is not read.")
    forest = skops.load(path, trusted=TRUSTED)
    sound = isinstance(forest, RandomForestRegressor) and forest.n_features_in_ == inputs
    trees = forest.estimators_ if sound else []
    sound &= all(type(tree) is DecisionTreeRegressor and _is_sound(tree.tree_, inputs) for tree in trees)
    if not sound:
        raise CarbonBenchError(f"{path} is no forest of {inputs} inputs. Fit and save the model again.")
    return forest


def _is_sound(tree: Any, inputs: int) -> bool:
    """Return whether every split asks for an input that is there and leads on to a later node of the tree."""
    node, left, right = np.arange(tree.node_count), tree.children_left, tree.children_right
    split = left >= 0
    leads = all(((c > node) & (c < tree.node_count))[split].all() for c in (left, right))
    asks = ((tree.feature >= 0) & (tree.feature < inputs))[split].all()
    return bool(leads and asks and tree.n_features == inputs and np.isfinite(tree.value).all())
