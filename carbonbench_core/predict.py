"""A saved model applied to a table of features."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .errors import UsageError
from .files import make_folder, write_csv, write_parquet
from .predictions import KEYS, whole_days

if TYPE_CHECKING:
    import pandas as pd

WRITERS = {".parquet": write_parquet, ".csv": write_csv}


def predict(model: str | Path, table: str | Path, out: str | Path) -> int:
    """Apply a saved model to a table of site-days and write its predictions.

    Parameters
    ----------
    model : path or str, as for `models.open_model`
    table : path, Parquet or CSV with site_id, date and the model's features, in any order; targets are not looked at
    out : path, the file to write, by its suffix Parquet or CSV

    Returns
    -------
    int, site-days predicted

    Raises
    ------
    UsageError : the table cannot be read or has no site-days, or `out` is that table or of another suffix
    FeatureError : it lacks a feature of the model
    """
    from .models import open_model

    out = Path(out)
    if out.suffix.lower() not in WRITERS:
        raise UsageError(f"Got --out {out}, expected a file that ends in {' or '.join(WRITERS)}.")
    if out.resolve() == Path(table).resolve():
        raise UsageError(f"--out {out} is the table of features itself, which would be lost. Name another file.")
    make_folder(out.parent)
    fitted = open_model(model)
    predictions = fitted.predict(read_features(table))
    WRITERS[out.suffix.lower()](predictions, out)
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
        is_csv = path.suffix.lower() == ".csv"
        frame = pd.read_csv(path, dtype={"site_id": str}) if is_csv else pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read as {path.suffix or 'a table'}: {error}") from None
    missing = [key for key in KEYS if key not in frame.columns]
    if missing:
        raise UsageError(f"{path} has no column {' and '.join(missing)}; it has {', '.join(map(str, frame.columns))}.")
    if frame.empty:
        raise UsageError(f"{path} has no rows.")
    frame["date"] = whole_days(frame["date"]).astype("datetime64[s]")
    if frame["site_id"].isna().any():
        raise UsageError(f"{path}: {frame['site_id'].isna().sum():,} rows have no site_id. Every row needs its tower.")
    frame = frame.sort_values(list(KEYS), ignore_index=True)
    twice = frame.duplicated(list(KEYS))
    if twice.any():
        first = frame[twice].iloc[0]
        raise UsageError(f"{path}: {first['site_id']} {first['date']:%Y-%m-%d} stands twice. Keep one row per day.")
    return frame
