"""Spatial order by halving: a kd-tree whose leaves are consecutive rows."""

import numpy as np

from variogeo._engine._compiled import compiled

_DEEPEST = 64


@compiled
def _sort(unit, order, start, stop):
    """Order ``order[start:stop]`` along its widest axis."""
    widest, axis = -1.0, 0
    for k in range(3):
        low = high = unit[order[start], k]
        for i in range(start, stop):
            low, high = min(low, unit[order[i], k]), max(high, unit[order[i], k])
        if high - low > widest:
            widest, axis = high - low, k
    along = np.empty(stop - start)
    for i in range(start, stop):
        along[i - start] = unit[order[i], axis]
    # A stable sort, so that the order of equal points is the order in which they were given.
    order[start:stop] = order[start:stop][np.argsort(along, kind="mergesort")]


@compiled
def middle_of(start, stop, limit):
    """Return where a part of more than ``limit`` points is split: its first half is a multiple of the limit."""
    parts = -(-(stop - start) // limit)
    return start + (parts + 1) // 2 * limit


@compiled
def halves(unit, order, limit):
    """Reorder ``order`` in place by halving along the widest axis; return where the parts of ``limit`` start."""
    starts = np.empty(-(-order.shape[0] // limit) + 1, np.int64)
    stack = np.empty((_DEEPEST, 2), np.int64)
    count, top = 0, 1
    stack[0, 0], stack[0, 1] = 0, order.shape[0]
    while top:
        top -= 1
        start, stop = stack[top, 0], stack[top, 1]
        if stop - start <= limit:
            starts[count] = start
            count += 1
            continue
        middle = middle_of(start, stop, limit)
        _sort(unit, order, start, stop)
        stack[top, 0], stack[top, 1] = middle, stop
        stack[top + 1, 0], stack[top + 1, 1] = start, middle
        top += 2
    starts[count] = order.shape[0]
    return starts
