"""Terms: the dissimilarity of pairs of rows, as products of centred rows or exactly from differences."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import AnyDissimilarity

_ENTRIES_AT_ONCE = 2**17
"""Numbers converted at once: 1 MB as float64, which stays in the cache."""

_ENTRIES_OF_FILE = 2**22
"""Likewise of a file: 32 MB."""

_WIDE, _MANY = 64, 1024
"""Entries and rows from which short floats are multiplied as float32."""

_LARGEST = 1e153
"""The square of the sum of terms stays finite up to here."""

ROOTS = {"madogram": (0.5, 1), "rodogram": (0.125, 2)}
"""Dissimilarities that are a root of half the squared difference, after a factor: square root of the former, once or
twice. ``|z - z'| / 2`` and ``|z - z'|^(1/2) / 2``."""

_NO_VARIATION = 1e-14
"""Rows closer to their mean than this share of their length differ by rounding only."""


@dataclass(frozen=True, eq=False)
class Terms:
    """Checked values with the dissimilarity that their variogram averages.

    ``cosine``: ``1 - u.v`` of the normalised rows, which is ``|u - v|^2 / 2``.
    ``half_squared``: ``|z - z'|^2 / 2``.
    ``madogram``, ``rodogram``: ``|z - z'| / 2`` and ``|z - z'|^(1/2) / 2``, which are roots of the last one.

    All depend on differences only. So the products are formed of rows from which the mean row is taken, which
    keeps them small and exact, divided by a power of two, which keeps them in the range of float32:
    ``term = (x.x + y.y) / 2 - x.y`` times ``scale^2``.

    Attributes
    ----------
    values : (n, d) or (n,) array, memory map or row source
        As given: a memory map stays on disk, and a block is converted when it is used.
    dissimilarity : str
    centre : (d,) float array
        Mean row (of the normalised rows for ``cosine``).
    scale : float
        A power of four near the largest length of a centred row.
    total : float
        Sum of the terms of all ordered pairs; NaN for roots, which have no closed form.
    largest : float
        No half squared difference is larger; 0 where there is no variation.
    typical : float
        Median of some terms, greater than zero.
    """

    values: Any
    dissimilarity: AnyDissimilarity
    centre: NDArray[np.float64]
    scale: float
    total: float
    largest: float
    typical: float = 1.0

    @classmethod
    def of(cls, values: Any, dissimilarity: AnyDissimilarity) -> "Terms":
        """Return the terms of checked values."""
        width = values.shape[1] if values.ndim == 2 else 1
        plain = cls(values, dissimilarity, np.zeros(width), 1.0, 0.0, 0.0)
        n = len(values)
        centre = plain._middle()
        squares, rest, longest = plain._around(centre)
        # sum_ij |z_i - z_j|^2 / 2 = n sum_i |z_i|^2 - |sum_i z_i|^2
        total = max(0.0, n * squares - float(rest @ rest))
        if 2 * longest * n > _LARGEST:
            msg = (
                f"values has differences up to {2 * np.sqrt(longest):.3g}, whose squares overflow when they are "
                "summed. Divide all by a common scale."
            )
            raise ValueError(msg)
        # Only normalised rows are rounded: other rows that differ do differ.
        noise = _NO_VARIATION * float(np.linalg.norm(centre)) if dissimilarity == "cosine" else 0.0
        if longest <= noise**2:
            return cls(values, dissimilarity, centre, 1.0, 0.0, 0.0)
        scale = 4.0 ** np.round(np.log2(np.sqrt(longest)) / 2)
        largest = min(2 * longest, _most(dissimilarity))
        total = np.nan if dissimilarity in ROOTS else total
        return cls(values, dissimilarity, centre, float(scale), total, largest, plain._typical(largest))

    def __len__(self) -> int:
        return len(self.values)

    @property
    def width(self) -> int:
        """Number of entries of a row."""
        return len(self.centre)

    @property
    def precision(self) -> type[np.float32] | type[np.float64]:
        """Type of the products.

        float32 for many wide embeddings of float32 and less: rounding then averages out to 1e-9. float64 for all
        others, where it costs little or is asked for.
        """
        short = self.values.dtype.kind == "f" and self.values.dtype.itemsize <= 4
        wide = self.width >= _WIDE and len(self) >= _MANY and self.roots == 0
        return np.float32 if short and wide else np.float64

    @property
    def roots(self) -> int:
        """How many square roots make a dissimilarity of half a squared difference."""
        return ROOTS.get(self.dissimilarity, (1.0, 0))[1]

    @property
    def share(self) -> float:
        """The factor before these roots."""
        return ROOTS.get(self.dissimilarity, (1.0, 0))[0]

    @property
    def unit(self) -> float:
        """The unit of terms that are formed of scaled rows: a power of two."""
        return self.scale ** (2.0 / 2**self.roots)

    def rows(self, index: Any) -> NDArray[np.float64]:
        """Return rows in float64, uncentred and unscaled: unit vectors for ``cosine``."""
        from variogeo._engine.cpu._rows import read_rows

        block = self._block(index)
        rows = np.empty(block.shape)
        read_rows(block, self._unit, rows)
        return rows

    def _block(self, index: Any) -> NDArray[Any]:
        """Return rows as compiled loops read them: float32 for short floats, which are so without loss, else float64.

        In C order whatever the layout of the values, because the order of a sum decides its last bits.
        """
        block = np.asarray(self.values[index]).reshape(-1, self.width)
        short = block.dtype.kind == "f" and block.dtype.itemsize <= 4
        return np.require(block, np.float32 if short else np.float64, ["C", "A", "W"])

    @property
    def _unit(self) -> bool:
        """Whether rows are taken at length one."""
        return self.dissimilarity == "cosine"

    @property
    def _step(self) -> int:
        """Rows converted at once: more of a file, whose row groups are read whole each time."""
        entries = _ENTRIES_OF_FILE if hasattr(self.values, "group_starts") else _ENTRIES_AT_ONCE
        return max(1, entries // self.width)

    def rows_in_order(self, index: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return rows as `rows` does, read in increasing order."""
        order = np.argsort(index)
        rows = np.empty((len(index), self.width))
        rows[order] = self.rows(index[order])
        return rows

    def centred_blocks(self) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """Yield all rows in float64 less the centre, unscaled, block by block, each with its place."""
        step = max(1, _ENTRIES_OF_FILE // self.width)
        for start in range(0, len(self), step):
            some = slice(start, min(start + step, len(self)))
            yield some, self.rows(some) - self.centre

    def factors(self, index: NDArray[np.intp], *, multiple: int = 1) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return the centred and scaled rows in the products' precision, and half of their squared lengths.

        Rows of zeros are added up to a ``multiple`` in number.
        """
        from variogeo._engine.cpu._rows import write_factors

        size = -(-len(index) // multiple) * multiple
        if self.largest == 0:
            return np.zeros((size, self.width), self.precision), np.zeros(len(index))
        factors, half_squares = np.empty((size, self.width), self.precision), np.empty(len(index))
        factors[len(index) :] = 0
        # Scalars keep their own values: their differences need no product.
        centre = self.centre if self.width > 1 else np.zeros(1)
        order = np.argsort(index)
        for start in range(0, len(index), self._step):
            part = order[start : start + self._step]
            write_factors(self._block(index[part]), self._unit, centre, self.scale, part, factors, half_squares)
        return factors, half_squares

    def of_pairs(self, first: NDArray[np.intp], second: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the exact terms of some pairs, from the differences of their rows.

        Rows are read in increasing order within a block, so that a memory map is not read to and fro.
        """
        from variogeo._engine.cpu._rows import half_squared_distances

        term = np.empty(len(first))
        step = self._step
        order = np.argsort(first, kind="stable")
        for start in range(0, len(order), step):
            part = order[start : start + step]
            rows, at = np.unique(np.concatenate([first[part], second[part]]), return_inverse=True)
            term[part] = half_squared_distances(self.rows(rows), at[: len(part)], at[len(part) :])
        return term if self.roots == 0 else (self.share * term) ** (1 / 2**self.roots)

    def _middle(self) -> NDArray[np.float64]:
        """Return a row in the middle of all.

        For squares the median of some, because a mean that one outlier has moved would cost all others their digits.
        """
        if self.dissimilarity == "half_squared":
            some = np.unique(np.linspace(0, len(self) - 1, min(len(self), 1001)).astype(np.intp))
            return np.median(self.rows(some), axis=0)
        from variogeo._engine.cpu._rows import add_rows

        total = np.zeros(self.width)
        for block in self._all_blocks():
            add_rows(block, self._unit, total)
        return total / len(self)

    def _around(self, centre: NDArray[np.float64]) -> tuple[float, NDArray[np.float64], float]:
        """Return the sum of the squared lengths of all rows less a centre, their sum, and the largest square."""
        from variogeo._engine.cpu._rows import measure_rows

        squares, rest, longest = 0.0, np.zeros(self.width), 0.0
        for block in self._all_blocks():
            some, most = measure_rows(block, self._unit, centre, rest)
            squares, longest = squares + some, max(longest, most)
        return squares, rest, longest

    def weighted_total(self, weight: NDArray[np.float64]) -> float:
        """Return the sum of the terms of all ordered pairs, times both weights: ``W sum w |x|^2 - |sum w x|^2``."""
        if self.roots:
            return np.nan
        squares, rest = 0.0, np.zeros(self.width)
        for some, rows in self.centred_blocks():
            squares += float(weight[some] @ np.einsum("ij,ij->i", rows, rows))
            rest += weight[some] @ rows
        return max(0.0, float(weight.sum()) * squares - float(rest @ rest))

    def _typical(self, largest: float) -> float:
        """Return the median of the terms of some pairs, or the largest where they are zero."""
        n = len(self)
        some = np.unique(np.linspace(0, n - 1, min(n, 501)).astype(np.intp))
        term = np.concatenate([self.of_pairs(some, (some + step) % n) for step in {1, max(1, n // 3), max(1, n // 2)}])
        return float(np.median(term[term > 0])) if (term > 0).any() else largest

    def _all_blocks(self) -> Iterator[NDArray[Any]]:
        """Yield all rows, block by block."""
        step = max(1, _ENTRIES_AT_ONCE // self.width)
        for start in range(0, len(self), step):
            yield self._block(slice(start, start + step))


def _most(dissimilarity: AnyDissimilarity) -> float:
    """Return the bound that the dissimilarity has for any values."""
    return 2.0 if dissimilarity == "cosine" else np.inf
