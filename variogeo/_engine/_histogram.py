"""TermHistogram: counts of dissimilarities per lag bin, from which quantiles come."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._read_only import ReadOnlyArrays

SHIFT = 47
"""A cell is what is left of a float64's bits after dropping this many: 32 cells an octave, each 2 to 3 % wide."""

_CELL_NUMBERS = 2**16
"""More than there are cells."""

CELLS = 832
"""Cells that a compiled loop keeps: 26 octaves around a typical dissimilarity."""

_OCTAVES_ABOVE = 8


@dataclass(frozen=True, eq=False)
class TermHistogram(ReadOnlyArrays):
    """Counts of dissimilarities in cells of equal relative width, the same for all data, so that they add.

    Attributes
    ----------
    size : int
        Number of lag bins, bin 0 included.
    bin, cell, npairs : (m,) int array
        Lag bin, cell and number of pairs of each cell that holds any, sorted. The number of a cell is the bits of
        its lower limit as float64, without the last `SHIFT`.
    """

    size: int
    bin: NDArray[np.int64]
    cell: NDArray[np.int64]
    npairs: NDArray[np.int64]

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", int(self.size))
        for name in ("bin", "cell", "npairs"):
            array = np.array(getattr(self, name), dtype=np.int64)
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        if not self.bin.shape == self.cell.shape == self.npairs.shape == (self.bin.size,):
            msg = f"Invalid npairs of shape {self.npairs.shape}. Must be (m,), like bin and cell."
            raise ValueError(msg)
        if (self.npairs < 1).any():
            msg = f"Invalid npairs '{self.npairs.min()}'. Must be at least 1: cells without pairs are left out."
            raise ValueError(msg)
        if ((self.bin < 0) | (self.bin >= self.size)).any() or (self.cell < 0).any():
            msg = f"Invalid bin or cell. Must not be negative, and bin below {self.size}."
            raise ValueError(msg)
        order = np.diff(self.bin) * _CELL_NUMBERS + np.diff(self.cell)
        if (order <= 0).any():
            msg = "Invalid bin and cell. Must be sorted, each cell of a bin once."
            raise ValueError(msg)

    @classmethod
    def of_counts(cls, counts: NDArray[np.integer[Any]], first_cell: int) -> "TermHistogram":
        """Return the histogram of a (bins, cells) table whose first column is ``first_cell``."""
        flat = counts.reshape(-1)
        filled = np.flatnonzero(flat)
        rows, columns = np.divmod(filled, counts.shape[1])
        # The first column holds all that is smaller: as good as nothing beside what is typical.
        cells = np.where(columns > 0, columns + first_cell, 0)
        return cls(len(counts), rows, cells, flat[filled].astype(np.int64))

    @classmethod
    def of_terms(cls, size: int, bin: NDArray[np.intp], term: NDArray[np.float64]) -> "TermHistogram":  # noqa: A002 - the field's name
        """Return the histogram of some pairs, each in its bin."""
        key = bin * _CELL_NUMBERS + (np.maximum(term, 0.0).view(np.int64) >> SHIFT)
        return _of_keys(size, key, np.ones(len(key), np.int64))

    @classmethod
    def sum_of(cls, histograms: Sequence["TermHistogram"]) -> "TermHistogram":
        """Return the sum of histograms of the same bins, at least one."""
        key = np.concatenate([one.bin * _CELL_NUMBERS + one.cell for one in histograms])
        return _of_keys(histograms[0].size, key, np.concatenate([one.npairs for one in histograms]))

    def __add__(self, other: "TermHistogram") -> "TermHistogram":
        if not isinstance(other, TermHistogram):
            return NotImplemented
        return TermHistogram.sum_of([self, other])

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, TermHistogram)
            and self.size == other.size
            and all(np.array_equal(getattr(self, name), getattr(other, name)) for name in ("bin", "cell", "npairs"))
        )

    __hash__ = None  # type: ignore[assignment]

    def quantiles(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the (size, len(probabilities)) quantiles, linear within a cell; NaN where a bin is empty."""
        out = np.full((self.size, len(probabilities)), np.nan)
        # The lowest cell holds what is as good as nothing.
        low, high = cell_limit(self.cell), np.where(self.cell > 0, cell_limit(self.cell + 1), 0.0)
        starts = np.searchsorted(self.bin, np.arange(self.size + 1))
        for row in np.flatnonzero(np.diff(starts)):
            chosen = np.arange(starts[row], starts[row + 1])
            reached = np.cumsum(self.npairs[chosen])
            wanted = probabilities * reached[-1]
            place = np.minimum(np.searchsorted(reached, wanted), len(chosen) - 1)
            at = chosen[place]
            inside = (wanted - (reached[place] - self.npairs[at])) / self.npairs[at]
            out[row] = low[at] + inside * (high[at] - low[at])
        return out


def _of_keys(size: int, key: NDArray[np.int64], npairs: NDArray[np.int64]) -> TermHistogram:
    """Return the histogram of keys ``bin * _CELL_NUMBERS + cell``, in any order and repeated."""
    # Sums of sorted keys are two sorted runs, which a stable sort merges.
    order = np.argsort(key, kind="stable")
    key = key[order]
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    total = np.add.reduceat(npairs[order], starts) if len(key) else npairs
    return TermHistogram(size, key[starts] // _CELL_NUMBERS, key[starts] % _CELL_NUMBERS, total)


def first_cell_around(typical: float) -> int:
    """Return the first of the `CELLS` cells around a typical dissimilarity."""
    cell = int(np.asarray(typical, dtype=np.float64).view(np.int64)) >> SHIFT
    return max(0, cell + 32 * _OCTAVES_ABOVE - CELLS)


def cell_limit(cell: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the lower limits of cells."""
    return (np.asarray(cell, dtype=np.int64) << SHIFT).view(np.float64)
