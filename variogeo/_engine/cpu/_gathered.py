"""The compiled loop over the leaves of two blocks that must be looked at pair by pair."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from variogeo._engine._blocks import LEAF
from variogeo._engine.cpu._compiled import compiled, leaf_lags
from variogeo._engine.cpu._marked import add_classes, find_cells, leave_out
from variogeo._engine.cpu._products import QUARTET, leaf_products, quartet_terms
from variogeo._engine.cpu._row_terms import leaf_terms, scalar_terms, take_roots
from variogeo._engine.cpu._sorting import Scratch, add_sorted, scratch, sort

LEAVES = 32
"""Leaves of a group, one bit each: points of the first side that share the way to the second."""

COLUMNS = 192
"""Points of the second side that a leaf gathers before its pairs are added."""


class Gathered(NamedTuple):
    """The points of the second side that the leaves of a group must look at one by one.

    Attributes
    ----------
    filled : (LEAVES,) int array
        Gathered columns of each leaf of the group.
    column : (LEAVES, COLUMNS) int array
        Their positions in the second block, leaf by leaf; only the last one may not be full.
    x, y, z, half_squares : (LEAVES, COLUMNS) float array
    product : (LEAF, COLUMNS) array
        Of the leaf whose pairs are added.
    quartet : int array
        Where four of its points begin that are taken with four others at once.
    scratch : Scratch
    """

    filled: NDArray[np.int64]
    column: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    z: NDArray[np.float64]
    half_squares: NDArray[np.float64]
    product: NDArray[np.floating]
    quartet: NDArray[np.int64]
    scratch: Scratch


def nothing_gathered(precision: type[np.floating]) -> Gathered:
    """Return the space to gather in."""
    x, y, z, half_squares = np.empty((4, LEAVES, COLUMNS))
    return Gathered(
        np.zeros(LEAVES, np.int64),
        np.zeros((LEAVES, COLUMNS), np.int64),
        x,
        y,
        z,
        half_squares,
        np.empty((LEAF, COLUMNS), precision),
        np.empty(LEAF * COLUMNS // QUARTET**2, np.int64),
        scratch(LEAF * COLUMNS),
    )


@compiled
def _flush(leaf, metric, a, first, b, same, summed, zones, moments, marks, spread, gathered, apart, left):
    """Add the gathered pairs of a leaf: with other leaves, or each of those within itself once."""
    count = gathered.filled[leaf]
    rows = min(LEAF, a.x.shape[0] - first)
    if count == 0 or rows <= 0:
        return left
    alone = same and gathered.column[leaf, 0] == first
    # Row i begins at column ``later * (i + 1)``.
    later = 1 if alone else 0
    # Index by index: an array of one axis is known to be contiguous, and its loops are vectorised.
    x, y, z, half_squares = gathered.x[leaf], gathered.y[leaf], gathered.z[leaf], gathered.half_squares[leaf]
    column, product, space = gathered.column[leaf], gathered.product, gathered.scratch
    leaf_lags(metric, a.x, a.y, a.z, first, rows, x, y, z, count, later, space.lag)
    pairs = rows * count - later * (rows * (rows + 1) // 2 - max(rows - count, 0) * (rows - count + 1) // 2)
    if marks.group_a.shape[0]:
        leave_out(first, rows, column, count, later, space, marks)
    odd = sort(pairs, space, zones, moments)
    if b.factors.shape[1] == 1:
        odd += scalar_terms(a, first, rows, b, column, count, later, space.term, moments)
    else:
        summed = summed and not alone and rows == LEAF and odd == 0
        quartets = leaf_products(a, first, b, column, count, summed, space.interval, product, gathered.quartet)
        odd += leaf_terms(a, first, rows, b, column, half_squares, product, count, later, space.term, moments)
        if quartets:
            quartet_terms(a, first, b, column, count, gathered.quartet, quartets, space.term)
    if moments.roots:
        take_roots(pairs, moments.roots, moments.share, space.term)
    if marks.east.shape[0]:
        odd += find_cells(metric, a, first, rows, x, y, z, count, later, pairs, space, marks)
    before = left
    left = add_sorted(pairs, space, odd, zones, moments, spread, apart, left)
    if marks.class_a.shape[0]:
        add_classes(first, rows, column, count, later, space, marks)
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
        while k < left and apart.place[k] < passed + some:
            apart.i[k], apart.j[k] = first + i, column[start + apart.place[k] - passed]
            k += 1
        passed += some


@compiled
def add_gathered(
    metric, start, a, b, same, summed, bits, touched, done, stop, zones, moments, marks, spread, gathered, apart, left
):  # fmt: skip
    """Add the pairs of the leaves ``touched[done:stop]`` with a group; return the number of pairs set apart."""
    filled, column, squares, to_x, to_y, to_z = (
        gathered.filled, gathered.column, gathered.half_squares, gathered.x, gathered.y, gathered.z,
    )  # fmt: skip
    from_x, from_y, from_z, from_squares = b.x, b.y, b.z, b.half_squares
    for t in range(done, stop):
        other, leaves = touched[t] * LEAF, bits[touched[t]]
        bits[touched[t]] = 0
        count = min(LEAF, from_x.shape[0] - other)
        for leaf in range(LEAVES):
            if not (leaves >> leaf) & 1:
                continue
            first, at = start + leaf * LEAF, filled[leaf]
            # A leaf with itself is added alone, and a leaf that is not full is the last one.
            alone = same and (first == other or column[leaf, 0] == first)
            if alone or at + LEAF > COLUMNS or at % LEAF:
                left = _flush(
                    leaf, metric, a, first, b, same, summed, zones, moments, marks, spread, gathered, apart, left
                )
                at = 0
            for k in range(count):
                column[leaf, at + k] = other + k
                to_x[leaf, at + k], to_y[leaf, at + k] = from_x[other + k], from_y[other + k]
                to_z[leaf, at + k], squares[leaf, at + k] = from_z[other + k], from_squares[other + k]
            filled[leaf] = at + count
    for leaf in range(LEAVES):
        first = start + leaf * LEAF
        left = _flush(leaf, metric, a, first, b, same, summed, zones, moments, marks, spread, gathered, apart, left)
    return left
