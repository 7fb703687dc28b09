"""What is asked of predictions: the scored site-days of a protocol, or of all folds of a family."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from . import predictions, schema
from .errors import UsageError
from .geography import continent
from .predictions import KEYS, STRATA, UNCERTAINTY
from .reference import with_reference

if TYPE_CHECKING:
    import pandas as pd

    from .dataset_folder import DatasetFolder


def protocol_digest(folder: DatasetFolder, protocol: str) -> str:
    """Return the digest of a protocol, or that of a family from those of its folds."""
    digests = [folder.protocol(name).digest for name in folder.folds(protocol)]
    return digests[0] if len(digests) == 1 else hashlib.sha256("/".join(digests).encode()).hexdigest()[:16]


def evaluation_frame(folder: DatasetFolder, protocol: str, split: str = "test") -> pd.DataFrame:
    """Return the scored site-days of a split with strata and observations (NaN where a target is not scored).

    Parameters
    ----------
    folder : DatasetFolder
    protocol : str, a protocol or a family of folds, of which every tower is tested in one
    split : str, "test", or "id_test" of a single protocol

    Raises
    ------
    ProtocolError : the protocol has no such split
    UsageError : the id_test of a family: a training tower of several folds would be asked for several times
    """
    return _joined(_frames(folder, protocol, split).values())


def known_days(folder: DatasetFolder, protocol: str, split: str = "test") -> pd.DataFrame:
    """Return every site-day of a split, scored or not, with site_id and date."""
    import pyarrow as pa

    folds = [folder.protocol(name) for name in folder.folds(protocol)]
    return pa.concat_tables(t for fold in folds for t in folder.tables(fold, split, list(KEYS))).to_pandas()


def referenced_frame(
    folder: DatasetFolder, protocol: str, split: str = "test", feature_set: str | None = None
) -> pd.DataFrame:
    """Return `evaluation_frame` with what its predictions are read against, see `reference.with_reference`."""
    frames = _frames(folder, protocol, split).items()
    return _joined(with_reference(frame, folder, name, split, feature_set) for name, frame in frames)


def _frames(folder: DatasetFolder, protocol: str, split: str) -> dict[str, pd.DataFrame]:
    names = folder.folds(protocol)
    if len(names) > 1 and split != "test":
        raise UsageError(f"{protocol!r} is a family of folds; its {split} is that of one fold. Take {names[0]!r}.")
    return {name: _frame(folder, name, split) for name in names}


def _frame(folder: DatasetFolder, protocol: str, split: str) -> pd.DataFrame:
    frozen = folder.protocol(protocol)
    wanted = [*KEYS, *STRATA, *schema.TARGETS, "nee_qc", *(c for c in UNCERTAINTY if c in folder.columns)]
    frame = predictions.evaluation_frame(folder.tables(frozen, split, wanted), frozen.qc_threshold)
    placed = folder.sites.dropna(subset=["latitude", "longitude"])
    continents = continent(placed["latitude"], placed["longitude"])
    return frame.assign(continent=frame["site_id"].map(dict(zip(placed["site_id"], continents, strict=True))))


def _joined(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    return pd.concat(list(frames), ignore_index=True)
