"""Settle the pairs that a compiled loop left: exact lag, exact term."""

import numpy as np
from numpy.typing import NDArray

from variogeo._distances import SpherePoints, lag_of_pairs
from variogeo._engine._sums import LagSums, no_sums, sums_of_pairs
from variogeo._engine._terms import Terms
from variogeo._lags import LagBins

_AT_ONCE = 2**16


class Settled:
    """The sums of the pairs settled so far."""

    def __init__(
        self, points: SpherePoints, terms: Terms, bins: LagBins, *, spread: bool, zero_apart: bool = True
    ) -> None:
        self._points, self._terms, self._bins, self._spread = points, terms, bins, spread
        self._least = 0.0 if zero_apart else np.nextafter(0, 1)
        self.sums: LagSums = no_sums(bins, spread=spread)

    def add(self, first: NDArray[np.intp], second: NDArray[np.intp], term: NDArray[np.float64]) -> None:
        """Add pairs of row numbers, with their terms without scale, or -1 where the exact one is wanted."""
        for start in range(0, len(first), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            i, j = first[part], second[part]
            lag = np.maximum(lag_of_pairs(self._points, i, j), self._least)
            inside = np.flatnonzero((lag == 0) | ((lag > self._bins.edges[0]) & (lag <= self._bins.edges[-1])))
            values = term[part][inside] * self._terms.scale**2
            wanted = np.flatnonzero(values < 0)
            values[wanted] = self._terms.of_pairs(i[inside[wanted]], j[inside[wanted]])
            self.sums = self.sums + sums_of_pairs(
                lag[inside], values, self._bins, largest=self._terms.largest, spread=self._spread
            )
