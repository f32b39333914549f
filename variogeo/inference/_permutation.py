"""Is there any spatial autocorrelation: `permutation_test`, and PermutationEnvelope, what it returns."""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from variogeo._cards import permutation_html
from variogeo._checks import Dissimilarity, check_whole
from variogeo._cores import usable_cores
from variogeo._distances import Metric
from variogeo._lags import LagBins
from variogeo._prepared import prepared
from variogeo._read_only import ReadOnlyArrays
from variogeo.inference._envelope import GlobalEnvelope, envelope
from variogeo.inference._place_pairs import PlacePairs

if TYPE_CHECKING:
    import pandas as pd

_LEAST = 19
"""Permutations from which a p-value can reach 0.05."""

_ROUNDING = 1e-6
"""That of ``1 - level``, which must not ask for one permutation more."""

_AT_ONCE = 32
"""Permutations that go through the pairs together: their 16-bit numbers stay in the cache up to 15 000 places."""


@dataclass(frozen=True, eq=False, repr=False)
class PermutationEnvelope(ReadOnlyArrays):
    """An empirical variogram among those of permuted places. Made by `permutation_test`.

    Attributes
    ----------
    bins : LagBins
    lag : (bins,) float array, km
        Mean lag of the pairs of each bin; NaN where a bin is empty.
    semivariance : (bins,) float array
        The observed curve.
    curves : (permutations, bins) float array
        The curves of the permutations.
    seed : int
        Of the permutations.
    level : float
        Of the envelope; ``dataclasses.replace(result, level=0.9)`` gives another one without a new test.
    """

    bins: LagBins
    lag: NDArray[np.float64]
    semivariance: NDArray[np.float64]
    curves: NDArray[np.float64]
    seed: int
    level: float = 0.95

    def __post_init__(self) -> None:
        for name in ("lag", "semivariance", "curves"):
            array = np.array(getattr(self, name), dtype=np.float64)
            array.setflags(write=False)
            object.__setattr__(self, name, array)
            if array.shape[-1:] != (len(self.bins),):
                msg = f"{name} has shape {array.shape} but bins has {len(self.bins)} bins. One number per bin in both."
                raise ValueError(msg)
        object.__setattr__(self, "level", self._envelope.level)

    @cached_property
    def _envelope(self) -> GlobalEnvelope:
        """The envelope of the curves."""
        return envelope(self.semivariance, self.curves, level=self.level)

    @property
    def low(self) -> NDArray[np.float64]:
        """Lower limit of the global envelope per bin; NaN where empty. Definition: `envelope`."""
        return self._envelope.low

    @property
    def high(self) -> NDArray[np.float64]:
        """Upper limit of the global envelope per bin; NaN where empty. Definition: `envelope`."""
        return self._envelope.high

    @property
    def central(self) -> NDArray[np.float64]:
        """Mean of the permutations per bin: the curve to expect if place does not matter."""
        return self._envelope.central

    @property
    def p_value(self) -> float:
        """One p-value for the whole curve: at most ``1 - level`` if and only if the curve leaves the envelope."""
        return self._envelope.p_value

    @property
    def p_per_bin(self) -> NDArray[np.float64]:
        """Two-sided p-value of each bin by itself: not adjusted for their number."""
        return self._envelope.p_per_bin

    @property
    def p_holm(self) -> NDArray[np.float64]:
        """Two-sided p-value of each bin, adjusted for their number by Holm."""
        return self._envelope.p_holm

    @property
    def outside(self) -> NDArray[np.bool_]:
        """Which bins of the observed curve are outside the envelope; False where empty."""
        return (self.semivariance < self.low) | (self.semivariance > self.high)

    @property
    def permutations(self) -> int:
        """Number of permutations."""
        return len(self.curves)

    def to_frame(self) -> "pd.DataFrame":
        """Return a pandas DataFrame, one row per bin: its limits, the curve, the envelope and both p-values."""
        import pandas as pd

        return pd.DataFrame(
            {
                "low": self.bins.low,
                "high": self.bins.high,
                "lag": self.lag,
                "semivariance": self.semivariance,
                "envelope_low": self.low,
                "envelope_high": self.high,
                "central": self.central,
                "p_per_bin": self.p_per_bin,
                "p_holm": self.p_holm,
            }
        )

    def __repr__(self) -> str:
        return (
            f"<PermutationEnvelope: p = {self.p_value:.4g}, {self.permutations} permutations, "
            f"{len(self.bins)} bins {self.bins.edges[0]:g}..{self.bins.edges[-1]:g} km, seed {self.seed}>"
        )

    def __str__(self) -> str:
        lines = [repr(self), "       low      high       lag  semivariance       envelope (low, high)    p Holm"]
        rows = zip(
            self.bins.low, self.bins.high, self.lag, self.semivariance, self.low, self.high, self.p_holm, self.outside,
            strict=True,
        )  # fmt: skip
        for low, high, lag, semivariance, bottom, top, p, outside in rows:
            mark = " *" if outside else ""
            lines.append(
                f"{low:10.4g}{high:10.4g}{lag:10.4g}{semivariance:14.5g}{bottom:14.5g}{top:13.5g}{p:10.4g}{mark}"
            )
        if self.outside.any():
            lines.append(f"* outside the global envelope of level {self.level:g}")
        return "\n".join([*lines, *self._what_holm_cannot_tell()])

    def _what_holm_cannot_tell(self) -> list[str]:
        """Return what to know where no p-value by Holm can be small, lest it seem to contradict the envelope."""
        tests = int(np.count_nonzero(~np.isnan(self.p_holm)))
        enough = math.ceil(2 * tests / (1 - self.level) - _ROUNDING) - 1
        if self.permutations >= enough:
            return []
        smallest = min(1.0, 2 * tests / (self.permutations + 1))
        consequence = ", so it does not speak against the envelope" if self.outside.any() else ""
        return [
            f"p Holm: with {self.permutations} permutations of {tests} bins it cannot be below {smallest:.3g}"
            f"{consequence}.",
            f"For p Holm of {1 - self.level:.2g} take at least {enough:,} permutations.",
        ]

    _repr_html_ = permutation_html


def permutation_test(
    lonlat: Any,
    values: Any,
    bins: LagBins,
    *,
    dissimilarity: Dissimilarity = "cosine",
    metric: Metric = "geodesic",
    permutations: int = 999,
    seed: int = 0,
) -> PermutationEnvelope:
    r"""Return the empirical variogram among those of permuted places: a test of "no spatial autocorrelation".

    .. math:: \hat\gamma_\pi(k) = \frac{\sum_{(i,j) \in k} T_{\pi(i)\,\pi(j)}}
       {\sum_{(i,j) \in k} m_{\pi(i)}\, m_{\pi(j)}}

    with the sums ``T`` of the dissimilarities of all photos of one place with all of another, numbers of photos ``m``,
    and a random permutation ``pi`` of the places.

    Parameters
    ----------
    lonlat : (n, 2) float array, degrees
        Longitude then latitude, WGS84.
    values : (n, d) float array or (n,) array
        Embeddings, or scalars with ``dissimilarity="half_squared"``.
    bins : LagBins
    dissimilarity : {"cosine", "half_squared"}
    metric : {"geodesic", "great_circle", "chord"}
    permutations : int
        At least 19. The smallest p-value is ``1 / (permutations + 1)``.
    seed : int
        The same seed gives the same result, on any number of threads.

    Returns
    -------
    PermutationEnvelope
        With the global envelope of level 0.95.

    Raises
    ------
    ValueError
        For coordinates, values or bins that cannot give a variogram, and for places whose pairs do not fit into
        memory (some 23 900): take a random subset of them.
    TypeError
        For arrays that do not hold real numbers, or ``bins`` of another type.

    Notes
    -----
    **Whole places are exchanged**: the photos of one place (equal coordinates) stay together, because they are alike
    whatever the distance does. Exchanging single photos would find "autocorrelation" within places. Places that are
    near each other but not equal are exchanged on their own: for bursts along a street, give all photos of a burst
    one coordinate first.

    Pairs at zero lag are in no bin. The bin of each pair of places and their sums of dissimilarities are formed once;
    a permutation only picks them in another order. Memory: 7 bytes for each ordered pair of places. The sums of two
    places are float32, and added up in float64: the observed curve is that of `variogeo.empirical_variogram` to 1e-7.

    The p-value depends on the permutations drawn: near 0.05 by some 0.01 with 999 of them, by 0.02 and more with 99. A
    p-value of a bin by Holm cannot be below ``2 bins / (permutations + 1)``, so many bins need many permutations.

    A rejection says that some part of the curve is not what exchanged places give. It does not say that the bins
    outside the envelope are the only ones that matter. A trend across the whole area is autocorrelation, too.

    References
    ----------
    .. [1] Myllymäki, M. et al. (2017). Global envelope tests for spatial processes. J. R. Stat. Soc. B 79, 381-404.
    .. [2] Walker, D. D., Loftis, J. C. & Mielke, P. W. (1997). Permutation methods for determining the significance
       of spatial dependence. Math. Geology 29, 1011-1024.

    Examples
    --------
    >>> from variogeo import LagBins, datasets
    >>> from variogeo.inference import permutation_test
    >>> photos = datasets.geoclip_photos()
    >>> bins = LagBins.logarithmic(100, 10_000, 5)
    >>> result = permutation_test(photos.lonlat[:300], photos.embeddings[:300], bins, permutations=199)
    >>> result.p_value
    0.005
    >>> result.outside
    array([ True,  True,  True,  True,  True])
    """
    number = check_whole(permutations, name="permutations", at_least=_LEAST)
    start = check_whole(seed, name="seed", at_least=0)
    points, terms = prepared(lonlat, values, dissimilarity, metric)
    pairs = PlacePairs.of(points, terms, bins)
    if np.isnan(pairs.lag).all():
        msg = (
            f"Every bin from {bins.edges[0]:g} to {bins.edges[-1]:g} km is empty. The lags lie outside: "
            "choose other edges; LagBins.covering(lonlat) suggests some."
        )
        raise ValueError(msg)
    curves = _curves(pairs, number, start)
    return PermutationEnvelope(bins, pairs.lag, curves[0], curves[1:], start)


def _curves(pairs: PlacePairs, permutations: int, seed: int) -> NDArray[np.float64]:
    """Return the curve as it is, and of each permutation."""
    random = np.random.default_rng(seed)
    orders = np.empty((permutations + 1, len(pairs)), np.uint16)
    orders[0] = np.arange(len(pairs))
    for order in orders[1:]:
        order[:] = random.permutation(len(pairs))
    # Each permutation is summed by one thread, in the same order whatever the number of threads.
    with ThreadPoolExecutor(usable_cores(), thread_name_prefix="variogeo") as pool:
        parts = [orders[first : first + _AT_ONCE] for first in range(0, len(orders), _AT_ONCE)]
        sums, counts = zip(*pool.map(pairs.sums, parts), strict=True)
    counts = np.concatenate(counts)
    return np.where(counts > 0, np.concatenate(sums) / np.maximum(counts, 1), np.nan)
