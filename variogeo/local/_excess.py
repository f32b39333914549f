"""The mean excess of each photo over the curve: `local_excess`."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import Dissimilarity
from variogeo._distances import Metric
from variogeo._engine.tiles import Tile, Tiles
from variogeo._lags import LagBins
from variogeo._prepared import prepared
from variogeo.local._expected import check_model, expected_at
from variogeo.local._groups import groups_of, pairs_in_bins

if TYPE_CHECKING:
    import geopandas as gpd


def local_excess(
    lonlat: Any,
    values: Any,
    model: Any,
    *,
    bins: LagBins,
    exclude: Any = None,
    dissimilarity: Dissimilarity = "cosine",
    metric: Metric = "geodesic",
) -> "gpd.GeoDataFrame":
    r"""Return for each photo how much more its pairs differ than the curve expects: where the curve does not hold.

    .. math:: \bar e_i = \frac{1}{N_i} \sum_{j:\, h_{ij} \in \text{bins}} \big( c_{ij} - \gamma(h_{ij}) \big)

    Parameters
    ----------
    lonlat : (n, 2) float array, degrees
        Longitude then latitude, WGS84.
    values : (n, d) float array or (n,) array
        Embeddings, or scalars with ``dissimilarity="half_squared"``.
    model : VariogramModel or callable
        The curve: from lags (km) to semivariances.
    bins : LagBins
        Which pairs: those with a lag in any bin. ``LagBins([0, 50])`` looks at the surroundings of 50 km.
    exclude : (n,) array of labels, optional
        Pairs of photos with the same label are left out, such as those of one sequence, of one camera, or of one place
        (`variogeo.inference.cell_patches`). None, NaN and "" are no label.
    dissimilarity : {"cosine", "half_squared"}
    metric : {"geodesic", "great_circle", "chord"}

    Returns
    -------
    geopandas.GeoDataFrame
        One row per photo in the order given, points in EPSG:4326, with the columns ``npairs``, ``dissimilarity`` (mean
        over its pairs), ``expected`` (mean of the curve at their lags) and ``mean_excess``, their difference. NaN
        for a photo without pairs in the bins, or with excluded ones only.

    Raises
    ------
    ValueError
        For coordinates or values that cannot give pairs, a model that gives no finite number at some lag, and labels
        that are not one per photo.
    TypeError
        For arrays that do not hold real numbers, a model that is not callable, ``bins`` of another type.

    Notes
    -----
    Positive: this photo is more unlike its surroundings than photos at such lags are on average, as at a border or of
    an odd subject. Negative: more alike. Pairs at zero lag are in no bin. The sum over all photos is not zero
    unless the curve is the mean of these pairs. Neighbours share pairs and surroundings, so a map of the excess is
    smooth by itself.

    Examples
    --------
    >>> from variogeo import Exponential, LagBins, datasets, empirical_variogram, fit_variogram
    >>> from variogeo.local import local_excess
    >>> photos = datasets.geoclip_photos()
    >>> lonlat, embeddings = photos.lonlat[:300], photos.embeddings[:300]
    >>> bins = LagBins.logarithmic(100, 10_000, 8)
    >>> model = fit_variogram(empirical_variogram(lonlat, embeddings, bins), Exponential).model
    >>> frame = local_excess(lonlat, embeddings, model, bins=bins)
    >>> frame.shape, bool(abs(frame.mean_excess.mean()) < 0.01)
    ((300, 5), True)
    """
    import geopandas as gpd

    check_model(model)
    points, terms = prepared(lonlat, values, dissimilarity, metric)
    group = groups_of(exclude, len(points))
    tiles = Tiles.of(points, bins, terms)

    def sums_of(tile: Tile) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
        inside = pairs_in_bins(tile, len(bins), group)
        expected = np.zeros(inside.shape)
        expected[inside] = expected_at(model, tile.lag[inside])
        kept = np.stack([inside, np.where(inside, tile.term, 0.0), expected])
        return tile.first, tile.second, kept.sum(axis=2), kept.sum(axis=1)

    total = np.zeros((3, len(points)))
    for first, second, by_row, by_column in tiles.map(sums_of):
        total[:, first] += by_row
        total[:, second] += by_column
    mean = np.where(total[0] > 0, total[1:] / np.maximum(total[0], 1.0), np.nan)
    columns = {
        "npairs": total[0].astype(np.int64),
        "dissimilarity": mean[0],
        "expected": mean[1],
        "mean_excess": mean[0] - mean[1],
    }
    return gpd.GeoDataFrame(columns, geometry=gpd.points_from_xy(*points.lonlat.T), crs="EPSG:4326")
