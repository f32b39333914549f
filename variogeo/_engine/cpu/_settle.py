"""Settle the pairs that a compiled loop set apart: exact lag, exact term."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._distances import SpherePoints, lag_of_pairs
from variogeo._engine._marks import Marks
from variogeo._engine._sums import LagSums, no_sums, sums_of_pairs
from variogeo._engine._terms import Terms
from variogeo._lags import LagBins

_AT_ONCE = 2**16


class Settled:
    """The sums of the pairs set apart; ``zero_lag=False`` leaves pairs at zero lag out.

    Some are open: lag and term are to be exact. Others are listed, because they are the first of their interval.
    """

    def __init__(
        self, points: SpherePoints, terms: Terms, bins: LagBins, marks: Marks, *, spread: bool, zero_lag: bool = True
    ) -> None:
        self._points, self._terms, self._bins, self._marks, self._spread = points, terms, bins, marks, spread
        self._zero_lag = zero_lag
        self._sums = no_sums(bins, spread=spread)
        self._open: list[tuple[NDArray[Any], ...]] = []
        self._listed: list[tuple[NDArray[Any], ...]] = []

    def add(self, *pairs: NDArray[Any]) -> None:
        """Add pairs, at least once, as `Apart.rows` gives them."""
        _, _, interval, _, term = pairs
        listed = (interval > 0) & (term >= 0)
        self._listed.append(tuple(column[listed] for column in pairs))
        self._open.append(tuple(column[~listed] for column in pairs[:2]))
        if sum(len(waiting[0]) for waiting in self._open) >= _AT_ONCE:
            self._settle()

    def total(self, waiting: NDArray[np.int64]) -> LagSums:
        """Return the sums of all pairs added.

        Listed pairs are settled where their interval is still ``waiting`` for more, and are good as they are otherwise.
        """
        first, second, interval, lag, term = (np.concatenate(column) for column in zip(*self._listed, strict=True))
        few = waiting[interval] > 0
        self._open.append((first[few], second[few]))
        self._settle(first[~few], second[~few], lag[~few], term[~few] * self._terms.unit)
        return self._sums

    def _settle(self, *good: NDArray[Any]) -> None:
        """Settle the open pairs; add ``good`` pairs with their lags and terms."""
        first, second = (np.concatenate(side) for side in zip(*self._open, strict=True))
        self._open = []
        edges, found = self._bins.edges, [good] if good else []
        for start in range(0, len(first), _AT_ONCE):
            i, j = first[start : start + _AT_ONCE], second[start : start + _AT_ONCE]
            lag = lag_of_pairs(self._points, i, j)
            inside = ((lag > edges[0]) & (lag <= edges[-1])) | (self._zero_lag & (lag == 0))
            inside &= self._marks.kept(i, j)
            found.append((i[inside], j[inside], lag[inside], self._terms.of_pairs(i[inside], j[inside])))
        i, j, lag, term = (np.concatenate(column) for column in zip(*found, strict=True))
        if len(lag):
            sums = sums_of_pairs(lag, term, self._bins, spread=self._spread)
            classes = self._marks.class_sums(self._points, (i, j), lag, term, self._bins)
            self._sums = self._sums + replace(sums, classes=classes)
