"""How much a score on the published split owes to the draw of its test towers.

    python benchmarks/published_splits.py [--data ./carbonbench] [--model lightgbm] [--draws 20] [--by igbp]

The published rule is applied with its own random state and with others, the model is fitted on each split with its
published settings (``--set`` changes them), and the median R2 over the test towers is given for each, with the spread
over the other draws.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import pyarrow as pa
from carbonbench_baselines import load_baseline

from carbonbench_core.dataset_folder import DatasetFolder
from carbonbench_core.models import parse_settings
from carbonbench_core.predictions import KEYS, STRATA, evaluation_frame
from carbonbench_core.protocols import QC_THRESHOLD, Protocol, published_climate, published_veg
from carbonbench_core.protocols._protocol import freeze
from carbonbench_core.protocols._stratified import PUBLISHED_SEED, published_holdout
from carbonbench_core.report.score import score
from carbonbench_core.schema import TARGETS, columns

RARE = {"igbp": published_veg.RARE, "koppen_main": published_climate.RARE}


def split(folder: DatasetFolder, by: str, random_state: int) -> Protocol:
    """Return the split that the published rule draws with a random state."""
    holdout = published_holdout(folder.sites, by, RARE[by], random_state)
    has_late = dict(zip(folder.sites["site_id"], folder.sites["has_late"], strict=True))
    return freeze(f"published_{random_state}", "published", "", random_state, QC_THRESHOLD, holdout.parts(has_late))


def medians(folder: DatasetFolder, frozen: Protocol, model: Any, feature_set: str) -> tuple[int, list[float]]:
    """Return the number of test towers and the median R2 of each target at them."""
    wanted = [
        c for c in dict.fromkeys([*KEYS, *STRATA, *columns(feature_set), *TARGETS, "nee_qc"]) if c in folder.columns
    ]
    train, validation, test = (
        pa.concat_tables(folder.tables(frozen, name, wanted)) for name in ("train", "validation", "test")
    )
    fitted = model.fit(train, validation, qc_threshold=frozen.qc_threshold)
    frame = evaluation_frame(folder.tables(frozen, "test", wanted), frozen.qc_threshold)
    given = frame[list(KEYS)].merge(fitted.predict(test), on=list(KEYS), how="left", validate="one_to_one")
    scores = score(given, frame)
    return len(frozen.sites("test")), [scores[target]["r2"]["q50"] for target in TARGETS]


def main() -> None:
    """Print a line per draw, then the spread."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="carbonbench", help="dataset folder (default: ./%(default)s)")
    parser.add_argument("--model", default="lightgbm", help="a baseline with published settings (default: %(default)s)")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="settings, on top of the published")
    parser.add_argument("--by", choices=RARE, default="igbp", help="class of the strata (default: %(default)s)")
    parser.add_argument("--feature-set", default="tower")
    parser.add_argument("--draws", type=int, default=20, help="splits beside the published one (default: %(default)s)")
    args = parser.parse_args()
    if args.draws < 1:
        parser.error(f"got {args.draws} draws, expected at least 1")
    folder, found = DatasetFolder.find(args.data), []
    print(f"random state  towers  {'  '.join(f'{t.upper():>5}' for t in TARGETS)}")
    for state in (PUBLISHED_SEED, *range(args.draws)):
        model = load_baseline(args.model, "published", **parse_settings(args.set))
        towers, r2 = medians(folder, split(folder, args.by, state), model, args.feature_set)
        found.append(r2)
        print(f"{state:>12}  {towers:>6}  {'  '.join(f'{value:5.2f}' for value in r2)}", flush=True)
    for name, value in (("lowest", np.min), ("median", np.median), ("highest", np.max), ("sd", np.std)):
        print(f"{name:>20}  {'  '.join(f'{v:5.2f}' for v in value(found[1:], axis=0))}")


if __name__ == "__main__":
    main()
