"""Terms: the dissimilarity of all pairs of two blocks of rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import Dissimilarity

_ROWS = 4096
_NEARLY_EQUAL = 1e-6
"""Share of the squared lengths below which the product form has lost more than ten digits."""
_LARGEST_GATHER = 2**20
"""Numbers gathered at once for the differences: 8 MB."""


@dataclass(frozen=True, eq=False)
class Terms:
    """Checked values with the dissimilarity that their variogram averages.

    ``cosine``: ``1 - u.v`` of the normalised rows, computed as ``|u - v|^2 / 2``.
    ``half_squared``: ``|z - z'|^2 / 2``; rows are centred first, which changes no difference and
    keeps the product form exact for values far from zero.

    Attributes
    ----------
    values : (n, d) or (n,) array
        As given: a memory map stays on disk, and a block becomes float64 when it is used.
    dissimilarity : str
    centre : (d,) float array
        Subtracted from each row; zero for ``cosine``.
    """

    values: NDArray[Any]
    dissimilarity: Dissimilarity
    centre: NDArray[np.float64]

    @classmethod
    def of(cls, values: NDArray[Any], dissimilarity: Dissimilarity) -> "Terms":
        """Return the terms of checked values."""
        width = values.shape[1] if values.ndim == 2 else 1
        plain = cls(values, dissimilarity, np.zeros(width))
        if dissimilarity == "cosine":
            return plain
        return cls(values, dissimilarity, plain._sum() / len(values))

    def rows(self, start: int, stop: int) -> NDArray[np.float64]:
        """Return a block of rows in float64: unit vectors for ``cosine``, centred otherwise."""
        # In C order whatever the layout of the values, because the order of a sum decides its last bits.
        block = np.asarray(self.values[start:stop], dtype=np.float64, order="C").reshape(-1, len(self.centre))
        if self.dissimilarity == "half_squared":
            return block - self.centre
        # Scaling by the largest entry first: the squares of very large or small vectors stay finite.
        block = block / np.abs(block).max(axis=1, keepdims=True)
        return block / np.linalg.norm(block, axis=1, keepdims=True)

    def between(self, a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the (len(a), len(b)) dissimilarities of two blocks made by `rows`."""
        if a.shape[1] == 1:
            return (a - b.T) ** 2 / 2
        squares = np.einsum("ij,ij->i", a, a)[:, None] + np.einsum("ij,ij->i", b, b)
        term = squares / 2 - a @ b.T
        # The product form cancels for pairs that are nearly equal: these come from their differences.
        first, second = np.nonzero(term < _NEARLY_EQUAL * squares)
        step = max(1, _LARGEST_GATHER // a.shape[1])
        for start in range(0, len(first), step):
            i, j = first[start : start + step], second[start : start + step]
            difference = a[i] - b[j]
            term[i, j] = np.einsum("ij,ij->i", difference, difference) / 2
        return term

    def total(self) -> tuple[int, float]:
        """Return the number of ordered pairs, self pairs included, and the sum of their terms.

        Closed form: ``sum_ij |z_i - z_j|^2 / 2 = n sum_i |z_i|^2 - |sum_i z_i|^2``.
        """
        n = len(self.values)
        squares = sum(float(np.einsum("ij,ij->", block, block)) for block in self._blocks())
        if self.dissimilarity == "cosine":
            squares = float(n)
        whole = self._sum()
        return n * n, max(0.0, n * squares - float(whole @ whole))

    def _blocks(self) -> Iterator[NDArray[np.float64]]:
        """Yield all rows, block by block."""
        for start in range(0, len(self.values), _ROWS):
            yield self.rows(start, start + _ROWS)

    def _sum(self) -> NDArray[np.float64]:
        """Return the sum of all rows."""
        return np.sum([block.sum(axis=0) for block in self._blocks()], axis=0)
