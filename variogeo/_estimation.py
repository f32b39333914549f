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
from variogeo._distances import Metric, SpherePoints, prepare_points
from variogeo._empirical import EmpiricalVariogram
from variogeo._engine import LagSums, Terms, accumulate, accumulate_sample, check_cost, sums_of_pairs
from variogeo._lags import LagBins
from variogeo._namespace import is_torch
from variogeo._pairs import StratifiedPairs

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
    pairs: StratifiedPairs | Literal["all"] | None = None,
    executor: Any = None,
    resume: str | os.PathLike[str] | None = None,
) -> EmpiricalVariogram:
    r"""Return the empirical semivariogram of embeddings or scalars over all pairs of points, or a sample of them.

    .. math:: \hat\gamma(k) = \frac{1}{N_k} \sum_{(i,j) \in k} c_{ij}, \qquad
       c_{ij} = 1 - \cos(z_i, z_j) \;\text{ or }\; \tfrac12 \lVert z_i - z_j \rVert^2

    For unit vectors both terms are the same, so the mean cosine distance is Matheron's estimator.

    Parameters
    ----------
    lonlat : (n, 2) float array, degrees
        Longitude (-180..180 or 0..360) then latitude, WGS84.
    values : (n, d) float array or (n,) array
        Embeddings, or scalars with ``dissimilarity="half_squared"``. Never modified. What `variogeo.io.open_embeddings`
        and `variogeo.io.open_points` return stays in its files and is read in blocks. A tensor on a GPU stays there.
    bins : LagBins
        Lag bins ``(low, high]`` in km.
    dissimilarity : {"cosine", "half_squared"}
    estimator : {"matheron"}
    metric : {"geodesic", "great_circle", "chord"}
        The lag: on the WGS84 ellipsoid; along or through a sphere of 6371.0088 km.
    spread : bool
        False: counts, mean lags and semivariances only, which is faster from 10 000 points on, because whole parts of
        the Earth are summed at once: 1.1 to 4 times as fast (docs/benchmarks.md), the more so the more points and the
        wider the bins. ``spread`` is then NaN; quantiles and Cressie-Hawkins are refused.
    pairs : StratifiedPairs or "all", optional
        A random sample of pairs instead of all. ``"all"`` runs even what would take more than an hour, which is else
        refused with the ways out, unless an executor or a folder is given.
    executor : concurrent.futures.ProcessPoolExecutor or distributed.Client, optional
        Where to run: processes of this machine, made by "spawn"; workers of Dask; or any object with their three
        methods ``start``, ``results`` and ``stop``. By default threads, one per core. Every way gives the same bits.
    resume : path, optional
        A folder that keeps each finished part: a new one, an empty one, or that of an earlier run of the same call,
        which then goes on where it ended. It stays when all is done.

    Returns
    -------
    EmpiricalVariogram

    Raises
    ------
    ValueError
        For coordinates, values or bins that cannot give a variogram, the message names the rows; for a run of more
        than an hour that was not asked for; and for the folder of another run.
    TypeError
        For arrays that do not hold real numbers.
    RuntimeError
        When a worker is lost or a part fails, or another run holds the folder.
    OSError
        When the folder cannot be written; what it holds stays good.

    Notes
    -----
    All ``n (n - 1) / 2`` pairs are used, block by block: memory hardly grows with ``n``. The counts
    are exact: a pair near an edge is decided by the exact geodesic. Pairs at zero lag are counted
    apart (``colocated``), pairs outside the bins are left out.

    Sums are float64. Products are float32 for 1 024 and more embeddings of 64 and more float32 or float16 entries,
    and float64 for all else; semivariances differ from products in float64 by less than 1e-8 (of the largest
    dissimilarity). Mean lags are right to 1e-7, beyond 16 000 km to 3e-6. On a GPU the last bits of a sum may differ
    from run to run. The first call ever compiles for some twenty seconds.

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

    Counts and means only, and a sample of at most 1 000 pairs per bin with its standard error:

    >>> means = empirical_variogram(photos.lonlat[:500], photos.embeddings[:500], empirical.bins, spread=False)
    >>> bool((means.npairs == empirical.npairs).all()), means.spread
    (True, array([nan, nan, nan, nan]))
    >>> sampled = empirical_variogram(
    ...     photos.lonlat[:500], photos.embeddings[:500], empirical.bins, pairs=StratifiedPairs(4000, seed=0))
    >>> sampled.npairs
    array([1000, 1000, 1000, 1000])
    >>> error = sampled.semivariance - empirical.semivariance
    >>> bool((abs(error) < 3 * sampled.standard_error).all())
    True
    """
    check_choice(dissimilarity, Dissimilarity, name="dissimilarity")
    check_choice(estimator, Estimator, name="estimator")
    check_choice(metric, Metric, name="metric")
    _check_bins(bins)
    _check_pairs(pairs, spread=spread, elsewhere=executor is not None or resume is not None)
    places = check_lonlat(lonlat)
    stays_on_device = is_torch(values) and values.device.type != "cpu"
    checked: Any = values if stays_on_device else check_values(values, dissimilarity=dissimilarity)
    check_same_length(places, checked, names=("lonlat", "values"), item="photo")
    points = _points(places, metric)
    sampling = None
    if stays_on_device:
        _check_device(pairs, executor, resume)
        from variogeo._engine._torch import accumulate_on_device

        sums = accumulate_on_device(points, checked, dissimilarity, bins, spread=spread)
    elif isinstance(pairs, StratifiedPairs):
        sums, sampling = accumulate_sample(points, Terms.of(checked, dissimilarity), bins, pairs)
    else:
        if pairs is None and executor is None and resume is None:
            check_cost(len(places), checked.shape[1] if checked.ndim == 2 else 1, spread=spread)
        terms = Terms.of(checked, dissimilarity)
        sums = accumulate(points, terms, bins, spread=spread, executor=executor, resume=resume)
    _check_filled(sums, bins)
    return EmpiricalVariogram(bins, sums, dissimilarity, estimator, metric, sampling)


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
    sums = sums_of_pairs(lags, terms, bins, total_npairs=2 * len(terms), total_term=2 * float(terms.sum()))
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


def _points(places: NDArray[np.float64], metric: Metric) -> SpherePoints:
    """Return checked places prepared for a metric, or refuse those that make no pair at a lag."""
    if len(places) < 2:
        msg = f"lonlat has {len(places)} rows: no pairs. A variogram needs at least two points."
        raise ValueError(msg)
    points = prepare_points(places, metric)
    if (points.lonlat == points.lonlat[0]).all():
        msg = f"lonlat has all {len(points)} points at one place: no lag but zero. Check the coordinates."
        raise ValueError(msg)
    return points


def _check_pairs(pairs: Any, *, spread: bool, elsewhere: bool) -> None:
    """Refuse anything but a sample, all or the default, and what a sample cannot do."""
    if isinstance(pairs, StratifiedPairs):
        if not spread:
            msg = "Invalid spread=False with sampled pairs: it saves nothing there. Leave one of the two out."
            raise ValueError(msg)
        if elsewhere:
            msg = "Invalid executor or resume with sampled pairs, which run here, in seconds. Leave them out."
            raise ValueError(msg)
    elif pairs is not None and pairs != "all":
        msg = f"Invalid pairs {pairs!r}. Must be StratifiedPairs(count, seed), or 'all'."
        raise ValueError(msg)


def _check_device(pairs: Any, executor: Any, resume: Any) -> None:
    """Refuse what values on a device cannot do."""
    if isinstance(pairs, StratifiedPairs) or executor is not None or resume is not None:
        msg = (
            "Invalid pairs, executor or resume for a tensor on a device, which runs there. Pass values.cpu() for them."
        )
        raise ValueError(msg)


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
