"""The compiled dual tree: parts whose lags all fall into one bin are summed as wholes, the others pair by pair."""

import numpy as np

from variogeo._distances import EARTH_RADIUS, WGS84_FLATTENING, WGS84_SEMI_MAJOR
from variogeo._engine._blocks import LEAF
from variogeo._engine._compiled import GEODESIC, GREAT_CIRCLE, compiled, one_lag
from variogeo._engine._lag_sums import lag_sum
from variogeo._engine._moments import OUTSIDE

_LIMIT = 15_900.0
_SEMI_MINOR = WGS84_SEMI_MAJOR * (1 - WGS84_FLATTENING)


@compiled
def _bounds(metric, a, i, b, j):
    """Return lags (km) that no pair of two nodes undercuts or exceeds."""
    lag = one_lag(metric, a.x[i], a.y[i], a.z[i], b.x[j], b.y[j], b.z[j])
    reach = a.radius[i] + b.radius[j]
    error = 1e-9 + 2e-7 * lag
    if metric == GEODESIC and lag > _LIMIT:
        # A step on the ellipsoid is between its semi-minor and its semi-major axis times the arc.
        arc = one_lag(GREAT_CIRCLE, a.x[i], a.y[i], a.z[i], b.x[j], b.y[j], b.z[j]) / EARTH_RADIUS
        return _SEMI_MINOR * arc - reach - error, WGS84_SEMI_MAJOR * arc + reach + error
    return lag - reach - error, lag + reach + error


@compiled
def _common_interval(low, high, zones):
    """Return the bin that holds all lags from ``low`` to ``high``, `OUTSIDE` where none does, 0 where one may."""
    last = zones.edge.shape[0] - 1
    if low > zones.edge[last - 1]:
        return OUTSIDE
    r = np.searchsorted(zones.edge, high)
    if (low <= zones.edge[r - 1] and r > 1) or high >= zones.upper[r]:
        return 0
    return r if r >= zones.first_bin else OUTSIDE


@compiled
def _dot(a, b):
    """Return the product of two rows in their own precision."""
    total = a.dtype.type(0)
    for k in range(a.shape[0]):
        total += a[k] * b[k]
    return total


@compiled
def _add_whole(metric, a, side_a, i, b, side_b, j, r, within, moments, lag_stack, ones):
    """Add all pairs of two nodes, or within one, to bin r."""
    count_a, count_b = a.stop[i] - a.start[i], b.stop[j] - b.start[j]
    if within:
        moments.npairs[r] += count_a * (count_a - 1) // 2
        term = count_a * a.half_squares[i] - _dot(a.sums[i], a.sums[i]) / 2
    else:
        moments.npairs[r] += count_a * count_b
        term = count_b * a.half_squares[i] + count_a * b.half_squares[j] - _dot(a.sums[i], b.sums[j])
    moments.sums[r, 1] += max(term, 0.0)
    moments.sums[r, 0] += lag_sum(metric, a, side_a, i, b, side_b, j, within, lag_stack, ones)


@compiled
def visit(metric, group, a, side_a, b, side_b, same, zones, moments, gathered, stack, lag_stack, ones):
    """Sum what lies in one bin between a group and the second block; return how many leaves are left to look at."""
    touched, top = 0, 1
    stack[0, 0], stack[0, 1] = group, 0
    while top:
        top -= 1
        i, j = stack[top, 0], stack[top, 1]
        if same and b.stop[j] <= a.start[i]:
            continue
        within = same and i == j
        if within:
            r = _common_interval(0.0, 2.0 * a.radius[i], zones)
        elif same and b.start[j] < a.stop[i]:
            r = 0
        else:
            low, high = _bounds(metric, a, i, b, j)
            r = _common_interval(low, high, zones)
        if r == OUTSIDE:
            continue
        if r > 0:
            _add_whole(metric, a, side_a, i, b, side_b, j, r, within, moments, lag_stack, ones)
        elif a.second[i] == 0 and b.second[j] == 0:
            leaf = b.start[j] // LEAF
            if gathered.bits[leaf] == 0:
                gathered.touched[touched] = leaf
                touched += 1
            gathered.bits[leaf] |= np.uint8(1 << ((a.start[i] - a.start[group]) // LEAF))
        else:
            size_a, size_b = a.stop[i] - a.start[i], b.stop[j] - b.start[j]
            wider = a.radius[i] > b.radius[j] if not same or b.start[j] >= a.stop[i] else size_a > size_b
            if b.second[j] == 0 or (a.second[i] and wider):
                stack[top, 0], stack[top, 1] = i + 1, j
                stack[top + 1, 0], stack[top + 1, 1] = a.second[i], j
            else:
                stack[top, 0], stack[top, 1] = i, j + 1
                stack[top + 1, 0], stack[top + 1, 1] = i, b.second[j]
            top += 2
    return touched
