"""Compiled loops over rows of values: each row is read once, from its own type into float64."""

import math

import numpy as np

from variogeo._engine.cpu._compiled import compiled


@compiled
def _read(source, row, unit):
    """Write a row of a block into ``row``, at length one where a ``unit`` vector is wanted.

    No loop both writes and sums: in what order such a sum is taken hangs on how near in memory both arrays are.
    """
    for k in range(row.shape[0]):
        row[k] = np.float64(source[k])
    if not unit:
        return
    squares = 0.0
    for k in range(row.shape[0]):
        squares += row[k] * row[k]
    if not 1e-200 < squares < 1e200:
        # First by the largest entry: the squares of very large or small vectors stay finite.
        largest = 0.0
        for k in range(row.shape[0]):
            largest = max(largest, abs(row[k]))
        squares = 0.0
        for k in range(row.shape[0]):
            row[k] /= largest
        for k in range(row.shape[0]):
            squares += row[k] * row[k]
    per_length = 1.0 / math.sqrt(squares)
    for k in range(row.shape[0]):
        row[k] *= per_length


@compiled
def read_rows(block, unit, rows):
    """Write the rows of a block into ``rows``, of length one for ``unit``."""
    for i in range(block.shape[0]):
        _read(block[i], rows[i], unit)


@compiled
def write_factors(block, unit, centre, scale, at, factors, half_squares):
    """Write row i of a block, less the centre and by the scale, as factor ``at[i]``, and half of its squared length."""
    row, per_scale = np.empty(block.shape[1]), 1.0 / scale
    for i in range(block.shape[0]):
        _read(block[i], row, unit)
        factor, squares = factors[at[i]], 0.0
        for k in range(row.shape[0]):
            factor[k] = (row[k] - centre[k]) * per_scale
        # Of the rounded row, so that products and squares belong to the same vectors.
        for k in range(row.shape[0]):
            squares += np.float64(factor[k]) * np.float64(factor[k])
        half_squares[at[i]] = 0.5 * squares


@compiled
def add_rows(block, unit, total):
    """Add the rows of a block to ``total``."""
    row = np.empty(block.shape[1])
    for i in range(block.shape[0]):
        _read(block[i], row, unit)
        for k in range(row.shape[0]):
            total[k] += row[k]


@compiled
def measure_rows(block, unit, centre, rest):
    """Add the rows less the centre to ``rest``; return the sum of their squared lengths, and the largest."""
    row, squares, longest = np.empty(block.shape[1]), 0.0, 0.0
    for i in range(block.shape[0]):
        _read(block[i], row, unit)
        length = 0.0
        for k in range(row.shape[0]):
            row[k] -= centre[k]
        for k in range(row.shape[0]):
            rest[k] += row[k]
        for k in range(row.shape[0]):
            length += row[k] * row[k]
        squares += length
        longest = max(longest, length)
    return squares, longest


@compiled
def half_squared_distances(rows, first, second):
    """Return half of the squared distance of some pairs of rows."""
    term = np.empty(first.shape[0])
    for k in range(first.shape[0]):
        a, b = rows[first[k]], rows[second[k]]
        total = 0.0
        for entry in range(rows.shape[1]):
            step = a[entry] - b[entry]
            total += step * step
        term[k] = 0.5 * total
    return term
