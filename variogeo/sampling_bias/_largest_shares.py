"""How much one location dominates a bin: `largest_shares`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._distances import Metric, prepare_points
from variogeo._engine.tiles import Tile, Tiles
from variogeo._label_codes import complete_codes
from variogeo._lags import LagBins
from variogeo._point_marks import checked_weights
from variogeo._prepared import prepared_points


def largest_shares(
    lonlat: Any, bins: LagBins, *, locations: Any = None, weights: Any = None, metric: Metric = "geodesic"
) -> NDArray[np.float64]:
    """Return for each bin the largest share of its pairs that involve one location.

    Parameters
    ----------
    lonlat : (n, 2) float array, degrees
        Longitude then latitude, WGS84; one row per photo.
    bins : LagBins
    locations : (n,) array, optional
        Label of the location of each photo, of any type; the exact place by default.
    weights : (n,) float array, optional
        Positive; a pair counts with the product of its two weights. All 1 by default.
    metric : {"geodesic", "great_circle", "chord"}

    Returns
    -------
    (bins,) float array
        Between 0 and 1; NaN where a bin is empty.

    Raises
    ------
    ValueError
        For coordinates that cannot give pairs, another number of labels or weights, missing labels, and weights that
        are not positive.
    TypeError
        For coordinates that are no real numbers, or ``bins`` of another type.

    Notes
    -----
    With ``m`` locations of equal weight each takes part in ``2 / m`` of the pairs. A share near 1 says that the bin is
    about one place: its semivariance tells how that place differs from its surroundings, and nothing about the curve.
    `capped_weights` and `density_weights` lower such shares. A pair within one location counts once for it.

    Examples
    --------
    >>> import numpy as np
    >>> from variogeo import LagBins
    >>> from variogeo.sampling_bias import largest_shares
    >>> lonlat = np.array([[0.0, 0.0]] * 8 + [[0.0, 0.1], [0.1, 0.0], [5.0, 0.0], [5.1, 0.0]])
    >>> largest_shares(lonlat, LagBins([0, 13, 20, 100])).round(3)
    array([0.941, 1.   ,   nan])
    """
    points = prepared_points(lonlat, metric)
    codes = np.zeros(len(points), np.intp)
    if locations is not None:
        codes = complete_codes(locations, len(points), name="locations")
    weight = np.ones(len(points)) if weights is None else checked_weights(weights, len(points))
    groups, place = np.unique(np.column_stack([points.lonlat, codes]), axis=0, return_inverse=True)
    photos = np.bincount(place.ravel(), weight)
    label = np.arange(len(groups)) if locations is None else groups[:, 2].astype(np.intp)
    tiles = Tiles.of(prepare_points(groups[:, :2].astype(np.float64), metric), bins)
    size = len(bins) + 2
    involved, total = np.zeros((int(label.max()) + 1, size)), np.zeros(size)

    def pairs_of(tile: Tile) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.intp], NDArray[np.float64]]:
        first, second = label[tile.first], label[tile.second]
        pairs = np.outer(photos[tile.first], photos[tile.second])
        # Of two photos of one location only the first counts as involved.
        other = np.where(first[:, None] == second, 0.0, pairs)
        sides = ((first[:, None], pairs), (second, other))
        counted = []
        for side, weight in sides:
            labels, at = np.unique(side, return_inverse=True)
            cell = at.reshape(side.shape) * size + tile.position
            counted += [labels, np.bincount(cell.ravel(), weight.ravel(), len(labels) * size).reshape(-1, size)]
        return tuple(counted)

    for first, by_first, second, by_second in tiles.map(pairs_of):
        involved[first] += by_first
        involved[second] += by_second
        total += by_first.sum(axis=0)
    inside = slice(1, len(bins) + 1)
    return np.where(
        total[inside] > 0, involved[:, inside].max(axis=0) / np.where(total[inside] > 0, total[inside], 1.0), np.nan
    )
