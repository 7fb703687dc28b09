"""An empty figure for a picture file, or one clear error."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .errors import CarbonBenchError, UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")


def new_figure(path: str | Path, size: tuple[float, float]) -> Figure:
    """Return an empty figure that can be saved at a path.

    Parameters
    ----------
    path : path, with one of `SUFFIXES`
    size : (float, float), width and height [inch]

    Raises
    ------
    CarbonBenchError : matplotlib is not installed; says which extra brings it
    UsageError : the path has no such suffix
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise CarbonBenchError(
            "Pictures need matplotlib, which is not installed. Install it with: pip install 'carbonbench[plot]'"
        ) from None
    if Path(path).suffix.lower() not in SUFFIXES:
        raise UsageError(f"Got {Path(path).name} for a picture, expected a name that ends in .png, .svg or .pdf.")
    return Figure(figsize=size, layout="constrained")
