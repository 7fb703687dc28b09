"""A saved model that learns on from labelled days of towers, such as the first ones of a new one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import ProtocolError, UsageError
from .protocols import SUPPORT

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from .dataset_folder import DatasetFolder


def finetune(
    model: str | Path,
    days: str | Path | pa.Table | pd.DataFrame,
    out: str | Path,
    *,
    validation: str | Path | pa.Table | pd.DataFrame | None = None,
    origin: dict[str, Any] | None = None,
    settings: dict[str, Any] | None = None,
) -> Any:
    """Continue the training of a saved model on labelled days, and save the result.

    Parameters
    ----------
    model : path or str, as for `models.open_model`
    days : path of Parquet or CSV, or a table, with site_id, date, the model's inputs, the targets [gC m-2 d-1] and
        nee_qc; or the support of a few-shot protocol, see `support`
    out : path, the folder to write; it must not hold a model
    validation : like `days`, optional; training stops where the model is best on them
    origin : dict, optional, kept in the configuration beside the model's name: what `days` are
    settings : dict, optional, of those that the baseline names in `fine_tuning`

    Returns
    -------
    Baseline, the fine-tuned model

    Raises
    ------
    CarbonBenchError : no such model, one whose training cannot go on, or days that lack a column
    """
    from .models import open_model

    out = Path(out)
    if (out / "config.json").exists() or out.is_file():
        raise UsageError(f"{out} is there already. Name another folder with --out.")
    fitted = open_model(model)
    given, held = _labelled(days), None if validation is None else _labelled(validation)
    tuned = fitted.finetune(given, held, origin=_named(model) | (origin or {}), **(settings or {}))
    tuned.save_pretrained(out)
    return tuned


def support(folder: DatasetFolder, protocol: str) -> pa.Table:
    """Return the labelled days that a few-shot protocol gives of its test towers.

    Raises
    ------
    ProtocolError : the protocol gives none
    """
    import pyarrow as pa

    frozen = folder.protocol(protocol)
    if SUPPORT not in frozen.splits:
        raise ProtocolError(
            f"{protocol} gives no days of its test towers. A few-shot protocol does: {protocol}_few_30."
        )
    return pa.concat_tables(folder.tables(frozen, SUPPORT, folder.columns))


def _labelled(days: Any) -> Any:
    from .predict import read_features

    return read_features(days) if isinstance(days, str | Path) else days


def _named(model: str | Path) -> dict[str, str]:
    """Return how a model is named in the configuration of what is made from it; a local path stays out of it."""
    from .hub.model import is_remote

    if not is_remote(str(model)):
        return {}
    repo_id, _, revision = str(model).partition("@")
    return {"model": repo_id, **({"revision": revision} if revision else {})}
