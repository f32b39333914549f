"""From an empirical variogram to the curve that is fitted: which bins count, and how much."""

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import as_real_array, listed_rows
from variogeo._empirical import EmpiricalVariogram
from variogeo._leastsquares import Curve

Weights = Literal["equal", "npairs", "npairs_over_lag2", "npairs_over_semivariance2"]

_SINGULAR = 1e-10
"""Smallest eigenvalue of a correlation matrix, over the largest, at which its inverse is rounding."""


def curve_of(empirical: EmpiricalVariogram, weights: Any, covariance: Any) -> tuple[Curve, str]:
    """Return the bins that count, and the name of what weighs them."""
    if covariance is not None:
        if not (isinstance(weights, str) and weights == "npairs"):
            msg = f"Invalid weights {weights!r} beside a covariance, which weighs the bins itself. Leave weights out."
            raise ValueError(msg)
        return _with_covariance(empirical, covariance), "covariance"
    lag, npairs = empirical.lag, empirical.npairs.astype(np.float64)
    name = weights if isinstance(weights, str) else "given"
    if name == "given":
        weight = _given(empirical, weights)
    elif name in ("npairs", "npairs_over_semivariance2"):
        weight = npairs
    elif name == "npairs_over_lag2":
        weight = npairs / np.where(npairs > 0, lag, 1.0) ** 2
    elif name == "equal":
        weight = np.ones_like(lag)
    else:
        members = ", ".join(repr(member) for member in get_args(Weights))
        msg = f"Invalid weights {weights!r}. Must be one of {members}, or an array with one number per bin."
        raise ValueError(msg)
    used = (npairs > 0) & (weight > 0)
    if not used.any():
        msg = "No bin with pairs has a weight above zero. Use bins that hold pairs, and give them weights."
        raise ValueError(msg)
    return Curve(lag[used], empirical.semivariance[used], np.sqrt(weight[used] / weight[used].mean())), name


def _given(empirical: EmpiricalVariogram, weights: Any) -> NDArray[np.float64]:
    """Return the weights of the user, 0 for bins without pairs whatever they are there."""
    weight = as_real_array(weights, name="weights").astype(np.float64)
    if weight.shape != empirical.npairs.shape:
        msg = f"Invalid weights of shape {weight.shape}. Must be ({len(empirical.npairs)},): one number per bin."
        raise ValueError(msg)
    weight = np.where(empirical.npairs > 0, weight, 0.0)
    bad = np.flatnonzero(~np.isfinite(weight) | (weight < 0))
    if bad.size:
        msg = (
            f"weights is negative, NaN or infinite in {bad.size} bins with pairs: {listed_rows(bad)}. "
            "Must be one finite number >= 0 per bin, e.g. 1 / standard_error**2; 0 leaves a bin out."
        )
        raise ValueError(msg)
    return weight


def _with_covariance(empirical: EmpiricalVariogram, covariance: Any) -> Curve:
    """Return the bins with pairs and a variance, and the inverse of the Cholesky factor of their covariance."""
    from scipy.linalg import solve_triangular

    matrix = as_real_array(covariance, name="covariance").astype(np.float64)
    count = len(empirical.npairs)
    if matrix.shape != (count, count):
        msg = f"Invalid covariance of shape {matrix.shape}. Must be ({count}, {count}): bins by bins."
        raise ValueError(msg)
    used = (empirical.npairs > 0) & ~np.isnan(np.diag(matrix))
    if not used.any():
        msg = "No bin with pairs has a variance: the diagonal of the covariance is NaN there. Use wider bins."
        raise ValueError(msg)
    matrix = matrix[np.ix_(used, used)]
    bins = np.flatnonzero(used)
    bad = bins[~np.isfinite(matrix).all(axis=1) | ~(np.diag(matrix) > 0)]
    if bad.size:
        msg = (
            f"covariance is not finite, or its variance is not above zero, in {bad.size} bins: {listed_rows(bad)}. "
            "A bin whose variance is NaN is left out."
        )
        raise ValueError(msg)
    spread = np.sqrt(np.diag(matrix))
    correlation = matrix / np.outer(spread, spread)
    if not np.allclose(correlation, correlation.T, rtol=0, atol=1e-8):
        msg = "Invalid covariance: it is not symmetric. Must equal its transpose."
        raise ValueError(msg)
    correlation = (correlation + correlation.T) / 2
    eigenvalues = np.linalg.eigvalsh(correlation)
    if eigenvalues[0] < _SINGULAR * eigenvalues[-1]:
        msg = (
            f"The covariance of {len(spread)} bins is singular: it comes from no more patches than bins, or some bins "
            "repeat others. Use more patches than bins, fewer bins, or weights=1 / standard_error**2."
        )
        raise ValueError(msg)
    factor = np.linalg.cholesky(correlation)
    root = solve_triangular(factor, np.diag(1 / spread), lower=True)
    return Curve(empirical.lag[used], empirical.semivariance[used], root)
