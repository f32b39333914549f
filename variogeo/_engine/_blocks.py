"""Blocks: the rows in spatial order, cut into parts that fit into memory."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

_FEW_PATCHES = 100
"""Up to so many patches the sums of all their pairs fit beside a task, and rows stay in spatial order."""

LEAF = 8
"""Points of a leaf of the spatial tree."""


@dataclass(frozen=True, eq=False)
class Blocks:
    """All rows in an order in which neighbours in space are neighbours in the list.

    Attributes
    ----------
    order : (n,) int array
        Row numbers.
    starts : (blocks + 1,) int array
        Where each block starts in ``order``, and n.
    """

    order: NDArray[np.intp]
    starts: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def rows(self, block: int) -> NDArray[np.intp]:
        """Return the row numbers of a block."""
        return self.order[self.starts[block] : self.starts[block + 1]]


def blocks_of(unit: NDArray[np.float64], values: Any, most_rows: int, patch: NDArray[np.int64] | None = None) -> Blocks:
    """Return blocks of at most ``most_rows`` points.

    The row groups of a file are not torn: small ones that follow each other make a part together, a large one makes
    several blocks, and there is spatial order within a part only. Likewise patches, where there are many, so that a
    block holds few of them; but not both, because a file is to be read in its own order.
    """
    from variogeo._engine.cpu._halving import halves

    order, starts = np.arange(len(unit)), [0]
    groups = getattr(values, "group_starts", None)
    if groups is None or len(groups) <= 2:
        groups = [0, len(unit)]
        if patch is not None and patch.size and patch.max() >= _FEW_PATCHES:
            order, groups = _patch_by_patch(unit, patch)
    for first, stop in pairwise(_parts(groups, most_rows)):
        if first == stop:
            continue
        part = order[first:stop]
        cuts = halves(unit, part, most_rows)
        for low, high in pairwise(cuts):
            halves(unit, part[low:high], LEAF)
        starts.extend(first + cuts[1:])
    return Blocks(order, np.array(starts))


def _patch_by_patch(unit: NDArray[np.float64], patch: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return all rows ordered by patch, neighbouring patches after each other, and where each patch starts, and n."""
    from variogeo._engine.cpu._halving import halves

    sizes = np.bincount(patch)
    middle = np.array([np.bincount(patch, axis) for axis in unit.T]).T / np.maximum(sizes, 1)[:, None]
    along = np.arange(len(sizes))
    halves(middle, along, 1)
    place = np.empty_like(along)
    place[along] = np.arange(len(along))
    return np.argsort(place[patch], kind="stable"), np.concatenate([[0], np.cumsum(sizes[along])])


def _parts(group_starts: Any, most_rows: int) -> list[int]:
    """Return the starts of row groups without those that fit into one block with the groups before them."""
    parts = [int(group_starts[0])]
    for start, stop in pairwise(group_starts):
        if stop - parts[-1] > most_rows and start > parts[-1]:
            parts.append(int(start))
    return [*parts, int(group_starts[-1])]
