"""ClassSums: sums per class of pairs and lag bin, for pairs of patches and for directions."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._read_only import ReadOnlyArrays

_KEYS = ("first", "second", "bin")
_FLOATS = ("weight", "lag", "term")

_ROOM = 4
"""Places of a table for each entry that is added to it."""


@dataclass(frozen=True, eq=False)
class ClassSums(ReadOnlyArrays):
    """Sums per class of pairs and lag bin, of the cells that hold pairs; they add.

    A class has two numbers: the patches of the two points, the smaller one first, or twice the azimuth cell.

    Attributes
    ----------
    first, second : (m,) int array
        The class.
    bin : (m,) int array
        Lag bin: 0 for pairs at zero lag, k for the k-th bin. Cells are sorted by class and bin, each once.
    npairs : (m,) int array
        Number of unordered pairs, at least 1.
    weight, lag, term : (m,) float array
        Sums over the pairs of the weight, of weight times lag (km) and of weight times dissimilarity. The weight of a
        pair is 1 unless weights were given.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    bin: NDArray[np.int64]
    npairs: NDArray[np.int64]
    weight: NDArray[np.float64]
    lag: NDArray[np.float64]
    term: NDArray[np.float64]

    def __post_init__(self) -> None:
        for field in fields(self):
            array = np.array(getattr(self, field.name), dtype=np.float64 if field.name in _FLOATS else np.int64)
            array.setflags(write=False)
            object.__setattr__(self, field.name, array)
        shapes = {getattr(self, field.name).shape for field in fields(self)}
        if shapes != {(self.first.size,)}:
            msg = f"Invalid npairs of shape {self.npairs.shape}. Must be (m,), like all other fields."
            raise ValueError(msg)
        if (self.npairs < 1).any() or not all(np.isfinite(getattr(self, name)).all() for name in _FLOATS):
            msg = "Invalid npairs, weight, lag or term. Must be at least 1 pair, and finite."
            raise ValueError(msg)
        if not (np.concatenate([self.first, self.bin]) >= 0).all() or not (self.first <= self.second).all():
            msg = "Invalid first, second or bin. Must not be negative, and first not above second."
            raise ValueError(msg)
        steps = [np.diff(getattr(self, name)) for name in _KEYS]
        # Each cell after the one before it: by the first of the three numbers in which they differ.
        if not np.where(steps[0], steps[0] > 0, np.where(steps[1], steps[1] > 0, steps[2] > 0)).all():
            msg = "Invalid first, second and bin. Must be sorted, each cell once."
            raise ValueError(msg)

    @classmethod
    def of(cls, first: Any, second: Any, bin: Any, *columns: Any) -> "ClassSums":  # noqa: A002 - the field's name
        """Return the sums of pairs or cells in any order and repeated: npairs, weight, lag and term of each."""
        keys: list[Any] = [np.asarray(key, dtype=np.int64) for key in (first, second, bin)]
        if not len(keys[0]):
            return cls(*keys, *columns)
        sizes = [int(key.max()) + 1 for key in keys]
        key = (keys[0] * sizes[1] + keys[1]) * sizes[2] + keys[2]
        space = sizes[0] * sizes[1] * sizes[2]
        # A table is faster than a sort, where it is not much larger than the list.
        if space <= _ROOM * len(key):
            sums: list[Any] = [np.bincount(key, column, space) for column in columns]
            filled = np.flatnonzero(sums[0])
            sums = [column[filled] for column in sums]
        else:
            order = np.argsort(key, kind="stable")
            starts = np.flatnonzero(np.diff(key[order], prepend=-1))
            filled, sums = key[order][starts], [np.add.reduceat(np.asarray(one)[order], starts) for one in columns]
        rest, position = np.divmod(filled, sizes[2])
        return cls(*np.divmod(rest, sizes[1]), position, np.rint(sums[0]).astype(np.int64), *sums[1:])

    @classmethod
    def sum_of(cls, several: Sequence["ClassSums"]) -> "ClassSums":
        """Return the sum of at least one."""
        filled = [one for one in several if len(one)]
        if len(filled) < 2:
            return filled[0] if filled else several[0]
        return cls.of(*(np.concatenate([getattr(one, field.name) for one in filled]) for field in fields(cls)))

    def __len__(self) -> int:
        return len(self.first)

    def __add__(self, other: "ClassSums") -> "ClassSums":
        if not isinstance(other, ClassSums):
            return NotImplemented
        return ClassSums.sum_of([self, other])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ClassSums) and all(
            np.array_equal(getattr(self, field.name), getattr(other, field.name)) for field in fields(self)
        )

    __hash__ = None  # type: ignore[assignment]

    def totals(self, rows: NDArray[np.integer[Any]] | slice, size: int) -> NDArray[np.float64]:
        """Return the (4, size) sums of some cells per bin: npairs, weight, lag, term."""
        columns = (self.npairs, self.weight, self.lag, self.term)
        return np.array([np.bincount(self.bin[rows], column[rows], size) for column in columns], dtype=np.float64)


def no_classes() -> ClassSums:
    """Return the sums of no pairs."""
    whole, real = np.zeros(0, np.int64), np.zeros(0)
    return ClassSums(whole, whole, whole, whole, real, real, real)
