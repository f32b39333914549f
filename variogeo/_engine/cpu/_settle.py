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
    """The sums of the pairs set apart; ``zero_lag=False`` leaves pairs at zero lag out."""

    def __init__(
        self, points: SpherePoints, terms: Terms, bins: LagBins, *, spread: bool, zero_lag: bool = True
    ) -> None:
        self._points, self._terms, self._bins, self._spread = points, terms, bins, spread
        self._zero_lag = zero_lag
        self._sums = no_sums(bins, spread=spread)
        self._open: list[tuple[NDArray[Any], ...]] = []
        self._listed: list[tuple[NDArray[Any], ...]] = []

    def add(self, *pairs: NDArray[Any]) -> None:
        """Add pairs as `Apart.rows` gives them."""
        _, _, interval, _, term = pairs
        listed = (interval > 0) & (term >= 0)
        self._listed.append(tuple(column[listed] for column in pairs))
        self._open.append(tuple(column[~listed] for column in pairs))
        if sum(len(waiting[0]) for waiting in self._open) >= _AT_ONCE:
            self._settle()

    def total(self, waiting: NDArray[np.int64]) -> LagSums:
        """Return the sums of all pairs added.

        Listed pairs are settled where their interval is still ``waiting`` for more, and are good as they are otherwise.
        """
        if self._listed:
            *pairs, interval, lag, term = (np.concatenate(column) for column in zip(*self._listed, strict=True))
            few = waiting[interval] > 0
            self._listed = []
            self._open.append((*(column[few] for column in (*pairs, interval, lag, term)),))
            self._sums = self._sums + self._sums_of(lag[~few], term[~few] * self._terms.scale**2)
        self._settle()
        return self._sums

    def _settle(self) -> None:
        """Settle the open pairs."""
        if not self._open:
            return
        first, second = (np.concatenate([pairs[side] for pairs in self._open]) for side in (0, 1))
        self._open = []
        for start in range(0, len(first), _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            lag = lag_of_pairs(self._points, first[some], second[some])
            edges = self._bins.edges
            inside = ((lag > edges[0]) & (lag <= edges[-1])) | (self._zero_lag & (lag == 0))
            term = self._terms.of_pairs(first[some][inside], second[some][inside])
            self._sums = self._sums + self._sums_of(lag[inside], term)

    def _sums_of(self, lag: NDArray[np.float64], term: NDArray[np.float64]) -> LagSums:
        return sums_of_pairs(lag, term, self._bins, spread=self._spread)
