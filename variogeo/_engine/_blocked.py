"""The blocked engine: all pairs, tile by tile, in memory of one tile."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from variogeo._distances import (
    SERIES_LIMIT,
    SpherePoints,
    exact_geodesic,
    pairwise_lag,
    series_error,
)
from variogeo._engine._sums import LagSums, sums_of_pairs
from variogeo._engine._terms import Terms
from variogeo._lags import LagBins
from variogeo._progress import progress_bar

TILE = 512
"""Rows and columns of a tile. A matrix of float64 takes 2 MB, and about 25 live at once: 55 MB in all."""

_SURELY_BEYOND = 500.0
"""Past `SERIES_LIMIT` the series errs by less than this (km): 27 km seen at the antipode."""


def accumulate(points: SpherePoints, terms: Terms, bins: LagBins) -> LagSums:
    """Return the exact sums per bin over all unordered pairs of points."""
    total_npairs, total_term = terms.total()
    size = len(bins) + 1
    sums = LagSums(
        np.zeros(size, np.int64),
        np.zeros(size),
        np.zeros(size),
        np.zeros(size),
        total_npairs,
        total_term,
    )
    blocks = -(-len(points) // TILE)
    with progress_bar(blocks * (blocks + 1) // 2, doing="pairs", unit="tile") as bar:
        for tile_sums in _tiles(points, terms, bins):
            sums = sums + tile_sums
            bar.update()
    return sums


def _tiles(points: SpherePoints, terms: Terms, bins: LagBins) -> Iterator[LagSums]:
    """Yield the sums of each tile on or above the diagonal, row block by row block."""
    n = len(points)
    for i in range(0, n, TILE):
        above, vectors = points[i : i + TILE], terms.rows(i, i + TILE)
        for j in range(i, n, TILE):
            left = points[j : j + TILE]
            pairs = np.triu_indices(len(above), 1) if i == j else np.indices((len(above), len(left))).reshape(2, -1)
            lag = pairwise_lag(above, left)[*pairs]
            term = terms.between(vectors, vectors if i == j else terms.rows(j, j + TILE))[*pairs]
            if points.metric == "geodesic":
                _put_exact_where_it_decides(lag, above, left, pairs, bins)
            yield sums_of_pairs(lag, term, bins)


def _put_exact_where_it_decides(
    lag: NDArray[np.float64],
    a: SpherePoints,
    b: SpherePoints,
    pairs: tuple[NDArray[np.intp], ...] | NDArray[np.intp],
    bins: LagBins,
) -> None:
    """Replace the series' lag by the exact geodesic for every pair whose bin it leaves open.

    A pair is open when the error bound reaches across an edge or zero, or when the series has no
    bound at that lag.
    """
    margin = series_error(lag)
    crosses = np.searchsorted(bins.edges, lag - margin) != np.searchsorted(bins.edges, lag + margin)
    may_be_zero = lag <= margin
    unbounded = (lag > SERIES_LIMIT) & (lag < bins.edges[-1] + _SURELY_BEYOND)
    still_open = np.flatnonzero(crosses | may_be_zero | unbounded)
    lag[still_open] = exact_geodesic(a.lonlat[pairs[0][still_open]], b.lonlat[pairs[1][still_open]])
