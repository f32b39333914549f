"""StratifiedPairs: which pairs a sampled variogram is made of."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from variogeo._cards import settings_html
from variogeo._checks import check_whole
from variogeo._read_only import ReadOnlyArrays


@dataclass(frozen=True)
class StratifiedPairs:
    """A random sample of pairs, spread evenly over the lag bins: for when all pairs would cost too much.

    Each bin receives ``count // number of bins`` different pairs, all pairs of the bin being equally likely; a bin
    that has fewer gives all it has. So the mean over the sampled pairs of a bin is an unbiased estimate of its
    semivariance, at short lags as much as at long ones.

    Parameters
    ----------
    count : int
        Number of pairs in all bins together, at least two for each.
    seed : int
        Fixes the choice: the same points, bins, count and seed give the same pairs.

    Notes
    -----
    The standard error of a sampled bin is the error of choosing pairs instead of taking all pairs of *these
    points*. It says nothing about other points that could have been observed: for that, leave out places, not pairs.

    References
    ----------
    W. G. Cochran (1977). Sampling Techniques, 3rd ed., eq. 2.15 (variance with the finite population correction).

    Examples
    --------
    >>> from variogeo import StratifiedPairs
    >>> StratifiedPairs(2_000_000, seed=0)
    StratifiedPairs(count=2000000, seed=0)
    """

    count: int
    seed: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "count", check_whole(self.count, name="count", at_least=2))
        object.__setattr__(self, "seed", check_whole(self.seed, name="seed", at_least=0))

    _repr_html_ = settings_html


@dataclass(frozen=True, eq=False)
class PairSampling(ReadOnlyArrays):
    """How the pairs of a sampled variogram were chosen.

    Attributes
    ----------
    pairs : StratifiedPairs
    population : (count + 1,) float array
        Number of pairs of each bin among which were chosen, bin 0 first: counted or estimated; 0 where none was found.
    """

    pairs: StratifiedPairs
    population: NDArray[np.float64]

    def __post_init__(self) -> None:
        population = np.array(self.population, dtype=np.float64)
        if population.ndim != 1 or not (np.isfinite(population) & (population >= 0)).all():
            msg = "Invalid population. Must be one finite number per bin, not negative."
            raise ValueError(msg)
        population.setflags(write=False)
        object.__setattr__(self, "population", population)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, PairSampling)
            and self.pairs == other.pairs
            and np.array_equal(self.population, other.population)
        )

    __hash__ = None  # type: ignore[assignment]
