"""The compiled loops over the terms of the pairs of a leaf, row after row."""

import math

import numpy as np

from variogeo._engine.cpu._compiled import compiled


@compiled
def same_rows(a, b):
    """Whether two rows of factors are equal, so that their difference is nothing."""
    for k in range(a.shape[0]):  # noqa: SIM110 - compiled code knows no generators
        if a[k] != b[k]:
            return False
    return True


@compiled
def leaf_terms(a, first, rows, b, column, half_squares, product, count, later, term, moments):
    """Write the terms of some points of ``a`` with points of ``b``, row after row: half squares less products.

    Row i begins at column ``later * (i + 1)``. A term is -1 where its product has lost its digits, and where it has no
    cell in the histogram. Returns how many.
    """
    squares, limit, top = a.half_squares, 2.0 * moments.nearly_equal, moments.top
    place, stop, all_lost = np.uint64(0), np.uint64(count), 0
    for i in range(rows):
        half, start, lost = squares[first + i], np.uint64(later * (i + 1)), 0
        if start >= stop:
            break
        shift, row = place - start, np.uint64(i)
        for j in range(start, stop):
            both = half + half_squares[j]
            value = both - product[row, j]
            term[shift + j] = value
            lost += np.int64((value < limit * both) | (value >= top))
        if lost:
            all_lost += _mark_lost(
                a.factors[first + i], half, b, column, half_squares, start, stop, shift, term, moments
            )
        place = shift + stop
    return all_lost


@compiled
def _mark_lost(row, half, b, column, half_squares, start, stop, shift, term, moments):
    """Make terms of a row 0 that are of equal rows, and -1 where they are lost; return how many are lost."""
    lost = 0
    for j in range(start, stop):
        value = term[shift + j]
        if value < 2.0 * moments.nearly_equal * (half + half_squares[j]):
            value = 0.0 if same_rows(row, b.factors[column[j]]) else -1.0
        elif value >= moments.top:
            value = -1.0
        term[shift + j] = value
        lost += value < 0.0
    return lost


@compiled
def take_roots(pairs, roots, share, term):
    """Turn half squared differences into dissimilarities that are roots of them; -1 stays what it is."""
    for _ in range(roots):
        for j in range(pairs):
            term[j] = math.sqrt(share * term[j]) if term[j] >= 0.0 else -1.0
        share = 1.0


@compiled
def scalar_terms(a, first, rows, b, column, count, later, term, moments):
    """Write the terms of some points of ``a`` with points of ``b`` likewise, for values of one entry: differences."""
    place, lost = 0, 0
    for i in range(rows):
        for j in range(later * (i + 1), count):
            difference = a.factors[first + i, 0] - b.factors[column[j], 0]
            value = 0.5 * difference * difference
            high = value >= moments.top
            term[place] = -1.0 if high else value
            lost += high
            place += 1
    return lost
