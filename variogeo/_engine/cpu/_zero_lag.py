"""The pairs at zero lag in closed form, for engines that leave them out."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from variogeo._distances import SpherePoints
from variogeo._engine._sums import LagSums, no_histogram
from variogeo._engine._terms import Terms
from variogeo._lags import LagBins

_ROWS_AT_ONCE = 2048


def zero_lag_sums(points: SpherePoints, terms: Terms, bins: LagBins) -> LagSums:
    """Return the sums over all pairs at zero lag."""
    npairs, term = np.zeros(len(bins) + 1, np.int64), np.zeros(len(bins) + 1)
    for rows in _places(points.lonlat):
        npairs[0] += len(rows) * (len(rows) - 1) // 2
        term[0] += _within(terms, rows)
    return LagSums(npairs, np.zeros(len(bins) + 1), term, np.zeros(0), np.zeros(0), no_histogram(bins), 0, 0.0)


def _places(lonlat: NDArray[np.float64]) -> Iterator[NDArray[np.intp]]:
    """Yield the rows of each place that several points share."""
    order = np.lexsort(lonlat.T)
    changes = np.flatnonzero((np.diff(lonlat[order], axis=0) != 0).any(axis=1)) + 1
    starts = np.concatenate([[0], changes, [len(order)]])
    for place in np.flatnonzero(np.diff(starts) > 1):
        yield order[starts[place] : starts[place + 1]]


def _within(terms: Terms, rows: NDArray[np.intp]) -> float:
    """Return the sum of the terms of all pairs of some rows: ``(m sum |y|^2 - |sum y|^2) / 2``.

    ``y`` is the difference from the first row, so that equal rows give exactly 0.
    """
    first, squares, total = terms.rows(rows[:1]), 0.0, np.zeros(terms.width)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        difference = terms.rows(rows[start : start + _ROWS_AT_ONCE]) - first
        squares += float(np.einsum("ij,ij->", difference, difference))
        total += difference.sum(axis=0)
    return max(0.0, (len(rows) * squares - float(total @ total)) / 2)
