"""The compiled loop that sorts the pairs of a point into lag intervals and adds up their moments."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from variogeo._engine._histogram import CELLS, SHIFT, TermHistogram, cell_limit, first_cell_around
from variogeo._engine._sums import LagSums, no_histogram
from variogeo._engine._terms import Terms
from variogeo._engine.cpu._compiled import compiled
from variogeo._engine.cpu._zones import Zones
from variogeo._lags import LagBins

CHUNK = 16
"""Pairs that are looked at together: points in spatial order often have all of them in one interval."""

EXACT_FIRST = 32
"""Pairs of each interval and task whose term is exact, so that a float32 product cannot spoil a bin of few pairs."""

_MOST_EXACT = 4096
"""Such pairs of all intervals of a task together, where there are many."""

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
    top : float
        Terms from here on have no cell and are settled.
    nearly_equal : float
    """

    npairs: NDArray[np.int64]
    sums: NDArray[np.float64]
    cells: NDArray[np.int32]
    exact_left: NDArray[np.int64]
    first_cell: int
    top: float
    nearly_equal: float


class Scratch(NamedTuple):
    """Space for one row: its lags and terms, with views on their bits, and its chunks."""

    lag: NDArray[np.float64]
    term: NDArray[np.float64]
    term_bits: NDArray[np.int64]
    key: NDArray[np.float32]
    key_bits: NDArray[np.int32]
    chunk: NDArray[np.int64]


class OpenPairs(NamedTuple):
    """Pairs left to be settled: positions on both sides, and the term, or -1 where the exact one is wanted."""

    i: NDArray[np.int32]
    j: NDArray[np.int32]
    term: NDArray[np.float64]

    def rows(self, count: int, rows_i: NDArray[np.intp], rows_j: NDArray[np.intp]) -> tuple[NDArray[Any], ...]:
        """Return the first ``count`` pairs as row numbers and terms."""
        return rows_i[self.i[:count]], rows_j[self.j[:count]], self.term[:count]


def space_for_open(count: int) -> OpenPairs:
    """Return the space for as many open pairs."""
    return OpenPairs(np.empty(count, np.int32), np.empty(count, np.int32), np.empty(count))


def no_moments(zones: Zones, terms: Terms, *, spread: bool) -> Moments:
    """Return moments of no pairs."""
    size = len(zones.edge)
    exact_left = np.zeros(size, np.int64)
    if terms.precision is np.float32:
        first = min(EXACT_FIRST, max(1, _MOST_EXACT // size))
        exact_left[zones.bins] = first
        # Pairs whose interval is open may be the only ones of a bin.
        exact_left[0] = first * size
    # The histogram's cells are of terms with their scale, a power of four: an even number of octaves.
    shift = 32 * 2 * int(np.log2(terms.scale))
    first_cell = first_cell_around(terms.typical)
    return Moments(
        np.zeros(size, np.int64),
        np.zeros((size, 4)),
        np.zeros((size, CELLS if spread else 0), np.int32),
        exact_left,
        first_cell - shift,
        float(cell_limit(np.array(first_cell + CELLS))) / terms.scale**2 if spread else np.inf,
        _NEARLY_EQUAL[terms.precision],
    )


def scratch(columns: int) -> Scratch:
    """Return space for a row of ``columns`` pairs."""
    term, key = np.empty(columns), np.empty(columns, np.float32)
    chunk = np.empty(columns // CHUNK + 1, np.int64)
    return Scratch(np.empty(columns), term, term.view(np.int64), key, key.view(np.int32), chunk)


def sums_of_moments(moments: Moments, zones: Zones, terms: Terms, bins: LagBins) -> LagSums:
    """Return moments as sums per bin, with no pair at zero lag."""
    inside = zones.bins

    def with_zero(column: NDArray[Any]) -> NDArray[Any]:
        return np.concatenate([np.zeros(1, column.dtype), column[inside]])

    npairs = with_zero(moments.npairs)
    lag, term, squared, root = (with_zero(column) for column in moments.sums.T)
    square_scale = terms.scale**2
    if not moments.cells.shape[1]:
        return LagSums(npairs, lag, term * square_scale, np.zeros(0), np.zeros(0), no_histogram(bins), 0, 0.0)
    cells = np.concatenate([np.zeros((1, CELLS), np.int32), moments.cells[inside]])
    return LagSums(
        npairs,
        lag,
        term * square_scale,
        squared * square_scale**2,
        root * np.sqrt(terms.scale),
        TermHistogram.of_counts(cells, first_cell_around(terms.typical)),
        0,
        0.0,
    )


@compiled
def _mark_chunks(count, space, zones, moments):
    """Write into ``space.chunk`` the interval in which each chunk of 16 pairs lies; 0 where it lies in several."""
    # Unsigned indices: a signed one is checked for counting from the end, which keeps loops from being vectorised.
    lag, term, chunk = space.lag, space.term, space.chunk
    edge, lower, upper, exact_left = zones.edge, zones.lower, zones.upper, moments.exact_left
    top, chunks = moments.top, count // CHUNK
    for c in range(chunks):
        space.key[c] = np.float32(min(max(lag[c * CHUNK], zones.smallest), zones.largest))
    for c in range(chunks):
        start = np.uint64(c * CHUNK)
        r = np.uint64(zones.table[np.uint32(space.key_bits[c] - zones.first_bits) >> np.uint32(zones.shift)])
        r += np.uint64(lag[start] > edge[r])
        least, most = lower[r], upper[r]
        # Counted, because the compiler turns a sum of truths into vectors, and a minimum only without NaN.
        inside = 0
        for j in range(start, start + np.uint64(CHUNK)):
            inside += (lag[j] > least) & (lag[j] < most) & (term[j] >= 0.0) & (term[j] < top)
        chunk[c] = r if inside == CHUNK and exact_left[r] == 0 else 0
    # What is left over is no whole chunk; the last mark ends the last run.
    chunk[chunks] = 0
    return chunks


@compiled
def _add_run(r, start, stop, space, moments, full):
    """Add a run of pairs that all lie in one interval."""
    lag, term, term_bits, sums = space.lag, space.term, space.term_bits, moments.sums
    lags, terms, squares, roots = 0.0, 0.0, 0.0, 0.0
    first, last = np.uint64(start), np.uint64(stop)
    for j in range(first, last):
        lags += lag[j]
        terms += term[j]
    if full:
        for j in range(first, last):
            squares += term[j] * term[j]
            roots += math.sqrt(math.sqrt(term[j]))
        cells, first_cell = moments.cells[r], moments.first_cell
        for j in range(first, last):
            cells[min(max((term_bits[j] >> SHIFT) - first_cell, 0), CELLS - 1)] += 1
    moments.npairs[r] += stop - start
    sums[r, 0] += lags
    sums[r, 1] += terms
    sums[r, 2] += squares
    sums[r, 3] += roots


@compiled
def _add_apart(i, start, stop, space, zones, moments, full, first_column, open_pairs, left):
    """Add pairs one by one; see `add_row`."""
    lag, term, term_bits, key, key_bits = space.lag, space.term, space.term_bits, space.key, space.key_bits
    edge, lower, upper, table, shift = zones.edge, zones.lower, zones.upper, zones.table, np.uint32(zones.shift)
    npairs, sums, cells, exact_left = moments.npairs, moments.sums, moments.cells, moments.exact_left
    open_i, open_j, open_term = open_pairs.i, open_pairs.j, open_pairs.term
    top, beyond = moments.top, np.uint64(edge.shape[0] - 1)
    for j in range(np.uint64(start), np.uint64(stop)):
        key[j] = np.float32(min(max(lag[j], zones.smallest), zones.largest))
    for j in range(np.uint64(start), np.uint64(stop)):
        h, value = lag[j], term[j]
        r = np.uint64(table[np.uint32(key_bits[j] - zones.first_bits) >> shift])
        # Added and not branched on: whether an edge lies between is anyone's guess.
        r += np.uint64(h > edge[r])
        if not (lower[r] < h and h < upper[r]):
            while h > edge[r]:
                r += np.uint64(1)
            r = r if lower[r] < h and h < upper[r] else np.uint64(0)
        if r > 0 and 0.0 <= value < top and exact_left[r] == 0:
            npairs[r] += 1
            sums[r, 0] += h
            sums[r, 1] += value
            if full:
                sums[r, 2] += value * value
                sums[r, 3] += math.sqrt(math.sqrt(value))
                cells[r, min(max((term_bits[j] >> SHIFT) - moments.first_cell, 0), CELLS - 1)] += 1
        elif r == 0 or np.uint64(zones.first_bin) <= r < beyond:
            good = exact_left[r] == 0
            exact_left[r] -= exact_left[r] > 0
            # Without a term where it has to be exact, or may be one of the first of its bin.
            open_i[left], open_j[left], open_term[left] = i, first_column + j, value if good else -1.0
            left += 1
    return left


@compiled
def add_row(i, count, space, zones, moments, full, first_column, open_pairs, left):
    """Add the first ``count`` pairs of row i in ``space``; return the number of pairs left to be settled.

    A negative term marks a pair whose term has to be settled. Those pairs, and those whose lag has to be, are written
    to ``open_pairs`` from position ``left`` on, with their column counted from ``first_column``.
    """
    chunks = _mark_chunks(count, space, zones, moments)
    chunk = space.chunk
    c = 0
    while c <= chunks:
        r, first = chunk[c], c
        while c <= chunks and chunk[c] == r:
            c += 1
        start, stop = first * CHUNK, min(c * CHUNK, count)
        if r > 0:
            _add_run(r, start, stop, space, moments, full)
        else:
            left = _add_apart(i, start, stop, space, zones, moments, full, first_column, open_pairs, left)
    return left
