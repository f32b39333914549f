"""Spatial order by halving: a kd-tree whose parts are consecutive rows."""

import numpy as np

from variogeo._engine.cpu._compiled import compiled

DEEPEST = 128
"""Parts that wait while others are halved: one for each level."""


@compiled
def middle_of(start, stop, limit):
    """Return where a part of more than ``limit`` points is halved: its first half is a multiple of the limit."""
    return start + (-(-(stop - start) // limit) + 1) // 2 * limit


@compiled
def _widest(unit, order, low, high):
    """Return the axis along which some points reach furthest."""
    best, axis = -1.0, 0
    for a in range(unit.shape[1]):
        least = most = unit[order[low], a]
        for i in range(low + 1, high):
            value = unit[order[i], a]
            least, most = min(least, value), max(most, value)
        if most - least > best:
            best, axis = most - least, a
    return axis


@compiled
def _select(key, order, low, high, middle):
    """Reorder a part so that none before ``middle`` has a larger key than any from there on (Hoare's selection)."""
    while high - low > 1:
        first, last, between = key[low], key[high - 1], key[(low + high) // 2]
        pivot = max(min(first, last), min(max(first, last), between))
        i, j = low, high - 1
        while i <= j:
            while key[i] < pivot:
                i += 1
            while key[j] > pivot:
                j -= 1
            if i <= j:
                key[i], key[j] = key[j], key[i]
                order[i], order[j] = order[j], order[i]
                i, j = i + 1, j - 1
        if middle <= j:
            high = j + 1
        elif middle >= i:
            low = i
        else:
            return


@compiled
def halves(unit, order, limit):
    """Reorder ``order`` in place by halving along the widest axis; return where the parts of ``limit`` start, and n.

    The order depends on the points and on the order given, and on nothing else.
    """
    key, starts = np.empty(order.shape[0]), np.empty(order.shape[0] + 2, np.int64)
    stack = np.empty((DEEPEST, 2), np.int64)
    stack[0, 0], stack[0, 1] = 0, order.shape[0]
    top, parts = 1, 0
    while top:
        top -= 1
        low, high = stack[top, 0], stack[top, 1]
        if high - low <= limit:
            starts[parts] = low
            parts += 1
            continue
        axis, middle = _widest(unit, order, low, high), middle_of(low, high, limit)
        for i in range(low, high):
            key[i] = unit[order[i], axis]
        _select(key, order, low, high, middle)
        stack[top, 0], stack[top, 1] = middle, high
        stack[top + 1, 0], stack[top + 1, 1] = low, middle
        top += 2
    starts[parts] = order.shape[0]
    return starts[: parts + 1].copy()
