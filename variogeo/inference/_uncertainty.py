"""CurveUncertainty: a variogram with replicates of its curve, and the errors that follow from them."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from variogeo._cards import uncertainty_html
from variogeo._empirical import EmpiricalVariogram
from variogeo._patch_sums import PatchSums
from variogeo._read_only import ReadOnlyArrays
from variogeo.inference._intervals import check_level, on_log_scale, student_quantile

if TYPE_CHECKING:
    import pandas as pd

Method = Literal["jackknife", "bootstrap"]

FEW_PATCHES = 10.0
"""Below this effective number of patches a standard error is itself uncertain by more than a quarter."""

_MOST_EMPTY = {"jackknife": 0.0, "bootstrap": 0.05}
"""Share of the replicates in which a bin may be empty. A bin that one patch alone fills has no jackknife error."""


@dataclass(frozen=True, eq=False, repr=False)
class CurveUncertainty(ReadOnlyArrays):
    """A variogram with replicates of its curve. Made by `jackknife` or `bootstrap`.

    Attributes
    ----------
    empirical : EmpiricalVariogram
        The variogram of all patches.
    replicates : (R, bins) float array
        Semivariances with a patch left out, or with patches drawn anew; NaN where a bin is then empty.
    lags : (R, bins) float array, km
        Mean lags of the replicates; NaN where a bin is empty.
    method : {"jackknife", "bootstrap"}
    across : str
        What became of pairs with one point in a patch that was left out or drawn.

    Notes
    -----
    A bin that is empty in any replicate of a jackknife, or in more than 5 % of those of a bootstrap, or of which fewer
    than two patches hold the pairs (`effective_patches`), has NaN for its errors and its band.

    Examples
    --------
    >>> from variogeo import LagBins, datasets, empirical_variogram
    >>> from variogeo.inference import jackknife, kmeans_patches
    >>> lonlat, embeddings = datasets.geoclip_photos()
    >>> patches = kmeans_patches(lonlat[:500], 25)
    >>> bins = LagBins.logarithmic(100, 10_000, 4)
    >>> uncertainty = jackknife(empirical_variogram(lonlat[:500], embeddings[:500], bins, patches=patches))
    >>> uncertainty.npatches, uncertainty.band().shape
    (25, (4, 2))
    """

    empirical: EmpiricalVariogram
    replicates: NDArray[np.float64]
    lags: NDArray[np.float64]
    method: Method
    across: str

    def __post_init__(self) -> None:
        for name in ("replicates", "lags"):
            array = np.array(getattr(self, name), dtype=np.float64)
            if array.ndim != 2 or array.shape[1] != len(self.empirical.bins) or len(array) < 2:
                msg = f"Invalid {name} of shape {array.shape}. Must be (R, {len(self.empirical.bins)}) with R > 1."
                raise ValueError(msg)
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        patches_of(self.empirical, self.method)

    @property
    def npatches(self) -> int:
        """Number of patches."""
        return patches_of(self.empirical, self.method).count

    @property
    def effective_patches(self) -> NDArray[np.float64]:
        """Number of patches of equal size that would share out the pairs of each bin as evenly; NaN where empty.

        Definition: ``(sum s)^2 / sum s^2`` over the patches, with ``s`` the weight of the pairs that have a point in
        the patch (Kish 1965). Far fewer than `npatches` where a few dense places hold most of the pairs.
        """
        return effective_number(_touched(patches_of(self.empirical, self.method)))

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Whether a bin has errors."""
        empty = np.isnan(self.replicates).mean(axis=0)
        # A comparison with NaN is false: an empty bin has no patches.
        return (empty <= _MOST_EMPTY[self.method]) & (self.effective_patches >= 2)

    @property
    def reliable(self) -> NDArray[np.bool_]:
        """Whether a bin has errors from ten or more effective patches. Fewer widen the band, and are marked."""
        return self.usable & (self.effective_patches >= FEW_PATCHES)

    @property
    def deviations(self) -> NDArray[np.float64]:
        """The (R, bins) deviations whose cross products add to the covariance; NaN where a bin is not usable."""
        deviations = np.full(self.replicates.shape, np.nan)
        used = self.replicates[:, self.usable]
        away = used - np.nanmean(used, axis=0) if used.size else used
        count = len(used)
        factor = (count - 1) / count if self.method == "jackknife" else 1 / (count - 1)
        deviations[:, self.usable] = np.sqrt(factor) * np.where(np.isnan(away), 0.0, away)
        return deviations

    @property
    def covariance(self) -> NDArray[np.float64]:
        """The (bins, bins) covariance of the semivariances; NaN where a bin is not usable.

        Definition: ``(R - 1) / R sum d d'`` of a jackknife, ``1 / (R - 1) sum d d'`` of a bootstrap, with the
        deviations ``d`` of the replicates from their mean. Its rank is at most ``R - 1``.
        """
        return self.deviations.T @ self.deviations

    @property
    def inflated_covariance(self) -> NDArray[np.float64]:
        """The covariance for generalised least squares: ``fit_variogram(..., covariance=...)``.

        Definition: ``(P - 1) / (P - m - 2)`` times `covariance` of the m usable bins, because the inverse of a
        covariance that is estimated from P patches is too large by that (Hartlap et al. 2007); replicates of a
        bootstrap add none. Its fits are worth it with several times as many patches as bins; with fewer
        ``weights=1 / standard_error**2`` is safer.
        """
        count, bins = self.npatches, int(self.usable.sum())
        if count <= bins + 2:
            msg = (
                f"{count} patches do not tell, for {bins} usable bins, the inverse of the covariance. "
                "Use more patches, fewer bins, or weights=1 / standard_error**2."
            )
            raise ValueError(msg)
        return self.covariance * (count - 1) / (count - bins - 2)

    @property
    def standard_error(self) -> NDArray[np.float64]:
        """Standard error of each semivariance; NaN where a bin is not usable."""
        return np.sqrt(np.square(self.deviations).sum(axis=0))

    @property
    def correlation(self) -> NDArray[np.float64]:
        """The (bins, bins) correlation of the semivariances; NaN where a bin is not usable or without error."""
        error = self.standard_error
        error = np.where(error > 0, error, np.nan)
        return self.covariance / np.outer(error, error)

    def band(self, level: float = 0.95) -> NDArray[np.float64]:
        r"""Return the lower and upper limit of each semivariance: (bins, 2), NaN where a bin is not usable.

        Of a jackknife :math:`\hat\gamma \exp(\pm t\, s / \hat\gamma)` with the standard error ``s`` and the quantile
        ``t`` of Student's distribution with the effective number of patches less one as degrees of freedom; of a
        bootstrap the quantiles of the replicates.

        Parameters
        ----------
        level : float
            Between 0 and 1: the share of such bands that cover the truth, at each bin by itself.

        Notes
        -----
        The limits hold for each bin, not for all at once.
        """
        tail = (1 - check_level(level)) / 2
        usable, band = self.usable, np.full((len(self.empirical.bins), 2), np.nan)
        if not usable.any():
            return band
        if self.method == "bootstrap":
            band[usable] = np.nanquantile(self.replicates[:, usable], [tail, 1 - tail], axis=0).T
            return band
        semivariance, error = self.empirical.semivariance[usable], self.standard_error[usable]
        t = student_quantile(1 - tail, self.effective_patches[usable] - 1)
        band[usable] = on_log_scale(semivariance, error, t)
        return band

    def replicate(self, number: int) -> EmpiricalVariogram:
        """Return a replicate as an empirical variogram, e.g. to fit a model to it.

        It has the pairs of `empirical`, as far as a bin is filled, so that weights by number of pairs are the same.
        """
        semivariance, lag = self.replicates[number], self.lags[number]
        filled = np.append(False, np.isfinite(semivariance))
        sums = self.empirical.sums
        weight = np.where(filled, sums.npairs, 0.0)
        changed = replace(
            sums,
            npairs=np.where(filled, sums.npairs, 0),
            weight=weight,
            lag=weight * np.append(0.0, np.where(filled[1:], lag, 0.0)),
            term=weight * np.append(0.0, np.where(filled[1:], semivariance, 0.0)),
        )
        return replace(self.empirical, sums=changed, patches=None)

    def to_frame(self, level: float = 0.95) -> "pd.DataFrame":
        """Return a pandas DataFrame, one row per bin: that of `empirical`, with errors and band."""
        frame = self.empirical.to_frame()
        frame["standard_error"] = self.standard_error
        frame["lower"], frame["upper"] = self.band(level).T
        frame["effective_patches"] = self.effective_patches
        return frame

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, CurveUncertainty)
            and (self.empirical, self.method, self.across) == (other.empirical, other.method, other.across)
            and np.array_equal(self.replicates, other.replicates, equal_nan=True)
            and np.array_equal(self.lags, other.lags, equal_nan=True)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return (
            f"<CurveUncertainty: {self.method} of {self.npatches} patches, {len(self.replicates)} replicates, "
            f"{len(self.empirical.bins)} bins>"
        )

    def __str__(self) -> str:
        lines = [
            repr(self),
            "       low      high       lag  semivariance  standard_error     lower     upper  patches",
        ]
        empirical = self.empirical
        columns = zip(
            empirical.bins.low, empirical.bins.high, empirical.lag, empirical.semivariance, self.standard_error,
            *self.band().T, self.effective_patches, self.reliable, strict=True,
        )  # fmt: skip
        for low, high, lag, semivariance, error, lower, upper, patches, reliable in columns:
            mark = "" if reliable else " *"
            lines.append(
                f"{low:10.4g}{high:10.4g}{lag:10.4g}{semivariance:14.5g}{error:16.3g}"
                f"{lower:10.4g}{upper:10.4g}{patches:9.1f}{mark}"
            )
        if not self.reliable.all():
            lines.append(f"* fewer than {FEW_PATCHES:g} effective patches: the error is itself uncertain, or unknown")
        return "\n".join(lines)

    _repr_html_ = uncertainty_html


def patches_of(empirical: Any, method: str) -> PatchSums:
    """Return the sums per pair of patches of a variogram, or refuse one without them."""
    if not isinstance(empirical, EmpiricalVariogram):
        msg = (
            f"Invalid empirical of type {type(empirical).__name__}. "
            "Must be an EmpiricalVariogram: make one with empirical_variogram."
        )
        raise TypeError(msg)
    if empirical.patches is None:
        msg = (
            f"This variogram has no patches, which a {method} leaves out or draws. Make it with "
            "empirical_variogram(..., patches=labels); variogeo.inference.kmeans_patches makes labels."
        )
        raise ValueError(msg)
    if empirical.patches.count < 2:
        msg = f"This variogram has {empirical.patches.count} patch. Must have at least 2, better 20 to 50."
        raise ValueError(msg)
    if empirical.estimator != "matheron":
        msg = (
            f"Invalid estimator {empirical.estimator!r} for a {method}: only means add over patches. "
            "Make the variogram with estimator='matheron'."
        )
        raise ValueError(msg)
    return empirical.patches


def effective_number(touched: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``(sum s)^2 / sum s^2`` over the first axis; NaN where all are 0 (Kish 1965)."""
    square = np.square(touched).sum(axis=0)
    return np.where(square > 0, touched.sum(axis=0) ** 2 / np.where(square > 0, square, 1.0), np.nan)


def pooled_patches(uncertainty: CurveUncertainty) -> float:
    """Return the effective number of patches of the pairs of all usable bins together."""
    touched = _touched(patches_of(uncertainty.empirical, uncertainty.method))
    return float(effective_number(touched[:, uncertainty.usable].sum(axis=1)))


def _touched(patches: PatchSums) -> NDArray[np.float64]:
    """Return the (patches, bins) weight of the pairs that have a point in each patch."""
    return patches.within[:, 1] + patches.across[:, 1]
