"""The cross-variogram of two fields at the same places: `cross_variogram`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from variogeo._cards import cross_html
from variogeo._checks import Dissimilarity, check_choice, check_number, check_same_length, check_values
from variogeo._distances import Metric
from variogeo._empirical import EmpiricalVariogram
from variogeo._engine import Terms
from variogeo._estimation import empirical_variogram
from variogeo._lags import LagBins

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class CrossVariogram:
    r"""How two fields change together with lag. Made by `cross_variogram`.

    Attributes
    ----------
    first, second : EmpiricalVariogram
        Of each field by itself.
    sum : EmpiricalVariogram
        Of the field ``first + factor * second``.
    factor : float
        A power of two that brings the second field to the size of the first one.
    """

    first: EmpiricalVariogram
    second: EmpiricalVariogram
    sum: EmpiricalVariogram
    factor: float = 1.0

    def __post_init__(self) -> None:
        for name in ("first", "second", "sum"):
            one = getattr(self, name)
            if not isinstance(one, EmpiricalVariogram):
                msg = f"Invalid {name} of type {type(one).__name__}. Must be EmpiricalVariogram."
                raise TypeError(msg)
            same = one.bins == self.first.bins and one.metric == self.first.metric
            if not same or not np.array_equal(one.npairs, self.first.npairs):
                msg = f"Invalid {name} of other bins, metric or pairs than first. Must be of the same places."
                raise ValueError(msg)
        object.__setattr__(self, "factor", check_number(self.factor, name="factor", above=0.0))

    @property
    def bins(self) -> LagBins:
        """The lag bins."""
        return self.first.bins

    @property
    def npairs(self) -> NDArray[np.int64]:
        """Number of pairs per bin."""
        return self.first.npairs

    @property
    def lag(self) -> NDArray[np.float64]:
        """Mean lag of the pairs of each bin; NaN where a bin is empty. Units: km."""
        return self.first.lag

    @property
    def semivariance(self) -> NDArray[np.float64]:
        """Cross-semivariance per bin, of either sign; NaN where a bin is empty.

        Definition: half the mean over the pairs of ``(a_i - a_j) . (b_i - b_j)``.
        """
        own = self.first.semivariance + self.factor**2 * self.second.semivariance
        return (self.sum.semivariance - own) / (2 * self.factor)

    @property
    def codispersion(self) -> NDArray[np.float64]:
        """Correlation of the differences of the two fields per bin, -1 to 1; NaN where either does not vary.

        Definition: cross-semivariance over the root of the product of the two semivariances (Matheron 1965).
        """
        product = self.first.semivariance * self.second.semivariance
        root = np.sqrt(np.where(product > 0, product, np.nan))
        return np.clip(self.semivariance / root, -1.0, 1.0)

    def to_frame(self) -> "pd.DataFrame":
        """Return a pandas DataFrame, one row per bin: limits, npairs, lag, the three semivariances, codispersion."""
        import pandas as pd

        return pd.DataFrame({"low": self.bins.low, "high": self.bins.high, **self._columns})

    @property
    def _columns(self) -> dict[str, Any]:
        """What is measured, by name."""
        return {
            "npairs": self.npairs,
            "lag": self.lag,
            "semivariance": self.semivariance,
            "first": self.first.semivariance,
            "second": self.second.semivariance,
            "codispersion": self.codispersion,
        }

    def __repr__(self) -> str:
        return (
            f"<CrossVariogram: {len(self.bins)} bins {self.bins.edges[0]:g}..{self.bins.edges[-1]:g} km, "
            f"{self.npairs.sum()} pairs, {self.first.dissimilarity}, {self.first.metric}>"
        )

    def __str__(self) -> str:
        lines = [
            repr(self),
            "       low      high      npairs       lag  semivariance     first    second  codispersion",
        ]
        columns = zip(self.bins.low, self.bins.high, *self._columns.values(), strict=True)
        for low, high, npairs, lag, semivariance, first, second, codispersion in columns:
            lines.append(
                f"{low:10.4g}{high:10.4g}{npairs:12d}{lag:10.4g}{semivariance:14.5g}{first:10.4g}{second:10.4g}"
                f"{codispersion:14.3f}"
            )
        return "\n".join(lines)

    _repr_html_ = cross_html


def cross_variogram(
    lonlat: Any,
    first: Any,
    second: Any,
    bins: LagBins,
    *,
    dissimilarity: Dissimilarity = "cosine",
    metric: Metric = "geodesic",
) -> CrossVariogram:
    r"""Return the cross-variogram of two fields at the same places.

    .. math:: \hat\gamma_{ab}(k) = \frac{1}{2 N_k} \sum_{(i,j) \in k} (a_i - a_j) \cdot (b_i - b_j)

    It says at which lags the two change together: the embeddings of photos and of their positions, or two scalars.

    Parameters
    ----------
    lonlat : (n, 2) float array, degrees
        Longitude then latitude, WGS84.
    first, second : (n, d) float array or (n,) array
        The two fields, with equal d: both in one space, as the two towers of a contrastive model are.
    bins : LagBins
    dissimilarity : {"cosine", "half_squared"}
        ``"cosine"`` normalises the rows of both fields first; ``"half_squared"`` takes them as they are.
    metric : {"geodesic", "great_circle", "chord"}

    Returns
    -------
    CrossVariogram

    Raises
    ------
    ValueError
        For fields of other widths, and whatever `empirical_variogram` refuses.

    Notes
    -----
    By polarisation, ``(gamma_{a+b} - gamma_a - gamma_b) / 2``: three runs with ``spread=False``. The second field is
    brought to the size of the first one by a power of two before they are added, and the result divided by it.
    The sum of the fields is formed in memory, in float64. A turn of one space against the other changes the result:
    fields of two models need a common space, e.g. by Procrustes analysis. Pairs at zero lag are left out.

    References
    ----------
    .. [1] Matheron, G. (1965). Les variables regionalisees et leur estimation. Masson, Paris.
    .. [2] Wackernagel, H. (2003). Multivariate Geostatistics, 3rd ed. Springer.

    Examples
    --------
    A second field that is the first one turned around, and half as long:

    >>> import numpy as np
    >>> from variogeo import LagBins, cross_variogram
    >>> lonlat = np.array([[0.0, 0.0], [0.0, 1.0], [0.0, 3.0]])
    >>> first = np.array([0.0, 2.0, 3.0])
    >>> cross = cross_variogram(lonlat, first, -first / 2, LagBins([0, 150, 400]), dissimilarity="half_squared")
    >>> cross.semivariance, cross.codispersion
    (array([-1.  , -1.25]), array([-1., -1.]))
    """
    check_choice(dissimilarity, Dissimilarity, name="dissimilarity")
    one = check_values(first, dissimilarity=dissimilarity, name="first")
    other = check_values(second, dissimilarity=dissimilarity, name="second")
    check_same_length(one, other, names=("first", "second"), item="photo")
    if one.shape != other.shape:
        msg = (
            f"first has shape {one.shape} but second {other.shape}. Must be equal: bring both into one space, "
            "e.g. to their first principal components, turned onto each other by Procrustes analysis."
        )
        raise ValueError(msg)
    options: dict[str, Any] = {"metric": metric, "spread": False}
    gamma_one = empirical_variogram(lonlat, one, bins, dissimilarity=dissimilarity, **options)
    gamma_other = empirical_variogram(lonlat, other, bins, dissimilarity=dissimilarity, **options)
    factor = _factor(gamma_one.sill_apriori, gamma_other.sill_apriori)
    both = _sum(Terms.of(one, dissimilarity), Terms.of(other, dissimilarity), factor)
    gamma_both = empirical_variogram(lonlat, both, bins, dissimilarity="half_squared", **options)
    return CrossVariogram(gamma_one, gamma_other, gamma_both, factor)


def _factor(first: float, second: float) -> float:
    """Return the power of two that brings the root of the second sill near that of the first one."""
    return float(2.0 ** np.round((np.log2(first) - np.log2(second)) / 2)) if first > 0 and second > 0 else 1.0


def _sum(first: Terms, second: Terms, factor: float) -> NDArray[np.float64]:
    """Return the rows of the first field plus ``factor`` times those of the second one."""
    both = np.empty((len(first), first.width))
    # Less the middle of each: a large mean would cost the sum its digits.
    for (some, one), (_, other) in zip(first.centred_blocks(), second.centred_blocks(), strict=True):
        both[some] = one + factor * other
    return both
