"""Site-days to score, and how the tests reach the metric."""

from __future__ import annotations

from pathlib import Path

import evaluate
import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "metrics" / "stratified_skill"


def load(tmp_path: Path, **options) -> evaluate.Metric:
    return evaluate.load(str(FOLDER), cache_dir=str(tmp_path), **options)


def random_days(n_sites: int = 12, seed: int = 0) -> pd.DataFrame:
    """Return shuffled site-days with sites of 5 to 60 days, a class each, and references around the size of GPP."""
    rng = np.random.default_rng(seed)
    days = rng.integers(5, 60, n_sites)
    site = np.repeat([f"AA-{i:03d}" for i in range(n_sites)], days)
    y = rng.gamma(2, 2, days.sum())
    frame = pd.DataFrame({"site_id": site, "references": y, "predictions": 0.7 * y + rng.normal(size=y.size)})
    frame["igbp"] = np.repeat(np.array(["ENF", "DBF", "GRA"])[np.arange(n_sites) % 3], days)
    frame["koppen_main"] = np.repeat(np.array(["C", "D"])[np.arange(n_sites) % 2], days)
    frame["date"] = pd.Timestamp("2010-01-01") + pd.to_timedelta(np.concatenate([np.arange(d) for d in days]), "D")
    return frame.sample(frac=1, random_state=seed)


def columns(frame: pd.DataFrame) -> dict:
    return {name: frame[name] for name in ("predictions", "references", "site_id", "igbp", "koppen_main", "date")}


def only(scores: dict, site: str = "S") -> dict:
    return scores["sites"][site]


def same(got: dict, expected: dict) -> bool:
    """Whether two results are the same to the last digit, NaN where NaN is."""
    return repr(got) == repr(expected)
