"""The sum of the lags between two nodes, without forming every pair."""

import numpy as np

from variogeo._distances import EARTH_RADIUS
from variogeo._engine._compiled import compiled, one_lag, weighted_lags
from variogeo._engine._nodes import MANY

SEPARATED = 0.15
"""Two nodes whose radii together are below this share of their lag, and of its rest to the antipode, are far enough
apart for proxies: the lag is then so smooth that the error of the mean stays below 1e-9 of it."""

_HALF_TURN = np.pi * EARTH_RADIUS
_ONES = np.ones(MANY)


@compiled
def _represented(metric, a, side_a, i, b, side_b, j, ones):
    """Return the sum of lags between two nodes from the points of a small node and the proxies of a large one."""
    total = 0.0
    many_b = b.stop[j] - b.start[j] > MANY
    first, last = (0, MANY) if many_b else (b.start[j], b.stop[j])
    bx = b.proxies[j, 0, :] if many_b else side_b.x[first:last]
    by = b.proxies[j, 1, :] if many_b else side_b.y[first:last]
    bz = b.proxies[j, 2, :] if many_b else side_b.z[first:last]
    weights = b.weights[j, :] if many_b else ones[: last - first]
    if a.stop[i] - a.start[i] > MANY:
        for p in range(MANY):
            total += a.weights[i, p] * weighted_lags(
                metric, a.proxies[i, 0, p], a.proxies[i, 1, p], a.proxies[i, 2, p], bx, by, bz, weights
            )
    else:
        for p in range(a.start[i], a.stop[i]):
            total += weighted_lags(metric, side_a.x[p], side_a.y[p], side_a.z[p], bx, by, bz, weights)
    return total


@compiled
def _within(metric, side, start, stop, ones):
    """Return the sum of lags within a small node."""
    total = 0.0
    for p in range(start, stop - 1):
        total += weighted_lags(
            metric,
            side.x[p],
            side.y[p],
            side.z[p],
            side.x[p + 1 : stop],
            side.y[p + 1 : stop],
            side.z[p + 1 : stop],
            ones[: stop - p - 1],
        )
    return total


@compiled
def _may_represent(metric, a, i, b, j):
    """Whether two nodes are small, or far enough apart for the proxies of those that are not."""
    many_a, many_b = a.stop[i] - a.start[i] > MANY, b.stop[j] - b.start[j] > MANY
    if not many_a and not many_b:
        return True
    if (many_a and a.radius[i] >= 3000.0) or (many_b and b.radius[j] >= 3000.0):
        return False
    lag = one_lag(metric, a.x[i], a.y[i], a.z[i], b.x[j], b.y[j], b.z[j])
    reach = (a.radius[i] if many_a else 0.0) + (b.radius[j] if many_b else 0.0)
    spare = (a.radius[i] + b.radius[j]) - reach
    return reach <= SEPARATED * min(lag - spare, _HALF_TURN - lag - spare)


@compiled
def lag_sum(metric, a, side_a, i, b, side_b, j, same, stack, ones):
    """Return the sum of the lags (km) over all pairs of two nodes, or within one where ``same`` and ``i == j``."""
    total = 0.0
    stack[0, 0], stack[0, 1] = i, j
    top = 1
    while top:
        top -= 1
        p, q = stack[top, 0], stack[top, 1]
        if same and p == q:
            if a.second[p] == 0 or a.stop[p] - a.start[p] <= MANY:
                total += _within(metric, side_a, a.start[p], a.stop[p], ones)
            else:
                first, second = p + 1, a.second[p]
                stack[top, 0], stack[top, 1] = first, first
                stack[top + 1, 0], stack[top + 1, 1] = second, second
                stack[top + 2, 0], stack[top + 2, 1] = first, second
                top += 3
        elif _may_represent(metric, a, p, b, q):
            total += _represented(metric, a, side_a, p, b, side_b, q, ones)
        elif b.stop[q] - b.start[q] <= MANY or (a.stop[p] - a.start[p] > MANY and a.radius[p] > b.radius[q]):
            stack[top, 0], stack[top, 1] = p + 1, q
            stack[top + 1, 0], stack[top + 1, 1] = a.second[p], q
            top += 2
        else:
            stack[top, 0], stack[top, 1] = p, q + 1
            stack[top + 1, 0], stack[top + 1, 1] = p, b.second[q]
            top += 2
    return total
