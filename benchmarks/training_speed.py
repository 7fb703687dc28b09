"""Seconds of a training epoch of every network, and what `torch.compile` makes of them.

    python benchmarks/training_speed.py [--data ./carbonbench] [--protocol veg_holdout] [--models NAME...] [--epochs 3]

An epoch is what `--epochs` more of them add to a training of one, on one thread, without validation; what compiling
costs is what it adds to a first training of one, with nothing compiled before. A ratio above 1 says that it helps.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time

import pyarrow as pa
from carbonbench_baselines import baseline_class, list_baselines, load_baseline
from carbonbench_baselines._network import Network

import carbonbench


def fitting(name: str, train: pa.Table, max_epochs: int, **settings: object) -> float:
    """Return the seconds that a network with its default settings but `settings` takes to train."""
    model = load_baseline(name, max_epochs=max_epochs, progress=False, **settings)
    started = time.perf_counter()
    model.fit(train)
    return time.perf_counter() - started


def epoch(name: str, train: pa.Table, epochs: int, **settings: object) -> float:
    """Return the seconds of an epoch after the first."""
    return (fitting(name, train, 1 + epochs, **settings) - fitting(name, train, 1, **settings)) / epochs


def main() -> None:
    """Print a line per network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    networks = [name for name in list_baselines() if issubclass(baseline_class(name), Network)]
    parser.add_argument("--data", default="carbonbench", help="dataset folder (default: ./%(default)s)")
    parser.add_argument("--protocol", default="veg_holdout", help="default: %(default)s")
    parser.add_argument("--feature-set", default="tower", help="default: %(default)s")
    parser.add_argument("--models", nargs="+", choices=networks, default=networks, metavar="NAME")
    parser.add_argument("--epochs", type=int, default=3, help="epochs that are timed (default: %(default)s)")
    args = parser.parse_args()
    train = carbonbench.load(args.protocol, args.data, args.feature_set)["train"]
    print(f"{'':>18} s/epoch  compiled  ratio  s to compile")
    with tempfile.TemporaryDirectory() as nothing_compiled:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = nothing_compiled
        for name in args.models:
            cost = fitting(name, train, 1, compile=True) - fitting(name, train, 1)
            plain, compiled = (epoch(name, train, args.epochs, compile=choice) for choice in (False, True))
            print(f"{name:>18} {plain:7.2f}  {compiled:8.2f}  {plain / compiled:5.2f}  {cost:12.1f}", flush=True)


if __name__ == "__main__":
    main()
