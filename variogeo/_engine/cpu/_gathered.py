"""The compiled loop over the leaves of two blocks that must be looked at pair by pair."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from variogeo._engine._blocks import LEAF
from variogeo._engine.cpu._compiled import compiled, leaf_lags
from variogeo._engine.cpu._row_terms import leaf_terms, scalar_terms
from variogeo._engine.cpu._sorting import add_pairs

LEAVES = 32
"""Leaves of a group, one bit each: points of the first side that share the way to the second."""

COLUMNS = 128
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
def _products(a, i, b, j, out, leaf, row, at):
    """Write the products of four rows with four: sixteen sums that stay in registers."""
    i0, j0 = np.uint64(i), np.uint64(j)
    i1, i2, i3 = i0 + np.uint64(1), i0 + np.uint64(2), i0 + np.uint64(3)
    j1, j2, j3 = j0 + np.uint64(1), j0 + np.uint64(2), j0 + np.uint64(3)
    zero = a.dtype.type(0)
    c00 = c01 = c02 = c03 = c10 = c11 = c12 = c13 = zero
    c20 = c21 = c22 = c23 = c30 = c31 = c32 = c33 = zero
    for k in range(np.uint64(a.shape[1])):
        x0, x1, x2, x3 = a[i0, k], a[i1, k], a[i2, k], a[i3, k]
        y0, y1, y2, y3 = b[j0, k], b[j1, k], b[j2, k], b[j3, k]
        c00, c01, c02, c03 = c00 + x0 * y0, c01 + x0 * y1, c02 + x0 * y2, c03 + x0 * y3
        c10, c11, c12, c13 = c10 + x1 * y0, c11 + x1 * y1, c12 + x1 * y2, c13 + x1 * y3
        c20, c21, c22, c23 = c20 + x2 * y0, c21 + x2 * y1, c22 + x2 * y2, c23 + x2 * y3
        c30, c31, c32, c33 = c30 + x3 * y0, c31 + x3 * y1, c32 + x3 * y2, c33 + x3 * y3
    out[leaf, row, at], out[leaf, row, at + 1], out[leaf, row, at + 2], out[leaf, row, at + 3] = c00, c01, c02, c03
    row += 1
    out[leaf, row, at], out[leaf, row, at + 1], out[leaf, row, at + 2], out[leaf, row, at + 3] = c10, c11, c12, c13
    row += 1
    out[leaf, row, at], out[leaf, row, at + 1], out[leaf, row, at + 2], out[leaf, row, at + 3] = c20, c21, c22, c23
    row += 1
    out[leaf, row, at], out[leaf, row, at + 1], out[leaf, row, at + 2], out[leaf, row, at + 3] = c30, c31, c32, c33


@compiled
def _flush(leaf, metric, a, first, b, later, zones, moments, spread, gathered, space, apart, left):
    """Add the gathered pairs of a leaf; row i begins at column ``later * (i + 1)``."""
    count = gathered.filled[leaf]
    rows = min(LEAF, a.x.shape[0] - first)
    if count == 0 or rows <= 0:
        return left
    # Index by index: an array of one axis is known to be contiguous, and its loops are vectorised.
    x, y, z, half_squares = gathered.x[leaf], gathered.y[leaf], gathered.z[leaf], gathered.half_squares[leaf]
    column, product = gathered.column[leaf], gathered.product[leaf]
    leaf_lags(metric, a.x, a.y, a.z, first, rows, x, y, z, count, later, space.lag)
    if b.factors.shape[1] == 1:
        lost = scalar_terms(a, first, rows, b, column, count, later, space.term, moments)
    else:
        lost = leaf_terms(a, first, rows, b, column, half_squares, product, count, later, space.term, moments)
    pairs = rows * count - later * (rows * (rows + 1) // 2 - max(rows - count, 0) * (rows - count + 1) // 2)
    before = left
    left = add_pairs(pairs, space, lost, zones, moments, spread, apart, left)
    if left > before:
        _name_pairs(first, rows, column, count, later, apart, before, left)
    gathered.filled[leaf] = 0
    return left


@compiled
def _name_pairs(first, rows, column, count, later, apart, before, left):
    """Turn places of pairs set apart, in increasing order, into positions on both sides."""
    k, passed = before, 0
    for i in range(rows):
        start = later * (i + 1)
        some = max(count - start, 0)
        while k < left and apart.j[k] < passed + some:
            apart.i[k], apart.j[k] = first + i, column[start + apart.j[k] - passed]
            k += 1
        passed += some


@compiled
def add_gathered(
    metric, start, a, b, same, bits, touched, touches, zones, moments, spread, gathered, space, apart, left
):  # fmt: skip
    """Add the pairs of all leaves that a group has touched; return the number of pairs set apart."""
    zero, one, width = touches - touches, touches - touches + 1, b.factors.shape[1]
    filled, column, squares, product = gathered.filled, gathered.column, gathered.half_squares, gathered.product
    to_x, to_y, to_z = gathered.x, gathered.y, gathered.z
    a_factors, b_factors, from_x, from_y, from_z, from_squares = a.factors, b.factors, b.x, b.y, b.z, b.half_squares
    for t in range(touches):
        other, marks = touched[t] * LEAF, bits[touched[t]]
        bits[touched[t]] = 0
        for leaf in range(LEAVES):
            if not (marks >> leaf) & 1:
                continue
            first = start + leaf * LEAF
            # A leaf with itself has each pair once: it is added alone, row by row from the point behind.
            alone = same and first == other
            if alone or gathered.filled[leaf] + LEAF > COLUMNS:
                left = _flush(
                    leaf, metric, a, first, b, zero, zones, moments, spread, gathered, space, apart, left
                )  # fmt: skip
            at = filled[leaf]
            count = min(LEAF, from_x.shape[0] - other)
            for k in range(count):
                column[leaf, at + k] = other + k
                to_x[leaf, at + k], to_y[leaf, at + k] = from_x[other + k], from_y[other + k]
                to_z[leaf, at + k], squares[leaf, at + k] = from_z[other + k], from_squares[other + k]
            filled[leaf] = at + count
            if width > 1:
                for i in range(0, LEAF, 4):
                    for j in range(0, LEAF, 4):
                        _products(a_factors, first + i, b_factors, other + j, product, leaf, i, at + j)
            if alone:
                left = _flush(
                    leaf, metric, a, first, b, one, zones, moments, spread, gathered, space, apart, left
                )  # fmt: skip
    for leaf in range(LEAVES):
        first = start + leaf * LEAF
        left = _flush(leaf, metric, a, first, b, zero, zones, moments, spread, gathered, space, apart, left)
    return left
