"""Every rule, found by scan, drawn from a sites table."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import TYPE_CHECKING

from ..errors import ProtocolError
from ._protocol import Holdout, Protocol, freeze

if TYPE_CHECKING:
    import pandas as pd

SEED = 2024
QC_THRESHOLD = 1.0  # as published: days whose half-hours are all measured or well gap-filled


@cache
def rules() -> dict[str, ModuleType]:
    """Return every protocol rule by module name."""
    found = sorted(m.name for m in iter_modules([str(Path(__file__).parent)]) if not m.name.startswith("_"))
    return {name: import_module(f"{__package__}.{name}") for name in found}


def draw_all(
    sites: pd.DataFrame, seed: int = SEED, qc_threshold: float = QC_THRESHOLD
) -> tuple[dict[str, Protocol], dict[str, str]]:
    """Draw every protocol that the sites support.

    Parameters
    ----------
    sites : DataFrame [S], site_id, has_late (bool) and what the rules ask for (igbp, koppen_main, latitude, longitude,
        mean temperatures); one row per tower, any order. A rule whose columns are missing is unsupported
    seed : int, for our own rules; the published rules keep the published one
    qc_threshold : float, smallest nee_qc of a scored day

    Returns
    -------
    protocols : dict, name -> Protocol
    unsupported : dict, name of a rule or of a fold -> why these sites do not support it
    """
    sites = sites.sort_values("site_id", ignore_index=True)
    has_late = dict(zip(sites["site_id"], sites["has_late"], strict=True))
    protocols, unsupported = {}, {}
    for rule, module in rules().items():
        try:
            drawn = module.draw(sites, seed)
        except ProtocolError as error:
            drawn = {rule: error}
        for name, draw in drawn.items():
            try:
                if isinstance(draw, ProtocolError):
                    raise draw
                parts = draw.parts(has_late) if isinstance(draw, Holdout) else draw
                protocols[name] = freeze(name, rule, module.TEXT, seed, qc_threshold, parts)
            except ProtocolError as error:
                unsupported[name] = str(error)
    return protocols, unsupported


def families(protocols: Mapping[str, Protocol]) -> dict[str, list[str]]:
    """Return each family of folds with the names of its folds, sorted."""
    found: dict[str, list[str]] = {}
    for name in sorted(protocols):
        if protocols[name].family:
            found.setdefault(protocols[name].family, []).append(name)
    return found


def require(sites: pd.DataFrame, *columns: str) -> None:
    """Refuse a sites table without the columns a rule needs.

    Raises
    ------
    ProtocolError : names the missing ones
    """
    missing = [column for column in columns if column not in sites.columns]
    if missing:
        raise ProtocolError(f"the sites table has no column {' and '.join(missing)}")
