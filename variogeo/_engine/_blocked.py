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
from variogeo._engine._sums import LagSums, bin_positions, sums_of_pairs
from variogeo._engine._terms import Terms
from variogeo._lags import LagBins

TILE = 512
"""Rows and columns of a tile: its matrices of float64 stay within a level-2 cache of 2 MB."""

_SURELY_BEYOND = 500.0
"""Past `SERIES_LIMIT` the series errs by less than this (km): 246 km seen near the antipode."""


def accumulate(points: SpherePoints, terms: Terms, bins: LagBins) -> LagSums:
    """Return the exact sums per bin over all unordered pairs of points."""
    from tqdm.auto import tqdm

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
    with tqdm(total=blocks * (blocks + 1) // 2, desc="pairs", unit="tile", disable=None, delay=2) as bar:
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
            position = _settle(above, left, pairs, lag, bins)
            yield sums_of_pairs(lag, term, bins, position=position)


def _settle(
    a: SpherePoints,
    b: SpherePoints,
    pairs: tuple | NDArray[np.intp],
    lag: NDArray[np.float64],
    bins: LagBins,
) -> NDArray[np.intp]:
    """Return the bin of each pair, after putting the exact geodesic into ``lag`` where it decides.

    A pair is open when the series' error bound reaches across an edge, or when the series has no
    bound there. The sphere's metrics are exact already, but for the spelling of one place.
    """
    if a.metric != "geodesic":
        return bin_positions(lag, bins)
    margin = series_error(lag)
    lowest, highest = (
        bin_positions(np.clip(lag - margin, 0, None), bins),
        bin_positions(lag + margin, bins),
    )
    unbounded = (lag > SERIES_LIMIT) & (lag < bins.edges[-1] + _SURELY_BEYOND)
    still_open = np.flatnonzero((lowest != highest) | unbounded)
    rows, columns = pairs[0][still_open], pairs[1][still_open]
    lag[still_open] = exact_geodesic(a.lonlat[rows], b.lonlat[columns])
    highest[still_open] = bin_positions(lag[still_open], bins)
    return highest
