"""How far points reach and how near they come: what lag bins can be made of."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._cards import settings_html
from variogeo._cores import usable_cores
from variogeo._distances import EARTH_RADIUS, HALF_GREAT_CIRCLE, distinct_places, prepare_points
from variogeo._lags import LagBins
from variogeo._longitudes import covering_arc
from variogeo._lonlat import check_lonlat

ENOUGH_PAIRS = 30
"""Bins with fewer pairs are marked (docs/conventions.md)."""

_NEAR_PAIRS = 60
"""Pairs nearer than the first edge: a bin that begins there and ends half as far again holds some 70 more
where points are spread evenly."""

_BINS_PER_DECADE, _FEWEST_BINS, _MOST_BINS = 6, 3, 30

_FINEST = 0.001
"""A metre, in km: few positions are known better, and what differs by less is one place."""

_MOST_PLACES = 1_000_000
"""Places whose neighbours are looked for; of more, as many evenly chosen ones."""

_KEPT = 4_000_000
"""Neighbours of all places together, but three of each at least: the nearest pairs rarely share one end."""

_SMALLEST_LAG = 1e-6
"""A millimetre, in km: places nearer than that differ by rounding."""

_GRID_PLACES, _GRID_RATIO = 30, 1.1
"""Places whose middle half of nearest neighbours differ by less than this are taken for a grid."""


@dataclass(frozen=True)
class Extent:
    """Box and reach of the points.

    Parameters
    ----------
    west, east : float, degrees
        Where longitudes begin and end, going east; ``west > east`` across the antimeridian.
    south, north : float, degrees
        Smallest and largest latitude.
    largest_lag : float, km
        Between the two points that are found to be farthest apart, along a great circle.
    """

    west: float
    east: float
    south: float
    north: float
    largest_lag: float

    @property
    def width(self) -> float:
        """Longitudes from west to east. Units: degrees."""
        return self.east - self.west + (360.0 if self.west > self.east else 0.0)

    _repr_html_ = settings_html


@dataclass(frozen=True)
class UsableLags:
    """Lags that these points can say something about.

    Parameters
    ----------
    shortest : float, km
        60 pairs of different places, or all there are, are no farther apart than this; a metre at least, where points
        reach farther.
    longest : float, km
        Half of the largest lag, the usual reach of a variogram, at most a quarter of the Earth's circumference.
    spacing : float or None, km
        Of the grid on which the points seem to lie.
    """

    shortest: float
    longest: float
    spacing: float | None

    @property
    def bins(self) -> LagBins:
        """Bins that suit: some six per factor of ten, 30 at most."""
        return LagBins.logarithmic(*self.limits, self.count)

    @property
    def limits(self) -> tuple[float, float]:
        """The first and the last edge, rounded to two digits. Units: km."""
        return float(f"{self.shortest:.2g}"), float(f"{self.longest:.2g}")

    @property
    def count(self) -> int:
        """Number of bins."""
        return bin_count(*self.limits)

    _repr_html_ = settings_html


def bin_count(low: float, high: float) -> int:
    """Return how many bins suit these limits (km)."""
    return round(np.clip(_BINS_PER_DECADE * np.log10(high / low), _FEWEST_BINS, _MOST_BINS))


def suggested_bins(lonlat: Any) -> LagBins:
    """Return the bins of the usable lags of some points (n, 2), or those that cover so few that there are none."""
    places, _ = distinct_places(check_lonlat(lonlat))
    lags = usable_lags(places)
    return LagBins.covering(lonlat) if lags is None else lags.bins


def extent_of(places: NDArray[np.float64]) -> Extent:
    """Return the box and the reach of at least one place."""
    south, north = places[:, 1].min(), places[:, 1].max()
    largest_lag = _largest_lag(prepare_points(places, "great_circle").unit)
    return Extent(*covering_arc(places[:, 0]), float(south), float(north), largest_lag)


def _largest_lag(unit: NDArray[np.float64]) -> float:
    """Return the lag (km) of two far ends: from some places to the farthest one, and on from there."""
    starts = {*unit.argmax(axis=0).tolist(), *unit.argmin(axis=0).tolist()}
    square = 0.0
    for start in starts:
        here = start
        for _ in range(2):
            squares = np.square(unit - unit[here]).sum(axis=1)
            here = int(np.argmax(squares))
            square = max(square, float(squares[here]))
    return 2 * EARTH_RADIUS * float(np.arcsin(min(np.sqrt(square) / 2, 1.0)))


def usable_lags(places: NDArray[np.float64]) -> UsableLags | None:
    """Return the usable lags, or None where different places form fewer than 30 pairs."""
    if len(places) * (len(places) - 1) // 2 < ENOUGH_PAIRS:
        return None
    largest_lag = extent_of(places).largest_lag
    lags, nearest = _neighbour_lags(places)
    rank = min(_NEAR_PAIRS, len(lags)) - 1
    shortest = float(np.partition(lags, rank)[rank])
    longest = min(largest_lag / 2, HALF_GREAT_CIRCLE / 2)
    if shortest > longest / 2:
        # A ring, or two clusters: then bins must reach the longest geodesic, a little more than a great circle.
        longest = 1.01 * largest_lag
        shortest = min(shortest, longest / 2)
    shortest = max(shortest, min(_FINEST, longest / 10))
    low, high = np.quantile(nearest, [0.25, 0.75])
    is_grid = len(places) >= _GRID_PLACES and high < _GRID_RATIO * low
    return UsableLags(shortest, longest, float(np.median(nearest)) if is_grid else None)


def _neighbour_lags(places: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lags (km) of the nearest pairs, each once, and that from each place to its nearest."""
    from scipy.spatial import KDTree

    chosen = np.unique(np.linspace(0, len(places) - 1, min(len(places), _MOST_PLACES)).astype(np.intp))
    unit = prepare_points(places[chosen], "great_circle").unit
    count = min(len(unit) - 1, int(np.clip(_KEPT // len(unit), 3, _NEAR_PAIRS)))
    chord, second = KDTree(unit).query(unit, k=count + 1, workers=usable_cores())
    lags = np.maximum(2 * EARTH_RADIUS * np.arcsin(np.clip(chord / 2, 0.0, 1.0)), _SMALLEST_LAG)
    first = np.broadcast_to(np.arange(len(unit))[:, None], second.shape)
    entries = np.flatnonzero((first != second).ravel())
    # Two neighbours may find each other, so that a pair stands there twice.
    wanted = min(2 * _NEAR_PAIRS, len(entries))
    entries = entries[np.argpartition(lags.ravel()[entries], wanted - 1)[:wanted]]
    pairs = np.sort(np.column_stack((first.ravel()[entries], second.ravel()[entries])), axis=1)
    _, once = np.unique(pairs, axis=0, return_index=True)
    return lags.ravel()[entries[once]], lags[:, 1]
