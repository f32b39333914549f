"""The blocked engine: all moments of the pairs of two blocks, tile by tile."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from variogeo._distances import Metric, SpherePoints
from variogeo._engine._caps import cap_of, smallest_lag
from variogeo._engine._sums import LagSums
from variogeo._engine._terms import Terms
from variogeo._engine.cpu._compiled import METRICS
from variogeo._engine.cpu._moments import no_moments, scratch, space_for_open, sums_of_moments
from variogeo._engine.cpu._settle import Settled
from variogeo._engine.cpu._tiles import Side, add_tile
from variogeo._engine.cpu._zones import zones_of
from variogeo._lags import LagBins

ROWS, COLUMNS = 256, 1024
"""A tile: 1 MB of float32 products."""


def dense_sums(
    points: SpherePoints,
    terms: Terms,
    bins: LagBins,
    rows: tuple[NDArray[np.intp], NDArray[np.intp]],
    sides: tuple[Side, Side],
    *,
    spread: bool,
) -> LagSums:
    """Return the sums over all pairs of two blocks, or within one when both are the same."""
    zones = zones_of(bins, points.metric)
    moments = no_moments(zones, terms, spread=spread)
    settled = Settled(points, terms, bins, spread=spread)
    space, products = scratch(COLUMNS), np.empty(ROWS * COLUMNS, terms.precision)
    open_pairs = space_for_open(ROWS * COLUMNS)
    a, b = sides
    for i, j in _tiles(a, b, points.metric, float(bins.edges[-1])):
        above, beside = a.part(i, i + ROWS), b.part(j, j + COLUMNS)
        diagonal = a is b and j == i
        product = products[: len(above.x) * len(beside.x)].reshape(len(above.x), len(beside.x))
        if terms.width > 1:
            np.matmul(above.factors, beside.factors.T, out=product)
        metric = METRICS[points.metric]
        left = add_tile(metric, above, beside, product, diagonal, zones, moments, spread, space, open_pairs)
        if left:
            settled.add(*open_pairs.rows(left, rows[0][i:], rows[1][j:]))
    return sums_of_moments(moments, zones, terms, bins) + settled.total()


def _tiles(a: Side, b: Side, metric: Metric, furthest: float) -> Iterator[tuple[int, int]]:
    """Yield the first row and column of each tile that can hold a pair no further apart than ``furthest`` (km)."""
    if smallest_lag(cap_of(*a[:3]), cap_of(*b[:3]), metric) > furthest:
        return
    same = a is b
    across = [(j, cap_of(*b.part(j, j + COLUMNS)[:3])) for j in range(0, len(b.x), COLUMNS)] if not same else []
    for i in range(0, len(a.x), ROWS):
        above = cap_of(*a.part(i, i + ROWS)[:3])
        if same:
            across = [(j, cap_of(*b.part(j, j + COLUMNS)[:3])) for j in range(i, len(b.x), COLUMNS)]
        for j, beside in across:
            if smallest_lag(above, beside, metric) <= furthest:
                yield i, j
