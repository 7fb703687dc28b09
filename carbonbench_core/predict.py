"""A saved model applied to a table of features."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .dataset_folder import write_parquet
from .errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

KEYS = ["site_id", "date"]


def predict(model: str | Path, table: str | Path, out: str | Path) -> int:
    """Apply a saved model to a table of site-days and write its predictions.

    Parameters
    ----------
    model : path, a folder that `save_pretrained` wrote
    table : path, Parquet or CSV with site_id, date and the model's features, in any order; targets are not looked at
    out : path, the Parquet file to write

    Returns
    -------
    int, site-days predicted

    Raises
    ------
    UsageError : the table cannot be read or has no site-days
    FeatureError : it lacks a feature of the model
    """
    from carbonbench_baselines import from_pretrained

    fitted = from_pretrained(model)
    predictions = fitted.predict(read_features(table))
    write_parquet(predictions, Path(out))
    return len(predictions)


def read_features(path: str | Path) -> pd.DataFrame:
    """Read a table of features, sorted by tower and day.

    Raises
    ------
    UsageError : no such file, not Parquet or CSV, or no site_id, no date, no rows
    """
    import pandas as pd

    path = Path(path)
    if not path.is_file():
        raise UsageError(f"No file {path}. Name a Parquet or CSV file of features.")
    try:
        frame = pd.read_csv(path) if path.suffix.lower() == ".csv" else pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read as {path.suffix or 'a table'}: {error}") from None
    missing = [key for key in KEYS if key not in frame.columns]
    if missing:
        raise UsageError(f"{path} has no column {' and '.join(missing)}; it has {', '.join(map(str, frame.columns))}.")
    try:
        frame["date"] = pd.to_datetime(frame["date"]).dt.normalize()
    except (ValueError, TypeError) as error:
        raise UsageError(f"{path}: column date is not a date: {error}") from None
    if frame.empty:
        raise UsageError(f"{path} has no rows.")
    return frame.sort_values(KEYS, ignore_index=True)
