"""Settle the pairs that a compiled loop left: exact lag, exact term."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._distances import SpherePoints, lag_of_pairs
from variogeo._engine._sums import LagSums, no_sums, sums_of_pairs
from variogeo._engine._terms import Terms
from variogeo._lags import LagBins

_AT_ONCE = 2**16


class Settled:
    """The sums of the pairs settled so far; ``zero_lag=False`` leaves pairs at zero lag out."""

    def __init__(
        self, points: SpherePoints, terms: Terms, bins: LagBins, *, spread: bool, zero_lag: bool = True
    ) -> None:
        self._points, self._terms, self._bins, self._spread = points, terms, bins, spread
        self._zero_lag = zero_lag
        self._sums = no_sums(bins, spread=spread)
        self._waiting: list[tuple[NDArray[Any], ...]] = []

    def add(self, first: NDArray[np.intp], second: NDArray[np.intp], term: NDArray[np.float64]) -> None:
        """Add pairs of row numbers, with their terms without scale, or -1 where the exact one is wanted."""
        self._waiting.append((first, second, term.copy()))
        if sum(len(waiting[0]) for waiting in self._waiting) >= _AT_ONCE:
            self._settle()

    def total(self) -> LagSums:
        """Return the sums of all pairs added."""
        self._settle()
        return self._sums

    def _settle(self) -> None:
        """Settle the pairs that wait."""
        if not self._waiting:
            return
        columns = [np.concatenate(column) for column in zip(*self._waiting, strict=True)]
        self._waiting = []
        for start in range(0, len(columns[0]), _AT_ONCE):
            self._add_exactly(*(column[start : start + _AT_ONCE] for column in columns))

    def _add_exactly(self, first: NDArray[np.intp], second: NDArray[np.intp], term: NDArray[np.float64]) -> None:
        """Add pairs with their exact lags."""
        lag = lag_of_pairs(self._points, first, second)
        edges = self._bins.edges
        inside = np.flatnonzero(((lag > edges[0]) & (lag <= edges[-1])) | (self._zero_lag & (lag == 0)))
        values = term[inside] * self._terms.scale**2
        wanted = np.flatnonzero(values < 0)
        values[wanted] = self._terms.of_pairs(first[inside[wanted]], second[inside[wanted]])
        self._sums = self._sums + sums_of_pairs(lag[inside], values, self._bins, spread=self._spread)
