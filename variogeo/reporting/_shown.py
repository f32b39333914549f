"""What the report shows of points and pairs: chosen, and rounded where places are not to be told."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._distances import EARTH_RADIUS, SpherePoints, lag_along, lag_of_pairs
from variogeo._engine import Terms
from variogeo._engine.sampling._sample import sample_pairs
from variogeo._lags import LagBins
from variogeo._pairs import StratifiedPairs
from variogeo.local._expected import expected_at
from variogeo.reporting._pair_classes import AS_EXPECTED, ClassifiedPairs, PairClasses

STRONGEST = 300
"""Hard negatives that are drawn, and likely false ones."""

SAMPLED = 3000
"""Pairs of the random sample, evenly over the lags."""

KM_PER_DEGREE = EARTH_RADIUS * np.pi / 180


@dataclass(frozen=True, eq=False)
class ShownPairs:
    """Pairs of the cloud, in the order in which they are drawn: what is as expected first, the strongest last.

    Attributes
    ----------
    first, second : (m,) int array
        Row numbers.
    lag : (m,) float array, km
        Between the places that are shown.
    dissimilarity, expected : (m,) float array
    kind : (m,) int array
        The class; see `variogeo.reporting._pair_classes`.
    nsampled : int
        How many of them were chosen at random.
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    lag: NDArray[np.float64]
    dissimilarity: NDArray[np.float64]
    expected: NDArray[np.float64]
    kind: NDArray[np.uint8]
    nsampled: int

    @property
    def excess(self) -> NDArray[np.float64]:
        """How much more the pairs differ than expected."""
        return self.dissimilarity - self.expected

    def strongest(self, kind: int, count: int) -> NDArray[np.intp]:
        """Return the positions of the strongest pairs of a class, strongest first."""
        chosen = np.flatnonzero(self.kind == kind)
        return chosen[np.argsort(self.excess[chosen], kind="stable")[:count]]


def rounded_places(lonlat: NDArray[np.float64], precision_km: float | None) -> NDArray[np.float64]:
    """Return places on a grid with cells of about ``precision_km`` both ways, or as they are."""
    if precision_km is None:
        return lonlat
    step = precision_km / KM_PER_DEGREE
    latitude = np.clip(np.round(lonlat[:, 1] / step) * step, -90.0, 90.0)
    # An even number of cells around each parallel, so that 180 degrees are on the grid; one place at a pole.
    cells = np.maximum(2.0 * np.round(180.0 * np.cos(np.radians(latitude)) / step), 1.0)
    longitude = np.round(lonlat[:, 0] * cells / 360.0) * 360.0 / cells
    longitude = np.where(longitude >= 180.0, longitude - 360.0, longitude)
    return np.column_stack([longitude, latitude]) + 0.0


def shown_pairs(
    points: SpherePoints,
    terms: Terms,
    classes: PairClasses,
    found: ClassifiedPairs,
    *,
    group: NDArray[np.intp] | None,
    precision_km: float | None,
) -> ShownPairs:
    """Return the strongest pairs and a sample over all lags.

    With a precision all that is shown of a pair follows from its rounded places, or exact lags would give the exact
    places away; a lag below half of it is shown as half of it.
    """
    sample = sample_pairs(points, LagBins(classes.edges), StratifiedPairs(SAMPLED, seed=0))
    first, second = sample.first[sample.lag > 0], sample.second[sample.lag > 0]
    if group is not None:
        apart = group[first] != group[second]
        first, second = first[apart], second[apart]
    nsampled = len(first)
    strongest = [np.column_stack([pairs.first, pairs.second]) for pairs in (found.hard, found.false)]
    rows = np.unique(np.concatenate([np.column_stack([first, second]), *strongest]), axis=0)
    first, second = rows.T
    if precision_km is None:
        lag = lag_of_pairs(points, first, second)
    else:
        places = rounded_places(points.lonlat, precision_km)
        lag = np.maximum(lag_along(places[first], places[second], points.metric), precision_km / 2)
    dissimilarity, expected = terms.of_pairs(first, second), expected_at(classes.model, lag)
    kind = classes.of_pairs(lag, dissimilarity - expected)
    order = np.lexsort((second, first, dissimilarity < expected, kind < AS_EXPECTED))
    columns: Any = (column[order] for column in (first, second, lag, dissimilarity, expected, kind))
    return ShownPairs(*columns, nsampled=nsampled)
