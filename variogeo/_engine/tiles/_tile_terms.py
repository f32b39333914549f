"""The dissimilarities of all pairs of two blocks of rows, in float64."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from variogeo._engine._terms import Terms

_NEAR = 1e-4
"""Terms below this share of their half squares have lost digits and come from differences: 1e-9 of a term remains."""


class Factors(NamedTuple):
    """Some rows, less the centre and by the scale of their terms.

    Attributes
    ----------
    numbers : (m,) int array
        Row numbers.
    rows : (m, d) float array
    half_squares : (m,) float array
        Half of the squared length of each row.
    """

    numbers: NDArray[np.intp]
    rows: NDArray[np.float64]
    half_squares: NDArray[np.float64]

    @classmethod
    def of(cls, terms: Terms, index: NDArray[np.intp]) -> "Factors":
        """Return the factors of some rows: always float64, because pairs are looked at one by one."""
        rows = terms.rows_in_order(index)
        if terms.width > 1:
            rows -= terms.centre
        rows /= terms.scale
        return cls(index, rows, 0.5 * np.einsum("ij,ij->i", rows, rows))


def tile_terms(terms: Terms, a: Factors, b: Factors, wanted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the (rows, columns) terms of all pairs of two blocks; those that are not wanted may be inexact."""
    if terms.largest == 0:
        return np.zeros(wanted.shape)
    if terms.width == 1:
        return 0.5 * np.square((a.rows - b.rows.T) * terms.scale)
    both = a.half_squares[:, None] + b.half_squares
    term = both - a.rows @ b.rows.T
    near = wanted & (term < _NEAR * both)
    term *= terms.scale**2
    if near.any():
        i, j = np.nonzero(near)
        term[i, j] = terms.of_pairs(a.numbers[i], b.numbers[j])
    return term
