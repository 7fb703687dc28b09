"""The columns that reach the metric: arrays, checked, with sites and classes as codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

UNKNOWN = "unknown"
_MISSING = ("", "none", "nan", "nat", "null", "<na>")  # as the spellings of a missing string reach us
_LARGEST = 1e100  # squares of anything larger overflow when summed


def run_starts(values: np.ndarray) -> np.ndarray:
    """Return the rows where a value differs from the one before."""
    return np.flatnonzero(np.concatenate([np.ones(min(1, len(values)), bool), values[1:] != values[:-1]]))


def factorise(values: ArrayLike) -> tuple[list[str], np.ndarray]:
    """Return the sorted distinct names and the code of each row; a missing name is "unknown"."""
    if hasattr(values, "factorize"):  # a pandas column; as an array of objects it would take four times as long
        code, heads = values.factorize()
        heads = [*heads, None] if (code < 0).any() else list(heads)
        names, codes = _sorted_names(heads)
        return names, codes[code]
    starts = run_starts(values)  # few, where a site's days stand together
    names, codes = _sorted_names(values[starts].tolist())
    return names, np.repeat(codes, np.diff(starts, append=len(values)))


def _sorted_names(heads: list) -> tuple[list[str], np.ndarray]:
    spelling = {value: _name(value) for value in set(heads)}
    names = sorted(set(spelling.values()))
    order = {name: code for code, name in enumerate(names)}
    lookup = {value: order[name] for value, name in spelling.items()}
    dtype = np.uint16 if len(names) < 2**16 else np.int64
    return names, np.fromiter(map(lookup.__getitem__, heads), dtype, len(heads))


def _name(value: object) -> str:
    text = str(value).strip()
    return UNKNOWN if text.lower() in _MISSING else text


@dataclass(frozen=True)
class Sites:
    """Which site each row belongs to, and the classes of the sites.

    Parameters
    ----------
    names : list of str [S], sorted
    codes : ndarray [N] of int, the number of each row's site
    classes : dict, stratum -> ndarray [S] of str
    """

    names: list[str]
    codes: np.ndarray
    classes: dict[str, np.ndarray]

    def counts(self, observed: np.ndarray, min_days: int) -> dict:
        """Return the head of a table of sites: names, classes, days with and without a reference, which are short."""
        n = np.bincount(self.codes[observed], minlength=len(self.names))
        dropped = np.bincount(self.codes, minlength=len(self.names)) - n
        head = {"site_id": np.array(self.names), **self.classes}
        return head | {"n": n, "n_dropped": dropped, "short": (n > 0) & (n < min_days)}

    def grouped(self, observed: np.ndarray, day: np.ndarray | None = None) -> tuple[np.ndarray | slice, np.ndarray]:
        """Return the observed rows, site by site and day by day, and where in them each site starts."""
        rows = slice(None) if observed.all() else np.flatnonzero(observed)
        codes = self.codes[rows]
        key = codes if day is None else codes.astype(np.int64) * 2**32 + day[rows]
        if np.any(key[1:] < key[:-1]):
            order = np.argsort(key, kind="stable")
            rows, codes = np.arange(len(observed))[rows][order], codes[order]
        return rows, run_starts(codes)


def read_sites(site_id: ArrayLike, strata: Mapping[str, ArrayLike | None]) -> Sites:
    """Return the sites of the rows and their classes; a stratum that is None is left out.

    Raises
    ------
    ValueError : a row has no site, or a site two classes
    """
    names, codes = factorise(site_id)
    if UNKNOWN in names:
        row = int(np.argmax(codes == names.index(UNKNOWN)))
        raise ValueError(f"site_id is missing in row {row}. Every row needs the site it belongs to.")
    given = {name: column(name, values) for name, values in strata.items() if values is not None}
    return Sites(names, codes, {name: class_of_site(name, values, names, codes) for name, values in given.items()})


def class_of_site(stratum: str, values: ArrayLike, names: list[str], codes: np.ndarray) -> np.ndarray:
    """Return the class of each site [S] from the class of each row [N].

    Raises
    ------
    ValueError : a site has two classes
    """
    classes, class_codes = factorise(values)
    pairs = codes.astype(np.int64) * len(classes) + class_codes
    days = np.bincount(pairs, minlength=len(names) * len(classes)).reshape(len(names), len(classes))
    if np.any((days > 0).sum(axis=1) > 1):
        site = int(np.argmax((days > 0).sum(axis=1) > 1))
        found = " and ".join(np.array(classes)[days[site] > 0].tolist())
        raise ValueError(
            f"Site {names[site]} has more than one {stratum} class: {found}. Give every row of a site one."
        )
    return np.array(classes)[days.argmax(axis=1)]


def column(name: str, values: ArrayLike) -> ArrayLike:
    """Return one input as an array of one dimension, a pandas column as it is."""
    out = values if hasattr(values, "factorize") else np.asarray(values)
    if out.ndim != 1:
        raise ValueError(f"{name} has the shape {out.shape}; expected one value per row.")
    return out


def numbers(name: str, values: ArrayLike) -> np.ndarray:
    """Return one input as an array [N] of float64."""
    try:
        return column(name, np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} cannot be read as numbers: {error}. Give one float per row.") from error


def days(values: ArrayLike) -> np.ndarray:
    """Return dates of any usual kind as days since 1970, [N] of int."""
    try:
        out = column("date", np.asarray(values, dtype="datetime64[D]"))
    except (TypeError, ValueError) as error:
        raise ValueError(f"date cannot be read as dates: {error}. Give one date or YYYY-MM-DD per row.") from error
    if np.isnat(out).any():
        raise ValueError(f"date is missing in row {int(np.argmax(np.isnat(out)))}. Give the day of every row.")
    return out.astype(np.int64)


def matrix(name: str, values: ArrayLike, width: int | None = None) -> np.ndarray:
    """Return an input with several numbers per row as an array [N, width] of float64."""
    wanted = "a list of numbers of one length" if width is None else f"{width} numbers"
    try:
        out = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} cannot be read as numbers: {error}. Give {wanted} per row.") from error
    if out.ndim != 2 or (width is not None and out.shape[1] != width):
        raise ValueError(f"{name} has the shape {out.shape}; expected {wanted} per row.")
    return out


def masks_of(masks: Mapping[str, ArrayLike] | None, n_rows: int) -> dict[str, np.ndarray]:
    """Return named choices of rows as arrays [N] of bool."""
    out = {name: column(f"Mask {name}", np.asarray(mask)) for name, mask in (masks or {}).items()}
    for name, mask in out.items():
        if mask.dtype != bool or len(mask) != n_rows:
            raise ValueError(f"Mask {name} has {len(mask)} values of {mask.dtype}; expected {n_rows} of bool.")
    return out


def require_same_length(**columns: ArrayLike | None) -> None:
    """Refuse inputs of different length, and inputs without rows."""
    lengths = {name: len(values) for name, values in columns.items() if values is not None}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"Inputs differ in length: {lengths}. Give one value per row in each.")
    if not lengths["references"]:
        raise ValueError("There are no rows. Give at least one prediction and its reference.")


def require_finite(
    values: Mapping[str, np.ndarray], observed: np.ndarray, site_id: ArrayLike, date: ArrayLike | None
) -> None:
    """Refuse inputs [N] or [N, Q] that hold no finite number where there is a reference."""
    for name, of_name in values.items():
        bad = ~(np.abs(of_name) < _LARGEST)
        bad = observed & (bad if bad.ndim == 1 else bad.any(axis=1))
        if bad.any():
            row = int(np.argmax(bad))
            where = str(np.asarray(site_id)[row]) + ("" if date is None else f" on {np.asarray(date)[row]}")
            raise ValueError(
                f"{name} has {int(bad.sum())} missing or infinite values where there is a reference, the first at "
                f"site {where}: {of_name[row]}. Give a finite number on every day that is scored."
            )
