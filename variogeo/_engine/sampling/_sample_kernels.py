"""Compiled loops of the pair sample: lags of pairs of points, limits on the lags of pairs of nodes."""

import math

from variogeo._distances import EARTH_RADIUS
from variogeo._engine.cpu._compiled import CHORD, GREAT_CIRCLE, _arc, compiled, geodesic

_SERIES_ENDS = 1e-6
"""Squared cosine of half the arc below which the series approaches 0/0."""


@compiled
def _lag(metric, ax, ay, az, bx, by, bz):
    """Return the lag (km) of two unit vectors; near the antipode on the ellipsoid only that it is there."""
    dx, dy, dz = bx - ax, by - ay, bz - az
    near = (dx * dx + dy * dy + dz * dz) * 0.25
    if metric == CHORD:
        return 2.0 * EARTH_RADIUS * math.sqrt(near)
    sx, sy, sz = bx + ax, by + ay, bz + az
    far = (sx * sx + sy * sy + sz * sz) * 0.25
    if metric == GREAT_CIRCLE or far < _SERIES_ENDS:
        return EARTH_RADIUS * _arc(near, far)
    return geodesic(dx, dy, dz, sz)


@compiled
def hits_of_numbers(metric, unit, start, stop, first, second, ends, limits, numbers, i, j, lag, sure):
    """Look at candidates of increasing ``numbers``; move those that may lie in the bin to the front.

    Candidate ``ends[e - 1] + q`` is pair ``q`` of the nodes ``first[e]`` and ``second[e]``. ``limits`` says where
    lags and squared chords may lie. Writes the positions of the two points, the lag (km) and whether it is sure;
    returns how many.
    """
    perhaps_from, surely_from, surely_to, perhaps_to, chord2_from, chord2_to = limits
    e, before, count = 0, 0, 0
    for k in range(numbers.shape[0]):
        number = numbers[k]
        if number >= ends[e]:
            # Close by more often than not: in steps that double, then by halving.
            low, high, step = e + 1, e + 1, 1
            while ends[high] <= number:
                low, high = high + 1, min(high + step, ends.shape[0] - 1)
                step *= 2
            while low < high:
                middle = (low + high) // 2
                if ends[middle] > number:
                    high = middle
                else:
                    low = middle + 1
            e, before = low, ends[low - 1]
        q = number - before
        a, b = start[first[e]], start[second[e]]
        if a == b:
            # Pair q within a node: row by row of the triangle 1-0, 2-0, 2-1, 3-0, ...
            row = int((1.0 + math.sqrt(1.0 + 8.0 * q)) * 0.5)
            while row * (row - 1) // 2 > q:
                row -= 1
            while row * (row + 1) // 2 <= q:
                row += 1
            a, b = a + row, b + q - row * (row - 1) // 2
        else:
            width = stop[second[e]] - b
            a, b = a + q // width, b + q % width
        ax, ay, az, bx, by, bz = unit[a, 0], unit[a, 1], unit[a, 2], unit[b, 0], unit[b, 1], unit[b, 2]
        chord2 = (bx - ax) ** 2 + (by - ay) ** 2 + (bz - az) ** 2
        # The chord alone excludes most candidates of a rare bin.
        if chord2 < chord2_from or chord2 > chord2_to:
            continue
        h = _lag(metric, ax, ay, az, bx, by, bz)
        if perhaps_from <= h <= perhaps_to:
            numbers[count], i[count], j[count], lag[count] = number, a, b, h
            sure[count] = surely_from < h < surely_to
            count += 1
    return count


@compiled
def limits_of_boxes(metric, shortest, longest, low, high, first, second, lower, upper):
    """Write the smallest and the largest lag (km) between the boxes of two nodes.

    An arc of one is between ``shortest`` and ``longest`` km.
    """
    for k in range(first.shape[0]):
        a, b = first[k], second[k]
        nearest = farthest = 0.0
        for axis in range(3):
            gap = max(low[a, axis] - high[b, axis], low[b, axis] - high[a, axis], 0.0)
            reach = max(high[a, axis] - low[b, axis], high[b, axis] - low[a, axis])
            nearest += gap * gap
            farthest += reach * reach
        nearest, farthest = min(0.25 * nearest, 1.0), min(0.25 * farthest, 1.0)
        if a == b:
            nearest = 0.0
        if metric == CHORD:
            lower[k], upper[k] = 2.0 * shortest * math.sqrt(nearest), 2.0 * longest * math.sqrt(farthest)
        else:
            lower[k], upper[k] = shortest * _arc(nearest, 1.0 - nearest), longest * _arc(farthest, 1.0 - farthest)


@compiled
def lags_of_centres(metric, centre, first, second, lag):
    """Write the lag (km) between the centres of two nodes."""
    for k in range(first.shape[0]):
        a, b = centre[first[k]], centre[second[k]]
        lag[k] = _lag(metric, a[0], a[1], a[2], b[0], b[1], b[2])
