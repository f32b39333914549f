"""Are the curves of several groups equal? `compare_groups`."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from variogeo._cards import group_tests_html
from variogeo._checks import check_whole
from variogeo._read_only import ReadOnlyArrays
from variogeo.inference._holm import holm
from variogeo.inference._intervals import student_quantile
from variogeo.inference._uncertainty import CurveUncertainty

if TYPE_CHECKING:
    import pandas as pd

_DRAWS = 9999
"""Draws of the null distribution: the standard error of a p-value of 0.05 is 0.002."""


@dataclass(frozen=True, eq=False, repr=False)
class GroupComparison(ReadOnlyArrays):
    """Tests of equal curves, for each pair of groups. Made by `compare_groups`.

    Attributes
    ----------
    pairs : tuple of (str, str)
        The names of the groups compared.
    difference : (pairs, bins) float array
        Semivariance of the first group less that of the second; NaN where either has no error.
    standard_error : (pairs, bins) float array
    p_per_bin : (pairs, bins) float array
        Two-sided, of each bin by itself.
    p_value : (pairs,) float array
        Of the hypothesis that the two curves are equal at all bins.
    edges : (bins + 1,) float array, km
    """

    pairs: tuple[tuple[str, str], ...]
    difference: NDArray[np.float64]
    standard_error: NDArray[np.float64]
    p_per_bin: NDArray[np.float64]
    p_value: NDArray[np.float64]
    edges: NDArray[np.float64]

    def __post_init__(self) -> None:
        for name in ("difference", "standard_error", "p_per_bin", "p_value", "edges"):
            array = np.array(getattr(self, name), dtype=np.float64)
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @property
    def p_holm(self) -> NDArray[np.float64]:
        """P-values of the pairs of groups, adjusted for their number (Holm 1979)."""
        return holm(self.p_value)

    @property
    def p_per_bin_holm(self) -> NDArray[np.float64]:
        """P-values of the bins, adjusted for the number of all bins of all pairs (Holm 1979)."""
        return holm(self.p_per_bin)

    def to_frame(self) -> "pd.DataFrame":
        """Return a pandas DataFrame, one row per pair of groups: p-value, adjusted, and the bin that differs most."""
        import pandas as pd

        return pd.DataFrame(self._rows)

    @property
    def _rows(self) -> list[dict[str, Any]]:
        """The rows of the table of pairs of groups."""
        rows: list[dict[str, Any]] = []
        for k, (first, second) in enumerate(self.pairs):
            most = int(np.nanargmin(self.p_per_bin[k]))
            rows.append(
                {
                    "first": first,
                    "second": second,
                    "p_value": self.p_value[k],
                    "p_holm": self.p_holm[k],
                    "low": self.edges[most],
                    "high": self.edges[most + 1],
                    "difference": self.difference[k, most],
                }
            )
        return rows

    def bins_to_frame(self) -> "pd.DataFrame":
        """Return a pandas DataFrame, one row per pair of groups and bin: difference, error, p-value, adjusted."""
        import pandas as pd

        bins = len(self.edges) - 1
        return pd.DataFrame(
            {
                "first": np.repeat([first for first, _ in self.pairs], bins),
                "second": np.repeat([second for _, second in self.pairs], bins),
                "low": np.tile(self.edges[:-1], len(self.pairs)),
                "high": np.tile(self.edges[1:], len(self.pairs)),
                "difference": self.difference.ravel(),
                "standard_error": self.standard_error.ravel(),
                "p_value": self.p_per_bin.ravel(),
                "p_holm": self.p_per_bin_holm.ravel(),
            }
        )

    def __repr__(self) -> str:
        return f"<GroupComparison: {len(self.pairs)} pairs of groups, {len(self.edges) - 1} bins>"

    def __str__(self) -> str:
        lines = [repr(self), "   p-value      Holm  groups, and the bin that differs most"]
        for row in self._rows:
            lines.append(
                f"{row['p_value']:10.4f}{row['p_holm']:10.4f}  {row['first']} versus {row['second']}: "
                f"{row['difference']:+.4g} at {row['low']:g} to {row['high']:g} km"
            )
        return "\n".join(lines)

    _repr_html_ = group_tests_html


def compare_groups(uncertainties: Mapping[str, CurveUncertainty], *, seed: int = 0) -> GroupComparison:
    r"""Return tests of whether the curves of several groups are equal, one p-value for each pair of groups.

    At each bin the difference over its standard error,

    .. math:: t_k = \frac{\hat\gamma_{1k} - \hat\gamma_{2k}}{\sqrt{C_{1kk} + C_{2kk}}},

    has a p-value from Student's distribution with Welch's degrees of freedom, for which each group has its effective
    number of patches less one. The p-value of the pair is how often the smallest of the bins' p-values is as small by
    chance, for differences with the correlation of :math:`C_1 + C_2`, drawn from Student's multivariate distribution.

    Parameters
    ----------
    uncertainties : dict of str to CurveUncertainty
        One for each group, from `jackknife` or `bootstrap` of variograms with the same bins. The groups must be
        independent: other places, far enough apart.
    seed : int
        Of the 9 999 draws of the null distribution, not negative. The p-values do not depend on the order of the
        groups, nor on which others there are.

    Returns
    -------
    GroupComparison

    Raises
    ------
    ValueError
        For fewer than two groups, other bins, metrics or dissimilarities, no bin that has an error in both, or a seed
        that is no such whole number.
    TypeError
        For what is neither from `jackknife` nor from `bootstrap`.

    Notes
    -----
    The covariances may have fewer ranks than bins: they are never inverted. A rejection says that the curves differ,
    at any lag and for any reason, a nugget as well as a range; groups whose pairs have other mean lags within a bin
    differ a little for that alone. Of 1 000 pairs of simulated fields with one curve 2 to 3 % are rejected at 5 %:
    jackknife errors are on the safe side (docs/studies/coverage.md). With known covariances it is 5 %.

    References
    ----------
    .. [1] Westfall, P. H. & Young, S. S. (1993). Resampling-based multiple testing, section 2.3: the smallest p-value.
    .. [2] Welch, B. L. (1947). The generalization of Student's problem. Biometrika 34, 28-35.
    .. [3] Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scand. J. Statistics 6, 65-70.

    Examples
    --------
    >>> from variogeo import LagBins, datasets, empirical_variogram
    >>> from variogeo.inference import compare_groups, jackknife, kmeans_patches
    >>> lonlat, embeddings = datasets.geoclip_photos()
    >>> bins = LagBins.logarithmic(300, 3000, 4)
    >>> curves = {}
    >>> for name, rows in {"west": lonlat[:, 0] < -30, "east": lonlat[:, 0] > 60}.items():
    ...     patches = kmeans_patches(lonlat[rows], 25)
    ...     curves[name] = jackknife(empirical_variogram(lonlat[rows], embeddings[rows], bins, patches=patches))
    >>> comparison = compare_groups(curves)
    >>> comparison.pairs, bool(0 < comparison.p_value[0] <= 1)
    ((('west', 'east'),), True)
    """
    _check_groups(uncertainties)
    start = check_whole(seed, name="seed", at_least=0)
    pairs = tuple(combinations(uncertainties, 2))
    tests = [_tested(uncertainties, first, second, start) for first, second in pairs]
    difference, error, each, joint = (list(column) for column in zip(*tests, strict=True))
    edges = next(iter(uncertainties.values())).empirical.edges
    return GroupComparison(pairs, np.array(difference), np.array(error), np.array(each), np.array(joint), edges)


def _tested(
    uncertainties: Mapping[str, CurveUncertainty], name: str, other: str, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]:
    """Return difference, standard error and p-value per bin, and the p-value of the pair."""
    from scipy.special import stdtr

    first, second = uncertainties[name], uncertainties[other]
    difference = first.empirical.semivariance - second.empirical.semivariance
    # The rows of both: their cross products are the covariance of the difference. Draws follow the order of the rows,
    # so it is that of the alphabet.
    rows = np.vstack([uncertainties[one].deviations for one in sorted((name, other))])
    error = np.sqrt(np.square(rows).sum(axis=0))
    used = error > 0
    if not used.any():
        msg = (
            f"Groups {name!r} and {other!r} share no bin with errors. "
            "Use wider bins or more patches: print each uncertainty to see which bins have one."
        )
        raise ValueError(msg)
    freedom = _welch(first, second)[used]
    p_values = np.full(error.shape, np.nan)
    p_values[used] = 2 * stdtr(freedom, -np.abs(difference[used]) / error[used])
    # A p-value is as small as the smallest one where a draw is as far out as this.
    threshold = student_quantile(1 - np.nanmin(p_values) / 2, freedom)
    _, scale, turn = np.linalg.svd(rows[:, used] / error[used], full_matrices=False)
    random = np.random.default_rng(seed)
    normal = random.standard_normal((_DRAWS, len(scale))) @ (scale[:, None] * turn)
    # One divisor for all bins of a draw: their errors come from the same patches.
    common = freedom.mean()
    draws = np.abs(normal) / np.sqrt(random.chisquare(common, (_DRAWS, 1)) / common)
    as_small = int((draws >= threshold).any(axis=1).sum())
    return np.where(used, difference, np.nan), np.where(used, error, np.nan), p_values, (1 + as_small) / (1 + _DRAWS)


def _welch(first: CurveUncertainty, second: CurveUncertainty) -> NDArray[np.float64]:
    """Return the degrees of freedom of the difference at each bin (Welch 1947); NaN without an error."""
    variances = [np.square(one.standard_error) for one in (first, second)]
    inverse = [v**2 / (one.effective_patches - 1) for v, one in zip(variances, (first, second), strict=True)]
    total = inverse[0] + inverse[1]
    return np.where(total > 0, (variances[0] + variances[1]) ** 2 / np.where(total > 0, total, 1.0), np.nan)


def _check_groups(uncertainties: Any) -> None:
    """Refuse anything but two or more curves made the same way."""
    if not isinstance(uncertainties, Mapping) or len(uncertainties) < 2:
        msg = "Invalid uncertainties. Must be a dict of at least two: {name: jackknife(empirical), ...}."
        raise ValueError(msg)
    if not all(isinstance(name, str) for name in uncertainties):
        msg = f"Invalid uncertainties with names {list(uncertainties)}. Must be text."
        raise TypeError(msg)
    first = next(iter(uncertainties.values()))
    for name, one in uncertainties.items():
        if not isinstance(one, CurveUncertainty):
            msg = (
                f"Invalid uncertainty of type {type(one).__name__} for {name!r}. Must come from jackknife or bootstrap."
            )
            raise TypeError(msg)
        for field in ("bins", "metric", "dissimilarity"):
            if getattr(one.empirical, field) != getattr(first.empirical, field):
                msg = f"Groups with different {field} do not compare: {name!r} is not like the first. Make all alike."
                raise ValueError(msg)
