"""Compiled loops over rows of values."""

import math

import numpy as np

from variogeo._engine.cpu._compiled import compiled


@compiled
def normalise_rows(rows):
    """Make rows of length one, in place."""
    for i in range(rows.shape[0]):
        row = rows[i]
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
                squares += row[k] * row[k]
        length = math.sqrt(squares)
        for k in range(row.shape[0]):
            row[k] /= length


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
