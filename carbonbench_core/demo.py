"""The demonstration: a SYNTHETIC world built, loaded, learnt and scored by the code that serves real data."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from . import synthetic
from .build import BuildReport, write_folder
from .build_tower import Job
from .dataset_folder import DatasetFolder

MODELS = ("climatology", "ridge", "lightgbm", "transformer")


def demo(out: Path, towers: int, years: int, seed: int, protocol: str, workers: int | None) -> None:
    """Build the world under `out`, run every model of `MODELS` on `protocol` and print the leaderboard.

    Raises
    ------
    UsageError : a world of that size cannot be made
    """
    from .report.leaderboard import leaderboard
    from .run import run

    print(f"A SYNTHETIC world of {towers} towers x {years} years, seed {seed}: made up, for trying things out.")
    folder = DatasetFolder.open(build_world(out / "carbonbench", towers, years, seed, workers, progress=True).out)
    for model in MODELS:
        print(f"\n{protocol}: {model}")
        print(run(protocol, model, folder, "minimal", seed, out=out / "runs", results=out / "results").describe())
    print(f"\n{leaderboard(out / 'results')}\n")
    print(
        f"Next: cd {out} and try in Python\n"
        "  from datasets import load_dataset\n"
        f'  ds = load_dataset("carbonbench", "{protocol}")'
    )


def build_world(
    out: Path, towers: int, years: int, seed: int = 0, workers: int | None = None, progress: bool = False
) -> BuildReport:
    """Build a dataset folder of synthetic towers; parameters and errors are those of `synthetic.world`."""
    jobs = [
        Job(spec.site_id, partial(synthetic.tower_record, spec), f"{synthetic.VERSION}/{spec!r}")
        for spec in synthetic.world(n_towers=towers, n_years=years, seed=seed)
    ]
    described = {
        "sources": [],
        "towers_table": None,
        "settings": {"world": {"towers": towers, "years": years, "seed": seed}, "qc_threshold": 1.0},
        "synthetic": True,
    }
    cores = workers or os.cpu_count() or 1
    return write_folder(jobs, BuildReport(out), described, workers=cores, progress=progress)
