"""The sum of the lags between two nodes, without forming every pair."""

import numpy as np

from variogeo._distances import EARTH_RADIUS
from variogeo._engine.cpu._compiled import GEODESIC, GREAT_CIRCLE, compiled, geodesic, one_lag
from variogeo._engine.cpu._moments import INTERVAL
from variogeo._engine.cpu._nodes import MANY, WIDEST

SEPARATED = 0.15
"""Two nodes whose radii together are below this share of their lag, and of its rest to the antipode, are far enough
apart for proxies: the lag is then smooth, and its mean right to 1e-8."""

_HALF_TURN = np.pi * EARTH_RADIUS


@compiled
def _sum_between(metric, a, first_a, stop_a, b, first_b, stop_b):
    """Return the sum of weighted lags between some standing points of two blocks."""
    ax, ay, az, aw = a.x, a.y, a.z, a.weight
    # Slices, whose loops begin at zero, so that the compiler makes vectors of them.
    bx, by, bz, bw = b.x[first_b:stop_b], b.y[first_b:stop_b], b.z[first_b:stop_b], b.weight[first_b:stop_b]
    total = 0.0
    for p in range(first_a, stop_a):
        x, y, z = ax[p], ay[p], az[p]
        row = 0.0
        if metric == GEODESIC:
            for q in range(bx.shape[0]):
                row += bw[q] * geodesic(bx[q] - x, by[q] - y, bz[q] - z, bz[q] + z)
        elif metric == GREAT_CIRCLE:
            for q in range(bx.shape[0]):
                row += bw[q] * one_lag(GREAT_CIRCLE, x, y, z, bx[q], by[q], bz[q])
        else:
            for q in range(bx.shape[0]):
                row += bw[q] * one_lag(metric, x, y, z, bx[q], by[q], bz[q])
        total += aw[p] * row
    return total


@compiled
def _smooth(metric, ax, ay, az, bx, by, bz, reach, spare):
    """Whether nodes with these middles are far enough apart for proxies, and from being antipodes."""
    lag = one_lag(metric, ax, ay, az, bx, by, bz)
    return reach <= SEPARATED * min(lag - spare, _HALF_TURN - lag - spare)


@compiled
def add_lags(metric, side_a, side_b, whole, wholes, moments, stack):
    """Add the lags of pairs of nodes to their bins."""
    a, b, stand_a, stand_b = side_a.nodes, side_b.nodes, side_a.standing, side_b.standing
    a_start, a_stop, a_second, a_radius = a.start, a.stop, a.second, a.radius
    b_start, b_stop, b_second, b_radius = b.start, b.stop, b.second, b.radius
    sums = moments.sums
    for w in range(wholes):
        r, total = whole[w, 2], 0.0
        stack[0, 0], stack[0, 1] = whole[w, 0], whole[w, 1]
        top = 1
        while top:
            top -= 1
            p, q = stack[top, 0], stack[top, 1]
            many_a, many_b = a_stop[p] - a_start[p] > MANY, b_stop[q] - b_start[q] > MANY
            reach = (a_radius[p] if many_a else 0.0) + (b_radius[q] if many_b else 0.0)
            spare = a_radius[p] + b_radius[q] - reach
            if reach == 0.0 or (
                reach < WIDEST and _smooth(metric, a.x[p], a.y[p], a.z[p], b.x[q], b.y[q], b.z[q], reach, spare)
            ):
                first_a = stand_a.first[p] if many_a else a_start[p]
                first_b = stand_b.first[q] if many_b else b_start[q]
                stop_a = first_a + MANY if many_a else a_stop[p]
                stop_b = first_b + MANY if many_b else b_stop[q]
                total += _sum_between(metric, stand_a, first_a, stop_a, stand_b, first_b, stop_b)
            else:
                split_a = many_a and (not many_b or a_radius[p] > b_radius[q])
                stack[top, 0], stack[top, 1] = (p + 1, q) if split_a else (p, q + 1)
                stack[top + 1, 0], stack[top + 1, 1] = (a_second[p], q) if split_a else (p, b_second[q])
                top += 2
        sums[r * INTERVAL] += total
