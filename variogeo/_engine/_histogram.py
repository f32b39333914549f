"""TermHistogram: counts of dissimilarities per lag bin, from which quantiles come."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SHIFT = 47
"""A cell is what is left of a float64's bits after dropping this many: 32 cells an octave, each 2 to 3 % wide."""

CELLS = 832
"""Cells that an engine keeps: 26 octaves below the largest possible dissimilarity."""


@dataclass(frozen=True, eq=False)
class TermHistogram:
    """Counts of dissimilarities in cells of equal relative width, the same for all data, so that they add.

    Attributes
    ----------
    counts : (count + 1, cells) int array
        Number of pairs per lag bin (bin 0 first) and cell. Columns at both ends that hold no pair are cut off.
    first_cell : int
        Number of the first column's cell: the bits of its lower limit as float64, without the last `SHIFT`.
    """

    counts: NDArray[np.int64]
    first_cell: int

    def __post_init__(self) -> None:
        counts = np.array(self.counts, dtype=np.int64)
        first = int(self.first_cell)
        if counts.ndim != 2:
            msg = f"Invalid counts of shape {counts.shape}. Must be (bins + 1, cells)."
            raise ValueError(msg)
        if (counts < 0).any():
            msg = f"Invalid counts '{counts.min()}'. Must not be negative."
            raise ValueError(msg)
        used = np.flatnonzero(counts.any(axis=0))
        low, high = (used[0], used[-1] + 1) if used.size else (0, 0)
        counts = np.ascontiguousarray(counts[:, low:high])
        counts.setflags(write=False)
        object.__setattr__(self, "counts", counts)
        object.__setattr__(self, "first_cell", first + int(low) if used.size else 0)

    def __add__(self, other: "TermHistogram") -> "TermHistogram":
        if not isinstance(other, TermHistogram):
            return NotImplemented
        filled = [one for one in (self, other) if one.counts.shape[1]]
        if not filled:
            return self
        first = min(one.first_cell for one in filled)
        stop = max(one.first_cell + one.counts.shape[1] for one in filled)
        total = np.zeros((len(self.counts), stop - first), dtype=np.int64)
        for one in filled:
            total[:, one.first_cell - first :][:, : one.counts.shape[1]] += one.counts
        return TermHistogram(total, first)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, TermHistogram)
            and self.first_cell == other.first_cell
            and np.array_equal(self.counts, other.counts)
        )

    __hash__ = None  # type: ignore[assignment]

    def quantiles(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the (count + 1, len(probabilities)) quantiles, linear within a cell; NaN where a bin is empty."""
        edges = cell_edges(self.first_cell, self.counts.shape[1])
        out = np.full((len(self.counts), len(probabilities)), np.nan)
        for row, counts in enumerate(self.counts):
            if not counts.any():
                continue
            # Cells without pairs repeat the sum: only where it grows has the inverse one value.
            filled = np.flatnonzero(counts)
            reached = np.cumsum(counts[filled])
            wanted = np.asarray(probabilities) * reached[-1]
            position = np.minimum(np.searchsorted(reached, wanted), len(filled) - 1)
            cell = filled[position]
            inside = (wanted - (reached - counts[filled])[position]) / counts[cell]
            out[row] = edges[cell] + inside * (edges[cell + 1] - edges[cell])
        return out


def cell_of(term: NDArray[np.float64] | float, first_cell: int) -> NDArray[np.int64]:
    """Return the column of each dissimilarity, counted from ``first_cell``; what lies below is in the first."""
    bits = np.asarray(np.maximum(term, 0.0), dtype=np.float64).view(np.int64)
    return np.clip((bits >> SHIFT) - first_cell, 0, CELLS - 1)


def first_cell_below(largest: float) -> int:
    """Return the first of the `CELLS` cells that end at the largest possible dissimilarity."""
    top = int(np.asarray(largest, dtype=np.float64).view(np.int64)) >> SHIFT
    return max(0, top + 2 - CELLS)


def cell_edges(first_cell: int, count: int) -> NDArray[np.float64]:
    """Return the count + 1 limits of ``count`` cells."""
    return ((np.arange(count + 1, dtype=np.int64) + first_cell) << SHIFT).view(np.float64)
