"""From points and values to an empirical variogram: `empirical_variogram`."""

import os
from dataclasses import replace
from typing import Any, Literal, cast, get_args

from variogeo._checks import (
    AnyDissimilarity,
    Dissimilarity,
    check_choice,
    check_number,
    check_same_length,
    check_text,
    check_values,
)
from variogeo._dimension import effective_dimension
from variogeo._distances import Metric, SpherePoints
from variogeo._empirical import EmpiricalVariogram
from variogeo._engine import LagSums, Marks, Terms, accumulate, accumulate_sample, check_cost, no_classes, weighted_sums
from variogeo._estimators import Estimator, check_robust
from variogeo._from_pairs import check_bins, check_filled
from variogeo._lags import LagBins
from variogeo._namespace import is_torch
from variogeo._pairs import PairSampling, StratifiedPairs
from variogeo._patch_sums import PatchSums
from variogeo._point_marks import marks_of
from variogeo._prepared import prepared_points


def empirical_variogram(
    lonlat: Any,
    values: Any,
    bins: LagBins | None = None,
    *,
    dissimilarity: AnyDissimilarity = "cosine",
    estimator: Estimator = "matheron",
    dimension: float | None = None,
    metric: Metric = "geodesic",
    patches: Any = None,
    exclude: Any = None,
    weights: Any = None,
    spread: bool = True,
    pairs: StratifiedPairs | Literal["all"] | None = None,
    executor: Any = None,
    resume: str | os.PathLike[str] | None = None,
    model_id: str | None = None,
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
    bins : LagBins, optional
        Lag bins ``(low, high]`` in km; by default `LagBins.covering` of the points.
    dissimilarity : {"cosine", "half_squared", "madogram", "rodogram"}
        Of a pair: ``1 - cos``, ``|z - z'|^2 / 2``, ``|z - z'| / 2`` or ``|z - z'|^(1/2) / 2``. The last two show
        structure under outliers; their means are no semivariances, and their a-priori sill is not known (NaN).
    estimator : {"matheron", "cressie_hawkins", "dowd"}
        What ``semivariance`` is: the mean, or a robust estimate.
    dimension : float, optional
        Of the values, for the robust ones; by default 1 for scalars and `effective_dimension` for embeddings.
    metric : {"geodesic", "great_circle", "chord"}
        The lag: on the WGS84 ellipsoid; along or through a sphere of 6371.0088 km.
    patches : (n,) array of labels, optional
        Which patch a point belongs to, for `variogeo.inference.jackknife`: a column such as ``sequence``, or
        `variogeo.inference.kmeans_patches`. Sums are then kept for each pair of patches.
    exclude : (n,) array of labels, optional
        Pairs of points with the same label are left out: photos of one sequence, which are alike because they were
        taken by one camera within minutes. None, NaN and "" are no label. What is left out, by itself:
        ``variogeo.regions.grouped_variogram(lonlat, values, bins, labels).pooled``.
    weights : (n,) float array, optional
        Positive; a pair counts with the product of its two weights (`variogeo.sampling_bias`). The spread is then NaN.
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
    model_id : str, optional
        Name of the model that made the embeddings, such as ``points.model_id``: variograms of two do not add.

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
    from run to run. The first call ever compiles for half a minute and more.

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
    check_choice(dissimilarity, AnyDissimilarity, name="dissimilarity")
    check_choice(estimator, Estimator, name="estimator")
    check_text(model_id, name="model_id")
    on_device = is_torch(values) and values.device.type != "cpu"
    alone = not on_device and pairs is None and executor is None and resume is None
    if alone:
        _check_shape(values, spread=spread or any(marked is not None for marked in (patches, exclude, weights)))
    if bins is None:
        prepared_points(lonlat, metric)  # says what is wrong with the points, where bins could not
        bins = LagBins.covering(lonlat)
    check_bins(bins)
    _check_pairs(pairs, spread=spread, elsewhere=executor is not None or resume is not None)
    points = prepared_points(lonlat, metric)
    checked: Any = values if on_device else check_values(values, dissimilarity=dissimilarity)
    check_same_length(points, checked, names=("lonlat", "values"), item="photo")
    width = int(checked.shape[1]) if checked.ndim == 2 else 1
    marks = marks_of(len(points), patches=patches, exclude=exclude, weights=weights)
    _check_marks(marks, pairs, estimator, spread=spread)
    if dimension is not None:
        dimension = check_number(dimension, name="dimension", at_least=1.0)
    check_robust(estimator, dissimilarity)
    kind, sampling = cast("Dissimilarity", dissimilarity), None
    if on_device:
        _check_device(pairs, executor, resume, marks, dissimilarity)
        if estimator != "matheron" and dimension is None:
            msg = f"Invalid dimension None for {estimator} of a tensor on a device. Pass 1 for scalars, else a number."
            raise ValueError(msg)
        from variogeo._engine._torch import accumulate_on_device

        sums = accumulate_on_device(points, checked, kind, bins, spread=spread)
    else:
        if alone:
            check_cost(len(points), width, spread=spread or marks.given)
        terms = Terms.of(checked, dissimilarity)
        if estimator != "matheron" and dimension is None:
            dimension = _dimension_of(terms, checked, kind)
        sums, sampling = _sums(points, terms, bins, marks, pairs, spread=spread, executor=executor, resume=resume)
    check_filled(sums, bins)
    kept = PatchSums(int(marks.patch.max()) + 1, len(bins), sums.classes) if marks.patch.size else None
    plain = replace(sums, classes=no_classes())
    return EmpiricalVariogram(bins, plain, dissimilarity, estimator, metric, sampling, kept, dimension, model_id, width)


def _sums(
    points: SpherePoints,
    terms: Terms,
    bins: LagBins,
    marks: Marks,
    pairs: Any,
    *,
    spread: bool,
    executor: Any,
    resume: Any,
) -> tuple[LagSums, PairSampling | None]:
    """Return the sums of all pairs, or of a sample of them, and how it was chosen."""
    if isinstance(pairs, StratifiedPairs):
        return accumulate_sample(points, terms, bins, pairs, marks)
    if not marks.weight.size:
        return accumulate(points, terms, bins, marks, spread=spread, executor=executor, resume=resume), None
    sums = accumulate(points, terms, bins, marks, spread=False, executor=executor, resume=resume)
    return weighted_sums(sums, terms, marks.weight), None


def _check_shape(values: Any, *, spread: bool) -> None:
    """Refuse too many pairs before anything of their size is made, where the values say how many they are."""
    shape = getattr(values, "shape", ())
    if len(shape) == 2:
        check_cost(*shape, spread=spread)


def _dimension_of(terms: Terms, values: Any, dissimilarity: Dissimilarity) -> float:
    """Return the effective dimension of values; equal ones have none, and need none."""
    varied = terms.width > 1 and terms.largest > 0
    return effective_dimension(values, dissimilarity=dissimilarity) if varied else 1.0


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


def _check_marks(marks: Marks, pairs: Any, estimator: Estimator, *, spread: bool) -> None:
    """Refuse marks that do not go with a sample or an estimator."""
    if isinstance(pairs, StratifiedPairs) and (marks.group.size or marks.weight.size):
        msg = "Invalid exclude or weights with sampled pairs, which are chosen without them. Use all pairs."
        raise ValueError(msg)
    if estimator != "matheron" and (marks.weight.size or not spread):
        msg = (
            f"Invalid estimator {estimator!r} with weights or spread=False, which keep no single pairs. Use 'matheron'."
        )
        raise ValueError(msg)


def _check_device(pairs: Any, executor: Any, resume: Any, marks: Marks, dissimilarity: AnyDissimilarity) -> None:
    """Refuse what values on a device cannot do."""
    if isinstance(pairs, StratifiedPairs) or executor is not None or resume is not None:
        msg = (
            "Invalid pairs, executor or resume for a tensor on a device, which runs there. Pass values.cpu() for them."
        )
        raise ValueError(msg)
    if marks.given or dissimilarity not in get_args(Dissimilarity):
        msg = (
            "Invalid patches, exclude, weights or dissimilarity for a tensor on a device, which knows sums of all "
            "pairs only. Pass values.cpu() for them."
        )
        raise ValueError(msg)
