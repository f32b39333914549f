"""From points or pairs to an empirical variogram: `empirical_variogram`, `variogram_from_pairs`."""

import os
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import (
    LARGEST_SCALAR,
    Dissimilarity,
    as_real_array,
    check_choice,
    check_lonlat,
    check_same_length,
    check_values,
)
from variogeo._distances import Metric, prepare_points
from variogeo._empirical import EmpiricalVariogram
from variogeo._engine import LagSums, Terms, accumulate, sums_of_pairs
from variogeo._lags import LagBins

Estimator = Literal["matheron"]


def empirical_variogram(
    lonlat: Any,
    values: Any,
    bins: LagBins,
    *,
    dissimilarity: Dissimilarity = "cosine",
    estimator: Estimator = "matheron",
    metric: Metric = "geodesic",
    spread: bool = True,
    executor: Any = None,
    resume: str | os.PathLike[str] | None = None,
) -> EmpiricalVariogram:
    r"""Return the empirical semivariogram of embeddings or scalars over all pairs of points.

    .. math:: \hat\gamma(k) = \frac{1}{N_k} \sum_{(i,j) \in k} c_{ij}, \qquad
       c_{ij} = 1 - \cos(z_i, z_j) \;\text{ or }\; \tfrac12 \lVert z_i - z_j \rVert^2

    For unit vectors both terms are the same, so the mean cosine distance is Matheron's estimator.

    Parameters
    ----------
    lonlat : (n, 2) float array, degrees
        Longitude (-180..180 or 0..360) then latitude, WGS84.
    values : (n, d) float array or (n,) array
        Embeddings, or scalars with ``dissimilarity="half_squared"``. Never modified; float16 arrays
        and memory maps are read in blocks. Products and sums are float64.
    bins : LagBins
        Lag bins ``(low, high]`` in km.
    dissimilarity : {"cosine", "half_squared"}
    estimator : {"matheron"}
    metric : {"geodesic", "great_circle", "chord"}
        The lag: on the WGS84 ellipsoid; along or through a sphere of 6371.0088 km.

    Returns
    -------
    EmpiricalVariogram

    Raises
    ------
    ValueError
        For coordinates, values or bins that cannot give a variogram; the message names the rows.
    TypeError
        For arrays that do not hold real numbers.

    Notes
    -----
    All ``n (n - 1) / 2`` pairs are used, tile by tile: memory does not grow with ``n``. The counts
    are exact: a pair near an edge is decided by the exact geodesic. Pairs at zero lag are counted
    apart (``colocated``), pairs outside the bins are left out.

    References
    ----------
    .. [1] Matheron, G. (1963). Principles of geostatistics. Economic Geology 58, eq. 4.
    .. [2] Karney, C. F. F. (2013). Algorithms for geodesics. J. Geodesy 87, 43-55.

    Examples
    --------
    >>> from variogeo import LagBins, datasets, empirical_variogram
    >>> photos = datasets.geoclip_photos()
    >>> empirical = empirical_variogram(
    ...     photos.lonlat[:500], photos.embeddings[:500], LagBins.logarithmic(100, 10_000, 4))
    >>> bool((empirical.semivariance[1:] > empirical.semivariance[:-1]).all())
    True
    """
    check_choice(dissimilarity, Dissimilarity, name="dissimilarity")
    check_choice(estimator, Estimator, name="estimator")
    check_choice(metric, Metric, name="metric")
    _check_bins(bins)
    places = check_lonlat(lonlat)
    checked = check_values(values, dissimilarity=dissimilarity)
    check_same_length(places, checked, names=("lonlat", "values"), item="photo")
    if len(places) < 2:
        msg = f"lonlat has {len(places)} rows: no pairs. A variogram needs at least two points."
        raise ValueError(msg)
    points = prepare_points(places, metric)
    if (points.lonlat == points.lonlat[0]).all():
        msg = f"lonlat has all {len(points)} points at one place: no lag but zero. Check the coordinates."
        raise ValueError(msg)
    terms = Terms.of(checked, dissimilarity)
    sums = accumulate(points, terms, bins, spread=spread, executor=executor, resume=resume)
    _check_filled(sums, bins)
    return EmpiricalVariogram(bins, sums, dissimilarity, estimator, metric)


def variogram_from_pairs(lag: Any, dissimilarity: Any, bins: LagBins) -> EmpiricalVariogram:
    """Return the empirical variogram of pairs whose lag the user already has.

    For planar, network or travel-time distances.

    Parameters
    ----------
    lag : (m,) float array
        Distance of each pair, in the unit of ``bins``; not negative.
    dissimilarity : (m,) float array
        ``1 - cos(u, v)`` or ``(z - z')^2 / 2`` of each pair: the half is the caller's.
    bins : LagBins

    Returns
    -------
    EmpiricalVariogram
        With ``metric`` and ``dissimilarity`` ``"given"``; its ``sill_apriori`` is the mean over all
        the pairs given.

    Raises
    ------
    ValueError
        For negative or NaN entries, or when every bin is empty.

    Examples
    --------
    >>> from variogeo import LagBins, variogram_from_pairs
    >>> variogram_from_pairs([1.0, 2.0, 2.5], [0.1, 0.2, 0.4], LagBins([0, 1, 3])).npairs
    array([1, 2])
    """
    _check_bins(bins)
    lags, terms = _pair_column(lag, "lag"), _pair_column(dissimilarity, "dissimilarity")
    check_same_length(lags, terms, names=("lag", "dissimilarity"), item="pair")
    # A pair stands for its two orders, as in the ordered pairs that the a-priori sill averages.
    sums = sums_of_pairs(lags, terms, bins, largest=float(terms.max()), total_npairs=2 * len(terms), total_term=2 * float(terms.sum()))
    _check_filled(sums, bins)
    return EmpiricalVariogram(bins, sums, "given", "matheron", "given")


def _pair_column(values: Any, name: str) -> NDArray[np.float64]:
    """Return one number per pair as float64, or refuse it."""
    column = as_real_array(values, name=name).astype(np.float64)
    if column.ndim != 1 or not len(column):
        msg = f"Invalid {name} of shape {column.shape}. Must be (m,) with at least one pair."
        raise ValueError(msg)
    bad = np.flatnonzero(~(np.isfinite(column) & (column >= 0)))
    if bad.size:
        msg = f"Invalid {name} '{column[bad[0]]}' at row {bad[0]}. Must be finite and not negative."
        raise ValueError(msg)
    if column.max() > LARGEST_SCALAR**2:
        msg = f"Invalid {name} '{column.max()}'. Its square overflows: divide all by a common scale."
        raise ValueError(msg)
    return column


def _check_bins(bins: Any) -> None:
    """Refuse anything but LagBins."""
    if not isinstance(bins, LagBins):
        msg = f"Invalid bins of type {type(bins).__name__}. Must be LagBins, e.g. LagBins(edges)."
        raise TypeError(msg)


def _check_filled(sums: LagSums, bins: LagBins) -> None:
    """Refuse a variogram without a single pair in its bins."""
    if not sums.npairs[1:].any():
        msg = (
            f"Every bin from {bins.edges[0]:g} to {bins.edges[-1]:g} km is empty. The lags lie outside: "
            "choose other edges; LagBins.covering(lonlat) suggests some."
        )
        raise ValueError(msg)
