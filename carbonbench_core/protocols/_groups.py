"""Draws of whole groups of towers (classes, spatial blocks) by a stable hash."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from ..errors import ProtocolError
from ._protocol import FEWEST_TOWERS


def rank(*words: object) -> bytes:
    """Return a hash of words, the same on every machine, to rank towers or groups by."""
    return hashlib.sha256("/".join(map(str, words)).encode()).digest()


def validation_groups(groups: Mapping[str, Sequence[str]], share: float, largest: float, *words: object) -> list[str]:
    """Draw whole groups for validation from those that are not tested, so that they are as unseen as the test groups.

    Groups are taken in the order of a hash of `words` and their label until they hold `share` of the towers; a group
    that holds more than `largest` of them is needed for training and passed over.

    Parameters
    ----------
    groups : mapping, label -> site ids, of all towers that are not tested
    share : float, the least share of those towers that is drawn, as far as the groups suffice
    largest : float, the greatest share of those towers that one group may hold
    words : what the draw depends on beside the labels: seed, rule, fold

    Returns
    -------
    list of str, site ids, sorted

    Raises
    ------
    ProtocolError : the groups that may be drawn hold neither that share nor `FEWEST_TOWERS` towers, or none at all
    """
    n = sum(map(len, groups.values()))
    drawn: list[str] = []
    for label in sorted(groups, key=lambda label: rank(*words, label)):
        if len(drawn) >= share * n:
            break
        if len(groups[label]) <= largest * n:
            drawn += groups[label]
    if len(drawn) < max(1, min(share * n, FEWEST_TOWERS)):
        raise ProtocolError(
            f"{len(drawn)} of the {n} towers left could validate: every other group holds more than "
            f"{largest:.0%} of them and is needed for training"
        )
    return sorted(drawn)
