"""CarbonBench: zero-shot spatial transfer of terrestrial carbon fluxes, as a Hugging Face dataset builder.

    import carbonbench                                    # also lets load_dataset find the data from any directory
    ds = datasets.load_dataset("carbonbench", "veg_holdout", feature_set="minimal")
    ds = carbonbench.load("veg_holdout")                  # the same, mapped in place, without a copy in a cache

The data are a folder that `carbonbench build` writes: `data_dir`, else $CARBONBENCH_DATA, else ./carbonbench, else the
Hub repository $CARBONBENCH_REPO. Synthetic data are never returned unasked.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import datasets
import pyarrow as pa

from carbonbench_core import schema
from carbonbench_core.dataset_folder import DEFAULT_NAME, DatasetFolder
from carbonbench_core.errors import CarbonBenchError
from carbonbench_core.files import read_batches, read_shard
from carbonbench_core.models import open_model as from_pretrained
from carbonbench_core.models import register_models
from carbonbench_core.predictions import validate_predictions
from carbonbench_core.report.leaderboard import leaderboard
from carbonbench_core.schema import columns
from carbonbench_core.tabular import to_tabular
from carbonbench_core.windows import to_windows

if TYPE_CHECKING:
    import pandas as pd

    from carbonbench_core.protocols import Protocol

__all__ = [
    "CarbonBench",
    "CarbonBenchConfig",
    "CarbonBenchError",
    "columns",
    "evaluation_index",
    "from_pretrained",
    "leaderboard",
    "list_protocols",
    "load",
    "register_models",
    "score",
    "to_tabular",
    "to_windows",
    "validate_predictions",
]


@dataclass
class CarbonBenchConfig(datasets.BuilderConfig):
    """One protocol.

    Parameters
    ----------
    feature_set : str, optional, one of minimal, standard, full, tower, all; None gives every column of the folder
    """

    feature_set: str | None = None


class CarbonBench(datasets.ArrowBasedBuilder):
    """Site-days of one protocol, in the splits train, validation, test and id_test.

    Examples
    --------
    >>> builder = CarbonBench(config_name="veg_holdout", data_dir="./carbonbench")  # doctest: +SKIP
    >>> builder.download_and_prepare(num_proc=2)  # doctest: +SKIP
    """

    BUILDER_CONFIG_CLASS = CarbonBenchConfig
    DEFAULT_CONFIG_NAME = "veg_holdout"

    def __init__(self, *args: Any, data_dir: str | None = None, hash: str | None = None, **kwargs: Any) -> None:
        self._folder = DatasetFolder.find(data_dir)
        # `datasets` keys its cache by names and by this hash alone; a changed folder must be a new entry.
        kwargs.pop("data_files", None)
        super().__init__(*args, hash=_fingerprint(self._folder), **kwargs)

    def _create_builder_config(self, config_name: str | None = None, **kwargs: Any) -> tuple[CarbonBenchConfig, str]:
        # The configs are the protocols of the folder at hand: folds and few-shot protocols among them, no fixed list.
        name = self._folder.protocol(config_name or self.DEFAULT_CONFIG_NAME).name
        known = name if name in self.builder_configs else next(iter(self.builder_configs), None)
        return super()._create_builder_config(known, name=name, **kwargs)

    def _info(self) -> datasets.DatasetInfo:
        protocol = self._folder.protocol(self.config.name)
        if self._folder.is_synthetic:
            warnings.warn(f"{self._folder} holds SYNTHETIC towers.", stacklevel=2)
        return datasets.DatasetInfo(
            description=f"{protocol.text} Protocol digest {protocol.digest}, data digest {self._folder.data_digest}.",
            features=datasets.Features.from_arrow_schema(_schema(self._folder, self.config.feature_set)),
        )

    def _split_generators(self, dl_manager: datasets.DownloadManager) -> list[datasets.SplitGenerator]:
        protocol = self._folder.protocol(self.config.name)
        found = {split: self._folder.urls(files) for split, files in protocol.splits.items()}
        if self._folder.repo:
            found = dl_manager.download(found)
        return [
            datasets.SplitGenerator(name=split, gen_kwargs={"files": files, "split": split})
            for split, files in found.items()
        ]

    def _generate_tables(self, files: list[str], split: str) -> Iterator[tuple[tuple[int, int], pa.Table]]:
        names = list(self.info.features)
        protocol = self._folder.protocol(self.config.name)
        for i, file in enumerate(files):
            # `open` is the one that `datasets` extends to stream hf:// addresses.
            with open(file, "rb") as stream:
                for j, table in enumerate(read_batches(stream, file, names)):
                    yield (i, j), self._folder.visible(table, protocol, split)


def load(
    protocol: str, data_dir: str | Path | None = None, feature_set: str | None = "minimal"
) -> datasets.DatasetDict:
    """Load a protocol with the shards of the folder mapped in place: no copy, no cache.

    Parameters
    ----------
    protocol : str, e.g. "veg_holdout"
    data_dir : path, optional, the dataset folder or hf://datasets/ORG/NAME; found as the module says if None
    feature_set : str, one of minimal, standard, full, tower, all; None gives every column of the folder

    Returns
    -------
    datasets.DatasetDict, split -> Dataset; rows tower by tower in date order

    Raises
    ------
    CarbonBenchError : no data, no such protocol, or the folder does not carry the feature set; says what to do
    """
    folder = DatasetFolder.find(data_dir)
    names = _schema(folder, feature_set).names
    frozen = folder.protocol(protocol)
    return datasets.DatasetDict({split: _mapped(folder, frozen, split, names) for split in frozen.splits})


def list_protocols(data_dir: str | Path | None = None) -> list[str]:
    """Return the names of the protocols that a dataset folder supports."""
    return sorted(DatasetFolder.find(data_dir).protocols)


def evaluation_index(protocol: str, data_dir: str | Path | None = None, split: str = "test") -> pd.DataFrame:
    """Return the site-days and targets that are scored, the same for every model.

    Parameters
    ----------
    protocol, data_dir : as for `load`
    split : str, "test" or "id_test"

    Returns
    -------
    DataFrame, columns site_id, date and the bools gpp, reco, nee: whether that target is scored on that day
    """
    from carbonbench_core.asked import evaluation_frame

    frame = evaluation_frame(DatasetFolder.find(data_dir), protocol, split)
    targets = list(schema.TARGETS)
    return frame[["site_id", "date"]].join(frame[targets].notna())


def score(
    predictions: pd.DataFrame | str | Path,
    protocol: str,
    data_dir: str | Path | None = None,
    split: str = "test",
    check_units: bool = True,
) -> dict[str, Any]:
    """Validate predictions against the evaluation index of a protocol and score them.

    Parameters
    ----------
    predictions : DataFrame or path to Parquet or CSV with site_id, date, gpp, reco, nee [gC m-2 d-1]
    protocol, data_dir : as for `load`
    split : str, "test" or "id_test"
    check_units : bool, whether predictions that seem to be in another unit or sign are refused

    Returns
    -------
    dict, target -> scores of `stratified_skill`

    Raises
    ------
    PredictionError : rows are missing, doubled, foreign, not finite, or in other units; names the first ones
    """
    from carbonbench_core.scoring import score_predictions

    return score_predictions(predictions, DatasetFolder.find(data_dir), protocol, split, check_units)


def _schema(folder: DatasetFolder, feature_set: str | None) -> pa.Schema:
    names = folder.columns if feature_set is None else columns(feature_set, folder.columns)
    return schema.arrow_schema(tuple(names))


def _mapped(folder: DatasetFolder, protocol: Protocol, split: str, names: list[str]) -> datasets.Dataset:
    from datasets.table import ConcatenationTable, InMemoryTable, MemoryMappedTable

    if protocol.rows:
        tables = [InMemoryTable(table) for table in folder.tables(protocol, split, names)]
    else:
        paths = folder.paths(protocol.splits[split])
        tables = [MemoryMappedTable(read_shard(path, names), str(path)) for path in paths]
    features = datasets.Features.from_arrow_schema(schema.arrow_schema(tuple(names)))
    return datasets.Dataset(ConcatenationTable.from_tables(tables), info=datasets.DatasetInfo(features=features))


def _fingerprint(folder: DatasetFolder) -> str:
    code = Path(__file__).read_bytes()
    protocol_digests = "".join(p.digest for p in folder.protocols.values())
    return hashlib.sha256(code + (folder.data_digest + protocol_digests).encode()).hexdigest()[:16]


def _register() -> None:
    """Let ``load_dataset("carbonbench", ...)`` find this builder from any directory.

    `datasets` offers no public way to add a builder by name, so two private points are used; where they are gone,
    the folder ./carbonbench and the Hub repository still load, and a warning says so.
    """
    try:
        from datasets import load as private
        from datasets.packaged_modules import _PACKAGED_DATASETS_MODULES as MODULES

        original = private.PackagedDatasetModuleFactory
        parameters, module = private.BuilderConfigsParameters, private.DatasetModule
    except (ImportError, AttributeError):
        warnings.warn(
            f"This version of datasets ({datasets.__version__}) cannot be taught the name {DEFAULT_NAME!r}. "
            "Use carbonbench.load(...), or load_dataset with the path of a dataset folder.",
            stacklevel=2,
        )
        return

    class Factory(original):
        """The factory of packaged builders, which for our name takes the protocols of the folder as configs."""

        def get_module(self) -> datasets.load.DatasetModule:
            if self.name != DEFAULT_NAME:
                return super().get_module()
            folder = DatasetFolder.find(self.data_dir)
            configs = [CarbonBenchConfig(name=name, data_files=_no_files()) for name in folder.protocols]
            known = parameters(builder_configs=configs, default_config_name=CarbonBench.DEFAULT_CONFIG_NAME)
            return module(__name__, _fingerprint(folder), {"dataset_name": DEFAULT_NAME}, known)

    MODULES[DEFAULT_NAME] = (__name__, "")
    private.PackagedDatasetModuleFactory = Factory


def _no_files() -> datasets.data_files.DataFilesDict:
    # Not None, or `datasets` asks for data files; the builder takes its files from the protocol.
    return datasets.data_files.DataFilesDict()


_register()
