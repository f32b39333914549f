"""From pairs whose lag is known to an empirical variogram: `variogram_from_pairs`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import LARGEST_SCALAR, as_real_array, check_same_length
from variogeo._empirical import EmpiricalVariogram
from variogeo._engine import LagSums, sums_of_pairs
from variogeo._estimators import Estimator
from variogeo._lags import LagBins


def variogram_from_pairs(
    lag: Any, dissimilarity: Any, bins: LagBins, *, estimator: Estimator = "matheron", dimension: float | None = None
) -> EmpiricalVariogram:
    """Return the empirical variogram of pairs whose lag the user already has.

    For planar, network or travel-time distances.

    Parameters
    ----------
    lag : (m,) float array
        Distance of each pair, in the unit of ``bins``; not negative.
    dissimilarity : (m,) float array
        ``1 - cos(u, v)`` or ``(z - z')^2 / 2`` of each pair: the half is the caller's.
    bins : LagBins
    estimator : {"matheron", "cressie_hawkins", "dowd"}
        What ``semivariance`` is: the mean, or a robust estimate.
    dimension : float, optional
        Of the values, which robust estimates depend on: 1 for scalars.

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
    check_bins(bins)
    lags, terms = _pair_column(lag, "lag"), _pair_column(dissimilarity, "dissimilarity")
    check_same_length(lags, terms, names=("lag", "dissimilarity"), item="pair")
    # A pair stands for its two orders, as in the ordered pairs that the a-priori sill averages.
    sums = sums_of_pairs(lags, terms, bins, total_npairs=2 * len(terms), total_term=2 * float(terms.sum()))
    check_filled(sums, bins)
    return EmpiricalVariogram(bins, sums, "given", estimator, "given", dimension=dimension)


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


def check_bins(bins: Any) -> None:
    """Refuse anything but LagBins."""
    if not isinstance(bins, LagBins):
        msg = f"Invalid bins of type {type(bins).__name__}. Must be LagBins, e.g. LagBins(edges)."
        raise TypeError(msg)


def check_filled(sums: LagSums, bins: LagBins) -> None:
    """Refuse a variogram without a single pair in its bins."""
    if not sums.npairs[1:].any():
        msg = (
            f"Every bin from {bins.edges[0]:g} to {bins.edges[-1]:g} km is empty. The lags lie outside: "
            "choose other edges; LagBins.covering(lonlat) suggests some. Or exclude= leaves out all pairs inside."
        )
        raise ValueError(msg)
