"""The nearest point of a Fibonacci lattice on the sphere, without the lattice."""

from math import isqrt

import numpy as np
from numpy.typing import NDArray

POLAR = 1024
"""Points of the lattice around each pole that are searched as they are: there it is not like a plane one."""

_CHUNK = 16_384
"""Places that are searched together: 25 candidates for each are 10 MB per number."""

_REACH = 2
"""Steps to either side of the cell of the lattice that a place is in; one is enough in a plane one."""

_GOLDEN = (1 + np.sqrt(5.0)) / 2

_DIGITS = (isqrt(5 << 168) - (1 << 84)) >> 1
"""The first 84 bits of ``(sqrt(5) - 1) / 2``: the turn from one point of the lattice to the next."""

_LOW_TURN, _HIGH_TURN = np.uint64(_DIGITS >> 20), np.uint64(_DIGITS & (2**64 - 1))
"""The turn of 1 and of 2**20 points, less whole turns, in units of 2**-64."""

_FIBONACCI = np.array([0, 1, *(round(_GOLDEN**k / np.sqrt(5.0)) for k in range(2, 48))], dtype=np.int64)
_TURNS = -((-1 / _GOLDEN) ** np.arange(48))
"""Points to the k-th step of the lattice, and what it adds to the turn, less whole turns."""


def nearest_of_lattice(unit: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Return which point of the lattice of ``count`` points is nearest to each of (n, 3) unit vectors.

    On the cylinder of turn and height the points are a plane lattice, with a basis of two steps that are about
    perpendicular on the sphere at a given latitude (Keinert et al. 2015): the cell around a place is found by solving
    for its coordinates, and the nearest is among the points of the cells around it.
    """
    order = count * (1 - unit[:, 2]) / 2 - 0.5
    is_polar = (order < POLAR / 2) | (order > count - POLAR / 2)
    nearest = np.empty(len(unit), np.int64)
    nearest[is_polar] = _nearest_polar(unit[is_polar], count)
    rows = np.flatnonzero(~is_polar)
    for first in range(0, len(rows), _CHUNK):
        some = rows[first : first + _CHUNK]
        nearest[some] = _nearest_in_between(unit[some], order[some], count)
    return nearest


def lattice_points(number: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """Return the unit vectors of some points of a lattice of ``count``, right to 1e-12 of the Earth's radius."""
    share = (2 * number + 1) / count
    # 1 - height^2 without a difference of numbers near 1.
    across, angle = np.sqrt(share * (2 - share)), 2 * np.pi * _turns(number)
    return np.stack([across * np.cos(angle), across * np.sin(angle), 1 - share], axis=-1)


def _turns(number: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the longitudes of points, in turns from 0 to 1: a product of 64 bits drops whole turns by itself."""
    high, low = (number >> 20).astype(np.uint64), (number & (2**20 - 1)).astype(np.uint64)
    return (high * _HIGH_TURN + low * _LOW_TURN).astype(np.float64) / 2.0**64


def _nearest_polar(unit: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Return the nearest of the points around the poles."""
    from scipy.spatial import KDTree

    number = np.arange(min(count, 2 * POLAR))
    number[POLAR:] += count - len(number)
    return number[KDTree(lattice_points(number, count)).query(unit)[1]]


def _nearest_in_between(unit: NDArray[np.float64], order: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Return the nearest points of places away from the poles."""
    across2 = np.square(unit[:, :2]).sum(axis=1)
    step = np.floor(np.log(np.pi * np.sqrt(5.0) * count * across2) / (2 * np.log(_GOLDEN))).astype(np.intp)
    middle = np.rint(order).astype(np.int64)
    turn = np.arctan2(unit[:, 1], unit[:, 0]) / (2 * np.pi) - _turns(middle)
    turn -= np.rint(turn)
    rest = order - middle
    # The coordinates in the basis of two steps, whose determinant is 1 or -1.
    sign = np.where(step % 2, 1, -1)
    a = np.rint(sign * (turn * _FIBONACCI[step + 1] - rest * _TURNS[step + 1])).astype(np.int64)
    b = np.rint(sign * (rest * _TURNS[step] - turn * _FIBONACCI[step])).astype(np.int64)
    aside = np.arange(-_REACH, _REACH + 1)
    first, second = (steps.ravel() for steps in np.meshgrid(aside, aside))
    number = middle + (a + first[:, None]) * _FIBONACCI[step] + (b + second[:, None]) * _FIBONACCI[step + 1]
    square = np.square(lattice_points(number, count) - unit).sum(axis=-1)
    return np.take_along_axis(number, square.argmin(axis=0)[None], axis=0)[0]
