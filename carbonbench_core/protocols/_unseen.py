"""Folds that hold out one class of towers each, and validate on classes that are not trained on either."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ProtocolError
from . import FEWEST_TOWERS, Holdout, require
from ._apart import SATELLITE_BOX, left_out_near, near
from ._groups import validation_groups

if TYPE_CHECKING:
    import pandas as pd

VALIDATION_SHARE = 0.1
LARGEST_SHARE = 0.25
RARE = "rare"


def unseen_folds(sites: pd.DataFrame, by: str, family: str, seed: int, text: str) -> dict[str, Holdout | ProtocolError]:
    """Hold out every class once, all its towers, never a part of them.

    A class of fewer than `FEWEST_TOWERS` towers is no fold of its own: such classes are pooled into one fold "rare"
    where they have that many together. Validation towers are whole classes too, drawn by a stable hash from the
    classes left: at least a tenth of their towers, no class that holds more than a quarter of them. A tower of another
    class that stands within `SATELLITE_BOX` of a test tower is left out of the fold, and so is a training tower that
    stands so near a validation tower.

    Parameters
    ----------
    sites : DataFrame [S], site_id, `by` and, to know neighbours by, latitude and longitude
    by : str, the class column; towers without a class are left out
    family : str, folds are named ``{family}_{class}``
    seed : int
    text : str, what the family measures; each fold adds its own class and its validation classes

    Returns
    -------
    dict, fold -> towers, or why that class is no fold

    Raises
    ------
    ProtocolError : no class can be a fold
    """
    require(sites, by)
    towers: dict[str, list[str]] = {}
    for site, label in zip(sites["site_id"], sites[by], strict=True):
        towers.setdefault(label if isinstance(label, str) else "", []).append(site)
    unseen = {f"no {by}": tuple(towers.pop("", ()))}
    small = {label: ids for label, ids in towers.items() if len(ids) < FEWEST_TOWERS}
    rare = sorted(site for ids in small.values() for site in ids)
    tested = {label: ids for label, ids in towers.items() if label not in small}
    if len(rare) >= FEWEST_TOWERS:
        tested[RARE] = rare
    drawn: dict[str, Holdout | ProtocolError] = {}
    for label, test in sorted(tested.items()):
        try:
            drawn[_name(family, label)] = _fold(sites, towers, label, test, unseen, family, seed, text)
        except ProtocolError as error:
            drawn[_name(family, label)] = error
    if not any(isinstance(fold, Holdout) for fold in drawn.values()):
        raise ProtocolError(_why_none(towers, drawn, by))
    pooled = f"pooled into {family}_{RARE}"
    fate = pooled if RARE in tested else f"all such classes together have {len(rare)}"
    for label, ids in sorted(small.items()):
        drawn[_name(family, label)] = ProtocolError(
            f"towers of class {label}: {len(ids)}, fewer than {FEWEST_TOWERS}; {fate}"
        )
    return drawn


def _fold(
    sites: pd.DataFrame,
    towers: dict[str, list[str]],
    label: str,
    test: list[str],
    unseen: dict[str, tuple[str, ...]],
    family: str,
    seed: int,
    text: str,
) -> Holdout:
    others = {other: ids for other, ids in towers.items() if not set(test).intersection(ids)}
    close = near(sites, [site for ids in others.values() for site in ids], test, SATELLITE_BOX)
    left = {other: kept for other, ids in others.items() if (kept := [site for site in ids if site not in close])}
    validation = validation_groups(left, VALIDATION_SHARE, LARGEST_SHARE, seed, family, label)
    chosen = sorted(other for other, ids in left.items() if ids[0] in validation)
    train = {site for ids in left.values() for site in ids} - set(validation)
    close_to_validation = near(sites, train, validation, SATELLITE_BOX)
    return Holdout(
        tuple(sorted(train - close_to_validation)),
        tuple(test),
        tuple(validation),
        unseen | left_out_near(close, close_to_validation),
        family=family,
        text=f"{text} Held out: {label}; validation on {', '.join(chosen)}.",
    )


def _name(family: str, label: str) -> str:
    return f"{family}_{label.replace(' ', '_')}"


def _why_none(towers: dict[str, list[str]], drawn: dict, by: str) -> str:
    counts = ", ".join(f"{label} {len(ids)}" for label, ids in sorted(towers.items())) or "no tower has one"
    reasons = "".join(f"; {name}: {error}" for name, error in drawn.items())
    return (
        f"no class of {by} has {FEWEST_TOWERS} towers beside other classes to train and validate on ({counts}){reasons}"
    )
