"""Windows of consecutive days [N, L, F], gathered when asked for from records that are padded once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from .encoding import Encoder, Scaler
from .errors import FeatureError, UsageError, first_few
from .rows import as_table, choose_features, class_codes, is_static, numeric, quality, records, targets
from .schema import VOCABULARIES
from .tabular import SEASON_NAMES, season

if TYPE_CHECKING:
    from .rows import Data


def to_windows(
    data: Data,
    features: Sequence[str] | None = None,
    length: int = 30,
    horizon: int = 15,
    stride: int = 15,
    scaler: Scaler | None = None,
    day_of_year: bool = False,
) -> Windows:
    """Cut site-days into windows of `length` days in, of which the last `horizon` days are asked for.

    The last window of a record ends on its last day, the others `stride` days earlier each; where history is short,
    days before the record are masked. So `horizon=1, stride=1` gives one window per row, in the order of the rows.
    Days without targets are inputs like all others.

    Parameters
    ----------
    data : datasets.Dataset, pandas.DataFrame or pyarrow.Table, rows tower by tower in date order
    features : sequence of str, optional, columns to use; None takes every feature column the data have
    length, horizon, stride : int [days]
    scaler : Scaler, optional, the `scaler` of the training windows; None fits one here, right for training data only
    day_of_year : bool, add sine and cosine of the season day to the dynamic inputs

    Raises
    ------
    FeatureError : a column is missing or of the wrong type, or the scaler does not fit the inputs
    UsageError : rows out of order, or lengths that make no window
    """
    _check_sizes(length, horizon, stride)
    table = as_table(data)
    return Windows(table, choose_features(table, features), (length, horizon, stride), scaler, day_of_year)


def _check_sizes(length: int, horizon: int, stride: int) -> None:
    for name, value in (("length", length), ("horizon", horizon), ("stride", stride)):
        if int(value) != value or value < 1:
            raise UsageError(f"Got {name}={value}, expected whole days of at least 1.")
    if horizon > length:
        raise UsageError(f"Got horizon={horizon} above length={length}: only days of the window can be asked for.")


class Windows:
    """Windows over whole records; nothing of size [N, L, F] exists until `batch` gathers some of them.

    Made by `to_windows`.

    Attributes
    ----------
    dynamic_names, static_names : tuple of str [Fd], [Fs]
    length, horizon, stride : int [days]
    scaler : Scaler over dynamic, then static inputs; class slots are left as they are
    ends : ndarray [N] int64, row of the data each window ends on
    labelled : ndarray [N] bool, windows with a target on at least one of their last `horizon` days
    """

    def __init__(
        self,
        table: pa.Table,
        features: list[str],
        sizes: tuple[int, int, int],
        scaler: Scaler | None,
        day_of_year: bool,
    ) -> None:
        self.length, self.horizon, self.stride = sizes
        offsets = records(table)
        self._start = np.repeat(offsets[:-1], np.diff(offsets))
        self._pad = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets)) * (self.length - 1)
        self.ends = _ends(offsets, self.stride)
        dynamic = self._dynamic_inputs(table, features, day_of_year)
        static = self._static_inputs(table, [f for f in features if is_static(f)])
        self.scaler = scaler or _fit(dynamic, static, self._keep)
        _check_scaler(self.scaler, (*self.dynamic_names, *self.static_names))
        self._pad_records(dynamic, len(offsets) - 1)
        fd = len(self.dynamic_names)
        self._static = np.nan_to_num(_part(self.scaler, slice(fd, None)).transform(static), nan=0.0)
        self._y, self._weight = _labels(table)
        self.labelled = (self._weight[self.rows] > 0).any(axis=1)

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def inputs(self) -> tuple[np.ndarray, ...]:
        """All that windows are gathered from: scaled daily inputs, which were observed, scaled static inputs."""
        return (*self._padded, self._static)

    @property
    def age(self) -> np.ndarray:
        """Days of the record before the last day of each window, ndarray [N] int64; below L - 1 some are masked."""
        return self.ends - self._start[self.ends]

    @property
    def rows(self) -> np.ndarray:
        """Row of the data of every output day, ndarray [N, H] int64, -1 before the record starts."""
        return self._rows(self.ends)

    def batch(self, indices: Any) -> dict[str, np.ndarray]:
        """Gather some windows.

        Parameters
        ----------
        indices : ndarray [B] int, list of int or slice

        Returns
        -------
        batch : dict of
            dynamic : ndarray [B, L, Fd] float32, scaled, 0 where missing
            observed : ndarray [B, L, Fd] bool, False where missing
            valid : ndarray [B, L] bool, False before the record starts
            static : ndarray [B, Fs] float32, of the last day, scaled, 0 where missing
            y : ndarray [B, H, 3] float32, gpp, reco, nee [gC m-2 d-1], NaN where missing
            weight : ndarray [B, H] float32, nee_qc [0-1], 0 where it or every target is missing
        """
        end = self.ends[indices]
        # A record of number k stands k + 1 pads further down, and a window starts one pad before its last day.
        first = end + self._pad[end]
        rows = self._rows(end)
        age = (end - self._start[end])[:, None]
        shape = (len(end), self.length, len(self.dynamic_names))
        return {
            "dynamic": self._dynamic[first].reshape(shape),
            "observed": self._observed[first].reshape(shape),
            "valid": np.arange(self.length - 1, -1, -1) <= age,
            "static": self._static[self._static_row[end]],
            "y": self._y[rows],
            "weight": self._weight[rows],
        }

    def _rows(self, end: np.ndarray) -> np.ndarray:
        rows = end[:, None] - np.arange(self.horizon - 1, -1, -1)
        return np.where(rows >= self._start[end][:, None], rows, -1)

    def _dynamic_inputs(self, table: pa.Table, features: list[str], day_of_year: bool) -> np.ndarray:
        encoder = Encoder([f for f in features if not is_static(f)])
        x, extra = encoder.transform(table), SEASON_NAMES if day_of_year else ()
        self.dynamic_names = (*encoder.names, *extra)
        return np.concatenate([x, season(table)], axis=1) if day_of_year else x

    def _static_inputs(self, table: pa.Table, features: list[str]) -> np.ndarray:
        """Encode one row per run of equal static columns, not one per day."""
        encoder = Encoder(features)
        change = np.r_[True, np.diff(self._start) != 0][: table.num_rows]
        for name in features:
            raw = class_codes(table, name) if name in VOCABULARIES else numeric(table, name, pa.float32())
            change[1:] |= (raw[1:] != raw[:-1]) & ~((raw[1:] != raw[1:]) & (raw[:-1] != raw[:-1]))
        self._static_row = np.cumsum(change) - 1
        self.static_names = tuple(encoder.names)
        self._keep = np.r_[np.zeros(len(self.dynamic_names), bool), encoder.is_class]
        if not features:  # a table without columns has no rows either
            return np.zeros((int(change.sum()), 0), dtype=np.float32)
        return encoder.transform(table.select(features).take(np.flatnonzero(change)))

    def _pad_records(self, x: np.ndarray, n_records: int) -> None:
        pad, fd = self.length - 1, x.shape[1]
        at = np.arange(len(x)) + self._pad + pad
        values = np.zeros((len(x) + n_records * pad, fd), dtype=np.float32)
        observed = np.zeros(values.shape, dtype=bool)
        there = np.isfinite(x)
        values[at] = np.where(there, _part(self.scaler, slice(fd)).transform(x), np.float32(0))
        observed[at] = there
        self._padded = values, observed
        self._dynamic, self._observed = (_strided(padded, self.length) for padded in self._padded)


def _ends(offsets: np.ndarray, stride: int) -> np.ndarray:
    """Return every stride-th row of each record, counted back from its last row."""
    last = np.repeat(offsets[1:], np.diff(offsets)) - 1
    row = np.arange(offsets[-1])
    return row[(last - row) % stride == 0]


def _strided(x: np.ndarray, length: int) -> np.ndarray:
    """Return the read-only view [D - L + 1, L * F] of an array [D, F]: a window is one stretch of memory."""
    shape = (max(len(x) - length + 1, 0), length * x.shape[1])
    return np.lib.stride_tricks.as_strided(x, shape, x.strides, writeable=False)


def _labels(table: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Return targets [N + 1, 3] and weights [N + 1]; the last row, which index -1 finds, is the padding."""
    n = table.num_rows
    y, weight = np.full((n + 1, 3), np.nan, dtype=np.float32), np.zeros(n + 1, dtype=np.float32)
    known, qc = targets(table), quality(table)
    if known is not None:
        y[:-1] = known
        weight[:-1] = 1.0 if qc is None else np.nan_to_num(qc, nan=0.0)
        weight[:-1] *= np.isfinite(known).any(axis=1)
    return y, weight


def _fit(dynamic: np.ndarray, static: np.ndarray, keep: np.ndarray) -> Scaler:
    fd = dynamic.shape[1]
    a, b = Scaler().fit(dynamic, keep[:fd]), Scaler().fit(static, keep[fd:])
    return Scaler(np.r_[a.mean, b.mean], np.r_[a.scale, b.scale])


def _part(scaler: Scaler, columns: slice) -> Scaler:
    return Scaler(scaler.mean[columns], scaler.scale[columns])


def _check_scaler(scaler: Scaler, names: tuple[str, ...]) -> None:
    if len(scaler.mean) != len(names):
        raise FeatureError(
            f"The scaler was fitted on {len(scaler.mean)} inputs, this data give {len(names)} "
            f"({first_few(names, 5)}). Pass the features the training windows had."
        )
