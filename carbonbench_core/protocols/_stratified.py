"""Draws of towers stratified by a class: ours by a stable hash, the published one by pandas and scikit-learn."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ..errors import ProtocolError
from . import Holdout
from ._apart import SATELLITE_BOX, blocks
from ._groups import rank

if TYPE_CHECKING:
    import pandas as pd

TEST_SHARE = 0.2
PUBLISHED_SEED = 56


def stratified_holdout(sites: pd.DataFrame, by: str, seed: int, rare: int) -> Holdout:
    """Hold out a fifth of the towers of every class for test, then a fifth of the others for validation.

    Towers are ranked by a hash of seed, class and id, so that the draw depends neither on row order nor on the other
    towers' names. Classes of at most `rare` towers give half of them each time. Towers within `SATELLITE_BOX` of each
    other, in a chain, move together: such a group is taken where it brings the counts of its classes nearer to what
    they should be, and leaves a tower of each class behind.

    Parameters
    ----------
    sites : DataFrame [S], site_id, `by` and, to know neighbours by, latitude and longitude
    by : str, the class column; towers without a class are left out
    seed : int
    rare : int, towers in a rare class
    """
    known = sites[sites[by].notna()]
    label = dict(zip(known["site_id"], known[by], strict=True))
    is_rare = {name: n <= rare for name, n in Counter(label.values()).items()}
    left = sorted(
        blocks(known, SATELLITE_BOX), key=lambda group: min(rank(seed, by, label[site], site) for site in group)
    )
    picked = {}
    for split in ("test", "validation"):
        there = Counter(label[site] for group in left for site in group)
        taken = _take(left, label, {name: _quota(n, is_rare[name]) for name, n in there.items()}, there)
        left = [group for group in left if group not in taken]
        picked[split] = taken
    picked["train"] = left
    towers = {split: tuple(sorted(site for group in groups for site in group)) for split, groups in picked.items()}
    return Holdout(**towers, left_out=_without(sites, by))


def _take(
    groups: list[list[str]], label: dict[str, str], wanted: dict[str, int], there: Counter[str]
) -> list[list[str]]:
    """Return the groups, in their order, each of which brings the counts of classes nearer to those wanted."""
    taken, count = [], Counter()
    for group in groups:
        more = Counter(label[site] for site in group)
        before = sum(abs(count[name] - wanted[name]) for name in more)
        after = sum(abs(count[name] + n - wanted[name]) for name, n in more.items())
        if after < before and all(count[name] + n < there[name] for name, n in more.items()):
            taken.append(group)
            count += more
    return taken


def published_holdout(sites: pd.DataFrame, by: str, rare: int, random_state: int = PUBLISHED_SEED) -> Holdout:
    """Draw the split of the published benchmark (arXiv:2603.09868): pandas and scikit-learn with random state 56.

    Classes of at most `rare` towers give half of theirs to the test set (`DataFrame.sample`); of the towers of the
    other classes a fifth goes there (`train_test_split`, stratified by class). The table is sorted by site id first.
    Validation is on the late parts of the training towers, where the published one takes the last rows of each.

    Parameters
    ----------
    sites : DataFrame [S], site_id and `by`
    by : str, the class column; towers without a class are left out
    rare : int, towers in a rare class; 0 for a plain stratified split
    random_state : int, another than the published one draws another split by the same rule
    """
    from sklearn.model_selection import train_test_split

    known = sites[sites[by].notna()].sort_values("site_id", ignore_index=True)
    counts = known[by].value_counts()
    test = []
    for label in counts.index[counts <= rare]:
        group = known[known[by] == label]
        test += list(group.sample(n=len(group) // 2, random_state=random_state)["site_id"])
    common = known[known[by].map(counts) > rare]
    if len(common):
        try:
            _, drawn = train_test_split(
                common["site_id"], test_size=TEST_SHARE, stratify=common[by], random_state=random_state
            )
        except ValueError as error:
            reason = str(error).partition(". ")[0]
            raise ProtocolError(f"the published rule cannot be applied to {len(known)} towers: {reason}") from None
        test += list(drawn)
    train = sorted(set(known["site_id"]) - set(test))
    return Holdout(tuple(train), tuple(sorted(test)), left_out=_without(sites, by), validation_on_late_parts=True)


def _quota(n: int, is_rare: bool) -> int:
    if is_rare:
        return n // 2
    return max(1, round(TEST_SHARE * n)) if n > 1 else 0


def _without(sites: pd.DataFrame, by: str) -> dict[str, tuple[str, ...]]:
    missing = tuple(sites.loc[sites[by].isna(), "site_id"])
    return {f"no {by}": missing} if missing else {}
