"""A curve with and without weights, side by side: `compare_weights`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from variogeo._cards import weight_effect_html
from variogeo._checks import Dissimilarity
from variogeo._distances import Metric
from variogeo._empirical import EmpiricalVariogram
from variogeo._estimation import empirical_variogram
from variogeo._lags import LagBins
from variogeo._read_only import ReadOnlyArrays
from variogeo.sampling_bias._largest_shares import largest_shares

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class WeightComparison(ReadOnlyArrays):
    """An empirical variogram with and without weights. Made by `compare_weights`.

    Attributes
    ----------
    unweighted, weighted : EmpiricalVariogram
    largest_share, weighted_share : (bins,) float array
        Largest share of the pairs of each bin that involve one place, without and with weights; NaN where empty.
    """

    unweighted: EmpiricalVariogram
    weighted: EmpiricalVariogram
    largest_share: NDArray[np.float64]
    weighted_share: NDArray[np.float64]

    def __post_init__(self) -> None:
        for name in ("largest_share", "weighted_share"):
            shares = np.array(getattr(self, name), dtype=np.float64)
            shares.setflags(write=False)
            object.__setattr__(self, name, shares)

    @property
    def change(self) -> NDArray[np.float64]:
        """Weighted over unweighted semivariance, less 1; NaN where a bin is empty, or the unweighted one is 0."""
        plain = self.unweighted.semivariance
        return np.where(plain > 0, self.weighted.semivariance / np.where(plain > 0, plain, 1.0) - 1, np.nan)

    def to_frame(self) -> "pd.DataFrame":
        """Return a pandas DataFrame, one row per bin: both curves, their relative difference, the largest share."""
        frame = self.unweighted.to_frame().drop(columns="spread")
        frame["weighted_lag"] = self.weighted.lag
        frame["weighted_semivariance"] = self.weighted.semivariance
        frame["change"] = self.change
        frame["largest_share"], frame["weighted_share"] = self.largest_share, self.weighted_share
        return frame

    def __repr__(self) -> str:
        return f"<WeightComparison of {self.unweighted!r}>"

    def __str__(self) -> str:
        lines = [
            repr(self),
            "       low      high      npairs  semivariance  weighted    change  largest share  weighted",
        ]
        bins = self.unweighted.bins
        columns = (
            bins.low, bins.high, self.unweighted.npairs, self.unweighted.semivariance, self.weighted.semivariance,
            self.change, self.largest_share, self.weighted_share,
        )  # fmt: skip
        lines += [
            f"{low:10.4g}{high:10.4g}{npairs:12d}{plain:14.5g}{weighted:10.4g}{change:+10.1%}{share:15.1%}{own:10.1%}"
            for low, high, npairs, plain, weighted, change, share, own in zip(*columns, strict=True)
        ]
        sills = self.unweighted.sill_apriori, self.weighted.sill_apriori
        return "\n".join([*lines, f"a-priori sill: {sills[0]:.5g}, weighted {sills[1]:.5g}"])

    _repr_html_ = weight_effect_html


def compare_weights(
    lonlat: Any,
    values: Any,
    bins: LagBins,
    weights: Any,
    *,
    dissimilarity: Dissimilarity = "cosine",
    metric: Metric = "geodesic",
) -> WeightComparison:
    """Return the empirical variogram with and without weights, and how much one place dominates each bin.

    Parameters
    ----------
    lonlat, values, bins, dissimilarity, metric
        See `variogeo.empirical_variogram`.
    weights : (n,) float array
        E.g. from `density_weights` or `capped_weights`.

    Returns
    -------
    WeightComparison

    Raises
    ------
    ValueError, TypeError
        As `variogeo.empirical_variogram`.

    Notes
    -----
    Neither curve is the true one. Where they differ, the curve depends on which places were photographed how often.

    Examples
    --------
    >>> from variogeo import LagBins, datasets
    >>> from variogeo.sampling_bias import compare_weights, density_weights
    >>> lonlat, embeddings = datasets.geoclip_photos()
    >>> lonlat, embeddings = lonlat[:500], embeddings[:500]
    >>> both = compare_weights(lonlat, embeddings, LagBins.linear(0, 9000, 3), density_weights(lonlat, 100.0))
    >>> both.to_frame().shape
    (3, 10)
    """
    options: dict[str, Any] = {"dissimilarity": dissimilarity, "metric": metric}
    unweighted = empirical_variogram(lonlat, values, bins, **options)
    weighted = empirical_variogram(lonlat, values, bins, weights=weights, **options)
    shares = [largest_shares(lonlat, bins, weights=some, metric=metric) for some in (None, weights)]
    return WeightComparison(unweighted, weighted, *shares)
