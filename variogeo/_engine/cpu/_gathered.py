"""The compiled loop over the leaves of two blocks that must be looked at pair by pair."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from variogeo._engine._blocks import LEAF
from variogeo._engine.cpu._compiled import compiled, row_lags
from variogeo._engine.cpu._moments import add_row
from variogeo._engine.cpu._tiles import row_terms

LEAVES = 32
"""Leaves of a group, one bit each: points of the first side that share the way to the second."""

COLUMNS = 512
"""Pairs of a row that are gathered before they are sorted into bins."""


class Gathered(NamedTuple):
    """The points of the second side that the leaves of a group must look at one by one.

    Attributes
    ----------
    filled : (LEAVES,) int array
        Gathered columns of each leaf of the group.
    column : (LEAVES, COLUMNS) int array
        Their positions in the second block.
    x, y, z, half_squares : (LEAVES, COLUMNS) float array
    product : (LEAVES, LEAF, COLUMNS) array
    """

    filled: NDArray[np.int64]
    column: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    z: NDArray[np.float64]
    half_squares: NDArray[np.float64]
    product: NDArray[np.floating]


def nothing_gathered(precision: type[np.floating]) -> Gathered:
    """Return the space to gather in."""
    x, y, z, half_squares = np.zeros((4, LEAVES, COLUMNS))
    return Gathered(
        np.zeros(LEAVES, np.int64),
        np.zeros((LEAVES, COLUMNS), np.int64),
        x,
        y,
        z,
        half_squares,
        np.zeros((LEAVES, LEAF, COLUMNS), precision),
    )


@compiled
def _products(a, i, b, j, out):
    """Write the products of four rows with four: sixteen sums that stay in registers."""
    a0, a1, a2, a3 = a[i], a[i + 1], a[i + 2], a[i + 3]
    b0, b1, b2, b3 = b[j], b[j + 1], b[j + 2], b[j + 3]
    zero = a.dtype.type(0)
    c00 = c01 = c02 = c03 = c10 = c11 = c12 = c13 = zero
    c20 = c21 = c22 = c23 = c30 = c31 = c32 = c33 = zero
    for k in range(a.shape[1]):
        x0, x1, x2, x3 = a0[k], a1[k], a2[k], a3[k]
        y0, y1, y2, y3 = b0[k], b1[k], b2[k], b3[k]
        c00, c01, c02, c03 = c00 + x0 * y0, c01 + x0 * y1, c02 + x0 * y2, c03 + x0 * y3
        c10, c11, c12, c13 = c10 + x1 * y0, c11 + x1 * y1, c12 + x1 * y2, c13 + x1 * y3
        c20, c21, c22, c23 = c20 + x2 * y0, c21 + x2 * y1, c22 + x2 * y2, c23 + x2 * y3
        c30, c31, c32, c33 = c30 + x3 * y0, c31 + x3 * y1, c32 + x3 * y2, c33 + x3 * y3
    out[0, 0], out[0, 1], out[0, 2], out[0, 3] = c00, c01, c02, c03
    out[1, 0], out[1, 1], out[1, 2], out[1, 3] = c10, c11, c12, c13
    out[2, 0], out[2, 1], out[2, 2], out[2, 3] = c20, c21, c22, c23
    out[3, 0], out[3, 1], out[3, 2], out[3, 3] = c30, c31, c32, c33


@compiled
def _gather(leaf, a, first, b, other, gathered):
    """Append the leaf of ``b`` at ``other`` to the columns of a leaf of the group, which starts at ``first``."""
    at = gathered.filled[leaf]
    count = min(LEAF, b.x.shape[0] - other)
    for k in range(count):
        gathered.column[leaf, at + k] = other + k
        gathered.x[leaf, at + k] = b.x[other + k]
        gathered.y[leaf, at + k] = b.y[other + k]
        gathered.z[leaf, at + k] = b.z[other + k]
        gathered.half_squares[leaf, at + k] = b.half_squares[other + k]
    gathered.filled[leaf] = at + count
    for i in range(0, LEAF, 4):
        for j in range(0, LEAF, 4):
            out = gathered.product[leaf, i : i + 4, at + j : at + j + 4]
            _products(a.factors, first + i, b.factors, other + j, out)


@compiled
def _flush(leaf, metric, a, first, b, later, zones, moments, full, gathered, space, open_pairs, left):
    """Add the gathered pairs of a leaf; row i begins at column ``later * (i + 1)``."""
    count = gathered.filled[leaf]
    # Index by index: an array of one axis is known to be contiguous, and its loops are vectorised.
    x, y, z, half_squares = gathered.x[leaf], gathered.y[leaf], gathered.z[leaf], gathered.half_squares[leaf]
    column = gathered.column[leaf]
    for i in range(min(LEAF, a.x.shape[0] - first)):
        start = later * (i + 1)
        some = count - start
        if some <= 0:
            break
        row, product = first + i, gathered.product[leaf][i]
        row_lags(metric, a.x[row], a.y[row], a.z[row], x[start:], y[start:], z[start:], space.lag[:some])
        row_terms(a, row, b, column[start:], half_squares[start:], product[start:], some, space, moments.nearly_equal)
        before = left
        left = add_row(row, some, space, zones, moments, full, 0, open_pairs, left)
        for k in range(before, left):
            open_pairs.j[k] = column[start + open_pairs.j[k]]
    gathered.filled[leaf] = 0
    return left


@compiled
def add_gathered(metric, start, a, b, same, bits, touched, touches, zones, moments, full, gathered, space, open_pairs):
    """Add the pairs of all leaves that a group has touched; return the number of pairs left to be settled."""
    left, none, one = 0, touches - touches, touches - touches + 1
    for t in range(touches):
        other, marks = touched[t] * LEAF, bits[touched[t]]
        bits[touched[t]] = 0
        for leaf in range(LEAVES):
            if not (marks >> leaf) & 1:
                continue
            first = start + leaf * LEAF
            alone = same and first == other
            if alone or gathered.filled[leaf] + LEAF > COLUMNS:
                left = _flush(
                    leaf,
                    metric,
                    a,
                    first,
                    b,
                    none,
                    zones,
                    moments,
                    full,
                    gathered,
                    space,
                    open_pairs,
                    left,
                )
            _gather(leaf, a, first, b, other, gathered)
            if alone:
                left = _flush(
                    leaf,
                    metric,
                    a,
                    first,
                    b,
                    one,
                    zones,
                    moments,
                    full,
                    gathered,
                    space,
                    open_pairs,
                    left,
                )
    for leaf in range(LEAVES):
        first = start + leaf * LEAF
        left = _flush(leaf, metric, a, first, b, none, zones, moments, full, gathered, space, open_pairs, left)
    return left
