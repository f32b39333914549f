"""EmpiricalVariogram: the value, its sums and what follows from them."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from variogeo import _estimators
from variogeo._checks import check_choice, check_kinds, check_number
from variogeo._engine import LagSums
from variogeo._estimators import Estimator, check_robust
from variogeo._lags import LagBins, check_same_bins
from variogeo._pairs import PairSampling
from variogeo._patch_sums import PatchSums
from variogeo._provenance import checked_width, known_of_both
from variogeo._storage import encode, write_document
from variogeo._tables import frame_of, html_of, text_of

if TYPE_CHECKING:
    import pandas as pd

_HOW_MADE = ("dissimilarity", "estimator", "metric")
_KINDS = {"bins": LagBins, "sums": LagSums, **dict.fromkeys(_HOW_MADE, str)}
_OPTIONAL = {"sampling": PairSampling, "patches": PatchSums}


@dataclass(frozen=True, repr=False)
class EmpiricalVariogram:
    """Semivariance per lag bin, with the sums it comes from. Made by `empirical_variogram`.

    Values of the same kind add: ``a + b`` pools the pairs of both, and is refused when bins, metric,
    dissimilarity or estimator differ, or models or widths that are both known. Their patches are different ones.

    Attributes
    ----------
    bins : LagBins
    sums : LagSums
        The state: number of pairs and sums per bin. Everything else is derived from it.
    dissimilarity, estimator, metric : str
        How it was made; ``"given"`` for distances or dissimilarities that the user brought. All estimators follow
        from the same sums: ``dataclasses.replace(empirical, estimator="dowd", dimension=1)`` gives another view.
    sampling : PairSampling, optional
        The choice of pairs, where it was made of a sample; None for all pairs.
    patches : PatchSums, optional
        Sums per pair of patches, where it was made with ``patches=``: what a jackknife needs.
    dimension : float, optional
        Number of independent directions in which the values vary: what the constant of a robust estimator depends on.
    model_id : str, optional
        Name of the model that made the embeddings, where it was given.
    width : int, optional
        Entries of an embedding, 1 for scalars; None where it is not known.

    Examples
    --------
    >>> import numpy as np
    >>> from variogeo import LagBins, empirical_variogram
    >>> lonlat = np.array([[0.0, 0.0], [0.0, 0.05], [0.0, 0.9]])
    >>> vectors = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> empirical = empirical_variogram(lonlat, vectors, LagBins([0, 10, 100]))
    >>> empirical.npairs
    array([1, 2])
    >>> empirical.semivariance
    array([0., 1.])
    """

    bins: LagBins
    sums: LagSums
    dissimilarity: str
    estimator: str
    metric: str
    sampling: PairSampling | None = None
    patches: PatchSums | None = None
    dimension: float | None = None
    model_id: str | None = None
    width: int | None = None

    def __post_init__(self) -> None:
        check_kinds(self, _KINDS, optional=_OPTIONAL)
        needed = len(self.bins) + 1
        self.sums.check_state(needed)
        self._check_estimator()
        object.__setattr__(self, "width", checked_width(self.model_id, self.width))
        if self.sampling is not None and (size := len(self.sampling.population)) != needed:
            msg = f"sampling has {size} positions but bins needs {needed}: population. Must agree."
            raise ValueError(msg)

    def _check_estimator(self) -> None:
        """Refuse an estimator that the sums cannot give."""
        check_choice(self.estimator, Estimator, name="estimator")
        if self.estimator == "matheron":
            return
        self._check_spread(self.estimator)
        check_robust(self.estimator, self.dissimilarity)
        if self.dimension is None:
            msg = f"Invalid dimension None for {self.estimator}. Pass 1 for scalars, else effective_dimension(values)."
            raise ValueError(msg)
        object.__setattr__(self, "dimension", check_number(self.dimension, name="dimension", at_least=1.0))

    @property
    def edges(self) -> NDArray[np.float64]:
        """Edges of the bins ``(edges[k], edges[k+1]]``. Units: km."""
        return self.bins.edges

    @property
    def npairs(self) -> NDArray[np.int64]:
        """Number of pairs per bin."""
        return self.sums.npairs[1:]

    @property
    def lag(self) -> NDArray[np.float64]:
        """Mean lag of the pairs of each bin; NaN where a bin is empty. Units: km."""
        return _estimators.mean_lag(self.sums)[1:]

    @property
    def semivariance(self) -> NDArray[np.float64]:
        """Semivariance per bin; NaN where a bin is empty.

        Definition: by the estimator. Matheron: the mean over the pairs of ``1 - cos(u, v)`` or ``|z - z'|^2 / 2``, with
        their weights if they have any; `cressie_hawkins` and `dowd` are robust.
        """
        if self.dimension is not None and self.estimator == "cressie_hawkins":
            return self.cressie_hawkins(self.dimension)
        if self.dimension is not None and self.estimator == "dowd":
            return self.dowd(self.dimension)
        return _estimators.matheron(self.sums)[1:]

    @property
    def covariogram(self) -> NDArray[np.float64]:
        """Covariance per bin, as the a-priori sill less the semivariance; NaN where a bin is empty.

        Definition: ``sill_apriori - semivariance``. It is that of a stationary field, and inherits its sill.
        """
        return self.sill_apriori - self.semivariance

    @property
    def correlogram(self) -> NDArray[np.float64]:
        """Correlation per bin: 1 less Geary's c; NaN where a bin is empty.

        Definition: ``1 - semivariance / sill_apriori``; 0 where pairs are as dissimilar as any two.
        """
        return self.covariogram / self.sill_apriori

    @property
    def spread(self) -> NDArray[np.float64]:
        """Standard deviation of the dissimilarity within each bin (not an error bar); NaN where empty.

        NaN throughout with ``spread=False``, where whole parts of the Earth are summed at once and the dissimilarity
        of a single pair is never formed.
        """
        return _estimators.spread(self.sums)[1:]

    def quantiles(self, probabilities: Sequence[float] = (0.25, 0.5, 0.75)) -> NDArray[np.float64]:
        """Return quantiles of the dissimilarity per bin, one column per probability; NaN where a bin is empty.

        From counts in cells 2 to 3 % wide, linear within a cell: right to 3 % of the quantile, usually to 0.1 %.

        Parameters
        ----------
        probabilities : sequence of float
            Between 0 and 1.

        Raises
        ------
        ValueError
            For a probability outside 0..1, or a variogram made with ``spread=False``.
        """
        self._check_spread("quantiles")
        wanted = np.asarray(probabilities, dtype=np.float64)
        if wanted.ndim != 1 or not ((wanted >= 0) & (wanted <= 1)).all():
            msg = f"Invalid probabilities {probabilities!r}. Must be a list of numbers between 0 and 1."
            raise ValueError(msg)
        return self.sums.histogram.quantiles(wanted)[1:]

    @property
    def standard_error(self) -> NDArray[np.float64]:
        """Standard error of each semivariance that comes from choosing pairs; 0 where all pairs of a bin are used.

        Definition: ``s / sqrt(m) * sqrt(1 - m / N)`` with the standard deviation s of the m pairs chosen of N. It
        says how far the sample is from all pairs of these points, not how far these points are from others.
        """
        if self.sampling is None:
            return np.where(self.npairs > 0, 0.0, np.nan)
        return _estimators.error_of_sampling(self.sums, self.sampling.population)[1:]

    def cressie_hawkins(self, dimension: float) -> NDArray[np.float64]:
        r"""Return the robust semivariance per bin of Cressie and Hawkins; NaN where a bin is empty.

        .. math:: \frac{1}{2 C} \Big( \frac{1}{N_k} \sum |z_i - z_j|^{1/2} \Big)^4, \qquad
           C = \frac{2}{D} \left( \frac{\Gamma(D/2 + 1/4)}{\Gamma(D/2)} \right)^4

        Parameters
        ----------
        dimension : float
            D, the number of independent directions in which the values vary: 1 for scalars, for embeddings their
            effective dimension.

        Raises
        ------
        ValueError
            For a dimension below 1, or a variogram made with ``spread=False``.

        References
        ----------
        .. [1] Cressie, N. & Hawkins, D. M. (1980). Robust estimation of the variogram. Math. Geology 12, eq. 12;
           for D = 1 their constant is 0.457.
        """
        number = check_number(dimension, name="dimension", at_least=1.0)
        self._check_spread("sum of roots")
        return _estimators.cressie_hawkins(self.sums, number)[1:]

    def dowd(self, dimension: float) -> NDArray[np.float64]:
        r"""Return the robust semivariance per bin of Dowd, from the median; NaN where a bin is empty.

        .. math:: \frac{D}{\mathrm{median}(\chi^2_D)} \; \mathrm{median}_k \; \tfrac12 |z_i - z_j|^2

        Parameters
        ----------
        dimension : float
            See `cressie_hawkins`; the constant is 2.198 for scalars.

        Raises
        ------
        ValueError
            For a dimension below 1, or a variogram made with ``spread=False``.

        Notes
        -----
        The median comes from `quantiles`: right to 3 %, usually to 0.1 %.

        References
        ----------
        .. [1] Dowd, P. A. (1984). The variogram and kriging: robust and resistant estimators. In: Geostatistics for
           Natural Resources Characterization, 91-106.
        """
        number = check_number(dimension, name="dimension", at_least=1.0)
        self._check_spread("median")
        return _estimators.dowd(self.sums, number)[1:]

    @property
    def colocated(self) -> _estimators.Colocated:
        """Bin 0: the pairs at zero lag, apart from all bins."""
        return _estimators.colocated(self.sums)

    @property
    def sill_apriori(self) -> float:
        """Semivariance of the whole sample at any lag.

        Definition: the mean dissimilarity over all ordered pairs, each point with itself included:
        ``1 - |mean(u)|^2`` for unit vectors, the variance for scalars; with weights the weighted mean.
        """
        return self.sums.total_term / (self.sums.total_weight or self.sums.total_npairs)

    def _check_spread(self, what: str) -> None:
        """Refuse what ``spread=False`` does not keep."""
        if not self.sums.has_spread:
            msg = f"This variogram was made with spread=False or weights, which keep no {what}. Make it with neither."
            raise ValueError(msg)

    def __add__(self, other: "EmpiricalVariogram") -> "EmpiricalVariogram":
        if not isinstance(other, EmpiricalVariogram):
            return NotImplemented
        check_same_bins(self.bins, other.bins)
        for name in (*_HOW_MADE, "dimension"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                msg = f"Variograms with different {name} do not add: {mine!r} and {theirs!r}. Make both the same way."
                raise ValueError(msg)
        if self.sampling is not None or other.sampling is not None:
            msg = "Variograms of sampled pairs do not add: a pair could count twice. Sample all points at once."
            raise ValueError(msg)
        if (self.patches is None) != (other.patches is None):
            msg = "Variograms with and without patches do not add. Make both with patches=, or none."
            raise ValueError(msg)
        beside = self.patches.beside(other.patches) if self.patches and other.patches else None
        return replace(self, sums=self.sums + other.sums, patches=beside, **known_of_both(self, other))

    def __radd__(self, other: object) -> "EmpiricalVariogram":
        """Let ``sum`` start from 0."""
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def to_frame(self) -> "pd.DataFrame":
        """Return a pandas DataFrame, one row per bin: low, high, npairs, lag, semivariance, spread."""
        return frame_of(self)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Save as JSON with a checksum, numbers in full: ``variogeo.load(path) == self``."""
        write_document(path, "empirical_variogram", {"value": encode(self)}, overwrite=overwrite)

    def __repr__(self) -> str:
        return text_of(self).partition("\n")[0]

    def __str__(self) -> str:
        return text_of(self)

    _repr_html_ = html_of
