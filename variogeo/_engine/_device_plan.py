"""What the device engine decides on the host: where lags are sure, how large blocks are, which of them meet."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from variogeo._distances import Metric, SpherePoints, exact_beyond, lag_error
from variogeo._engine._blocks import Blocks
from variogeo._engine._caps import cap_of, smallest_lag
from variogeo._engine._sums import bin_positions
from variogeo._lags import LagBins

MOST_ROWS = 4096
"""Rows of a block: 17 million pairs keep a GPU busy, and larger blocks reach too far to be skipped."""

LEAST_ROWS = 1024
"""Blocks are not halved below this."""

SETTLE = 0
"""Stands for a zone whose pairs need the exact lag."""

OUTSIDE = -1
"""Stands for a zone that lies in no bin."""

_PAIR_BYTES = 128
_ENTRY_BYTES = 96
"""Largest use of memory: per pair of two blocks, and per entry of a row of one block."""

_FORMULA_ERROR = 1e-8
"""Relative error of a lag on the device, that of the series apart: of products of unit vectors and float32 ratios."""

_ZERO_LAG = 1e-9
"""Lags below this (km) may be zero."""

_MOST_SLOTS = 2**22


class Cuts(NamedTuple):
    """Lags that part the zones of which the bin is sure from those that need the exact lag.

    Attributes
    ----------
    lag : (m,) float array, km
        Increasing; zone z holds the lags in ``(lag[z - 1], lag[z]]``.
    bins : (m + 1,) int array
        Bin of each zone (1 for the first), `SETTLE` or `OUTSIDE`. Zone 0 lies below any lag.
    """

    lag: NDArray[np.float64]
    bins: NDArray[np.int64]


def cuts_of(bins: LagBins, metric: Metric) -> Cuts:
    """Return the cuts: around zero, around each edge as wide as the error there, and where formulas have no bound."""
    edges = bins.edges[bins.edges > 0]
    error = lag_error(edges, metric) + _FORMULA_ERROR * edges
    unsure = [(-1.0, _ZERO_LAG), *zip(edges - error, edges + error, strict=True)]
    limit = exact_beyond(metric)
    if unsure[-1][1] >= limit:
        unsure.append((limit, np.inf))
    cuts: list[float] = []
    for low, high in sorted(unsure):
        if cuts and low <= cuts[-1]:
            cuts[-1] = max(cuts[-1], high)
        else:
            cuts += [low, high]
    lag = np.array(cuts)
    within = np.append(lag[2::2], np.inf) / 2 + lag[1::2] / 2
    position = bin_positions(within, bins)
    zones = np.full(len(lag) + 1, SETTLE)
    zones[0] = OUTSIDE
    zones[2::2] = np.where(position > len(bins), OUTSIDE, position)
    return Cuts(lag, zones)


def rows_per_block(free_bytes: int, width: int, count: int) -> int:
    """Return the rows of a block for which half of the free memory suffices."""
    rows = MOST_ROWS
    while rows > LEAST_ROWS and rows * (rows * _PAIR_BYTES + width * _ENTRY_BYTES) > free_bytes // 2:
        rows //= 2
    return min(rows, count)


def lanes_for(slots: int, most: int) -> int:
    """Return how many copies of each sum to keep: a power of two, so that pairs added at once seldom meet."""
    return min(most, 2 ** max(0, (_MOST_SLOTS // slots).bit_length() - 1))


def tiles_within(points: SpherePoints, blocks: Blocks, furthest: float) -> list[tuple[int, int, float]]:
    """Return the pairs of blocks that hold a pair no further apart than ``furthest`` (km), with their least lag."""
    caps = [cap_of(*points.unit[blocks.rows(block)].T) for block in range(len(blocks))]
    tiles = (
        (i, j, smallest_lag(caps[i], caps[j], points.metric) if i < j else 0.0)
        for i in range(len(blocks))
        for j in range(i, len(blocks))
    )
    return [tile for tile in tiles if tile[2] <= furthest]
