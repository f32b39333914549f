"""The sums that a compiled loop makes of the pairs of each lag interval."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from variogeo._engine._histogram import CELLS, SHIFT, TermHistogram, cell_limit, first_cell_around
from variogeo._engine._sums import LagSums, no_histogram
from variogeo._engine._terms import Terms
from variogeo._engine.cpu._compiled import compiled
from variogeo._engine.cpu._zones import Zones
from variogeo._lags import LagBins

_FEW = 32
"""Pairs of an interval and task whose term is exact where there are no more: rounding of float32 products averages out
over many pairs, not over three."""

_VERY_FEW, _MOST_FEW = 4, 2**14
"""With many intervals fewer, so that all together are not much more than the second number; but not less than the
first."""

_COPIES = 4
"""Of each sum: neighbours in space are often in one interval, and an addition has to wait for the last one to the same
place."""

_COLUMNS = 4
"""Of a sum: lag, term, squared term and fourth root, or lag, term and count, so that it is one vector."""

INTERVAL = _COPIES * _COLUMNS
"""Numbers that belong to an interval."""

_NEARLY_EQUAL = {np.float32: 1e-5, np.float64: 1e-6}
"""Share of the squared lengths below which a product has lost its digits."""

_U1, _U2, _U3, _U4 = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)
"""Indices are unsigned: a signed one is checked for counting from the end, which keeps loops from being vectorised."""


class Moments(NamedTuple):
    """What a compiled loop adds up, per interval of `Zones`.

    Attributes
    ----------
    sums : ((intervals + 1) * copies * 4,) float array
        Lag, term, squared term, fourth root of the term; the terms without their scale. Without spread: lag, term,
        number of pairs.
    cells : ((intervals + 1) * CELLS,) or (0,) int array
        Numbers of pairs by their term; none without spread.
    error : (cells of the zones,) float array, km
        As in `Zones`, but infinite where pairs are still to be listed.
    waiting : (intervals + 1,) int array
        Pairs still to be listed, not added.
    first_cell : int
    top : float
        Half squared differences from here on have no cell and are settled.
    nearly_equal : float
    roots, share : int, float
        See `Terms`.
    """

    sums: NDArray[np.float64]
    cells: NDArray[np.int32]
    error: NDArray[np.float64]
    waiting: NDArray[np.int64]
    first_cell: int
    top: float
    nearly_equal: float
    roots: int
    share: float


def no_moments(zones: Zones, terms: Terms, *, spread: bool) -> Moments:
    """Return moments of no pairs."""
    size = len(zones.edge)
    waiting = np.zeros(size, np.int64)
    if terms.precision is np.float32:
        waiting[zones.bins] = min(_FEW, max(_VERY_FEW, _MOST_FEW // size))
    next_one = np.minimum(zones.interval + 1, size - 1)
    listed = (waiting[zones.interval] > 0) | (np.isfinite(zones.cut) & (waiting[next_one] > 0))
    # The histogram's cells are of terms with their unit, a power of two: whole octaves.
    shift = 32 * int(np.log2(terms.unit))
    first_cell = first_cell_around(terms.typical)
    top = (float(cell_limit(np.array(first_cell + CELLS))) / terms.unit) ** (2**terms.roots) / terms.share
    return Moments(
        np.zeros(size * INTERVAL),
        np.zeros(size * CELLS if spread else 0, np.int32),
        np.where(listed, np.inf, zones.error),
        waiting,
        first_cell - shift,
        top if spread else np.inf,
        _NEARLY_EQUAL[terms.precision],
        terms.roots,
        terms.share,
    )


def sums_of_moments(moments: Moments, zones: Zones, terms: Terms, bins: LagBins) -> LagSums:
    """Return moments as sums per bin, with no pair at zero lag."""
    sums = np.zeros((len(bins) + 1, _COLUMNS))
    sums[1:] = moments.sums.reshape(-1, _COPIES, _COLUMNS)[zones.bins].sum(axis=1)
    unit = terms.unit
    if not len(moments.cells):
        npairs = np.rint(sums[:, 2]).astype(np.int64)
        none = np.zeros(0)
        return LagSums(npairs, sums[:, 0], sums[:, 1] * unit, none, none, no_histogram(bins), 0, 0.0)
    cells = np.concatenate([np.zeros((1, CELLS), np.int32), moments.cells.reshape(-1, CELLS)[zones.bins]])
    return LagSums(
        cells.sum(axis=1, dtype=np.int64),
        sums[:, 0],
        sums[:, 1] * unit,
        sums[:, 2] * unit**2,
        sums[:, 3] * unit**0.25,
        TermHistogram.of_counts(cells, first_cell_around(terms.typical)),
        0,
        0.0,
    )


@compiled
def _add_four(sums, place, four, first):
    """Add four numbers to four others: read before they are written, so that the compiler makes a vector of them."""
    a0, a1, a2, a3 = four[first], four[first + _U1], four[first + _U2], four[first + _U3]
    b0, b1, b2, b3 = sums[place], sums[place + _U1], sums[place + _U2], sums[place + _U3]
    sums[place], sums[place + _U1], sums[place + _U2], sums[place + _U3] = b0 + a0, b1 + a1, b2 + a2, b3 + a3


@compiled
def add_spread(count, space, moments):
    """Add the first ``count`` pairs, each to the interval in ``space.interval``, with all moments."""
    lag, term, bits, four, cell = space.lag, space.term, space.term_bits, space.four, space.cell
    interval, sums, cells = space.interval, moments.sums, moments.cells
    for j in range(count):
        value = term[j]
        four[_COLUMNS * j] = lag[j]
        four[_COLUMNS * j + 1] = value
        four[_COLUMNS * j + 2] = value * value
        four[_COLUMNS * j + 3] = math.sqrt(math.sqrt(value))
    for j in range(np.uint64(count)):
        copy = (np.uint64(interval[j]) * np.uint64(_COPIES)) + (j & np.uint64(_COPIES - 1))
        _add_four(sums, copy * _U4, four, j * _U4)
    first_cell = moments.first_cell
    for j in range(count):
        cell[j] = interval[j] * np.int64(CELLS) + min(max((bits[j] >> SHIFT) - first_cell, 0), CELLS - 1)
    for j in range(np.uint64(count)):
        cells[np.uint64(cell[j])] += 1


@compiled
def add_means(count, space, moments):
    """Add the first ``count`` pairs, each to the interval in ``space.interval``: lag, term and number."""
    lag, term, interval, sums = space.lag, space.term, space.interval, moments.sums
    for j in range(np.uint64(count)):
        copy = (np.uint64(interval[j]) * np.uint64(_COPIES)) + (j & np.uint64(_COPIES - 1))
        place = copy * _U4
        a0, a1, a2 = sums[place], sums[place + _U1], sums[place + _U2]
        sums[place], sums[place + _U1], sums[place + _U2] = a0 + lag[j], a1 + term[j], a2 + 1.0
