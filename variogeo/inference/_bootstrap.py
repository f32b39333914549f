"""Errors of a variogram from patches drawn with replacement: `bootstrap`."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import check_choice, check_whole
from variogeo._empirical import EmpiricalVariogram
from variogeo._patch_sums import PatchSums
from variogeo.inference._uncertainty import CurveUncertainty, patches_of

Drawn = Literal["product", "marked"]

_MOST_REPLICATES = 100_000


def bootstrap(
    empirical: EmpiricalVariogram,
    *,
    count: int = 999,
    seed: int = 0,
    across: Drawn = "product",
) -> CurveUncertainty:
    r"""Return the uncertainty of a variogram from patches drawn with replacement.

    .. math:: \hat\gamma^* = \frac{\sum_i m_i T_i + \sum_{i<j} w_{ij} T_{ij}}
       {\sum_i m_i N_i + \sum_{i<j} w_{ij} N_{ij}}, \qquad w_{ij} = m_i m_j \;\text{ or }\; \tfrac12 (m_i + m_j)

    with the sums over the pairs of two patches, of which patch ``i`` was drawn ``m_i`` times.

    Parameters
    ----------
    empirical : EmpiricalVariogram
        Made with ``patches=``.
    count : int
        Number of replicates, at least 2.
    seed : int
        Of the draws.
    across : {"product", "marked"}
        The weight of a pair across two patches: the product of their multiplicities; or their mean, which is the
        marked-point bootstrap: each point carries the sums over its pairs, half of each pair, and is drawn with its
        patch.

    Returns
    -------
    CurveUncertainty

    Raises
    ------
    ValueError
        For a variogram without patches, with fewer than two, or of a robust estimator: only means add.

    Notes
    -----
    Marks move a pair by half of what its points do, so that the marked-point bootstrap understates the errors of fields
    by up to one half at lags as wide as a patch and wider; the product does not. In simulations with 25 patches, a
    range of 300 km and 400 or 4 000 evenly spread points, the 95 % bands of ``"product"`` cover the truth in 92 to 98 %
    of 200 fields at each bin, those of ``"marked"`` in 60 to 98 %; with 9 patches or clustered points those of
    ``"product"`` cover 86 to 96 % (docs/studies/coverage.md). The limits of the band are quantiles of the replicates,
    without regard to the number of patches: with fewer than 20, or with very unequal ones, `jackknife` is safer.

    References
    ----------
    .. [1] Loh, J. M. (2008). A valid and fast spatial bootstrap for correlation functions. Astrophysical Journal 681,
       726-734.

    Examples
    --------
    >>> from variogeo import LagBins, datasets, empirical_variogram
    >>> from variogeo.inference import bootstrap, kmeans_patches
    >>> lonlat, embeddings = datasets.geoclip_photos()
    >>> patches = kmeans_patches(lonlat[:500], 25)
    >>> bins = LagBins.logarithmic(100, 10_000, 4)
    >>> empirical = empirical_variogram(lonlat[:500], embeddings[:500], bins, patches=patches)
    >>> bootstrap(empirical, count=99, seed=1)
    <CurveUncertainty: bootstrap of 25 patches, 99 replicates, 4 bins>
    """
    patches = patches_of(empirical, "bootstrap")
    check_choice(across, Drawn, name="across")
    random = np.random.default_rng(check_whole(seed, name="seed", at_least=0))
    drawn = random.multinomial(patches.count, np.full(patches.count, 1 / patches.count), _checked_count(count))
    sums = np.array([_sums(patches, multiplicity, across) for multiplicity in drawn])
    weight, lag, term = np.moveaxis(sums, 1, 0)
    empty = weight <= 0
    divisor = np.where(empty, 1.0, weight)
    curves, lags = (np.where(empty, np.nan, column / divisor) for column in (term, lag))
    return CurveUncertainty(empirical, curves, lags, "bootstrap", across)


def _sums(patches: PatchSums, multiplicity: NDArray[np.int64], across: Drawn) -> NDArray[np.float64]:
    """Return the (3, bins) sums of weight, lag and term with each patch taken so many times."""
    cells = patches.cells
    first, second = multiplicity[cells.first], multiplicity[cells.second]
    pair = first * second if across == "product" else (first + second) / 2
    times = np.where(cells.first == cells.second, first, pair)
    sums = [
        np.bincount(cells.bin, times * column, patches.bins + 1) for column in (cells.weight, cells.lag, cells.term)
    ]
    return np.array(sums, dtype=np.float64)[:, 1:]


def _checked_count(count: Any) -> int:
    """Return the number of replicates, or refuse it."""
    number = check_whole(count, name="count", at_least=2)
    if number > _MOST_REPLICATES:
        msg = f"Invalid count '{count}'. Must be a whole number from 2 to {_MOST_REPLICATES}; 999 is usual."
        raise ValueError(msg)
    return number
