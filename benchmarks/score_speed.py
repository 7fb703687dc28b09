"""Speed of the scores beside the published way: `df[df.site == s]` and scikit-learn, site by site.

    python benchmarks/score_speed.py [--rows 1000000] [--sites 500] [--repeats 5]

Both ways get the same frame in the same process and must give the same numbers. Times are the best of `--repeats`; the
published way and `compute` run once. Loading of `evaluate` and of the data is not in them.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
QUANTILES = (0.25, 0.5, 0.75)
MODELS, TOWERS = 10, 100


def made(rows: int, sites: int) -> pd.DataFrame:
    """Return site-days in the order of a test split: site by site, day by day."""
    rng = np.random.default_rng(0)
    days = np.full(sites, rows // sites) + (np.arange(sites) < rows % sites)
    number = np.repeat(np.arange(sites), days)
    y = rng.gamma(2, 2, rows)
    frame = pd.DataFrame({"site_id": np.array([f"AA-{i:03d}" for i in range(sites)])[number]})
    frame["igbp"] = np.array(["ENF", "DBF", "GRA", "CRO", "WET", "MF", "SAV"])[number % 7]
    frame["koppen_main"] = np.array(list("ABCDE"))[number % 5]
    frame["date"] = np.datetime64("2001-01-01", "s") + np.concatenate([np.arange(n) for n in days]) * 86400
    return frame.assign(references=y, predictions=0.7 * y + rng.normal(size=rows), climatology=4.0)


def published_way(frame: pd.DataFrame) -> dict[str, np.ndarray]:
    from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

    scores: dict[str, list[float]] = {"r2": [], "rmse": [], "nmae": [], "rae": []}
    for site in frame["site_id"].unique():
        days = frame[frame["site_id"] == site]
        y, p = days["references"].to_numpy(), days["predictions"].to_numpy()
        mae = mean_absolute_error(y, p)
        scores["r2"].append(r2_score(y, p))
        scores["rmse"].append(np.sqrt(mean_squared_error(y, p)))
        scores["nmae"].append(mae / abs(y.mean()))
        scores["rae"].append(mae / np.mean(np.abs(y - y.mean())))
    return {name: np.quantile(values, QUANTILES) for name, values in scores.items()}


def array_function(frame: pd.DataFrame, everything: bool = False) -> dict:
    from carbonbench_metrics.stratified_skill.stratified_skill import stratified_skill

    names = ("predictions", "references", "site_id")
    more = ("igbp", "koppen_main", "date", "climatology") if everything else ()
    return stratified_skill(**{name: frame[name] for name in (*names, *more)})


def compute(frame: pd.DataFrame, folder: str) -> Callable[[], dict]:
    import evaluate

    skill = evaluate.load(str(ROOT / "metrics" / "stratified_skill"), "skill", cache_dir=folder)
    return lambda: skill.compute(**{name: frame[name] for name in frame})


def bootstrap() -> None:
    from carbonbench_core.report.bootstrap import quantile_intervals, tower_draws
    from carbonbench_core.report.comparison import compare

    rng = np.random.default_rng(0)
    scores = {f"model {i}": rng.normal(0.5, 0.3, TOWERS) for i in range(MODELS)}
    draws = tower_draws(range(TOWERS), np.arange(TOWERS) % 8)
    for values in scores.values():
        quantile_intervals(values, draws, (0.05, 0.25, 0.5, 0.75, 0.95))
    compare(scores, draws)


def timed(function: Callable[[], object], repeats: int = 1) -> tuple[float, object]:
    best = np.inf
    for _ in range(repeats):
        started = time.perf_counter()
        result = function()
        best = min(best, time.perf_counter() - started)
    return best, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--sites", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    frame = made(args.rows, args.sites)
    print(
        f"{args.rows:,} rows, {args.sites} sites; {os.cpu_count()} cores, {platform.machine()}, load {os.getloadavg()}"
    )

    fast, result = timed(lambda: array_function(frame), args.repeats)
    slow, expected = timed(lambda: published_way(frame))
    again, _ = timed(lambda: array_function(frame), args.repeats)
    fast = min(fast, again)
    for name, values in expected.items():
        np.testing.assert_allclose([result[name][f"q{100 * q:.0f}"] for q in QUANTILES], values, rtol=1e-9)
    everything, _ = timed(lambda: array_function(frame, everything=True), args.repeats)
    with tempfile.TemporaryDirectory() as folder:
        by_evaluate, _ = timed(compute(frame, folder))
    drawn, _ = timed(bootstrap, args.repeats)

    print(f"published way, four scores           {slow:8.3f} s")
    print(f"array function, ten scores           {fast:8.3f} s, {slow / fast:.0f} times faster, the same four numbers")
    print(f"array function, every score          {everything:8.3f} s (time scales, skill, two strata)")
    print(f"evaluate's compute, every score      {by_evaluate:8.3f} s")
    print(f"2000 draws, {MODELS} models, {TOWERS} towers     {drawn:8.3f} s (intervals, differences, win rates, ranks)")


if __name__ == "__main__":
    main()
