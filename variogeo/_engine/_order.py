"""Spatial order by halving: a kd-tree whose parts are consecutive rows."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def middle_of(start: Any, stop: Any, limit: int) -> Any:
    """Return where a part of more than ``limit`` points is halved: its first half is a multiple of the limit."""
    return start + (-(-(stop - start) // limit) + 1) // 2 * limit


def halves(unit: NDArray[np.float64], order: NDArray[np.intp], limit: int) -> NDArray[np.intp]:
    """Reorder ``order`` in place by halving along the widest axis; return where the parts of ``limit`` start, and n.

    All parts of a level are sorted at once. The sort is stable: equal points stay in the order they were given in.
    """
    starts = np.array([0, len(order)])
    while (np.diff(starts) > limit).any():
        sizes = np.diff(starts)
        place = unit[order]
        extent = np.maximum.reduceat(place, starts[:-1]) - np.minimum.reduceat(place, starts[:-1])
        axis = np.where(sizes > limit, extent.argmax(axis=1), -1)
        of_part = np.repeat(np.arange(len(sizes)), sizes)
        axis_of_point = np.repeat(axis, sizes)
        # A part that is small enough keeps its order.
        along = np.where(axis_of_point >= 0, place[np.arange(len(order)), axis_of_point], 0.0)
        order[:] = order[np.lexsort((along, of_part))]
        wide = sizes > limit
        middles = middle_of(starts[:-1][wide], starts[1:][wide], limit)
        starts = np.sort(np.concatenate([starts, middles]))
    return starts
