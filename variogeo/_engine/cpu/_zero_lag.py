"""The pairs at zero lag in closed form, for engines that leave them out."""

import numpy as np
from numpy.typing import NDArray

from variogeo._distances import SpherePoints
from variogeo._engine._sums import LagSums, no_histogram
from variogeo._engine._terms import Terms
from variogeo._lags import LagBins

_ENTRIES_AT_ONCE = 2**19
"""Numbers read at once: 4 MB as float64."""


def zero_lag_sums(points: SpherePoints, terms: Terms, bins: LagBins) -> LagSums:
    """Return the sums over all pairs at zero lag."""
    npairs, term = np.zeros(len(bins) + 1, np.int64), np.zeros(len(bins) + 1)
    order, starts = _shared_places(points.lonlat)
    most = max(2, _ENTRIES_AT_ONCE // terms.width)
    first = 0
    while first < len(starts) - 1:
        # As many whole places as fit, and at least one.
        last = max(first + 1, int(np.searchsorted(starts, starts[first] + most, side="right")) - 1)
        counts = np.diff(starts[first : last + 1])
        npairs[0] += int((counts * (counts - 1) // 2).sum())
        rows = order[starts[first] : starts[last]]
        term[0] += _within(terms, rows, counts) if len(rows) <= most else _within_one(terms, rows, most)
        first = last
    return LagSums(npairs, np.zeros(len(bins) + 1), term, np.zeros(0), np.zeros(0), no_histogram(bins), 0, 0.0)


def _shared_places(lonlat: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows of all places that several points share, place by place, and where each place starts."""
    order = np.lexsort(lonlat.T)
    new = np.ones(len(order), dtype=bool)
    new[1:] = (np.diff(lonlat[order], axis=0) != 0).any(axis=1)
    place = np.cumsum(new) - 1
    shared = np.bincount(place)[place] > 1
    return order[shared], np.append(np.flatnonzero(new[shared]), shared.sum())


def _within(terms: Terms, rows: NDArray[np.intp], counts: NDArray[np.intp]) -> float:
    """Return the sum of the terms of all pairs within places: ``(m sum |y|^2 - |sum y|^2) / 2`` for each.

    ``y`` is the difference from the first row of the place, so that equal rows give exactly 0.
    """
    starts = np.cumsum(counts) - counts
    difference = terms.rows_in_order(rows)
    difference -= np.repeat(difference[starts], counts, axis=0)
    squares = np.add.reduceat(np.einsum("ij,ij->i", difference, difference), starts)
    total = np.add.reduceat(difference, starts, axis=0)
    return float(np.maximum(counts * squares - np.einsum("ij,ij->i", total, total), 0.0).sum() / 2)


def _within_one(terms: Terms, rows: NDArray[np.intp], most: int) -> float:
    """Return the same for one place with more rows than are read at once."""
    first, squares, total = terms.rows(rows[:1]), 0.0, np.zeros(terms.width)
    for start in range(0, len(rows), most):
        difference = terms.rows_in_order(rows[start : start + most]) - first
        squares += float(np.einsum("ij,ij->", difference, difference))
        total += difference.sum(axis=0)
    return max(0.0, (len(rows) * squares - float(total @ total)) / 2)
