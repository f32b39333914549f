"""Signs that rows are not what they should be: coordinates that look like radians, and rows that stand twice."""

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

_FEWEST = 10
"""Fewer points may lie anywhere by chance."""

_METRES_PER_DEGREE = 110_000

_HALF, _MIXER = np.uint64(32), np.uint64(0xBF58476D1CE4E5B9)
"""Half a word, and the first factor of SplitMix64 (Steele, Lea and Flood: Fast splittable pseudorandom number
generators, OOPSLA 2014)."""


def look_like_radians(degrees: NDArray[np.float64]) -> bool:
    """Whether coordinates (n, 2) said to be degrees would all make sense as radians; (0, 0) is no place and none."""
    known = degrees[(degrees != 0).any(axis=1)]
    return len(known) >= _FEWEST and bool((np.abs(known) <= (np.pi, np.pi / 2)).all())


def look_like_degrees_as_metres(degrees: NDArray[np.float64]) -> bool:
    """Whether all coordinates lie within what 360 metres are in degrees around (0, 0): degrees in a CRS of metres."""
    known = degrees[(degrees != 0).any(axis=1)]
    return len(known) >= _FEWEST and bool((np.abs(known) <= 360 / _METRES_PER_DEGREE).all())


def row_prints(block: NDArray[Any]) -> NDArray[np.uint64]:
    """Return one number for each row (m, d): equal for rows of equal entries, and else all but surely another.

    Of rows that chance has made one pair in 2^64 has equal numbers; who knows the factors can make such a pair.
    """
    with np.errstate(over="ignore"):  # some bytes of a long double are anything: it is told by its float64
        numbers = block.astype(np.float64) if block.dtype.itemsize > 8 else block
    # + 0.0 makes one zero of the two.
    entries = np.ascontiguousarray(numbers + numbers.dtype.type(0))
    rows = entries.view(np.uint8).reshape(len(block), -1)
    words = (np.pad(rows, ((0, 0), (0, -rows.shape[1] % 8))) if rows.shape[1] % 8 else rows).view(np.uint64)
    # Floats of few digits end in zeros. Without this their sums would too, and many would be equal.
    words ^= words >> _HALF
    words *= _MIXER
    words ^= words >> _HALF
    return np.einsum("ij,j->i", words, _odd_factors(words.shape[1]))


def repeated_rows(place: NDArray[np.intp], prints: NDArray[np.uint64]) -> NDArray[np.intp]:
    """Return the rows whose place and print are those of an earlier row, increasing."""
    order = np.lexsort((prints, place))  # stable: of equal rows the first one stays first
    same = (np.diff(place[order]) == 0) & (np.diff(prints[order]) == 0)
    return np.sort(order[1:][same])


@functools.cache
def _odd_factors(count: int) -> NDArray[np.uint64]:
    """Return random odd numbers, always the same."""
    return 2 * np.random.default_rng(0).integers(2**63, size=count, dtype=np.uint64) + np.uint64(1)
