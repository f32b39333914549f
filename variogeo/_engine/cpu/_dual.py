"""The compiled dual tree: pairs of parts whose lags all fall into one bin, and the leaves that are left."""

import math

import numpy as np

from variogeo._distances import EARTH_RADIUS, WGS84_FLATTENING, WGS84_SEMI_MAJOR
from variogeo._engine._blocks import LEAF
from variogeo._engine.cpu._compiled import GEODESIC, GREAT_CIRCLE, compiled, one_lag
from variogeo._engine.cpu._moments import INTERVAL
from variogeo._engine.cpu._sorting import first_from

_LIMIT = 15_900.0
_SEMI_MINOR = WGS84_SEMI_MAJOR * (1 - WGS84_FLATTENING)

# Functions that are called for each pair of parts take numbers, not arrays: to hand over an array costs more than they
# do.


@compiled
def _bounds(metric, ax, ay, az, bx, by, bz, reach):
    """Return lags (km) that no pair of points undercuts or exceeds, when both are within ``reach`` of their middles."""
    lag = one_lag(metric, ax, ay, az, bx, by, bz)
    error = 1e-9 + 2e-7 * lag
    if metric == GEODESIC and lag > _LIMIT:
        # A step on the ellipsoid is between its semi-minor and its semi-major axis times the arc.
        arc = one_lag(GREAT_CIRCLE, ax, ay, az, bx, by, bz) / EARTH_RADIUS
        return _SEMI_MINOR * arc - reach - error, WGS84_SEMI_MAJOR * arc + reach + error
    return lag - reach - error, lag + reach + error


@compiled
def visit(metric, group, a, b, same, summed, zones, bits, touched, whole, stack):
    """Go through a group and the second block together, as far as there are lags in bins.

    Where nodes are ``summed``, writes the pairs of nodes that lie in one bin, with that bin, into ``whole``; and the
    leaves of ``b`` that leaves of the group must look at into ``touched`` and ``bits``. Returns how many of both.
    """
    a_start, a_stop, a_second, a_radius, ax, ay, az = a.start, a.stop, a.second, a.radius, a.x, a.y, a.z
    b_start, b_stop, b_second, b_radius, bx, by, bz = b.start, b.stop, b.second, b.radius, b.x, b.y, b.z
    a_longitude, a_latitude, b_longitude, b_latitude = a.longitude, a.latitude, b.longitude, b.latitude
    edge, upper, first_bin = zones.edge, zones.upper, zones.first_bin
    beyond = edge.shape[0] - 1
    wholes, touches, top = 0, 0, 1
    stack[0, 0], stack[0, 1] = group, 0
    while top:
        top -= 1
        i, j = stack[top, 0], stack[top, 1]
        if same and b_stop[j] <= a_start[i]:
            continue
        # All pairs at zero lag: a NaN, which stands for several places, is equal to nothing.
        if summed and a_longitude[i] == b_longitude[j] and a_latitude[i] == b_latitude[j]:
            continue
        # One holds the other, or is the other: there is no bound but for a node with itself.
        nested = same and b_start[j] < a_stop[i]
        low, high = -1.0, math.inf
        if nested and i == j:
            high = 2.0 * a_radius[i]
        elif not nested:
            low, high = _bounds(metric, ax[i], ay[i], az[i], bx[j], by[j], bz[j], a_radius[i] + b_radius[j])
        if low > edge[beyond - 1]:
            continue
        if summed:
            r = first_from(edge, high, 1)
            if (r < first_bin or low > edge[r - 1]) and high < upper[r]:
                if r >= first_bin:
                    whole[wholes, 0], whole[wholes, 1], whole[wholes, 2] = i, j, r
                    wholes += 1
                continue
        if (a_second[i] == 0 and b_second[j] == 0) or not (summed or nested or high > edge[beyond - 1]):
            first_a, stop_a = a_start[i] // LEAF, -(-a_stop[i] // LEAF)
            marks = ((1 << (stop_a - first_a)) - 1) << (first_a - a_start[group] // LEAF)
            for leaf in range(b_start[j] // LEAF, -(-b_stop[j] // LEAF)):
                if bits[leaf] == 0:
                    touched[touches] = leaf
                    touches += 1
                bits[leaf] |= marks
        else:
            size_a, size_b = a_stop[i] - a_start[i], b_stop[j] - b_start[j]
            wider = size_a > size_b if nested else a_radius[i] > b_radius[j]
            if b_second[j] == 0 or (a_second[i] and wider):
                stack[top, 0], stack[top, 1] = i + 1, j
                stack[top + 1, 0], stack[top + 1, 1] = a_second[i], j
            else:
                stack[top, 0], stack[top, 1] = i, j + 1
                stack[top + 1, 0], stack[top + 1, 1] = i, b_second[j]
            top += 2
    return wholes, touches


@compiled
def add_wholes(a, b, whole, wholes, moments):
    """Add the counts and terms of pairs of nodes: ``|A| H_B + |B| H_A - S_A . S_B`` with half squares H and sums S."""
    a_start, a_stop, a_half, a_sums = a.start, a.stop, a.half_squares, a.sums
    b_start, b_stop, b_half, b_sums = b.start, b.stop, b.half_squares, b.sums
    sums = moments.sums
    for w in range(wholes):
        i, j, r = whole[w, 0], whole[w, 1], whole[w, 2]
        count_a, count_b = a_stop[i] - a_start[i], b_stop[j] - b_start[j]
        product = 0.0
        for k in range(a_sums.shape[1]):
            product += np.float64(a_sums[i, k]) * np.float64(b_sums[j, k])
        sums[r * INTERVAL + 2] += count_a * count_b
        sums[r * INTERVAL + 1] += max(count_b * a_half[i] + count_a * b_half[j] - product, 0.0)
