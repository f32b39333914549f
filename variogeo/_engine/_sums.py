"""LagSums: the additive state of an empirical variogram."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._engine._class_sums import ClassSums, no_classes
from variogeo._engine._histogram import TermHistogram
from variogeo._lags import LagBins
from variogeo._read_only import ReadOnlyArrays


@dataclass(frozen=True, eq=False)
class LagSums(ReadOnlyArrays):
    """Sums per lag bin; position 0 is the pairs at zero lag, position k the k-th bin.

    Attributes
    ----------
    npairs : (count + 1,) int array
        Number of unordered pairs.
    lag, term : (count + 1,) float array
        Sums over the pairs of the lag (km) and of the dissimilarity.
    term_squared, term_root : (count + 1,) or (0,) float array
        Sums of the square and of the fourth root of the dissimilarity (Cressie and Hawkins: the root of the
        difference). Empty with ``spread=False``, which sums whole parts of the Earth at once.
    histogram : TermHistogram
        Counts of the dissimilarities; without cells with ``spread=False``.
    total_npairs, total_term : int, float
        Number of ordered pairs at any lag, each point with itself included, and the sum of their
        dissimilarities. Their ratio is the a-priori sill.
    classes : ClassSums
        Sums per class of pairs, where they were asked for.
    weight : (count + 1,) or (0,) float array
        Sum of the weights of the pairs, by which lag and term are multiplied; empty where all are 1.
    total_weight : float
        Of all ordered pairs, where they have weights: what ``total_term`` is then divided by. 0 otherwise.
    """

    npairs: NDArray[np.int64]
    lag: NDArray[np.float64]
    term: NDArray[np.float64]
    term_squared: NDArray[np.float64]
    term_root: NDArray[np.float64]
    histogram: TermHistogram
    total_npairs: int
    total_term: float
    classes: ClassSums = field(default_factory=no_classes)
    weight: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    total_weight: float = 0.0

    def __post_init__(self) -> None:
        for name, dtype in _ARRAYS:
            array = np.array(getattr(self, name), dtype=dtype)
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        if not isinstance(self.histogram, TermHistogram):
            msg = f"Invalid histogram of type {type(self.histogram).__name__}. Must be TermHistogram."
            raise TypeError(msg)
        if not isinstance(self.classes, ClassSums):
            msg = f"Invalid classes of type {type(self.classes).__name__}. Must be ClassSums."
            raise TypeError(msg)
        object.__setattr__(self, "total_npairs", int(self.total_npairs))
        object.__setattr__(self, "total_term", float(self.total_term))
        object.__setattr__(self, "total_weight", float(self.total_weight))

    @property
    def has_spread(self) -> bool:
        """Whether squares, roots and histogram are there."""
        return self.term_squared.size > 0

    @property
    def has_weights(self) -> bool:
        """Whether pairs have weights."""
        return self.weight.size > 0

    @property
    def divisor(self) -> NDArray[Any]:
        """What sums of lag and term are divided by for a mean: number of pairs, or sum of their weights."""
        return self.weight if self.has_weights else self.npairs

    def check_state(self, needed: int) -> None:
        """Refuse sums that have not ``needed`` positions, bin 0 and each bin, or numbers of pairs that cannot be."""
        kept, weights = (needed,) if self.has_spread else (0,), (needed,) if self.has_weights else (0,)
        shapes = dict.fromkeys(("npairs", "lag", "term"), (needed,))
        shapes |= {"term_squared": kept, "term_root": kept, "weight": weights}
        sizes = {name: getattr(self, name).size for name in shapes}
        wrong = [name for name, shape in shapes.items() if getattr(self, name).shape != shape]
        if self.histogram.size != needed:
            wrong.append("histogram")
        if wrong:
            size = sizes.get(wrong[0], self.histogram.size)
            msg = f"sums has {size} positions but bins needs {needed} (bin 0 and each bin): {wrong[0]}. Must agree."
            raise ValueError(msg)
        if (self.npairs < 0).any():
            msg = f"sums has npairs of {self.npairs.min()}. Must not be negative."
            raise ValueError(msg)
        endless = [name for name in shapes if not np.isfinite(getattr(self, name)).all()]
        if endless:
            msg = f"sums has {endless[0]} that is not finite. Must be sums of finite numbers."
            raise ValueError(msg)
        if self.total_npairs < 1:
            msg = f"sums has total_npairs of {self.total_npairs}. Must be at least 1."
            raise ValueError(msg)

    def __add__(self, other: "LagSums") -> "LagSums":
        if not isinstance(other, LagSums):
            return NotImplemented
        if self.has_weights != other.has_weights:
            msg = "Sums with and without weights do not add. Make both with weights=, or none."
            raise ValueError(msg)
        if self.has_spread != other.has_spread:
            msg = "Sums with and without spread do not add. Make both with the same spread=."
            raise ValueError(msg)
        return LagSums(
            **{name: getattr(self, name) + getattr(other, name) for name, _ in _ARRAYS},
            histogram=self.histogram + other.histogram,
            total_npairs=self.total_npairs + other.total_npairs,
            total_term=self.total_term + other.total_term,
            classes=self.classes + other.classes,
            total_weight=self.total_weight + other.total_weight,
        )

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, LagSums)
            and all(np.array_equal(getattr(self, name), getattr(other, name)) for name, _ in _ARRAYS)
            and self.histogram == other.histogram
            and self.classes == other.classes
            and self.total_weight == other.total_weight
            and self.total_npairs == other.total_npairs
            and np.array_equal(self.total_term, other.total_term, equal_nan=True)
        )

    __hash__ = None  # type: ignore[assignment]


_ARRAYS: tuple[tuple[str, Any], ...] = (
    ("npairs", np.int64),
    ("lag", np.float64),
    ("term", np.float64),
    ("term_squared", np.float64),
    ("term_root", np.float64),
    ("weight", np.float64),
)


def no_sums(bins: LagBins, *, spread: bool = True) -> LagSums:
    """Return the sums of no pairs: where adding starts."""
    size = len(bins) + 1
    kept = np.zeros(size if spread else 0)
    return LagSums(np.zeros(size, np.int64), np.zeros(size), np.zeros(size), kept, kept, no_histogram(bins), 0, 0.0)


def no_histogram(bins: LagBins) -> TermHistogram:
    """Return the histogram of no pairs."""
    return TermHistogram.of_counts(np.zeros((len(bins) + 1, 0), np.int64), 0)


def sums_of_pairs(
    lag: NDArray[np.float64],
    term: NDArray[np.float64],
    bins: LagBins,
    *,
    spread: bool = True,
    total_npairs: int = 0,
    total_term: float = 0.0,
) -> LagSums:
    """Return the sums of a list of pairs."""
    position = bin_positions(lag, bins)
    size = len(bins) + 2

    def per_bin(weights: NDArray[np.float64] | None) -> NDArray[Any]:
        return np.bincount(position, weights, minlength=size)[:-1]

    simple = per_bin(None), per_bin(lag), per_bin(term)
    if not spread:
        return LagSums(*simple, np.zeros(0), np.zeros(0), no_histogram(bins), total_npairs, total_term)
    inside = position < size - 1
    histogram = TermHistogram.of_terms(size - 1, position[inside], term[inside])
    roots = np.sqrt(np.sqrt(np.maximum(term, 0.0)))
    return LagSums(*simple, per_bin(term * term), per_bin(roots), histogram, total_npairs, total_term)


def bin_positions(lag: NDArray[np.float64], bins: LagBins) -> NDArray[np.intp]:
    """Return 0 for a zero lag, k for the k-th bin ``(low, high]``, ``len(bins) + 1`` for outside."""
    position = np.searchsorted(bins.edges, lag, side="left")
    position[(position == 0) & (lag > 0)] = len(bins) + 1
    return position
