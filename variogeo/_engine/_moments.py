"""The compiled loop that sorts the pairs of a point into lag intervals and adds up their moments."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from variogeo._engine._compiled import compiled
from variogeo._engine._histogram import CELLS, SHIFT, TermHistogram, first_cell_below
from variogeo._engine._sums import LagSums, no_histogram
from variogeo._engine._terms import Terms
from variogeo._engine._zones import Zones
from variogeo._lags import LagBins

CHUNK = 16
"""Pairs that are looked at together: points in spatial order often have all of them in one interval."""

EXACT_FIRST = 32
"""Pairs of each interval and task whose term is exact, so that a float32 product cannot spoil a bin of few pairs."""

OUTSIDE = -1
"""Stands for the intervals that are no bins."""

_NEARLY_EQUAL = {np.float32: 1e-5, np.float64: 1e-6}
"""Share of the squared lengths below which a product has lost its digits."""


class Moments(NamedTuple):
    """What a compiled loop adds up, per interval of `Zones`.

    Attributes
    ----------
    npairs : (intervals + 1,) int array
    sums : (intervals + 1, 4) float array
        Lag, term, squared term, fourth root of the term; the terms without their scale.
    cells : (intervals + 1, CELLS) or (intervals + 1, 0) int array
    exact_left : (intervals + 1,) int array
        Pairs whose term is still to be exact.
    first_cell : int
    nearly_equal : float
    """

    npairs: NDArray[np.int64]
    sums: NDArray[np.float64]
    cells: NDArray[np.int64]
    exact_left: NDArray[np.int64]
    first_cell: int
    nearly_equal: float


class Scratch(NamedTuple):
    """Space for one row: its lags and terms, with views on their bits."""

    lag: NDArray[np.float64]
    term: NDArray[np.float64]
    term_bits: NDArray[np.int64]
    key: NDArray[np.float32]
    key_bits: NDArray[np.int32]


def no_moments(zones: Zones, terms: Terms, *, spread: bool) -> Moments:
    """Return moments of no pairs."""
    size = len(zones.edge)
    exact_left = np.zeros(size, np.int64)
    if terms.precision is np.float32:
        exact_left[zones.bins] = EXACT_FIRST
    # The histogram's cells are of terms with their scale, a power of four: an even number of octaves.
    shift = 32 * 2 * int(np.log2(terms.scale))
    return Moments(
        np.zeros(size, np.int64),
        np.zeros((size, 4)),
        np.zeros((size, CELLS if spread else 0), np.int64),
        exact_left,
        first_cell_below(terms.largest) - shift,
        _NEARLY_EQUAL[terms.precision],
    )


def scratch(columns: int) -> Scratch:
    """Return space for a row of ``columns`` pairs."""
    term, key = np.empty(columns), np.empty(columns, np.float32)
    return Scratch(np.empty(columns), term, term.view(np.int64), key, key.view(np.int32))


def sums_of_moments(moments: Moments, zones: Zones, terms: Terms, bins: LagBins) -> LagSums:
    """Return moments as sums per bin, with no pair at zero lag."""
    inside = zones.bins

    def with_zero(column: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.concatenate([np.zeros(1, column.dtype), column[inside]])

    npairs = with_zero(moments.npairs)
    lag, term, squared, root = (with_zero(column) for column in moments.sums.T)
    square_scale = terms.scale**2
    if not moments.cells.shape[1]:
        return LagSums(npairs, lag, term * square_scale, np.zeros(0), np.zeros(0), no_histogram(bins), 0, 0.0)
    cells = np.concatenate([np.zeros((1, CELLS), np.int64), moments.cells[inside]])
    return LagSums(
        npairs,
        lag,
        term * square_scale,
        squared * square_scale**2,
        root * np.sqrt(terms.scale),
        TermHistogram.of_counts(cells, first_cell_below(terms.largest)),
        0,
        0.0,
    )


@compiled
def _add_pair(r, lag, term, term_bits, moments, full):
    """Add one pair to an interval."""
    moments.npairs[r] += 1
    moments.sums[r, 0] += lag
    moments.sums[r, 1] += term
    if full:
        moments.sums[r, 2] += term * term
        moments.sums[r, 3] += math.sqrt(math.sqrt(term))
        cell = (term_bits >> SHIFT) - moments.first_cell
        moments.cells[r, min(max(cell, 0), CELLS - 1)] += 1


@compiled
def _add_run(r, start, stop, space, moments, full):
    """Add a run of pairs that all lie in one interval."""
    lag, term = space.lag, space.term
    lags, terms, squares, roots = 0.0, 0.0, 0.0, 0.0
    if full:
        for j in range(start, stop):
            value = term[j]
            lags += lag[j]
            terms += value
            squares += value * value
            roots += math.sqrt(math.sqrt(value))
        for j in range(start, stop):
            cell = (space.term_bits[j] >> SHIFT) - moments.first_cell
            moments.cells[r, min(max(cell, 0), CELLS - 1)] += 1
    else:
        for j in range(start, stop):
            lags += lag[j]
            terms += term[j]
    moments.npairs[r] += stop - start
    moments.sums[r, 0] += lags
    moments.sums[r, 1] += terms
    moments.sums[r, 2] += squares
    moments.sums[r, 3] += roots


@compiled
def _look_up(j, space, zones):
    """Return the bin whose inside holds the lag at ``j``, 0 where it has to be settled, or `OUTSIDE`."""
    lag = space.lag[j]
    r = zones.table[(space.key_bits[j] - zones.first_bits) >> zones.shift]
    r += lag > zones.edge[r]
    while lag > zones.edge[r]:
        r += 1
    if zones.lower[r] < lag and lag < zones.upper[r]:
        return r if zones.first_bin <= r < zones.edge.shape[0] - 1 else OUTSIDE
    return 0


@compiled
def _one_interval(start, space, zones, moments):
    """Return the interval in which a whole chunk lies; 0 where its pairs must be looked at one by one."""
    lag, term = space.lag, space.term
    low, high, least = lag[start], lag[start], term[start]
    for j in range(start, start + CHUNK):
        low, high, least = min(low, lag[j]), max(high, lag[j]), min(least, term[j])
    r = _look_up(start, space, zones)
    if r == OUTSIDE:
        beyond = zones.edge.shape[0] - 1
        return OUTSIDE if low > zones.lower[beyond] and high < zones.upper[beyond] else 0
    if low <= zones.lower[r] or high >= zones.upper[r] or least < 0.0 or moments.exact_left[r] > 0:
        return 0
    return r


@compiled
def _add_apart(i, start, stop, space, zones, moments, full, first_column, left_i, left_j, left):
    """Add pairs one by one; see `add_row`."""
    lag, term = space.lag, space.term
    for j in range(start, stop):
        r = _look_up(j, space, zones)
        if r == OUTSIDE:
            continue
        if r > 0 and term[j] >= 0.0 and moments.exact_left[r] == 0:
            _add_pair(r, lag[j], term[j], space.term_bits[j], moments, full)
        else:
            moments.exact_left[r] -= moments.exact_left[r] > 0
            left_i[left], left_j[left] = i, first_column + j
            left += 1
    return left


@compiled
def add_row(i, count, space, zones, moments, full, first_column, left_i, left_j, left):
    """Add the first ``count`` pairs of row i in ``space``; return the number of pairs left to be settled.

    A negative term marks a pair that has to be settled. Those pairs are written to ``left_i, left_j`` from
    position ``left`` on, with their column counted from ``first_column``.
    """
    lag, term, key = space.lag, space.term, space.key
    for j in range(count):
        key[j] = np.float32(min(max(lag[j], zones.smallest), zones.largest))
    run, run_start = OUTSIDE, 0
    for start in range(0, count, CHUNK):
        stop = min(start + CHUNK, count)
        r = _one_interval(start, space, zones, moments) if stop - start == CHUNK else 0
        if r != run:
            if run > 0:
                _add_run(run, run_start, start, space, moments, full)
            run, run_start = r, start
        if r == 0:
            left = _add_apart(i, start, stop, space, zones, moments, full, first_column, left_i, left_j, left)
    if run > 0:
        _add_run(run, run_start, count, space, moments, full)
    return left
