"""PatchSums: the sums per pair of patches that a jackknife or a bootstrap needs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from variogeo._engine._class_sums import ClassSums


@dataclass(frozen=True)
class PatchSums:
    """Sums per pair of patches and lag bin.

    Attributes
    ----------
    count : int
        Number of patches, which are numbered from 0.
    bins : int
        Number of lag bins.
    cells : ClassSums
        The sums, whose class is the two patches of a pair.
    """

    count: int
    bins: int
    cells: ClassSums

    def __post_init__(self) -> None:
        if not isinstance(self.cells, ClassSums):
            msg = f"Invalid cells of type {type(self.cells).__name__}. Must be ClassSums."
            raise TypeError(msg)
        if len(self.cells) and (self.cells.second.max() >= self.count or self.cells.bin.max() > self.bins):
            msg = f"Invalid cells: a patch or a bin beyond the {self.count} patches and {self.bins} bins. Must fit."
            raise ValueError(msg)

    @property
    def total(self) -> NDArray[np.float64]:
        """The (4, bins) sums over all pairs: npairs, weight, lag, term."""
        return self.cells.totals(slice(None), self.bins + 1)[:, 1:]

    @property
    def within(self) -> NDArray[np.float64]:
        """The (count, 4, bins) sums over pairs of which both points are in a patch."""
        return self._per_patch(self.cells.first == self.cells.second, (self.cells.first,))

    @property
    def across(self) -> NDArray[np.float64]:
        """The (count, 4, bins) sums over pairs of which one point is in a patch, and the other is not.

        Each such pair counts for two patches.
        """
        return self._per_patch(self.cells.first != self.cells.second, (self.cells.first, self.cells.second))

    def _per_patch(self, chosen: NDArray[np.bool_], patches: tuple[NDArray[np.int64], ...]) -> NDArray[np.float64]:
        """Return sums of some cells by patch and bin, for each of the patches that a cell counts for."""
        cells, size = self.cells, self.bins + 1
        columns = (cells.npairs, cells.weight, cells.lag, cells.term)
        out = np.zeros((4, self.count * size))
        for patch in patches:
            key = patch[chosen] * size + cells.bin[chosen]
            for k, column in enumerate(columns):
                out[k] += np.bincount(key, column[chosen], self.count * size)
        return out.reshape(4, self.count, size)[:, :, 1:].swapaxes(0, 1)

    def beside(self, other: "PatchSums") -> "PatchSums":
        """Return the sums of both, whose patches are different ones."""
        mine, theirs = self.cells, other.cells
        shifted = ClassSums(
            theirs.first + self.count, theirs.second + self.count, theirs.bin,
            theirs.npairs, theirs.weight, theirs.lag, theirs.term,
        )  # fmt: skip
        return PatchSums(self.count + other.count, self.bins, ClassSums.sum_of([mine, shifted]))
