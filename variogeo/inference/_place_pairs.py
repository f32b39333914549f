"""PlacePairs: bins and sums of terms of all pairs of places, computed once for all permutations."""

from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from variogeo._distances import SpherePoints, prepare_points
from variogeo._engine import Terms
from variogeo._engine.tiles import Tile, Tiles
from variogeo._lags import LagBins

MOST_BYTES = 4_000_000_000
"""Memory for the pairs of places: 7 bytes for each ordered pair at the peak, so some 23 900 places."""

_BYTES_PER_PAIR = 7
_ROWS = 512


@dataclass(frozen=True, eq=False)
class PlacePairs:
    """The pairs of places of some points, with numbers in spatial order.

    Attributes
    ----------
    photos : (places,) int array
        Number of photos at each place.
    starts : (places, bins + 1) int array
        The later places of bin k of place i are ``columns[starts[i, k]:starts[i, k + 1]]``.
    columns : (pairs,) uint16 array
    gram : (places, places) float32 array
        Sums of the terms of the photos of two places, by ``scale^2``; rounding averages out over the pairs of a bin.
    scale : float
    lag : (bins,) float array
        Mean lag of the pairs of photos (km); NaN for an empty bin.
    """

    photos: NDArray[np.int64]
    starts: NDArray[np.int64]
    columns: NDArray[np.uint16]
    gram: NDArray[np.float32]
    scale: float
    lag: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.photos)

    @classmethod
    def of(cls, points: SpherePoints, terms: Terms, bins: LagBins) -> "PlacePairs":
        """Return the pairs of the distinct places of some points."""
        distinct, place = np.unique(points.lonlat, axis=0, return_inverse=True)
        _check_memory(len(distinct))
        places = prepare_points(distinct, points.metric)
        tiles = Tiles.of(places, bins)
        order = tiles.blocks.order
        photos = np.bincount(place.ravel(), minlength=len(distinct))[order]
        starts, columns, lag = _geometry(tiles, photos)
        number = np.empty_like(order)
        number[order] = np.arange(len(order))
        return cls(photos, starts, columns, _gram(terms, number[place.ravel()], photos), terms.scale, lag)

    def sums(self, permutation: NDArray[np.uint16]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the sums of the terms and the numbers of pairs of photos, each (permutations, bins).

        Place i has the photos of place ``permutation[p, i]``.
        """
        from variogeo.inference._kernels import add_counts, add_permuted

        inverse = np.argsort(permutation, axis=1).astype(np.uint16)
        shape = len(permutation), self.starts.shape[1] - 1
        sums, counts = np.zeros(shape), np.zeros(shape, np.int64)
        add_permuted(self.gram, self.starts, self.columns, permutation, inverse, sums)
        if (self.photos == self.photos[0]).all():
            counts += np.diff(self.starts, axis=1).sum(axis=0) * self.photos[0] ** 2
        else:
            add_counts(self.photos, self.starts, self.columns, permutation, counts)
        return sums * self.scale**2, counts


class _Part(NamedTuple):
    """What is kept of a tile: where it starts, positions, and sums per position over pairs of photos."""

    row: int
    column: int
    position: NDArray[np.int32]
    pairs: NDArray[np.float64]
    lags: NDArray[np.float64]


def _geometry(
    tiles: Tiles, photos: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.uint16], NDArray[np.float64]]:
    """Return where the bins of each place start, the places in them, and the mean lags."""
    from variogeo.inference._kernels import bins_of_rows

    n, bins = len(photos), len(tiles.bins)

    def part(tile: Tile) -> _Part:
        row, column = tile.starts
        rows, columns = tile.position.shape
        both = np.outer(photos[row : row + rows], photos[column : column + columns]).ravel().astype(np.float64)
        position = tile.position.ravel()
        pairs = np.bincount(position, both, bins + 2)
        lags = np.bincount(position, both * tile.lag.ravel(), bins + 2)
        return _Part(row, column, tile.position, pairs.astype(np.float64), lags.astype(np.float64))

    starts, found, first = np.zeros((n, bins + 1), np.int64), [np.empty(0, np.uint16)], 0
    pairs, lags = np.zeros(bins + 2), np.zeros(bins + 2)
    for row, parts in groupby(tiles.map(part), key=lambda part: part.row):
        strip = np.empty((0, n), np.int32)
        for one in parts:
            if one.column == row:
                # Blocks that lie beyond the last edge have no tile.
                strip = np.full((len(one.position), n), bins + 1, np.int32)
            strip[:, one.column : one.column + one.position.shape[1]] = one.position
            pairs, lags = pairs + one.pairs, lags + one.lags
        columns = np.empty(int(((strip > 0) & (strip <= bins)).sum()), np.uint16)
        first = bins_of_rows(strip, row, first, bins, starts[row : row + len(strip)], columns)
        found.append(columns)
    inside = slice(1, bins + 1)
    lag = np.where(pairs[inside] > 0, lags[inside] / np.maximum(pairs[inside], 1), np.nan)
    return starts, np.concatenate(found), lag


def _gram(terms: Terms, number: NDArray[np.intp], photos: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the sums of the terms of all photos of one place with all of another.

    The term is ``(x.x + y.y) / 2 - x.y``, so its sum over a place is one of sums.
    """
    places = len(photos)
    gram = np.zeros((places, places), np.float32)
    if terms.largest == 0:
        return gram
    sums, half = np.zeros((places, terms.width)), np.zeros(places)
    for some, rows in terms.centred_blocks():
        rows /= terms.scale
        np.add.at(sums, number[some], rows)
        np.add.at(half, number[some], 0.5 * np.einsum("ij,ij->i", rows, rows))
    for start in range(0, places, _ROWS):
        some = slice(start, start + _ROWS)
        block = np.outer(half[some], photos) + np.outer(photos[some], half) - sums[some] @ sums.T
        gram[some] = np.maximum(block, 0.0)
    return gram


def _check_memory(places: int) -> None:
    """Refuse more places than the pairs of which fit into memory."""
    needed = _BYTES_PER_PAIR * places**2
    if needed > MOST_BYTES:
        msg = (
            f"lonlat has {places} places, whose pairs need {needed / 1e9:.1f} GB; at most {MOST_BYTES / 1e9:g} GB. "
            f"Take a random subset of at most {int((MOST_BYTES / _BYTES_PER_PAIR) ** 0.5)} places: the test stays "
            "valid and finds a little less."
        )
        raise ValueError(msg)
