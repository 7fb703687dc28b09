"""Encoding and scaling of inputs: classes to slots, numbers to mean 0 and standard deviation 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import pyarrow as pa

from . import schema
from .errors import UsageError
from .rows import class_codes, numeric


class Encoder:
    """Turns columns into a matrix: numbers pass, classes become one slot per code and one for the unknown.

    Parameters
    ----------
    columns : sequence of str; `igbp`, `koppen_main` and `koppen` are classes, everything else is a number

    Attributes
    ----------
    names : list of str [F], names of the outputs, e.g. "TA_F", "igbp=ENF", "igbp=unknown"
    is_class : ndarray [F] bool, outputs that are class slots
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = list(columns)
        slots = [(c, schema.VOCABULARIES.get(c)) for c in self.columns]
        self.names = [n for c, v in slots for n in ([c] if v is None else [f"{c}={k}" for k in (*v, "unknown")])]
        self.is_class = np.array([v is not None for _, v in slots for _ in range(1 if v is None else len(v) + 1)], bool)

    def transform(self, table: pa.Table) -> np.ndarray:
        """Return the matrix of the table, ndarray [N, F] float32 with NaN where a number is missing.

        Raises
        ------
        FeatureError : a column is missing or of the wrong type
        """
        out = np.zeros((table.num_rows, len(self.names)), dtype=np.float32)
        at = 0
        for name in self.columns:
            vocabulary = schema.VOCABULARIES.get(name)
            if vocabulary is None:
                out[:, at] = numeric(table, name, pa.float32())
                at += 1
            else:
                out[np.arange(table.num_rows), at + class_codes(table, name)] = 1.0
                at += len(vocabulary) + 1
        return out


@dataclass
class Scaler:
    """Brings every input to mean 0 and standard deviation 1; fitted on training rows, then applied to all.

    Parameters
    ----------
    mean, scale : ndarray [F] float64, in the unit of the input
    """

    mean: np.ndarray = field(default_factory=lambda: np.zeros(0))
    scale: np.ndarray = field(default_factory=lambda: np.ones(0))

    def fit(self, x: np.ndarray, keep: np.ndarray | None = None) -> Self:
        """Learn mean and standard deviation, leaving out NaN; a constant column is only centred.

        Parameters
        ----------
        x : ndarray [N, F]
        keep : ndarray [F] bool, optional, columns to leave as they are (class slots)
        """
        f = x.shape[1]
        self.mean, self.scale = np.zeros(f), np.ones(f)
        for j in range(f) if keep is None else np.flatnonzero(~np.asarray(keep)):
            there = x[:, j][np.isfinite(x[:, j])].astype(np.float64)
            if there.size:
                self.mean[j], spread = there.mean(), there.std()
                # float32 rounding gives a constant column a spread of some 1e-7 of its value
                self.scale[j] = spread if spread > 1e-6 * abs(self.mean[j]) else 1.0
        return self

    def transform(self, x: np.ndarray) -> np.ndarray:
        """Return the scaled values, ndarray [N, F] float32, NaN kept."""
        return ((x - self.mean) / self.scale).astype(np.float32)

    def inverse(self, z: np.ndarray) -> np.ndarray:
        """Return the values in their own units, ndarray [N, F] float64."""
        return z * self.scale + self.mean

    def to_dict(self) -> dict[str, list[float]]:
        """Return the scaler as plain lists, for JSON."""
        return {"mean": self.mean.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> Self:
        """Return the scaler that `to_dict` wrote.

        Raises
        ------
        UsageError : it is not one
        """
        try:
            mean, scale = (np.asarray(saved[k], dtype=np.float64).reshape(-1) for k in ("mean", "scale"))
        except (KeyError, TypeError, ValueError):
            raise UsageError("Not a saved scaler: expected lists 'mean' and 'scale' of numbers.") from None
        if mean.shape != scale.shape or not (
            np.isfinite(mean).all() and np.isfinite(scale).all() and (scale > 0).all()
        ):
            raise UsageError("Not a saved scaler: 'mean' and 'scale' must be finite, of one length, 'scale' positive.")
        return cls(mean, scale)
