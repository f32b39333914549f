"""The pairs that differ most from what the curve expects, or least: `hot_pairs`."""

from typing import TYPE_CHECKING, Any

from variogeo._checks import Dissimilarity, check_whole
from variogeo._distances import Metric
from variogeo._engine.tiles import Tiles
from variogeo._prepared import prepared
from variogeo.local._expected import check_model
from variogeo.local._groups import groups_of
from variogeo.local._kinds import PairKind, as_kind
from variogeo.local._lines import geodesic_line
from variogeo.local._strongest import Strongest

if TYPE_CHECKING:
    import geopandas as gpd


def hot_pairs(
    lonlat: Any,
    values: Any,
    model: Any,
    *,
    kind: PairKind | str,
    count: int = 100,
    exclude: Any = None,
    dissimilarity: Dissimilarity = "cosine",
    metric: Metric = "geodesic",
) -> "gpd.GeoDataFrame":
    """Return the strongest pairs of a kind as lines on a map: hard negatives, likely false negatives, as expected.

    Parameters
    ----------
    lonlat : (n, 2) float array, degrees
        Longitude then latitude, WGS84.
    values : (n, d) float array or (n,) array
        Embeddings, or scalars with ``dissimilarity="half_squared"``.
    model : VariogramModel or callable
        The curve: from lags (km) to semivariances.
    kind : PairKind or {"hard_negative", "false_negative", "as_expected"}
        A name stands for ``PairKind(name)``, whose threshold is the model's effective range;
        ``PairKind("hard_negative", beyond=1000)`` sets another.
    count : int
        How many, at most.
    exclude : (n,) array of labels, optional
        Pairs of photos with the same label are left out, such as those of one sequence, of one camera, or of one place
        (`variogeo.inference.cell_patches`). None, NaN and "" are no label.
    dissimilarity : {"cosine", "half_squared"}
    metric : {"geodesic", "great_circle", "chord"}
        Of the lags. Lines are geodesics in any case.

    Returns
    -------
    geopandas.GeoDataFrame
        Strongest first, those equally strong by their row numbers. Columns ``first`` < ``second`` (row numbers),
        ``lag`` (km), ``dissimilarity`` c, ``expected`` gamma(lag), ``excess`` c - gamma(lag); the geometry is the
        geodesic in EPSG:4326, with a point every 100 km, cut at the antimeridian (and at a pole that it passes over).

    Raises
    ------
    ValueError
        For coordinates or values that cannot give pairs, a model that gives no finite number at some lag, one without
        the range that is to be the threshold, or labels that are not one per photo.
    TypeError
        For arrays that do not hold real numbers, or a model that is not callable.

    Notes
    -----
    Pairs at zero lag (photos of one place) are left out of all kinds: they are known without looking, and the curve
    is 0 there. Fewer than ``count`` pairs come back where there are no more: hard and false negatives are more alike
    than expected, by however little.

    Many of the strongest pairs may join the same two towns. The first of each two, with cells of 25 km::

        ends = np.sort(cell_patches(lonlat, 25.0)[pairs[["first", "second"]]], axis=1)
        once = pairs[~pd.DataFrame(ends).duplicated()]

    All pairs are looked at, but never held: memory is that of a few tiles of 512 x 512 pairs and of ``count`` pairs.
    Lags, dissimilarities and the order are those of exact lags and float64 differences.

    Examples
    --------
    >>> from variogeo import Exponential, datasets
    >>> from variogeo.local import hot_pairs
    >>> photos = datasets.geoclip_photos()
    >>> model = Exponential(nugget=0.3, partial_sill=0.1, effective_range=2000.0)
    >>> pairs = hot_pairs(photos.lonlat[:200], photos.embeddings[:200], model, kind="hard_negative", count=3)
    >>> pairs.columns.tolist()
    ['first', 'second', 'lag', 'dissimilarity', 'expected', 'excess', 'geometry']
    >>> bool((pairs.lag > 2000).all() and pairs.excess.is_monotonic_increasing)
    True
    """
    import geopandas as gpd

    check_model(model)
    chosen = as_kind(kind)
    number = check_whole(count, name="count", at_least=1)
    window = chosen.window(model)
    points, terms = prepared(lonlat, values, dissimilarity, metric)
    strongest = Strongest(points, terms, model, chosen, number, groups_of(exclude, len(points)))
    for some in Tiles.of(points, window, terms).map(strongest.of):
        strongest.add(some)
    pairs = strongest.pairs
    columns = {
        "first": pairs.first,
        "second": pairs.second,
        "lag": pairs.lag,
        "dissimilarity": pairs.dissimilarity,
        "expected": pairs.expected,
        "excess": pairs.dissimilarity - pairs.expected,
    }
    ends = zip(points.lonlat[pairs.first], points.lonlat[pairs.second], strict=True)
    lines = [geodesic_line(a, b) for a, b in ends]
    return gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries(lines, crs="EPSG:4326", dtype="geometry"))
