"""PairClasses: which pairs are hard negatives, likely false negatives, as expected or more unlike than expected."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from variogeo._distances import SpherePoints
from variogeo._empirical import EmpiricalVariogram
from variogeo._engine import Terms
from variogeo._engine.tiles import Tile, Tiles
from variogeo._fit import VariogramFit
from variogeo._lags import LagBins
from variogeo._tables import FEW_PAIRS
from variogeo._weighting._lag_spread import varies
from variogeo.local._expected import expected_at
from variogeo.local._groups import pairs_in_bins
from variogeo.local._kinds import FARTHEST, PairKind
from variogeo.local._strongest import Pairs, Strongest

HARD_NEGATIVE, FALSE_NEGATIVE, AS_EXPECTED, MORE_UNLIKE = range(4)

_ROUNDING = 1e-5
"""What the lags of tiles may be off changes a curve by less, as a share of its largest value."""


class ClassifiedPairs(NamedTuple):
    """How many pairs there are of each class, (4,), and the strongest of the first two."""

    counts: NDArray[np.int64]
    hard: Pairs
    false: Pairs


@dataclass(frozen=True, eq=False)
class PairClasses:
    """The class of a pair, by its lag and its dissimilarity.

    Attributes
    ----------
    model : VariogramModel
    threshold : float, km
        Pairs farther than this are far.
    edges : (cells + 1,) float array, km
        From 0 to beyond the longest lag; the threshold is one of them.
    spread : (cells,) float array
        By how much a pair may be off the curve to be as expected; infinite where no cell has one.
    """

    model: Any
    threshold: float
    edges: NDArray[np.float64]
    spread: NDArray[np.float64]

    @classmethod
    def of(cls, empirical: EmpiricalVariogram, fit: VariogramFit) -> "PairClasses":
        """Return the classes about a fitted curve, with the spread of the bins."""
        last = float(empirical.edges[-1])
        threshold = fit.model.effective_range if fit.converged else last / 2
        edges = np.unique([0.0, *empirical.edges, threshold, max(FARTHEST, last + 1.0, threshold + 1.0)])
        # Cells beyond the bins, and bins without a spread of their own, have that of the nearest bin.
        usable = np.flatnonzero(_has_spread(empirical))
        middle = (edges[1:] + edges[:-1]) / 2
        bin_of_cell = np.searchsorted(empirical.edges, middle) - 1
        nearest = usable[np.abs(usable - bin_of_cell[:, None]).argmin(axis=1)] if usable.size else usable
        spread = empirical.spread[nearest] if usable.size else np.full(len(middle), np.inf)
        return cls(fit.model, threshold, edges, spread)

    def of_pairs(self, lag: NDArray[np.float64], excess: NDArray[np.float64]) -> NDArray[np.uint8]:
        """Return the class of some pairs, from their lags (km) and their excess over the curve."""
        cell = np.clip(np.searchsorted(self.edges, lag) - 1, 0, len(self.spread) - 1)
        return _classes(excess, self.spread[cell], lag > self.threshold)

    def _levels(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the middle of what the curve, which rises, is within each cell, and how far from it at most."""
        lags = self.edges.copy()
        lags[0] = np.nextafter(0.0, 1.0)  # from above, where the nugget is
        curve = expected_at(self.model, lags)
        return (curve[1:] + curve[:-1]) / 2, np.diff(curve) / 2 + _ROUNDING * float(curve.max())

    def walk(self, points: SpherePoints, terms: Terms, group: NDArray[np.intp] | None, *, most: int) -> ClassifiedPairs:
        """Return the counts of all pairs, and at most so many of the strongest; without pairs of one group."""
        kinds = (
            PairKind("hard_negative", beyond=self.threshold),
            PairKind("false_negative", within=self.threshold),
        )
        strongest = [Strongest(points, terms, self.model, kind, most) for kind in kinds]
        near = int(np.searchsorted(self.edges, self.threshold))
        middle, half = self._levels()

        def found_in(tile: Tile) -> tuple[NDArray[np.int64], list[Pairs]]:
            inside = pairs_in_bins(tile, len(self.spread), group)
            cell, term = tile.position[inside] - 1, tile.term[inside]
            spread, excess = self.spread[cell], term - middle[cell]
            # The curve at the lag of a pair is looked up only where it may decide, since it costs most of all.
            doubt = np.flatnonzero(np.abs(np.abs(excess) - spread) <= half[cell])
            excess[doubt] = term[doubt] - expected_at(self.model, tile.lag[inside][doubt])
            kind = _classes(excess, spread, cell >= near)
            found = []
            for number, some in enumerate(strongest):
                marks = np.full(tile.position.shape, 2, np.int32)
                marks[inside] = np.where(kind == number, 1, 2)
                found.append(some.of(replace(tile, position=marks)))
            return np.bincount(kind, minlength=4), found

        counts = np.zeros(4, np.int64)
        for counted, found in Tiles.of(points, LagBins(self.edges), terms).map(found_in):
            counts += counted
            for some, pairs in zip(strongest, found, strict=True):
                some.add(pairs)
        return ClassifiedPairs(counts, strongest[0].pairs, strongest[1].pairs)


def _classes(excess: NDArray[np.float64], spread: NDArray[np.float64], is_far: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return the class of pairs with an excess over the curve."""
    alike = np.where(is_far, HARD_NEGATIVE, FALSE_NEGATIVE)
    kind = np.where(excess < -spread, alike, np.where(excess > spread, MORE_UNLIKE, AS_EXPECTED))
    return kind.astype(np.uint8)


def _has_spread(empirical: EmpiricalVariogram) -> NDArray[np.bool_]:
    """Return which bins have a spread: with many pairs where there is any such bin, else with two and more."""
    spread = varies(empirical.spread, empirical.semivariance)
    many = spread & (empirical.npairs >= FEW_PAIRS)
    return many if many.any() else spread & (empirical.npairs >= 2)
