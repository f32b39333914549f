"""Tiles: a walk over all pairs of points, block by block, on threads."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from variogeo._cores import usable_cores
from variogeo._distances import SpherePoints, lag_of_pairs
from variogeo._engine._blocks import Blocks, blocks_of
from variogeo._engine._caps import Cap, cap_of, smallest_lag
from variogeo._engine._cost import check_cost_alone
from variogeo._engine._sums import bin_positions
from variogeo._engine._terms import Terms
from variogeo._engine.tiles._tile_terms import Factors, tile_terms
from variogeo._engine.tiles._zones import OPEN, LagZones
from variogeo._lags import LagBins

ROWS = 512
"""Points of a block: a tile has 2 MB for each number per pair."""

_SOME = 50
"""Blocks by which the work is estimated."""

_SLOWER = 4.0
"""Time of a pair in a tile over that of a pair that is summed (measured with 5 000 photos: 3 to 4.3)."""

Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Tile:
    """Some points with some others: every pair of the two, each pair of all points in one tile only.

    Attributes
    ----------
    first, second : (rows,) and (columns,) int array
        Row numbers of the points.
    starts : (int, int)
        Where the two blocks start in the spatial order of all points.
    position : (rows, columns) int array
        0 for zero lag, k for the k-th bin, ``len(bins) + 1`` for outside and for what is no pair or in here twice.
    lag : (rows, columns) float array, km
        Right to the error of `lag_error`, and exact below a metre and beyond `exact_beyond`.
    term : (rows, columns) float array
        Dissimilarity of the pairs in bins and at zero lag; (0, 0) where no terms were given.
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    starts: tuple[int, int]
    position: NDArray[np.int32]
    lag: NDArray[np.float64]
    term: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Tiles:
    """All pairs of points in tiles; pairs of blocks that lie further apart than the last edge are left out.

    Attributes
    ----------
    points : SpherePoints
    bins : LagBins
    terms : Terms or None
    blocks : Blocks
        The points in spatial order.
    caps : tuple of Cap
        The bounds of each block.
    zones : LagZones
    """

    points: SpherePoints
    bins: LagBins
    terms: Terms | None
    blocks: Blocks
    caps: tuple[Cap, ...]
    zones: LagZones

    @classmethod
    def of(cls, points: SpherePoints, bins: LagBins, terms: Terms | None = None, *, rows: int = ROWS) -> "Tiles":
        """Return the tiles of some points, of blocks of at most ``rows`` points; refuse more than an hour's work."""
        if not isinstance(bins, LagBins):
            msg = f"Invalid bins of type {type(bins).__name__}. Must be LagBins, e.g. LagBins(edges)."
            raise TypeError(msg)
        blocks = blocks_of(points.unit, None if terms is None else terms.values, rows)
        caps = tuple(cap_of(*points.unit[blocks.rows(block)].T) for block in range(len(blocks)))
        tiles = cls(points, bins, terms, blocks, caps, LagZones.of(bins, points.metric))
        check_cost_alone(
            len(points), 0 if terms is None else terms.width, slower=_SLOWER, share=tiles.share_within_reach
        )
        return tiles

    def share_within_reach(self) -> float:
        """Return the share of all tiles that hold lags up to the last edge, from those of some blocks."""
        reach, metric, count = self.bins.edges[-1], self.points.metric, len(self.blocks)
        chosen = np.unique(np.linspace(0, count - 1, min(count, _SOME)).astype(int))
        near = [smallest_lag(self.caps[k], cap, metric) <= reach for k in chosen for cap in self.caps]
        return float(np.mean(near))

    def map(self, function: Callable[[Tile], Result]) -> Iterator[Result]:
        """Yield ``function(tile)`` of each tile, in a fixed order; the tiles are worked on by as many threads as cores.

        Tiles of one row of blocks go to one thread, so that the first block is prepared once.
        """
        threads = usable_cores()
        pool = ThreadPoolExecutor(threads, thread_name_prefix="variogeo")
        try:
            strips = iter(range(len(self.blocks)))
            waiting: deque[Future[list[Result]]] = deque(
                pool.submit(self._strip, strip, function) for strip in islice(strips, 2 * threads)
            )
            while waiting:
                yield from waiting.popleft().result()
                waiting.extend(pool.submit(self._strip, strip, function) for strip in islice(strips, 1))
        finally:
            pool.shutdown(cancel_futures=True)

    def _strip(self, block: int, function: Callable[[Tile], Any]) -> list[Any]:
        """Return the results of the tiles of a block with itself and those after it."""
        factors = None if self.terms is None else Factors.of(self.terms, self.blocks.rows(block))
        reach = self.bins.edges[-1]
        return [
            function(self._tile(block, other, factors))
            for other in range(block, len(self.blocks))
            if smallest_lag(self.caps[block], self.caps[other], self.points.metric) <= reach
        ]

    def _tile(self, block: int, other: int, factors: Factors | None) -> Tile:
        """Return the tile of two blocks."""
        first, second = self.blocks.rows(block), self.blocks.rows(other)
        position, lag = self._lags(first, second)
        outside = len(self.bins) + 1
        if block == other:
            position[np.tri(len(first), dtype=np.bool_)] = outside
        term = np.zeros((0, 0))
        if self.terms is not None and factors is not None:
            others = factors if block == other else Factors.of(self.terms, second)
            term = tile_terms(self.terms, factors, others, position != outside)
        starts = int(self.blocks.starts[block]), int(self.blocks.starts[other])
        return Tile(first, second, starts, position, lag, term)

    def _lags(self, first: NDArray[np.intp], second: NDArray[np.intp]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Return positions and lags of two blocks; open pairs are settled by the exact formula."""
        from variogeo._engine.cpu._compiled import METRICS
        from variogeo._engine.tiles._kernels import tile_lags

        shape = len(first), len(second)
        position, lag = np.empty(shape, np.int32), np.empty(shape)
        a, b = (np.ascontiguousarray(self.points.unit[rows].T) for rows in (first, second))
        zones, metric = self.zones, METRICS[self.points.metric]
        if tile_lags(metric, a, b, zones.breaks, zones.position, lag, position):
            i, j = np.nonzero(position == OPEN)
            lag[i, j] = lag_of_pairs(self.points, first[i], second[j])
            position[i, j] = bin_positions(lag[i, j], self.bins)
        return position, lag
