"""Which pairs of a tile count: those in the bins, of points of different groups."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._engine.tiles import Tile
from variogeo._point_marks import group_numbers


def groups_of(exclude: Any, count: int) -> NDArray[np.intp] | None:
    """Return the number of the group of each of ``count`` points, or None where no pairs are excluded."""
    return None if exclude is None else group_numbers(exclude, count)


def pairs_in_bins(tile: Tile, bins: int, group: NDArray[np.intp] | None) -> NDArray[np.bool_]:
    """Return which pairs of a tile are in one of the ``bins``, without pairs of one group."""
    inside = (tile.position > 0) & (tile.position <= bins)
    if group is not None:
        inside &= group[tile.first][:, None] != group[tile.second]
    return inside
