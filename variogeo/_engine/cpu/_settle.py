"""Settle the pairs that a compiled loop set apart: exact lag, exact term."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._distances import SpherePoints, lag_of_pairs
from variogeo._engine._sums import LagSums, no_sums, sums_of_pairs
from variogeo._engine._terms import Terms
from variogeo._lags import LagBins

_AT_ONCE = 2**16


class Settled:
    """The sums of the pairs set apart; ``zero_lag=False`` leaves pairs at zero lag out.

    Some are open: lag and term are to be exact. Others are listed, because they are the first of their interval.
    """

    def __init__(
        self, points: SpherePoints, terms: Terms, bins: LagBins, *, spread: bool, zero_lag: bool = True
    ) -> None:
        self._points, self._terms, self._bins, self._spread = points, terms, bins, spread
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
        self._settle(lag[~few], term[~few] * self._terms.scale**2)
        return self._sums

    def _settle(self, *good: NDArray[np.float64]) -> None:
        """Settle the open pairs; add the ``good`` lags and terms with them."""
        first, second = (np.concatenate(side) for side in zip(*self._open, strict=True))
        self._open = []
        edges, found = self._bins.edges, [good] if good else []
        for start in range(0, len(first), _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            lag = lag_of_pairs(self._points, first[some], second[some])
            inside = ((lag > edges[0]) & (lag <= edges[-1])) | (self._zero_lag & (lag == 0))
            found.append((lag[inside], self._terms.of_pairs(first[some][inside], second[some][inside])))
        lags, terms = (np.concatenate(column) for column in zip(*found, strict=True))
        if len(lags):
            self._sums = self._sums + sums_of_pairs(lags, terms, self._bins, spread=self._spread)
