"""Number of points near each point: leaves of a kd-tree beside its parts, which count at once where they are near."""

import numpy as np
from numpy.typing import NDArray

from variogeo._engine.cpu._compiled import compiled
from variogeo._engine.cpu._halving import DEEPEST, halves, middle_of

LEAF = 8
"""Points of a leaf."""

_SURE = 1e-12
"""Boxes closer to the radius than this share of it are looked into: rounding must not decide for all their points."""


@compiled
def _boxes(points, low, high, second, box):
    """Write the nodes of points in spatial order, each before its halves, and their boxes; return how many."""
    stack = np.empty((DEEPEST, 3), np.int64)
    stack[0, 0], stack[0, 1], stack[0, 2] = 0, points.shape[0], -1
    top, nodes = 1, 0
    while top:
        top -= 1
        first, last, parent = stack[top, 0], stack[top, 1], stack[top, 2]
        low[nodes], high[nodes], second[nodes] = first, last, 0
        if parent >= 0:
            second[parent] = nodes
        for axis in range(3):
            box[nodes, axis] = points[first:last, axis].min()
            box[nodes, 3 + axis] = points[first:last, axis].max()
        if last - first > LEAF:
            middle = middle_of(first, last, LEAF)
            stack[top, 0], stack[top, 1], stack[top, 2] = middle, last, nodes
            stack[top + 1, 0], stack[top + 1, 1], stack[top + 1, 2] = first, middle, -1
            top += 2
        nodes += 1
    return nodes


@compiled
def _box_distances(a, b):
    """Return the squares of the least and of the largest distance between the points of two boxes."""
    least, most = 0.0, 0.0
    for axis in range(3):
        gap = max(0.0, max(a[axis] - b[3 + axis], b[axis] - a[3 + axis]))
        reach = max(a[3 + axis] - b[axis], b[3 + axis] - a[axis])
        least, most = least + gap * gap, most + reach * reach
    return least, most


@compiled
def _count(points, low, high, second, box, nodes, square, number):
    """Add to ``number`` how many points are within the root of ``square`` of each point, itself included."""
    stack = np.empty(DEEPEST, np.int64)
    for leaf in range(nodes):
        if second[leaf]:
            continue
        stack[0], top = 0, 1
        while top:
            top -= 1
            node = stack[top]
            least, most = _box_distances(box[leaf], box[node])
            if least > square * (1.0 + _SURE):
                continue
            if most < square * (1.0 - _SURE):
                number[low[leaf] : high[leaf]] += high[node] - low[node]
            elif second[node]:
                stack[top], stack[top + 1] = node + 1, second[node]
                top += 2
            else:
                for i in range(low[leaf], high[leaf]):
                    for j in range(low[node], high[node]):
                        dx, dy = points[i, 0] - points[j, 0], points[i, 1] - points[j, 1]
                        dz = points[i, 2] - points[j, 2]
                        number[i] += dx * dx + dy * dy + dz * dz <= square


def neighbours_within(points: NDArray[np.float64], distance: float) -> NDArray[np.int64]:
    """Return how many of (n, 3) points are within a distance of each, itself included."""
    order = np.arange(len(points))
    halves(points, order, LEAF)
    ordered = points[order]
    most = 2 * -(-len(points) // LEAF)
    low, high, second = np.empty((3, most), np.int64)
    box = np.empty((most, 6))
    nodes = _boxes(ordered, low, high, second, box)
    number = np.zeros(len(points), np.int64)
    _count(ordered, low, high, second, box, nodes, distance * distance, number)
    out = np.empty_like(number)
    out[order] = number
    return out
