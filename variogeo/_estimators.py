"""From sums to statistics: means, spread, robust estimates, errors. Functions of `LagSums`, bin 0 first."""

from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import Dissimilarity
from variogeo._engine import LagSums

Estimator = Literal["matheron", "cressie_hawkins", "dowd"]


def check_robust(estimator: str, dissimilarity: str) -> None:
    """Refuse a robust estimator of what is no half squared difference."""
    if estimator != "matheron" and dissimilarity not in (*get_args(Dissimilarity), "given"):
        msg = f"Invalid estimator {estimator!r} for {dissimilarity}, whose mean is robust. Use 'matheron'."
        raise ValueError(msg)


class Colocated(NamedTuple):
    """Bin 0: the pairs at zero lag, several photos of one place.

    Attributes
    ----------
    npairs : int
    semivariance : float
        Mean dissimilarity within a location; NaN without such pairs.
    spread : float
        Standard deviation of the dissimilarity; NaN without such pairs.
    """

    npairs: int
    semivariance: float
    spread: float


def mean_lag(sums: LagSums) -> NDArray[np.float64]:
    """Return the mean lag (km); NaN where a bin is empty."""
    return _means(sums.lag, sums)


def matheron(sums: LagSums) -> NDArray[np.float64]:
    """Return the mean dissimilarity; NaN where a bin is empty (Matheron 1963)."""
    return _means(sums.term, sums)


def spread(sums: LagSums) -> NDArray[np.float64]:
    """Return the standard deviation of the dissimilarity; NaN where a bin is empty or squares are not kept."""
    if not sums.has_spread:
        return np.full(len(sums.npairs), np.nan)
    return np.sqrt(np.clip(_means(sums.term_squared, sums) - matheron(sums) ** 2, 0, None))


def colocated(sums: LagSums) -> Colocated:
    """Return what the pairs at zero lag are."""
    return Colocated(int(sums.npairs[0]), float(matheron(sums)[0]), float(spread(sums)[0]))


def cressie_hawkins(sums: LagSums, dimension: float) -> NDArray[np.float64]:
    """Return the estimate of Cressie and Hawkins (1980, eq. 12) for increments in ``dimension`` directions."""
    from scipy.special import gammaln

    constant = 2 / dimension * np.exp(4 * (gammaln(dimension / 2 + 0.25) - gammaln(dimension / 2)))
    # The term is half the squared difference: its fourth root is 2^(-1/4) times the root of the difference.
    return _means(sums.term_root, sums) ** 4 / constant


def dowd(sums: LagSums, dimension: float) -> NDArray[np.float64]:
    """Return the estimate of Dowd (1984) for increments in ``dimension`` directions."""
    from scipy.stats import chi2

    return dimension / float(chi2.median(dimension)) * sums.histogram.quantiles(np.array([0.5]))[:, 0]


def error_of_sampling(sums: LagSums, population: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``s / sqrt(m) sqrt(1 - m / N)`` for m pairs chosen of N (Cochran 1977, eq. 2.20); NaN where m < 2 < N."""
    chosen = sums.npairs
    rest = np.clip(1 - chosen / np.maximum(population, 1), 0, None)
    # The spread divides by m, the standard deviation of a sample by m - 1.
    error = spread(sums) * np.sqrt(rest / np.maximum(chosen - 1, 1))
    return np.where((chosen > 1) | ((chosen > 0) & (rest == 0)), error, np.nan)


def _means(total: NDArray[np.float64], sums: LagSums) -> NDArray[np.float64]:
    """Return totals over counts or weights; NaN where a bin is empty or has no weight."""
    divisor = sums.divisor
    return np.where(divisor > 0, total / np.where(divisor > 0, divisor, 1), np.nan)
