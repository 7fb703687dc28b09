"""The shapes of a dataset folder's metadata: what a damaged file, or one of somebody else's, must hold to be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .errors import DatasetFolderError, first_few

if TYPE_CHECKING:
    import pandas as pd

REMEDY = "Build the folder again."
SITES_COLUMNS = ("site_id", "network", "igbp", "koppen_main", "latitude", "longitude", "first_day", "has_late")


def require_manifest(manifest: dict, where: str) -> None:
    """Refuse a manifest that lacks something, or where something is of another kind.

    Raises
    ------
    DatasetFolderError : says what
    """
    lacking = [name for name in _MANIFEST if name not in manifest]
    if lacking:
        raise DatasetFolderError(f"{where} lacks {first_few(lacking)}. {REMEDY}")
    for name, (what, fits) in (_MANIFEST | _OPTIONAL).items():
        if name in manifest and not fits(manifest[name]):
            raise DatasetFolderError(f"{where}: {name} is not {what}. {REMEDY}")
    strange = [file for file, told in manifest["shards"].items() if not _is_shard(told)]
    if strange:
        raise DatasetFolderError(f"{where} does not say rows, bytes and sha256 of {first_few(strange)}. {REMEDY}")


def require_sites(sites: pd.DataFrame, where: str) -> None:
    """Refuse a sites table that lacks a column, or whose towers have no id of their own; errors as above."""
    lacking = [name for name in SITES_COLUMNS if name not in sites.columns]
    if lacking:
        raise DatasetFolderError(f"{where} lacks the columns {first_few(lacking)}. {REMEDY}")
    if not all(isinstance(site, str) for site in sites["site_id"]) or sites["site_id"].duplicated().any():
        raise DatasetFolderError(f"{where}: site_id is not a name for each tower. {REMEDY}")


def texts(value: object, where: str) -> dict[str, str]:
    """Return a value that maps names to texts; errors as above."""
    if not _is_texts(value):
        raise DatasetFolderError(f"{where} does not map names to texts. {REMEDY}")
    return value


def _is_texts(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_shard(told: object) -> bool:
    counted = isinstance(told, dict) and _is_count(told.get("rows")) and _is_count(told.get("bytes"))
    return counted and isinstance(told.get("sha256"), str)


def _is_list_of(kind: type) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and all(isinstance(each, kind) for each in value)


def _are_citations(value: object) -> bool:
    return _is_list_of(dict)(value) and all(
        isinstance(cited.get("citation"), str)
        and isinstance(cited.get("licence"), str)
        and _is_list_of(str)(cited.get("sites", []))
        for cited in value
    )


_MANIFEST: dict[str, tuple[str, Callable[[object], bool]]] = {
    "columns": ("a list of names", lambda value: bool(value) and _is_list_of(str)(value)),
    "data_digest": ("text", lambda value: isinstance(value, str)),
    "synthetic": ("true or false", lambda value: isinstance(value, bool)),
    "shards": ("a table of files", lambda value: isinstance(value, dict) and bool(value)),
}
_OPTIONAL = {"citations": ("a list of citations with licence and towers", _are_citations)}
