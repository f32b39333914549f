"""How far two variograms differ: the spatial coherence of embeddings before and after training."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import check_choice, listed_rows
from variogeo._empirical import EmpiricalVariogram
from variogeo._model import VariogramModel

Aspect = Literal["curve", "shape"]
"""What of two variograms is compared: the curves as they are, or up to a common factor."""


def variogram_misfit(
    empirical: EmpiricalVariogram, reference: EmpiricalVariogram | VariogramModel, *, of: Aspect = "curve"
) -> float:
    r"""Return how far a variogram is from another one: the root mean square of the log ratio over the bins.

    .. math:: \sqrt{\frac1K \sum_k \log^2 \frac{\hat\gamma_k}{\gamma^{\text{ref}}_k}}

    Parameters
    ----------
    empirical : EmpiricalVariogram
    reference : EmpiricalVariogram or VariogramModel
        A variogram with the same bins, or a curve, which is taken at the mean lags of ``empirical``.
    of : {"curve", "shape"}
        ``"shape"`` takes the mean of the log ratio off first: curves that differ by a factor are then alike, as those
        of two feature spaces with another sill may be.

    Returns
    -------
    float
        0 for equal curves; 0.1 is 10 % off in a typical bin.

    Raises
    ------
    ValueError
        When the bins differ, when no bin holds pairs in both, and where a semivariance is 0, whose logarithm is
        infinite.

    Notes
    -----
    Bins without pairs in either do not count, all others alike: with logarithmic bins each scale has the same say,
    where weights by pairs would hear the largest lags only. A bin of few pairs is noise: use bins that hold some.
    It compares curves, not maps: embeddings that are rotated, or moved from one place to another, may have misfit 0.

    Examples
    --------
    >>> from variogeo import Exponential, LagBins, empirical_variogram
    >>> from variogeo.datasets import geoclip_photos
    >>> from variogeo.evaluation import variogram_misfit
    >>> lonlat, embeddings = geoclip_photos()
    >>> empirical = empirical_variogram(lonlat[:500], embeddings[:500], LagBins.logarithmic(10.0, 20_000.0, 8))
    >>> variogram_misfit(empirical, empirical)
    0.0
    >>> round(variogram_misfit(empirical, Exponential(nugget=0.4, partial_sill=0.5, effective_range=1000.0)), 2)
    0.17
    """
    check_choice(of, Aspect, name="of")
    if not isinstance(empirical, EmpiricalVariogram):
        msg = f"Invalid empirical of type {type(empirical).__name__}. Must be an EmpiricalVariogram."
        raise TypeError(msg)
    return log_misfit(empirical.semivariance, _semivariances(reference, empirical), of=of)


def log_misfit(semivariance: NDArray[np.float64], reference: NDArray[np.float64], *, of: Aspect) -> float:
    """Return the misfit of two curves over their bins; NaN is an empty bin."""
    filled = np.isfinite(semivariance) & np.isfinite(reference)
    if not filled.any():
        msg = "No bin holds pairs in both variograms. Use bins that both fill."
        raise ValueError(msg)
    zero = np.flatnonzero(filled & ((semivariance <= 0) | (reference <= 0)))
    if len(zero):
        msg = f"The semivariance is 0 in bins {listed_rows(zero)}. Their log ratio is infinite: use wider bins there."
        raise ValueError(msg)
    log_ratio = np.log(semivariance[filled] / reference[filled])
    if of == "shape":
        log_ratio = log_ratio - log_ratio.mean()
    return float(np.sqrt(np.mean(np.square(log_ratio))))


def _semivariances(reference: Any, empirical: EmpiricalVariogram) -> NDArray[np.float64]:
    """Return the reference's semivariance for each bin of a variogram."""
    if isinstance(reference, VariogramModel):
        return np.asarray(reference(empirical.lag), dtype=np.float64)
    if not isinstance(reference, EmpiricalVariogram):
        msg = f"Invalid reference of type {type(reference).__name__}. Must be an EmpiricalVariogram or a model."
        raise TypeError(msg)
    if not np.array_equal(reference.edges, empirical.edges):
        msg = "reference has other bins than empirical. Make both with the same LagBins."
        raise ValueError(msg)
    return reference.semivariance
