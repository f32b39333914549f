"""The compiled loop over the pairs of two tiles whose products are at hand."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from variogeo._engine.cpu._compiled import compiled, row_lags
from variogeo._engine.cpu._moments import add_row


class Side(NamedTuple):
    """One side of a tile: coordinates as three arrays, factors of the products, half of their squares.

    Attributes
    ----------
    x, y, z : (m,) float array
    factors : (m, d) array
    half_squares : (m,) float array
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    z: NDArray[np.float64]
    factors: NDArray[np.floating]
    half_squares: NDArray[np.float64]

    def part(self, start: int, stop: int) -> "Side":
        """Return some of the points."""
        some = slice(start, stop)
        return Side(self.x[some], self.y[some], self.z[some], self.factors[some], self.half_squares[some])


@compiled
def same_rows(a, b):
    """Whether two rows of factors are equal, so that their difference is nothing."""
    for k in range(a.shape[0]):  # noqa: SIM110 - compiled code knows no generators
        if a[k] != b[k]:
            return False
    return True


@compiled
def row_terms(a, i, b, column, half_squares, product, count, space, nearly_equal):
    """Write the terms of point i of ``a`` with ``count`` points of ``b``; -1 where a product has lost its digits."""
    term = space.term
    half = a.half_squares[i]
    lost = 0
    for j in range(count):
        both = half + half_squares[j]
        value = both - product[j]
        near = value < 2.0 * nearly_equal * both
        term[j] = -1.0 if near else value
        lost += near
    if lost:
        for j in range(count):
            if term[j] < 0.0 and same_rows(a.factors[i], b.factors[column[j]]):
                term[j] = 0.0


@compiled
def scalar_terms(a, i, b, start, space):
    """Write the terms of point i of ``a`` with ``b`` from ``start`` on, for values of one entry."""
    for j in range(b.x.shape[0] - start):
        difference = a.factors[i, 0] - b.factors[start + j, 0]
        space.term[j] = 0.5 * difference * difference


@compiled
def add_tile(metric, a, b, product, diagonal, zones, moments, full, space, open_pairs):
    """Add all pairs of two tiles (each pair once, where it is the same tile); return the pairs left to be settled."""
    left = 0
    column = np.arange(b.x.shape[0])
    for i in range(a.x.shape[0]):
        start = i + 1 if diagonal else 0
        count = b.x.shape[0] - start
        row_lags(metric, a.x[i], a.y[i], a.z[i], b.x[start:], b.y[start:], b.z[start:], space.lag[:count])
        if b.factors.shape[1] == 1:
            scalar_terms(a, i, b, start, space)
        else:
            half_squares = b.half_squares[start:]
            row_terms(a, i, b, column[start:], half_squares, product[i, start:], count, space, moments.nearly_equal)
        left = add_row(i, count, space, zones, moments, full, start, open_pairs, left)
    return left
