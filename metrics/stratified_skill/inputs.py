"""The columns that reach the metric: arrays, checked, with sites and classes as codes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

UNKNOWN = "unknown"
_MISSING = ("", "none", "nan", "nat", "null", "<na>")  # as the spellings of a missing string reach us
_LARGEST = 1e100  # squares of anything larger overflow when summed


def run_starts(values: np.ndarray) -> np.ndarray:
    """Return the rows where a value differs from the one before."""
    return np.flatnonzero(np.concatenate([np.ones(min(1, len(values)), bool), values[1:] != values[:-1]]))


def factorise(values: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Return the sorted distinct names and the code of each row; a missing name is "unknown"."""
    starts = run_starts(values)  # few, where a site's days stand together
    heads = values[starts].tolist()
    spelling = {value: _name(value) for value in set(heads)}
    names = sorted(set(spelling.values()))
    order = {name: code for code, name in enumerate(names)}
    lookup = {value: order[name] for value, name in spelling.items()}
    codes = np.fromiter(map(lookup.__getitem__, heads), np.uint16 if len(names) < 2**16 else np.int64, len(heads))
    return names, np.repeat(codes, np.diff(starts, append=len(values)))


def _name(value: object) -> str:
    text = str(value).strip()
    return UNKNOWN if text.lower() in _MISSING else text


def sites(values: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Return the sorted names of the sites and the code of each row.

    Raises
    ------
    ValueError : a row has no site
    """
    names, codes = factorise(values)
    if UNKNOWN in names:
        row = int(np.argmax(codes == names.index(UNKNOWN)))
        raise ValueError(f"site_id is missing in row {row}. Every row needs the site it belongs to.")
    return names, codes


def class_of_site(stratum: str, values: np.ndarray, names: list[str], codes: np.ndarray) -> np.ndarray:
    """Return the class of each site [S] from the class of each row [N] and what `sites` returned.

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


def column(name: str, values: ArrayLike) -> np.ndarray:
    """Return one input as an array of one dimension."""
    out = np.asarray(values)
    if out.ndim != 1:
        raise ValueError(f"{name} has the shape {out.shape}; expected one value per row.")
    return out


def numbers(name: str, values: ArrayLike) -> np.ndarray:
    """Return one input as an array [N] of float64."""
    try:
        return column(name, np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} cannot be read as numbers: {error}. Give one float per row.") from error


def require_same_length(**columns: ArrayLike | None) -> None:
    """Refuse inputs of different length, and inputs without rows."""
    lengths = {name: len(values) for name, values in columns.items() if values is not None}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"Inputs differ in length: {lengths}. Give one value per row in each.")
    if not lengths["references"]:
        raise ValueError("There are no rows. Give at least one prediction and its reference.")


def require_finite(
    p: np.ndarray, y: np.ndarray, observed: np.ndarray, site_id: np.ndarray, date: ArrayLike | None
) -> None:
    """Refuse references that are infinite, and predictions that are no finite number where there is a reference."""
    for name, values in (("references", y), ("predictions", p)):
        bad = observed & ~(np.abs(values) < _LARGEST)
        if bad.any():
            row = int(np.argmax(bad))
            day = "" if date is None else f" on {np.asarray(date)[row]}"
            raise ValueError(
                f"{name} has {int(bad.sum())} missing or infinite values where there is a reference, the first at "
                f"site {site_id[row]}{day}: {values[row]}. Give a finite number on every day that is scored."
            )
