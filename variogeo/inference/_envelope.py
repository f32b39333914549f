"""Global envelopes of curves: extreme rank length, one p-value, and p-values per bin by Holm."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._cards import envelope_html
from variogeo._checks import as_real_array, check_number
from variogeo._read_only import ReadOnlyArrays
from variogeo.inference._holm import holm

_ROUNDING = 1e-9
"""A share of curves that equals 1 - level but for rounding counts as equal."""


@dataclass(frozen=True, eq=False)
class GlobalEnvelope(ReadOnlyArrays):
    """What `envelope` returns. Curves are read where all of them have a number; NaN elsewhere.

    Attributes
    ----------
    low, high : (bins,) float array
        Limits of the envelope.
    central : (bins,) float array
        Mean of the curves, without the observed one.
    p_value : float
        Of the whole curve: at most ``1 - level`` exactly where the observed curve leaves the envelope.
    p_per_bin : (bins,) float array
        Two-sided Monte Carlo p-value of each bin by itself.
    p_holm : (bins,) float array
        Likewise, adjusted for the number of bins (Holm): the chance of any false finding is at most the p-value.
    level : float
        Chance that the whole observed curve is within the envelope when it is like the others.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    central: NDArray[np.float64]
    p_value: float
    p_per_bin: NDArray[np.float64]
    p_holm: NDArray[np.float64]
    level: float

    def __post_init__(self) -> None:
        for name in ("low", "high", "central", "p_per_bin", "p_holm"):
            array = np.array(getattr(self, name), dtype=np.float64)
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    _repr_html_ = envelope_html


def envelope(observed: Any, curves: Any, *, level: float = 0.95) -> GlobalEnvelope:
    r"""Return the global extreme rank length envelope of an observed curve among simulated or permuted ones.

    In each bin the ``s + 1`` curves are ranked from below and from above, and the smaller rank counts. The ranks of a
    curve are sorted, and curves compared by them from the first on: the most extreme curve is the one with the
    smallest first rank, of those the one with the smallest second rank, and so on. The envelope holds, in each bin,
    all curves but the most extreme ``1 - level``.

    .. math:: e_i = \frac{1}{s + 1} \sum_j 1(R_j \prec R_i), \qquad
       p = \frac{1}{s + 1} \sum_j 1(e_j \le e_1)

    Parameters
    ----------
    observed : (bins,) float array
    curves : (s, bins) float array
        As if drawn when there is nothing to find. A bin with a NaN in any curve is left out.
    level : float
        Between 0 and 1. With fewer than ``1 / (1 - level) - 1`` curves nothing can leave the envelope.

    Returns
    -------
    GlobalEnvelope

    Raises
    ------
    ValueError
        For other shapes, infinite numbers, a level outside 0..1, or no bin in which all curves have a number.

    Notes
    -----
    The observed curve leaves the envelope in some bin **if and only if** ``p_value <= 1 - level``, ties or not: that
    is what the bins outside mean. Equal numbers in a bin have the mean of their ranks, as in the R package GET: a
    number that many curves share is not extreme. With ties a curve may be the most extreme one and still not
    leave what the others span; so the p-value is the smallest ``1 - level`` at which the observed curve leaves. That
    equals the formula above without ties, is never smaller, and so stays valid.

    References
    ----------
    .. [1] Myllymäki, M., Mrkvička, T., Grabarnik, P., Seijo, H. & Hahn, U. (2017). Global envelope tests for spatial
       processes. J. R. Stat. Soc. B 79, 381-404.
    .. [2] Mrkvička, T., Myllymäki, M., Kuronen, M. & Narisetty, N. N. (2022). New methods for multiple testing in
       permutation inference for the general linear model. Statistics in Medicine 41, 276-297.
    .. [3] Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scand. J. Statistics 6, 65-70.

    Examples
    --------
    >>> import numpy as np
    >>> from variogeo.inference import envelope
    >>> curves = np.random.default_rng(0).normal(size=(999, 10))
    >>> envelope(np.zeros(10), curves).p_value
    1.0
    >>> envelope(np.full(10, -3.0), curves).p_value
    0.001
    """
    share = check_number(level, name="level", above=0.0)
    if not share < 1:
        msg = f"Invalid level '{share}'. Must be less than 1."
        raise ValueError(msg)
    together = _checked(observed, curves)
    used = np.flatnonzero(~np.isnan(together).any(axis=0))
    if not used.size:
        msg = "Invalid curves: each bin has a NaN in some curve. Must have at least one bin that all curves share."
        raise ValueError(msg)
    values = together[:, used]
    measure = extreme_rank_length(values)
    allowed = np.floor((1.0 - share) * len(values) + _ROUNDING)
    # The least extreme curves, whose complement is within the allowed number; the least extreme of all always stay.
    inside = measure >= np.max(measure[measure <= allowed])
    kept = values[inside]
    raw = _p_per_bin(values)
    columns = kept.min(axis=0), kept.max(axis=0), values[1:].mean(axis=0), raw, holm(raw)
    low, high, central, p_per_bin, p_holm = (_spread_out(column, used, together.shape[1]) for column in columns)
    return GlobalEnvelope(low, high, central, _p_value(values, measure), p_per_bin, p_holm, share)


def extreme_rank_length(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return for each row how many other rows are more extreme: 0 for the most extreme."""
    from scipy.stats import rankdata

    ranks = rankdata(values, axis=0)
    ranks = np.sort(np.minimum(ranks, len(values) + 1 - ranks), axis=1)
    order = np.lexsort(ranks.T[::-1])
    differs = np.append(True, (np.diff(ranks[order], axis=0) != 0).any(axis=1))
    measure = np.empty(len(values), np.int64)
    measure[order] = np.maximum.accumulate(np.where(differs, np.arange(len(values)), 0))
    return measure


def _p_value(values: NDArray[np.float64], measure: NDArray[np.int64]) -> float:
    """Return the smallest share of left-out curves at which the first curve leaves what the others span, or 1."""
    order = np.argsort(-measure, kind="stable")
    low = np.minimum.accumulate(values[order], axis=0)
    high = np.maximum.accumulate(values[order], axis=0)
    outside = ((values[0] < low) | (values[0] > high)).any(axis=1)
    # A set of kept curves ends where the next curve is more extreme; it grows, so the last one outside is the largest.
    is_last = np.append(np.diff(measure[order]) != 0, True)
    sizes = np.flatnonzero(outside & is_last) + 1
    return 1.0 if not sizes.size else float((len(values) - sizes[-1]) / len(values))


def _p_per_bin(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the two-sided p-value of the first row in each column, that row included."""
    below, above = (values <= values[0]).sum(axis=0), (values >= values[0]).sum(axis=0)
    return np.minimum(1.0, 2.0 * np.minimum(below, above) / len(values))


def _spread_out(column: NDArray[np.float64], used: NDArray[np.intp], size: int) -> NDArray[np.float64]:
    """Return a column with NaN for the bins that were left out."""
    out = np.full(size, np.nan)
    out[used] = column
    return out


def _checked(observed: Any, curves: Any) -> NDArray[np.float64]:
    """Return the observed curve and the others as one array, or refuse them."""
    first = as_real_array(observed, name="observed").astype(np.float64)
    others = as_real_array(curves, name="curves").astype(np.float64)
    if first.ndim != 1 or not len(first):
        msg = f"Invalid observed of shape {first.shape}. Must be (bins,)."
        raise ValueError(msg)
    if others.ndim != 2 or others.shape[1] != len(first) or not len(others):
        msg = f"Invalid curves of shape {others.shape}. Must be (s, {len(first)}): one row per curve, as many bins."
        raise ValueError(msg)
    together = np.vstack([first, others])
    if np.isinf(together).any():
        msg = "Invalid observed or curves with infinite numbers. Must be finite, or NaN for a bin to be left out."
        raise ValueError(msg)
    return together
