"""The compiled loop that sorts pairs into lag intervals, and sets apart those that need a closer look."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from variogeo._engine.cpu._compiled import compiled
from variogeo._engine.cpu._moments import add_means, add_spread


class Scratch(NamedTuple):
    """Space for some pairs: lags, terms, the intervals they are in, and what is made of them on the way."""

    lag: NDArray[np.float64]
    term: NDArray[np.float64]
    term_bits: NDArray[np.int64]
    key: NDArray[np.float32]
    key_bits: NDArray[np.int32]
    zone: NDArray[np.uint32]
    interval: NDArray[np.int32]
    four: NDArray[np.float64]
    cell: NDArray[np.int64]


class Apart(NamedTuple):
    """Pairs set apart.

    Attributes
    ----------
    place : (count,) int array
        In the scratch.
    i, j : (count,) int array
        Positions in the two blocks.
    interval : (count,) int array
        0 where it is open.
    lag, term : (count,) float array
        The term is -1 where it has to be exact.
    """

    place: NDArray[np.int32]
    i: NDArray[np.int32]
    j: NDArray[np.int32]
    interval: NDArray[np.int32]
    lag: NDArray[np.float64]
    term: NDArray[np.float64]

    def rows(self, count: int, rows_i: NDArray[np.intp], rows_j: NDArray[np.intp]) -> tuple[NDArray[Any], ...]:
        """Return the first ``count`` pairs: their row numbers, and copies of the rest."""
        rest = (column[:count].copy() for column in (self.interval, self.lag, self.term))
        return rows_i[self.i[:count]], rows_j[self.j[:count]], *rest


def scratch(count: int) -> Scratch:
    """Return space for as many pairs."""
    term, key = np.empty(count), np.empty(count, np.float32)
    return Scratch(
        np.empty(count),
        term,
        term.view(np.int64),
        key,
        key.view(np.int32),
        np.empty(count, np.uint32),
        np.empty(count, np.int32),
        np.empty(4 * count),
        np.empty(count, np.int64),
    )


def space_apart(count: int) -> Apart:
    """Return the space for as many pairs set apart."""
    place, i, j, interval = np.empty((4, count), np.int32)
    lag, term = np.empty((2, count))
    return Apart(place, i, j, interval, lag, term)


@compiled
def sort(count, space, zones, moments):
    """Write the intervals of the lags; return how many are not sure, or still listed."""
    lag, key, bits, zone, interval = space.lag, space.key, space.key_bits, space.zone, space.interval
    base, cut, error = zones.interval, zones.cut, moments.error
    smallest, largest, first_bits, shift = zones.smallest, zones.largest, zones.first_bits, np.uint32(zones.shift)
    for j in range(count):
        key[j] = np.float32(min(max(lag[j], smallest), largest))
    for j in range(count):
        zone[j] = np.uint32(bits[j] - first_bits) >> shift
    odd = 0
    for j in range(np.uint64(count)):
        cell = np.uint64(zone[j])
        beyond = lag[j] - cut[cell]
        odd += np.int64(not abs(beyond) > error[cell])
        interval[j] = base[cell] + np.int32(beyond > 0.0)
    return odd


@compiled
def first_from(values, wanted, first):
    """Return where, from ``first`` on, increasing values are no longer below ``wanted``; the last place if nowhere."""
    last = values.shape[0] - 1
    while first < last:
        middle = (first + last) // 2
        if values[middle] < wanted:
            first = middle + 1
        else:
            last = middle
    return first


@compiled
def _sure_interval(h, edge, lower, upper):
    """Return the interval of a lag, or 0 where only the exact lag can tell."""
    r = first_from(edge, h, 1)
    return r if lower[r] < h < upper[r] else 0


@compiled
def _end_listing(r, zones, moments):
    """Let the cells of an interval add its pairs from now on."""
    base, cut, waiting, error = zones.interval, zones.cut, moments.waiting, moments.error
    cell = first_from(base, r - 1, 0)
    while cell < base.shape[0] and base[cell] <= r:
        if waiting[base[cell]] == 0 and (cut[cell] == np.inf or waiting[base[cell] + 1] == 0):
            error[cell] = zones.error[cell]
        cell += 1


@compiled
def _set_apart(count, space, zones, moments, apart, left):
    """Write the pairs that are not to be added to ``apart`` from ``left`` on, and make their interval 0."""
    lag, term, zone, interval = space.lag, space.term, space.zone, space.interval
    cut, error, waiting = zones.cut, moments.error, moments.waiting
    for j in range(count):
        h, value = lag[j], term[j]
        if abs(h - cut[zone[j]]) > error[zone[j]] and value >= 0.0:
            continue
        r = _sure_interval(h, zones.edge, zones.lower, zones.upper)
        interval[j] = r
        if r == 0 or value < 0.0 or waiting[r] > 0:
            interval[j] = 0
            if 0 < r < zones.first_bin or r == zones.edge.shape[0] - 1:
                continue
            apart.place[left], apart.interval[left] = j, r
            apart.lag[left], apart.term[left] = h, value if r > 0 else -1.0
            left += 1
            if r > 0 and value >= 0.0:
                waiting[r] -= 1
                if waiting[r] == 0:
                    _end_listing(r, zones, moments)
    return left


@compiled
def add_sorted(count, space, odd, zones, moments, spread, apart, left):
    """Add the first ``count`` pairs in ``space``, which are sorted; return the number of pairs set apart.

    ``odd`` pairs, if any, are to be settled or listed: their term is negative, their lag open, or they are the first
    ones of an interval. They are written to ``apart`` from ``left`` on, without their positions.
    """
    if odd > 0:
        left = _set_apart(count, space, zones, moments, apart, left)
    if spread:
        add_spread(count, space, moments)
    else:
        add_means(count, space, moments)
    return left
