"""The compiled loop over the leaves of two blocks that must be looked at pair by pair."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from variogeo._engine._blocks import LEAF
from variogeo._engine._compiled import compiled, row_lags
from variogeo._engine._moments import add_row
from variogeo._engine._tiles import row_terms

LEAVES = 8
"""Leaves of a group, one bit each: points of the first side that share the way to the second."""

COLUMNS = 512
"""Pairs of a row that are gathered before they are sorted into bins."""


class Gathered(NamedTuple):
    """The points of the second side that the leaves of a group must look at one by one.

    Attributes
    ----------
    bits : (leaves of the second block,) uint8 array
        Which leaves of the group must look at a leaf.
    touched : (leaves of the second block,) int array
        Leaves with a bit.
    count : (LEAVES,) int array
        Gathered columns of each leaf of the group.
    column : (LEAVES, COLUMNS) int array
        Their positions in the second block.
    place : (LEAVES, 4, COLUMNS) float array
        Their coordinates and half squares.
    product : (LEAVES, LEAF, COLUMNS) array
    """

    bits: NDArray[np.uint8]
    touched: NDArray[np.int64]
    count: NDArray[np.int64]
    column: NDArray[np.int64]
    place: NDArray[np.float64]
    product: NDArray[np.floating]


def nothing_gathered(rows: int, precision: type[np.floating]) -> Gathered:
    """Return the space for a second block of ``rows`` points."""
    leaves = -(-rows // LEAF)
    return Gathered(
        np.zeros(leaves, np.uint8),
        np.zeros(leaves, np.int64),
        np.zeros(LEAVES, np.int64),
        np.zeros((LEAVES, COLUMNS), np.int64),
        np.zeros((LEAVES, 4, COLUMNS)),
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
    """Append a leaf of ``b``, which starts at ``other``, to the columns of a leaf of the group, which starts at ``first``."""
    at = gathered.count[leaf]
    for k in range(min(LEAF, b.x.shape[0] - other)):
        gathered.column[leaf, at + k] = other + k
        gathered.place[leaf, 0, at + k] = b.x[other + k]
        gathered.place[leaf, 1, at + k] = b.y[other + k]
        gathered.place[leaf, 2, at + k] = b.z[other + k]
        gathered.place[leaf, 3, at + k] = b.half_squares[other + k]
        gathered.count[leaf] += 1
    for i in range(0, LEAF, 4):
        for j in range(0, LEAF, 4):
            out = gathered.product[leaf, i : i + 4, at + j : at + j + 4]
            _products(a.factors, first + i, b.factors, other + j, out)


@compiled
def _flush(leaf, metric, a, first, b, later, zones, moments, full, gathered, space, left_i, left_j, left):
    """Add the gathered pairs of a leaf; row i begins at column ``later * (i + 1)``."""
    count = gathered.count[leaf]
    for i in range(min(LEAF, a.x.shape[0] - first)):
        start = later * (i + 1)
        if start >= count:
            break
        place, row = gathered.place[leaf, :, start:count], first + i
        row_lags(metric, a.x[row], a.y[row], a.z[row], place[0], place[1], place[2], space.lag[: count - start])
        column = gathered.column[leaf, start:]
        product = gathered.product[leaf, i, start:]
        row_terms(a, row, b, column, place[3], product, count - start, space, moments.nearly_equal)
        before = left
        left = add_row(row, count - start, space, zones, moments, full, 0, left_i, left_j, left)
        for k in range(before, left):
            left_j[k] = column[left_j[k]]
    gathered.count[leaf] = 0
    return left


@compiled
def add_gathered(metric, group_start, a, b, same, touched, zones, moments, full, gathered, space, left_i, left_j):
    """Add the pairs of all leaves that a group has touched; return the number of pairs left to be settled."""
    left, none, one = 0, touched - touched, touched - touched + 1
    for t in range(touched):
        other = gathered.touched[t] * LEAF
        bits = gathered.bits[gathered.touched[t]]
        gathered.bits[gathered.touched[t]] = 0
        for leaf in range(LEAVES):
            if not (bits >> leaf) & 1:
                continue
            first = group_start + leaf * LEAF
            alone = same and first == other
            if alone or gathered.count[leaf] + LEAF > COLUMNS:
                left = _flush(
                    leaf, metric, a, first, b, none, zones, moments, full, gathered, space, left_i, left_j, left
                )
            _gather(leaf, a, first, b, other, gathered)
            if alone:
                left = _flush(
                    leaf, metric, a, first, b, one, zones, moments, full, gathered, space, left_i, left_j, left
                )
    for leaf in range(LEAVES):
        first = group_start + leaf * LEAF
        left = _flush(leaf, metric, a, first, b, none, zones, moments, full, gathered, space, left_i, left_j, left)
    return left
