"""How many pairs there are of each kind: `count_pair_kinds`."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from variogeo._cards import settings_html
from variogeo._checks import Dissimilarity, check_number
from variogeo._distances import Metric
from variogeo._engine.tiles import Tile, Tiles
from variogeo._lags import LagBins
from variogeo._model import RangeDefinition
from variogeo._prepared import prepared
from variogeo.local._expected import check_model, expected_at, threshold_of
from variogeo.local._groups import groups_of, pairs_in_bins
from variogeo.local._kinds import FARTHEST


class PairKindCounts(NamedTuple):
    """Numbers of pairs, those at zero lag and those excluded left out.

    Attributes
    ----------
    hard_negative : int
        Farther than the threshold, and more alike than expected by more than the tolerance.
    false_negative : int
        As near as the threshold or nearer, and more alike than expected by more than the tolerance.
    as_expected : int
        As dissimilar as expected within the tolerance.
    npairs : int
        All pairs; the rest is more dissimilar than expected.
    """

    hard_negative: int
    false_negative: int
    as_expected: int
    npairs: int

    _repr_html_ = settings_html


def count_pair_kinds(
    lonlat: Any,
    values: Any,
    model: Any,
    *,
    tolerance: float,
    threshold: float | RangeDefinition | None = None,
    exclude: Any = None,
    dissimilarity: Dissimilarity = "cosine",
    metric: Metric = "geodesic",
) -> PairKindCounts:
    """Return the number of pairs of each kind: hard negatives, likely false negatives, as expected.

    Parameters
    ----------
    lonlat : (n, 2) float array, degrees
        Longitude then latitude, WGS84.
    values : (n, d) float array or (n,) array
        Embeddings, or scalars with ``dissimilarity="half_squared"``.
    model : VariogramModel or callable
        The curve: from lags (km) to semivariances.
    tolerance : float
        How far from the curve a dissimilarity still is as expected; in the unit of the dissimilarity, e.g. the spread
        of the empirical variogram.
    threshold : float or {"effective_range", "slope_range", "integral_scale"}, optional, km
        Near or far: a lag, or a range of the model, by default the effective range.
    exclude : (n,) array of labels, optional
        Pairs of photos with the same label are left out, such as those of one sequence, of one camera, or of one place
        (`variogeo.inference.cell_patches`). None, NaN and "" are no label.
    dissimilarity : {"cosine", "half_squared"}
    metric : {"geodesic", "great_circle", "chord"}

    Returns
    -------
    PairKindCounts

    Raises
    ------
    ValueError
        For coordinates or values that cannot give pairs, a negative tolerance, a model that gives no finite number at
        some lag, one without the range that is to be the threshold, or labels that are not one per photo.
    TypeError
        For arrays that do not hold real numbers, or a model that is not callable.

    Examples
    --------
    >>> from variogeo import Exponential, datasets
    >>> from variogeo.local import count_pair_kinds
    >>> photos = datasets.geoclip_photos()
    >>> model = Exponential(nugget=0.3, partial_sill=0.1, effective_range=2000.0)
    >>> counts = count_pair_kinds(photos.lonlat[:100], photos.embeddings[:100], model, tolerance=0.1)
    >>> counts.npairs
    4950
    """
    check_model(model)
    number = check_number(tolerance, name="tolerance", at_least=0.0)
    limit = threshold_of(model, threshold, name="threshold")
    far = max(FARTHEST, limit + 1.0)
    bins = LagBins([0.0, limit, far] if limit > 0 else [0.0, far])
    points, terms = prepared(lonlat, values, dissimilarity, metric)
    group = groups_of(exclude, len(points))

    def counts_of(tile: Tile) -> NDArray[np.int64]:
        inside = pairs_in_bins(tile, len(bins), group)
        excess = tile.term[inside] - expected_at(model, tile.lag[inside])
        alike, is_far = excess < -number, tile.position[inside] == len(bins)
        kinds = alike & is_far, alike & ~is_far, np.abs(excess) <= number
        return np.array([*map(np.count_nonzero, kinds), len(excess)])

    total = np.zeros(4, np.int64)
    for counts in Tiles.of(points, bins, terms).map(counts_of):
        total += counts
    return PairKindCounts(*total.tolist())
