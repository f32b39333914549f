"""Nodes: the spatial tree of a block, with what the dual tree needs of each part."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from variogeo._engine._blocks import LEAF
from variogeo._engine.cpu._compiled import GEODESIC, compiled, row_lags
from variogeo._engine.cpu._halving import DEEPEST, middle_of

PROXIES_ALONG = 5
"""Chebyshev points along each of a node's two axes: lags are interpolated with degree 4."""

PROXIES = PROXIES_ALONG**2

MANY = 32
"""A node of more points than this is represented by its proxies in sums of lags. They are filled up to as many with
weights of zero, because loops over multiples of eight are faster."""

WIDEST = 3000.0
"""Radius (km) of a node from which it has no proxies: a tangent plane reaches no further."""

TOO_WIDE = 5e4
"""Radius (km) of a node that is never taken as a whole."""

_RELIABLE = 15_000.0
"""Lags (km) up to which the radius of a node is measured by the series."""


class Nodes(NamedTuple):
    """The parts of a block, each before its halves; the points of a node are consecutive.

    Attributes
    ----------
    start, stop : (nodes,) int array
    second : (nodes,) int array
        The second half (the first is the next node), or 0 for a leaf.
    x, y, z : (nodes,) float array
        A unit vector in the middle.
    radius : (nodes,) float array, km
        No point is further from the middle.
    sums : (nodes, d) or (0, d) array
        Sum of the factors; none where nodes are not to be taken as a whole.
    half_squares : (nodes,) float array
        Sum of half their squared lengths.
    longitude, latitude : (nodes,) float array, degrees
        The place of all points; NaN where they have several.
    """

    start: NDArray[np.int64]
    stop: NDArray[np.int64]
    second: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    z: NDArray[np.float64]
    radius: NDArray[np.float64]
    sums: NDArray[np.float64]
    half_squares: NDArray[np.float64]
    longitude: NDArray[np.float64]
    latitude: NDArray[np.float64]


class Standing(NamedTuple):
    """Points that stand for those of a node in sums of lags: each for itself, then the proxies of large nodes.

    Attributes
    ----------
    x, y, z, weight : (points + MANY * large nodes,) float array
    first : (nodes,) int array
        Where the proxies of a node begin; 0 without.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    z: NDArray[np.float64]
    weight: NDArray[np.float64]
    first: NDArray[np.int64]


@compiled
def _parts(count):
    """Return start, stop and second half of all nodes of ``count`` points."""
    most = 2 * (-(-count // LEAF))
    start, stop, second = np.zeros(most, np.int64), np.zeros(most, np.int64), np.zeros(most, np.int64)
    parent, stack = np.empty(most, np.int64), np.empty((DEEPEST, 3), np.int64)
    stack[0, 0], stack[0, 1], stack[0, 2] = 0, count, -1
    top, nodes = 1, 0
    while top:
        top -= 1
        low, high = stack[top, 0], stack[top, 1]
        parent[nodes] = stack[top, 2]
        start[nodes], stop[nodes] = low, high
        if parent[nodes] >= 0:
            second[parent[nodes]] = nodes
        if high - low > LEAF:
            middle = middle_of(low, high, LEAF)
            stack[top, 0], stack[top, 1], stack[top, 2] = middle, high, nodes
            stack[top + 1, 0], stack[top + 1, 1], stack[top + 1, 2] = low, middle, -1
            top += 2
        nodes += 1
    return start[:nodes], stop[:nodes], second[:nodes]


@compiled
def _middle(side, start, stop):
    """Return the direction of the mean of some unit vectors, or the first of them where there is none."""
    x, y, z = 0.0, 0.0, 0.0
    for i in range(start, stop):
        x, y, z = x + side.x[i], y + side.y[i], z + side.z[i]
    length = math.sqrt(x * x + y * y + z * z)
    if length < 1e-6 * (stop - start):
        return side.x[start], side.y[start], side.z[start]
    return x / length, y / length, z / length


@compiled
def _radius(metric, side, x, y, z, start, stop, lag):
    """Return a bound on the lag (km) from a middle to the points of a node."""
    row_lags(metric, x, y, z, side.x[start:stop], side.y[start:stop], side.z[start:stop], lag)
    radius = 0.0
    for i in range(stop - start):
        radius = max(radius, lag[i])
    return radius * (1.0 + 1e-7) + 1e-9 if radius < _RELIABLE or metric != GEODESIC else TOO_WIDE


@compiled
def _set_proxies(side, start, stop, x, y, z, first, standing):
    """Write the proxies of a node: Chebyshev points of its tangent plane, and the points' Lagrange weights on them.

    For a smooth function f, ``sum_i f(point_i) = sum_p weight_p f(proxy_p)`` up to terms of degree 5 in the radius.
    """
    # Two axes across the middle.
    if abs(z) < 0.8:
        length = math.sqrt(x * x + y * y)
        ux, uy, uz = -y / length, x / length, 0.0
    else:
        length = math.sqrt(y * y + z * z)
        ux, uy, uz = 0.0, -z / length, y / length
    vx, vy, vz = y * uz - z * uy, z * ux - x * uz, x * uy - y * ux
    reach_u, reach_v = 1e-15, 1e-15
    for i in range(start, stop):
        along = x * side.x[i] + y * side.y[i] + z * side.z[i]
        reach_u = max(reach_u, abs(ux * side.x[i] + uy * side.y[i] + uz * side.z[i]) / along)
        reach_v = max(reach_v, abs(vx * side.x[i] + vy * side.y[i] + vz * side.z[i]) / along)
    knot, value_u, value_v = np.empty(PROXIES_ALONG), np.empty(PROXIES_ALONG), np.empty(PROXIES_ALONG)
    for p in range(PROXIES_ALONG):
        knot[p] = math.cos(math.pi * (p + 0.5) / PROXIES_ALONG)
    for p in range(MANY):
        u, v = knot[p // PROXIES_ALONG % PROXIES_ALONG] * reach_u, knot[p % PROXIES_ALONG] * reach_v
        px, py, pz = x + u * ux + v * vx, y + u * uy + v * vy, z + u * uz + v * vz
        length = math.sqrt(px * px + py * py + pz * pz)
        standing.x[first + p], standing.y[first + p], standing.z[first + p] = px / length, py / length, pz / length
        standing.weight[first + p] = 0.0
    for i in range(start, stop):
        along = x * side.x[i] + y * side.y[i] + z * side.z[i]
        _lagrange(knot, (ux * side.x[i] + uy * side.y[i] + uz * side.z[i]) / (along * reach_u), value_u)
        _lagrange(knot, (vx * side.x[i] + vy * side.y[i] + vz * side.z[i]) / (along * reach_v), value_v)
        for p in range(PROXIES):
            standing.weight[first + p] += value_u[p // PROXIES_ALONG] * value_v[p % PROXIES_ALONG]


@compiled
def _lagrange(knot, t, value):
    """Write the Lagrange polynomials of the knots at ``t``."""
    for p in range(knot.shape[0]):
        product = 1.0
        for q in range(knot.shape[0]):
            if q != p:
                product *= (t - knot[q]) / (knot[p] - knot[q])
        value[p] = product


@compiled
def _sum_up(side, low, high, node, second, sums, half_squares):
    """Write the sums of a node: of its halves, or of the points of a leaf."""
    total = sums[node]
    if second:
        first_half, second_half = sums[node + 1], sums[second]
        for k in range(total.shape[0]):
            total[k] = first_half[k] + second_half[k]
        half_squares[node] = half_squares[node + 1] + half_squares[second]
        return
    for i in range(low, high):
        row = side.factors[i]
        for k in range(total.shape[0]):
            total[k] += row[k]
        half_squares[node] += side.half_squares[i]


@compiled
def nodes_of(metric, side, lonlat, summed):
    """Return the nodes of a block of points at ``lonlat``, ``summed`` or not."""
    count = side.x.shape[0]
    start, stop, second = _parts(count)
    size = start.shape[0]
    x, y, z, radius = np.empty(size), np.empty(size), np.empty(size), np.empty(size)
    sums, half_squares = np.zeros((size if summed else 0, side.factors.shape[1])), np.zeros(size)
    longitude, latitude, lag = np.empty(size), np.empty(size), np.empty(count)
    for node in range(size - 1, -1, -1):
        low, high = start[node], stop[node]
        longitude[node], latitude[node] = lonlat[low, 0], lonlat[low, 1]
        x[node], y[node], z[node] = _middle(side, low, high)
        radius[node] = _radius(metric, side, x[node], y[node], z[node], low, high, lag[: high - low])
        if summed:
            _sum_up(side, low, high, node, second[node], sums, half_squares)
        if second[node]:
            if longitude[node + 1] != longitude[second[node]] or latitude[node + 1] != latitude[second[node]]:
                longitude[node] = latitude[node] = math.nan
        else:
            for i in range(low, high):
                if lonlat[i, 0] != lonlat[low, 0] or lonlat[i, 1] != lonlat[low, 1]:
                    longitude[node] = latitude[node] = math.nan
    return Nodes(start, stop, second, x, y, z, radius, sums, half_squares, longitude, latitude)


@compiled
def standing_of(side, nodes, summed):
    """Return the points that stand for the points of each node in sums of lags; with proxies where it is summed."""
    count, size = side.x.shape[0], nodes.start.shape[0]
    first, total = np.zeros(size, np.int64), count
    for node in range(size):
        if summed and nodes.stop[node] - nodes.start[node] > MANY and nodes.radius[node] < WIDEST:
            first[node] = total
            total += MANY
    standing = Standing(np.empty(total), np.empty(total), np.empty(total), np.ones(total), first)
    for i in range(count):
        standing.x[i], standing.y[i], standing.z[i] = side.x[i], side.y[i], side.z[i]
    for node in range(size):
        if first[node]:
            low, high = nodes.start[node], nodes.stop[node]
            _set_proxies(side, low, high, nodes.x[node], nodes.y[node], nodes.z[node], first[node], standing)
    return standing
