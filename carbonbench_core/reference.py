"""What predictions are read against: climatology, stress, likeness to the training data, uncertainty of observations.

None of it depends on the model that is scored, so it is made once for a protocol and kept beside its runs.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import schema
from .errors import CarbonBenchError, UsageError
from .files import read_shard, write_parquet
from .predictions import KEYS as _KEYS
from .predictions import site_day_numbers
from .protocols import part_of
from .report.applicability import dissimilarity
from .report.stress import COLUMNS, STRESS, stress_days

if TYPE_CHECKING:
    import pandas as pd

    from .dataset_folder import DatasetFolder

KEYS = list(_KEYS)
CLIMATOLOGY = {target: f"{target}_climatology" for target in schema.TARGETS}
OUTSIDE, DISSIMILARITY = "outside", "dissimilarity"
OWN_RECO = "own_reco"  # days whose RECO is a partitioning's and not the sum of NEE and GPP
_DERIVED = "derived_NEE_plus_GPP"


def with_reference(
    frame: pd.DataFrame,
    folder: DatasetFolder,
    protocol: str,
    split: str,
    feature_set: str | None = None,
    cache: Path | None = None,
) -> pd.DataFrame:
    """Return an evaluation frame with what its predictions are read against beside it.

    Parameters
    ----------
    frame : DataFrame [N rows], from `evaluation_frame`
    folder : DatasetFolder
    protocol, split : str
    feature_set : str, optional; without it nothing is said of likeness to the training data
    cache : Path, optional, where a copy is kept for the next model of this protocol

    Returns
    -------
    DataFrame [N rows], frame and the columns of `CLIMATOLOGY`; in the test split also the stress days, `OUTSIDE` and
        `DISSIMILARITY`
    """
    import pandas as pd

    path = cache and cache / f"reference-{_tag(folder, protocol, split, feature_set)}.parquet"
    if path and path.is_file():
        beside = pd.read_parquet(path)
    else:
        beside = _made(frame, folder, protocol, split, feature_set)
        if path:
            write_parquet(beside, path)
    return pd.concat([frame, beside], axis=1)


def masks_of(frame: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return the days of a frame that are scored once more by themselves, name -> ndarray [N] of bool."""
    found = {name: frame[name].fillna(False).to_numpy(bool) for name in (*STRESS, OUTSIDE) if name in frame}
    if OUTSIDE in found:
        found["inside"] = ~found[OUTSIDE]
    if "reco_src" in frame and (frame["reco_src"] == _DERIVED).any():
        found[OWN_RECO] = (frame["reco_src"].notna() & (frame["reco_src"] != _DERIVED)).to_numpy(bool)
    return {name: days for name, days in found.items() if days.any()}


def climatology_of(frame: pd.DataFrame) -> pd.DataFrame | None:
    """Return the predictions of the climatology in a frame, None where it has none."""
    if not set(CLIMATOLOGY.values()) <= set(frame.columns):
        return None
    return frame[[*KEYS, *CLIMATOLOGY.values()]].rename(columns={v: k for k, v in CLIMATOLOGY.items()})


def _tag(folder: DatasetFolder, protocol: str, split: str, feature_set: str | None) -> str:
    from carbonbench_baselines import climatology

    from .report import applicability, stress

    code = "".join(Path(module.__file__).read_text("utf-8") for module in (climatology, applicability, stress))
    what = [folder.protocol(protocol).digest, folder.data_digest, split, str(feature_set), version("carbonbench"), code]
    return hashlib.sha256("/".join(what).encode()).hexdigest()[:16]


def _made(
    frame: pd.DataFrame, folder: DatasetFolder, protocol: str, split: str, feature_set: str | None
) -> pd.DataFrame:
    """Return the columns that stand beside a frame, row by row."""
    import pandas as pd

    parts = [_climatology(frame, folder, protocol, split)]
    if split == "test":
        parts.append(_stress(frame, folder))
        if feature_set:
            parts.append(_likeness(frame, folder, protocol, feature_set))
    return pd.concat(parts, axis=1)


def _climatology(frame: pd.DataFrame, folder: DatasetFolder, protocol: str, split: str) -> pd.DataFrame:
    import pyarrow as pa
    from carbonbench_baselines import load_baseline

    frozen, inputs = folder.protocol(protocol), [*KEYS, "latitude", "igbp", "koppen_main"]
    labelled = [*inputs, *schema.TARGETS, "nee_qc"]
    train, validation = (pa.concat_tables(folder.tables(frozen, s, labelled)) for s in ("train", "validation"))
    model = load_baseline("climatology")
    model.fit(train, validation)
    days = pa.concat_tables(folder.tables(frozen, split, inputs))
    return _beside(frame, model.predict(days).rename(columns=CLIMATOLOGY))


def _stress(frame: pd.DataFrame, folder: DatasetFolder) -> pd.DataFrame:
    """Return the stress days, against the whole record of a tower, whatever the split holds of it."""
    import pyarrow as pa

    wanted = [*KEYS, *(name for name in COLUMNS if name in folder.columns)]
    towers = set(frame["site_id"])
    shards = [file for file in sorted(folder.manifest["shards"]) if part_of(file)[0] in towers]
    record = pa.concat_tables([read_shard(path, wanted) for path in folder.paths(shards)])
    record = record.to_pandas(date_as_object=False)
    return _beside(frame, stress_days(record))


def _likeness(frame: pd.DataFrame, folder: DatasetFolder, protocol: str, feature_set: str) -> pd.DataFrame:
    names = [
        name
        for name in schema.columns(feature_set, folder.columns)
        if schema.COLUMNS[name].role == "driver" and schema.COLUMNS[name].dtype.startswith("float")
    ]
    frozen = folder.protocol(protocol)
    train, days = (_features(folder, frozen, split, names) for split in ("train", "test"))
    days = _beside(frame, days)
    try:
        found = dissimilarity(train[names].to_numpy(float), train["site_id"].to_numpy(), days.to_numpy(float))
    except UsageError:  # no features, or one training tower: nothing is said
        return frame[[]]
    return frame[[]].assign(**{DISSIMILARITY: found.index, OUTSIDE: found.index > found.threshold})


def _features(folder: DatasetFolder, frozen: Any, split: str, names: list[str]) -> pd.DataFrame:
    import pyarrow as pa

    tables = folder.tables(frozen, split, [*KEYS, *names])
    return pa.concat_tables(tables).to_pandas(date_as_object=False)


def _beside(frame: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a table of site-days that are those of a frame, without the keys.

    Raises
    ------
    CarbonBenchError : a site-day of the frame is not in the table
    """
    import pandas as pd

    wanted, given = site_day_numbers(frame, table)
    rows = pd.Index(given).get_indexer(wanted)
    if (rows < 0).any():
        raise CarbonBenchError(f"{(rows < 0).sum():,} scored site-days have no features. Build the folder again.")
    return table.drop(columns=KEYS).iloc[rows].reset_index(drop=True)
