"""Parameters by class of towers: least squares where a class of few towers leans on coarser ones."""

from __future__ import annotations

import numpy as np

from ._seasons import LEVELS, table_shape


def by_class(x: np.ndarray, y: np.ndarray, weight: np.ndarray, codes: list[np.ndarray], pooling: float) -> np.ndarray:
    """Return coefficients of at least 0 that minimise sum w (y - x b)^2 for every class and climate.

    Parameters
    ----------
    x, y, weight : ndarray [N, P], [N], [N]; the weights of a tower add up to one
    codes : list of ndarray [N] int, class on each axis of the table, its length for the unknown
    pooling : float, towers that the coarser level counts for

    Returns
    -------
    b : ndarray [I, J, P]
    """
    shape = table_shape(LEVELS)
    cell = np.ravel_multi_index(codes, shape)
    z = np.concatenate([x, y[:, None], np.ones((len(y), 1))], axis=1)
    # All sums that a fit needs, by cell: w z z', where the last element is the number of towers.
    moments = np.stack(
        [
            np.bincount(cell, weight * z[:, p] * z[:, q], shape[0] * shape[1])
            for p in range(z.shape[1])
            for q in range(z.shape[1])
        ],
        axis=-1,
    ).reshape(*shape, z.shape[1], z.shape[1])
    everyone = moments.sum(axis=(0, 1))
    mean = everyone / everyone[-1, -1]
    out = np.empty((*shape, x.shape[1]))
    for j in range(shape[1]):
        climate = _lean(moments[:, j].sum(axis=0) * (j < shape[1] - 1), mean, pooling)
        for i in range(shape[0]):
            own = _lean(moments[i].sum(axis=0) * (i < shape[0] - 1), climate, pooling)
            out[i, j] = non_negative(own[:-2, :-2], own[:-2, -2])
    return out


def _lean(own: np.ndarray, coarser: np.ndarray, pooling: float) -> np.ndarray:
    """Return the moments of a mean tower: its own and `pooling` towers of the coarser level; that alone without own."""
    n = own[-1, -1]
    return (own + pooling * coarser) / (n + pooling) if n > 0 else coarser


def non_negative(gram: np.ndarray, cross: np.ndarray) -> np.ndarray:
    """Return b >= 0 that minimises b' gram b - 2 cross' b: the best of the few sets of terms that may be above 0.

    Parameters
    ----------
    gram, cross : ndarray [P, P], [P]
    """
    best_b, best_loss = np.zeros(len(cross)), 0.0
    for chosen in range(1, 2 ** len(cross)):
        at = np.flatnonzero([chosen >> p & 1 for p in range(len(cross))])
        b = np.zeros(len(cross))
        b[at] = np.linalg.lstsq(gram[np.ix_(at, at)], cross[at], rcond=1e-10)[0]
        loss = b @ gram @ b - 2 * cross @ b
        if (b >= 0).all() and loss < best_loss:
            best_b, best_loss = b, loss
    return best_b
