"""Strongest: the strongest pairs of a kind, found tile by tile."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from variogeo._distances import SpherePoints, lag_of_pairs
from variogeo._engine import Terms
from variogeo._engine.tiles import Tile
from variogeo.local._expected import expected_at
from variogeo.local._groups import pairs_in_bins
from variogeo.local._kinds import PairKind

_MODEL_ERROR = 1e-5
"""Change of the curve, as a share of its largest value, that the error of a lag may cause: models change by less than
1e-6 for the 1e-6 by which lags beyond a metre may be off."""

_TERM_ERROR = 1e-9
"""Error of a dissimilarity of a tile, as a share of the largest."""


class Pairs(NamedTuple):
    """Some pairs, strongest first; all columns are exact."""

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    lag: NDArray[np.float64]
    dissimilarity: NDArray[np.float64]
    expected: NDArray[np.float64]
    strength: NDArray[np.float64]

    def best(self, count: int) -> "Pairs":
        """Return the strongest; of equally strong ones those with smaller row numbers."""
        return self.taken(np.lexsort((self.second, self.first, -self.strength))[:count])

    def taken(self, rows: NDArray[Any]) -> "Pairs":
        """Return some rows."""
        columns: Any = (column[rows] for column in self)
        return Pairs(*columns)


class Strongest:
    """The strongest pairs of the tiles so far.

    What a tile leaves out is weaker than pairs that are found already, so the result does not depend on which tiles
    came first.
    """

    def __init__(
        self,
        points: SpherePoints,
        terms: Terms,
        model: Any,
        kind: PairKind,
        count: int,
        group: NDArray[np.intp] | None = None,
    ) -> None:
        self._points, self._terms, self._model, self._kind = points, terms, model, kind
        self._count, self._group = count, group
        none = np.zeros(0)
        self.pairs = Pairs(none.astype(np.intp), none.astype(np.intp), none, none, none, none)
        self._floor = kind.least

    def of(self, tile: Tile) -> Pairs:
        """Return the strongest pairs of a tile, without some that are too weak."""
        i, j = np.nonzero(pairs_in_bins(tile, 1, self._group))
        if not len(i):
            return self._exact(i, j)
        expected = expected_at(self._model, tile.lag[i, j])
        strength = self._kind.strength(tile.term[i, j] - expected)
        margin = _MODEL_ERROR * float(np.abs(expected).max()) + _TERM_ERROR * self._terms.largest
        floor = self._floor - margin
        if len(strength) > self._count:
            floor = max(floor, np.partition(strength, -self._count)[-self._count] - 2.0 * margin)
        kept = strength >= floor
        return self._exact(tile.first[i[kept]], tile.second[j[kept]])

    def add(self, pairs: Pairs) -> None:
        """Add the pairs of a tile."""
        columns: Any = (np.concatenate(both) for both in zip(self.pairs, pairs, strict=True))
        self.pairs = Pairs(*columns).best(self._count)
        if len(self.pairs.strength) == self._count:
            self._floor = float(self.pairs.strength[-1])

    def _exact(self, a: NDArray[np.intp], b: NDArray[np.intp]) -> Pairs:
        """Return the strongest of some pairs by exact lags and dissimilarities, the smaller row number first."""
        first, second = np.minimum(a, b), np.maximum(a, b)
        lag, term = lag_of_pairs(self._points, first, second), self._terms.of_pairs(first, second)
        expected = expected_at(self._model, lag)
        strength = self._kind.strength(term - expected)
        pairs = Pairs(first, second, lag, term, expected, strength)
        return pairs.taken(strength > self._kind.least).best(self._count)
