"""Candidates: for one lag bin, numbered pairs of points that hold all pairs of the bin and few others."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from variogeo._distances import (
    EARTH_RADIUS,
    WGS84_FLATTENING,
    WGS84_SEMI_MAJOR,
    Metric,
    SpherePoints,
    exact_beyond,
    exact_geodesic,
    lag_error,
)

LEAF = 8
"""Points of a node that is not split."""

MOST_NODE_PAIRS = 2**20
"""Length of a list of candidates: about 100 MB while it is made."""

_ROUNDING = 1e-9
"""Allowed for the rounding of unit vectors, boxes and centres, relative and in km: a micrometre."""


_COST = 8
"""Splitting a pair of nodes costs as much as looking at so many candidates."""

_NodePairs = tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True, eq=False)
class PointTree:
    """A kd-tree on unit vectors.

    Attributes
    ----------
    points : SpherePoints
    order : (n,) int array
        Row numbers in the order of the tree: a node is a run of positions in it.
    unit : (n, 3) float array
        Unit vectors in that order.
    start, stop : (nodes,) int array
        Positions of each node; node 0 holds all.
    child : (nodes,) int array
        First of two consecutive children, 0 for a leaf.
    low, high : (nodes, 3) float array
        The box around a node.
    centre : (nodes, 3) float array
        A unit vector in its middle.
    radius : (nodes,) float array, km
        No point of the node has a larger lag to the centre.
    """

    points: SpherePoints
    order: NDArray[np.int64]
    unit: NDArray[np.float64]
    start: NDArray[np.int64]
    stop: NDArray[np.int64]
    child: NDArray[np.int64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    centre: NDArray[np.float64]
    radius: NDArray[np.float64]

    @classmethod
    def of(cls, points: SpherePoints) -> "PointTree":
        """Return the tree of some points."""
        from variogeo._engine.cpu._halving import halves

        order = np.arange(len(points))
        halves(points.unit, order, LEAF)
        unit = points.unit[order]
        levels, child = _levels(len(points))
        start, stop = np.concatenate(levels).T
        low, high = _boxes(unit, start, child, [len(level) for level in levels])
        middle = (low + high) / 2
        length = np.linalg.norm(middle, axis=1, keepdims=True)
        # Points all around the globe have no middle: any will do, because the radius is measured from it.
        centre = np.where(length > 1e-6, middle / np.maximum(length, 1e-6), [1.0, 0.0, 0.0])
        chord = np.linalg.norm(np.maximum(np.abs(low - centre), np.abs(high - centre)), axis=1)
        chord = np.minimum(chord, 2.0)
        longest = arc_limits(points.metric)[1]
        radius = longest * (chord if points.metric == "chord" else 2 * np.arcsin(chord / 2))
        return cls(points, order, unit, start, stop, child, low, high, centre, radius)


@dataclass(frozen=True, eq=False)
class Candidates:
    """Pairs of nodes; their pairs of points are numbered from 0 and hold every pair of the bin once.

    Attributes
    ----------
    first, second : (m,) int array
        Nodes; the same one twice stands for its unordered pairs.
    ends : (m,) int array
        One more than the largest number of each.
    inside : int
        All pairs below this number surely lie in the bin.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    ends: NDArray[np.int64]
    inside: int

    @property
    def count(self) -> int:
        """Number of candidates."""
        return int(self.ends[-1]) if self.ends.size else 0


def candidates_of(tree: PointTree, low: float, high: float, wanted: int) -> Candidates:
    """Return the candidates of the bin ``(low, high]``, few enough to find ``wanted`` pairs of it among them.

    Nodes are split as long as that seems to cost less than to look at the candidates that it would exclude.
    """
    first = second = np.zeros(1, np.int64)
    within: list[_NodePairs] = []
    leaves: list[_NodePairs] = []
    length, settled, settled_hits = 0, 0, 0.0
    while True:
        lower, upper = _limits(tree, first, second, low, high)
        touches = (upper > low) & (lower <= high)
        first, second, lower, upper = first[touches], second[touches], lower[touches], upper[touches]
        npairs = _npairs(tree, first, second)
        inside = (lower > low) & (upper <= high)
        # As if lags were spread evenly between their limits: good enough to decide when to stop.
        hits = npairs * np.where(inside, 1.0, (np.minimum(upper, high) - np.maximum(lower, low)) / (upper - lower))
        leaf = ~inside & (tree.child[first] == 0) & (tree.child[second] == 0)
        within.append((first[inside], second[inside]))
        leaves.append((first[leaf], second[leaf]))
        final = inside | leaf
        length += np.count_nonzero(final)
        settled += int(npairs[final].sum())
        settled_hits += float(hits[final].sum())
        first, second = first[~final], second[~final]
        total = settled + int(npairs[~final].sum())
        to_look_at = min(total, wanted * total / max(settled_hits + float(hits[~final].sum()), 1.0))
        if not first.size or _COST * first.size > to_look_at or 3 * first.size > MOST_NODE_PAIRS - length:
            break
        first, second = _split(tree, first, second)
    nodes = [np.concatenate(side) for side in zip(*within, *leaves, (first, second), strict=True)]
    surely = sum(int(_npairs(tree, *part).sum()) for part in within)
    return Candidates(nodes[0], nodes[1], np.cumsum(_npairs(tree, nodes[0], nodes[1])), surely)


def arc_limits(metric: Metric) -> tuple[float, float]:
    """Return the least and the most km that an arc of one stands for.

    On the sphere of reduced latitudes a step on the ellipsoid is between its semi-minor and its semi-major axis
    times the arc, so a geodesic is too.
    """
    if metric == "geodesic":
        return WGS84_SEMI_MAJOR * (1 - WGS84_FLATTENING), WGS84_SEMI_MAJOR
    return EARTH_RADIUS, EARTH_RADIUS


def squared_chords(low: float, high: float, metric: Metric) -> tuple[float, float]:
    """Return between which squared chords of the unit sphere all lags from ``low`` to ``high`` (km) lie."""
    shortest, longest = arc_limits(metric)
    arcs = np.array([max(low, 0.0) / longest, high / shortest])
    chords = np.minimum(arcs, 2.0) if metric == "chord" else 2 * np.sin(np.minimum(arcs, np.pi) / 2)
    chord2_from, chord2_to = (chords * chords).tolist()
    return chord2_from * (1 - _ROUNDING) - _ROUNDING**2, chord2_to * (1 + _ROUNDING) + _ROUNDING**2


def _limits(
    tree: PointTree, first: NDArray[np.int64], second: NDArray[np.int64], low: float, high: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return limits on the lags (km) of pairs of nodes: from their boxes and, where open, from their centres."""
    from variogeo._engine.cpu._compiled import METRICS
    from variogeo._engine.sampling._sample_kernels import lags_of_centres, limits_of_boxes

    metric = tree.points.metric
    code = METRICS[metric]
    lower, upper = np.empty((2, len(first)))
    limits_of_boxes(code, *arc_limits(metric), tree.low, tree.high, first, second, lower, upper)
    lower -= _ROUNDING * (1 + lower)
    # Two boxes that are one and the same point are surely at zero.
    upper += np.where(upper > 0, _ROUNDING * (1 + upper), 0.0)
    still_open = np.flatnonzero((upper > low) & (lower <= high) & ((lower <= low) | (upper > high)) & (first != second))
    a, b = first[still_open], second[still_open]
    lag = np.empty(len(a))
    lags_of_centres(code, tree.centre, a, b, lag)
    error = lag_error(lag, metric) + _ROUNDING * (1 + lag)
    if metric == "geodesic":
        beyond = np.flatnonzero(lag > exact_beyond(metric))
        lag[beyond] = exact_geodesic(_places(tree.centre[a[beyond]]), _places(tree.centre[b[beyond]]))
        error[beyond] = _ROUNDING * (1 + lag[beyond])
    reach = tree.radius[a] + tree.radius[b] + error
    lower[still_open] = np.maximum(lower[still_open], lag - reach)
    upper[still_open] = np.minimum(upper[still_open], lag + reach)
    return lower, upper


def _places(unit: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the degrees of unit vectors of reduced latitudes."""
    across = np.hypot(unit[:, 0], unit[:, 1]) * (1 - WGS84_FLATTENING)
    return np.degrees(np.column_stack([np.arctan2(unit[:, 1], unit[:, 0]), np.arctan2(unit[:, 2], across)]))


def _split(
    tree: PointTree, first: NDArray[np.int64], second: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pairs of nodes with the larger node of each replaced by its children."""
    same = first == second
    one = tree.child[first[same]]
    a, b = first[~same], second[~same]
    swapped = (tree.child[a] == 0) | ((tree.child[b] > 0) & (tree.radius[b] > tree.radius[a]))
    opened, whole = tree.child[np.where(swapped, b, a)], np.where(swapped, a, b)
    return (
        np.concatenate([one, one, one + 1, opened, opened + 1]),
        np.concatenate([one, one + 1, one + 1, whole, whole]),
    )


def _npairs(tree: PointTree, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of pairs of points of each pair of nodes."""
    a, b = tree.stop[first] - tree.start[first], tree.stop[second] - tree.start[second]
    return np.where(first == second, a * (a - 1) // 2, a * b)


def _levels(n: int) -> tuple[list[NDArray[np.int64]], NDArray[np.int64]]:
    """Return start and stop of the nodes, level by level, as the spatial order splits them; and their children."""
    level, levels, child, count = np.array([[0, n]]), [], [], 1
    while level.size:
        start, stop = level.T
        levels.append(level)
        opened = stop - start > LEAF
        child.append(np.where(opened, count - 2 + 2 * np.cumsum(opened), 0))
        start, stop = start[opened], stop[opened]
        middle = start + (-(-(stop - start) // LEAF) + 1) // 2 * LEAF
        level = np.column_stack([start, middle, middle, stop]).reshape(-1, 2)
        count += len(level)
    return levels, np.concatenate(child)


def _boxes(
    unit: NDArray[np.float64], start: NDArray[np.int64], child: NDArray[np.int64], lengths: list[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the box around each node: of the leaves from their points, of the others from their children."""
    low, high = np.empty((2, len(start), 3))
    leaves = np.flatnonzero(child == 0)
    leaves = leaves[np.argsort(start[leaves])]
    low[leaves] = np.minimum.reduceat(unit, start[leaves])
    high[leaves] = np.maximum.reduceat(unit, start[leaves])
    stop = len(start)
    for length in reversed(lengths):
        nodes = np.arange(stop - length, stop)
        nodes = nodes[child[nodes] > 0]
        low[nodes] = np.minimum(low[child[nodes]], low[child[nodes] + 1])
        high[nodes] = np.maximum(high[child[nodes]], high[child[nodes] + 1])
        stop -= length
    return low, high
