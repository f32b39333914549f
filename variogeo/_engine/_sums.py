"""LagSums: the additive state of an empirical variogram."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._lags import LagBins


@dataclass(frozen=True, eq=False)
class LagSums:
    """Sums per lag bin; position 0 is the pairs at zero lag, position k the k-th bin.

    Attributes
    ----------
    npairs : (count + 1,) int array
        Number of unordered pairs.
    lag, term, term_squared : (count + 1,) float array
        Sums over the pairs of the lag (km), of the dissimilarity and of its square.
    total_npairs, total_term : int, float
        Number of ordered pairs at any lag, each point with itself included, and the sum of their
        dissimilarities. Their ratio is the a-priori sill.
    """

    npairs: NDArray[np.int64]
    lag: NDArray[np.float64]
    term: NDArray[np.float64]
    term_squared: NDArray[np.float64]
    total_npairs: int
    total_term: float

    def __post_init__(self) -> None:
        for name, dtype in _ARRAYS:
            array = np.array(getattr(self, name), dtype=dtype)
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        object.__setattr__(self, "total_npairs", int(self.total_npairs))
        object.__setattr__(self, "total_term", float(self.total_term))

    def __add__(self, other: "LagSums") -> "LagSums":
        if not isinstance(other, LagSums):
            return NotImplemented
        return LagSums(
            self.npairs + other.npairs,
            self.lag + other.lag,
            self.term + other.term,
            self.term_squared + other.term_squared,
            self.total_npairs + other.total_npairs,
            self.total_term + other.total_term,
        )

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, LagSums)
            and all(np.array_equal(getattr(self, name), getattr(other, name)) for name, _ in _ARRAYS)
            and self.total_npairs == other.total_npairs
            and self.total_term == other.total_term
        )

    __hash__ = None  # type: ignore[assignment]


_ARRAYS: tuple[tuple[str, Any], ...] = (
    ("npairs", np.int64),
    ("lag", np.float64),
    ("term", np.float64),
    ("term_squared", np.float64),
)


def sums_of_pairs(
    lag: NDArray[np.float64],
    term: NDArray[np.float64],
    bins: LagBins,
    *,
    total_npairs: int = 0,
    total_term: float = 0.0,
) -> LagSums:
    """Return the sums of a list of pairs."""
    position = bin_positions(lag, bins)
    size = len(bins) + 2

    def per_bin(weights: NDArray[np.float64] | None) -> NDArray[Any]:
        return np.bincount(position, weights, minlength=size)[:-1]

    return LagSums(per_bin(None), per_bin(lag), per_bin(term), per_bin(term * term), total_npairs, total_term)


def bin_positions(lag: NDArray[np.float64], bins: LagBins) -> NDArray[np.intp]:
    """Return 0 for a zero lag, k for the k-th bin ``(low, high]``, ``len(bins) + 1`` for outside."""
    position = np.searchsorted(bins.edges, lag, side="left")
    position[(position == 0) & (lag > 0)] = len(bins) + 1
    return position
