"""Few-shot protocols: the first days of the test towers are given, and every number of them is scored on the same days.

They are derived from a frozen protocol by name and frozen nowhere themselves: the same files, a row rule more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from ..errors import ProtocolError, UsageError, unknown
from ._protocol import Protocol, part_of
from ._rows import SUPPORT

SUPPORT_DAYS = (0, 7, 30, 90, 365)
# The longest support, then the 30 days at the start of a part that are never scored.
SKIP_DAYS = max(SUPPORT_DAYS) + 30
FIRST_DAY = "2000-02-24"  # the first day of MODIS Terra: earlier days have no zero-shot features and are not scored
_NAME = re.compile(r"(?P<base>.+)_few_(?P<k>\d+)")


def few_shot(protocol: Protocol, k: int) -> Protocol:
    """Return a site holdout with the first k days of every test tower as the split `support`.

    The evaluation index skips each test tower's first 365 + 30 days for every k, so that scores for different k
    compare; the score for k = 0 is therefore not that of the protocol itself. Without days there is no `support`.

    Parameters
    ----------
    protocol : Protocol, of which no test tower is trained or validated on
    k : int, one of `SUPPORT_DAYS`

    Raises
    ------
    UsageError : no such k
    ProtocolError : the protocol is no site holdout
    """
    if k not in SUPPORT_DAYS:
        raise UsageError(f"Got {k} days of support, expected one of {', '.join(map(str, SUPPORT_DAYS))}.")
    if not is_site_holdout(protocol):
        raise ProtocolError(
            f"Protocol {protocol.name!r} tests towers that it trains on, so days of theirs are no news. "
            "Take one that holds out whole towers."
        )
    support = [file for file in protocol.splits["test"] if part_of(file)[1] == "early"] if k else []
    suffix = f"_few_{k}"
    return replace(
        protocol,
        name=protocol.name + suffix,
        family=protocol.family and protocol.family + suffix,
        text=(
            f"{protocol.text} Few-shot: {k} days of each test tower's earliest record are given as `support`; the "
            f"first {SKIP_DAYS} days are not scored, whatever their number, so no score of this protocol, "
            f"that of 0 days included, is a score of {protocol.name}."
        ),
        splits={**protocol.splits, **({SUPPORT: support} if support else {})},
        rows={"support_days": k, "skip_days": SKIP_DAYS, "from": FIRST_DAY},
    )


def derive(name: str, frozen: Mapping[str, Protocol]) -> Protocol:
    """Return the protocol of a name: a frozen one, or ``{frozen}_few_{k}``.

    Parameters
    ----------
    name : str, e.g. "veg_holdout" or "veg_holdout_few_30"
    frozen : mapping, name -> Protocol

    Raises
    ------
    UsageError : there is no such protocol or no such k; names those that there are
    ProtocolError : the protocol is no site holdout
    """
    if name in frozen:
        return frozen[name]
    base, k = split_name(name)
    if k is None:
        raise unknown("protocol", name, frozen)
    if base not in frozen:
        raise unknown("protocol", base, [n for n, protocol in frozen.items() if is_site_holdout(protocol)])
    return few_shot(frozen[base], k)


def split_name(name: str) -> tuple[str, int | None]:
    """Return the protocol a few-shot name is derived from, and its days; None for any other name."""
    match = _NAME.fullmatch(name)
    return (match["base"], int(match["k"])) if match else (name, None)


def is_site_holdout(protocol: Protocol) -> bool:
    """Return whether no test tower is trained or validated on."""
    known = {*protocol.sites("train"), *protocol.sites("validation")}
    return not protocol.rows and known.isdisjoint(protocol.sites("test"))
