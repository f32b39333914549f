"""Marks: what is known of the points besides place and value, and the class of a pair that follows from it."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from variogeo._distances import SpherePoints, azimuth_of_pairs
from variogeo._engine._class_sums import ClassSums, no_classes
from variogeo._engine._sums import bin_positions
from variogeo._lags import LagBins

_ROUNDING = 1e-9
"""Of an azimuth, degrees."""


def _no_numbers() -> NDArray[np.int64]:
    """Return the field that is not given."""
    return np.zeros(0, np.int64)


def _no_floats() -> NDArray[np.float64]:
    """Return the field that is not given."""
    return np.zeros(0)


@dataclass(frozen=True, eq=False)
class Marks:
    """What is known of the points besides place and value; an empty array where nothing is.

    Attributes
    ----------
    patch : (n,) int array
        Patches, numbered from 0: the class of a pair is its two patches.
    group : (n,) int array
        Pairs of one group are left out.
    weight : (n,) float array
        The weight of a pair is the product of two.
    limits : (cells,) float array, degrees
        Azimuths in [0, 180), increasing, at which one cell ends and the next begins; the last one ends at the first
        limit, after half a turn. The class of a pair is the cell of its azimuth. Not together with patches.
    """

    patch: NDArray[np.int64] = field(default_factory=_no_numbers)
    group: NDArray[np.int64] = field(default_factory=_no_numbers)
    weight: NDArray[np.float64] = field(default_factory=_no_floats)
    limits: NDArray[np.float64] = field(default_factory=_no_floats)

    @property
    def classed(self) -> bool:
        """Whether sums per class are wanted."""
        return bool(self.patch.size or self.weight.size or self.limits.size)

    @property
    def given(self) -> bool:
        """Whether anything is known."""
        return self.classed or bool(self.group.size)

    def kept(self, first: NDArray[np.intp], second: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return which pairs are not left out."""
        return self.group[first] != self.group[second] if self.group.size else np.ones(len(first), bool)

    def class_sums(
        self,
        points: SpherePoints,
        pairs: tuple[NDArray[np.intp], NDArray[np.intp]],
        lag: NDArray[np.float64],
        term: NDArray[np.float64],
        bins: LagBins,
    ) -> ClassSums:
        """Return the sums per class of some pairs of points, exactly; of those in bins or at zero lag."""
        if not self.classed or not len(lag):
            return no_classes()
        position = bin_positions(lag, bins)
        inside = position <= len(bins)
        first, second = (side[inside] for side in pairs)
        one, other = self._classes(points, first, second)
        weight = self.weight[first] * self.weight[second] if self.weight.size else np.ones(len(first))
        sums = np.ones(len(first), np.int64), weight, weight * lag[inside], weight * term[inside]
        return ClassSums.of(np.minimum(one, other), np.maximum(one, other), position[inside], *sums)

    def _classes(
        self, points: SpherePoints, first: NDArray[np.intp], second: NDArray[np.intp]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the two numbers of the class of each pair, in any order."""
        if self.patch.size:
            return self.patch[first], self.patch[second]
        if self.limits.size:
            cell = cells_of(azimuth_of_pairs(points, first, second), self.limits)
            return cell, cell
        none = np.zeros(len(first), np.int64)
        return none, none


def cells_of(azimuth: NDArray[np.float64], limits: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the cell of each azimuth in [0, 180): k from ``limits[k]`` on; below the first limit the last cell.

    An azimuth within rounding of a limit is on it, so that pairs along a parallel are on one side of 90 degrees.
    """
    near = (azimuth + _ROUNDING) % 180.0
    return (np.searchsorted(limits, near, side="right") - 1) % len(limits)
