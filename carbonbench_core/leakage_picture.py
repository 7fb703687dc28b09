"""The picture of a leakage report: how far test towers stand from training towers, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .errors import UsageError
from .figure import new_figure

if TYPE_CHECKING:
    from pathlib import Path

LIMITS = (2, 10, 50)  # km
NEAREST = 0.1  # km, where the logarithmic axis starts; nearer towers stand there
COLOURS = {"train": "#7f7f7f", "test": "#d62728"}


def picture(report: dict, path: str | Path) -> None:
    """Draw the distances of test towers to the nearest training tower, and a map of both.

    Parameters
    ----------
    report : dict, from `leakage`
    path : path, .png, .svg or .pdf

    Raises
    ------
    CarbonBenchError : matplotlib is not installed; says which extra brings it
    UsageError : the report has no distances, or the path no such suffix
    """
    if not report["distance"]:
        raise UsageError("The report has no distances to draw: the towers have no coordinates.")
    figure = new_figure(path, (11, 4))
    left, right = figure.subplots(1, 2, width_ratios=(2, 3))
    _histogram(left, report)
    _map(right, report)
    figure.savefig(path, dpi=150)


def _histogram(axes: object, report: dict) -> None:
    km = np.maximum([tower["km"] for tower in report["distance"]["test"]], NEAREST)
    axes.hist(km, bins=np.geomspace(NEAREST, max(10_000, km.max()), 26), color=COLOURS["test"])
    axes.set_xscale("log")
    for limit in LIMITS:
        share = report["distance"]["within"][str(limit)]
        axes.axvline(limit, color="black", linewidth=0.8, linestyle=":")
        axes.annotate(f"{share:.0%}", (limit, 1.01), xycoords=("data", "axes fraction"), ha="center", fontsize=8)
    axes.set_xlabel("nearest training tower [km]; above: share within 2, 10, 50 km")
    axes.set_ylabel("test towers")


def _map(axes: object, report: dict) -> None:
    train = np.array(report["distance"]["train"])
    test = np.array([[tower["latitude"], tower["longitude"]] for tower in report["distance"]["test"]])
    for name, places in (("train", train), ("test", test)):
        axes.scatter(places[:, 1], places[:, 0], s=9, color=COLOURS[name], label=f"{name} ({len(places)})")
    axes.set(xlim=(-180, 180), ylim=(-90, 90), aspect="equal", xlabel="longitude [degree]", ylabel="latitude [degree]")
    axes.grid(linewidth=0.3)
    axes.legend(loc="lower left", fontsize=8)
