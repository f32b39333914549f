"""The compiled passes over pairs whose points have marks: those left out, azimuth cells, sums per class."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from variogeo._distances import AZIMUTH_ERROR, EARTH_RADIUS, WGS84_FLATTENING
from variogeo._engine._class_sums import ClassSums, no_classes
from variogeo._engine._marks import Marks
from variogeo._engine._terms import Terms
from variogeo._engine.cpu._compiled import GEODESIC, compiled
from variogeo._engine.cpu._zones import Zones

_COLUMNS = 4
"""Of a sum: weight times lag, weight times term, weight, number of pairs."""

_LEFT_OUT = 1e9
"""Lag (km) of pairs that are left out: beyond every bin."""

_ERROR, _ERROR_ANTIPODE = AZIMUTH_ERROR
_SHORT = 1e-6
"""Rounding of directions and limits as float32, several times over."""

_ZERO, _PLUS, _MINUS = np.float32(0), np.float32(1), np.float32(-1)

_ROUNDING = 1e-10
"""Bound of an azimuth on the sphere, radians times the cosine of the latitude."""


class Marked(NamedTuple):
    """The marks of the points of two blocks, and the sums per class of a task.

    Attributes
    ----------
    group_a, group_b : (points,) or (0,) int array
    class_a, class_b : (points,) or (0,) int array
        Their sum is the class of a pair in this task; empty where no sums per class are wanted.
    weight_a, weight_b : (points,) or (0,) float array
        Likewise.
    east, north : (cells,) float array
        Cosine and sine of the azimuths at which a cell begins; empty without cells.
    cell : (pairs,) int32 array
        Azimuth cell of the pairs at hand, counted from 1; 0 is the last one.
    unsure : (pairs,) int32 array
        Whether a pair at hand is too near to a limit.
    towards_east, towards_north, margin : (pairs,) float32 array
        Direction of the pairs at hand, and how near to a limit it has to be settled.
    sums : (classes * intervals * 4,) float array
    intervals : int
    """

    group_a: NDArray[np.int64]
    group_b: NDArray[np.int64]
    class_a: NDArray[np.int64]
    class_b: NDArray[np.int64]
    weight_a: NDArray[np.float64]
    weight_b: NDArray[np.float64]
    east: NDArray[np.float64]
    north: NDArray[np.float64]
    cell: NDArray[np.int32]
    unsure: NDArray[np.int32]
    towards_east: NDArray[np.float32]
    towards_north: NDArray[np.float32]
    margin: NDArray[np.float32]
    sums: NDArray[np.float64]
    intervals: int


def marked(marks: Marks, rows: tuple[NDArray[np.intp], NDArray[np.intp]], zones: Zones, pairs: int) -> Marked:
    """Return the marks of two blocks of rows, with space for as many pairs at once."""
    intervals, cells = len(zones.edge), len(marks.limits)
    group_a, group_b = (marks.group[side] if marks.group.size else marks.group for side in rows)
    class_a = class_b = np.zeros(0, np.int64)
    weight_a = weight_b = np.zeros(0)
    classes = 0
    if marks.classed:
        (class_a, names_a), (class_b, names_b) = (_numbered(marks, side) for side in rows)
        class_a, classes = class_a * len(names_b), len(names_a) * len(names_b) * max(cells, 1)
        weight_a, weight_b = (marks.weight[side] if marks.weight.size else np.ones(len(side)) for side in rows)
    limit, space = np.radians(marks.limits), pairs if cells else 0
    east, north, margin = np.empty((3, space), np.float32)
    return Marked(
        group_a, group_b, class_a, class_b, weight_a, weight_b, np.cos(limit), np.sin(limit),
        np.zeros(space, np.int32), np.zeros(space, np.int32), east, north, margin,
        np.zeros(classes * intervals * _COLUMNS), intervals,
    )  # fmt: skip


def _numbered(marks: Marks, rows: NDArray[np.intp]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the patches of some rows, numbered within the block, and their numbers among all."""
    if not marks.patch.size:
        return np.zeros(len(rows), np.int64), np.zeros(1, np.int64)
    names, number = np.unique(marks.patch[rows], return_inverse=True)
    return number.astype(np.int64), names


def class_sums(
    space: Marked, marks: Marks, rows: tuple[NDArray[np.intp], NDArray[np.intp]], zones: Zones, terms: Terms
) -> ClassSums:
    """Return what the compiled loops have added up."""
    if not marks.classed:
        return no_classes()
    bins = space.sums.reshape(-1, space.intervals, _COLUMNS)[:, zones.bins]
    number, place = np.nonzero(bins[:, :, 3])
    lag, term, weight, npairs = bins[number, place].T
    if marks.limits.size:
        first = second = (number - 1) % len(marks.limits)
    else:
        names_a, names_b = (_numbered(marks, side)[1] for side in rows)
        first, second = names_a[number // len(names_b)], names_b[number % len(names_b)]
    low, high = np.minimum(first, second), np.maximum(first, second)
    return ClassSums.of(low, high, place + 1, np.rint(npairs).astype(np.int64), weight, lag, term * terms.unit)


@compiled
def leave_out(first, rows, column, count, later, space, marks):
    """Put the pairs of one group beyond every bin."""
    lag, group_a, group_b, place = space.lag, marks.group_a, marks.group_b, 0
    for i in range(rows):
        group = group_a[first + i]
        for j in range(later * (i + 1), count):
            if group == group_b[column[j]]:
                lag[place] = _LEFT_OUT
            place += 1


@compiled
def _directions(metric, ax, ay, az, first, rows, bx, by, bz, count, later, lag, east, north, margin):
    """Write the directions of pairs at the middle of their lines, ``cos(latitude) sin(lag) (sin, cos)(azimuth)``.

    On the auxiliary sphere of the ellipsoid the longitudes of two points differ by more than on Earth, to first order
    by the flattening times the way and the sine of the azimuth at the equator. The middle of the way lies off that of
    the arc, to first order by the flattening times ``sin^2(arc / 2)``, the sine of the latitude and the cosine of the
    azimuth.
    """
    place, stop = np.uint64(0), np.uint64(count)
    for i in range(rows):
        x, y, z = ax[first + i], ay[first + i], az[first + i]
        start = np.uint64(later * (i + 1))
        shift = place - start
        for j in range(start, stop):
            dx, dy, dz = bx[j] - x, by[j] - y, bz[j] - z
            near = (dx * dx + dy * dy + dz * dz) * 0.25
            turn = x * dy - y * dx
            far = max(1.0 - near, 1e-12)
            error, sine = _ROUNDING, 2.0 * math.sqrt(max(near * far, 1e-300))
            up = dz
            if metric == GEODESIC:
                error = _ERROR + _ERROR_ANTIPODE * near / far
                more = WGS84_FLATTENING * lag[shift + j] * (1.0 / EARTH_RADIUS) * turn / sine
                near += more * (0.5 * turn + 0.25 * more * (bx[j] * bx[j] + by[j] * by[j]))
                far = max(1.0 - near, 1e-12)
                turn += more * (x * bx[j] + y * by[j])
                # The middle of the way is not that of the arc.
                up *= 1.0 - WGS84_FLATTENING * 0.25 * near * (z + bz[j]) * (z + bz[j]) / far
            up *= math.sqrt(far)
            east[shift + j], north[shift + j] = np.float32(turn), np.float32(up)
            margin[shift + j] = np.float32((error + _SHORT) * sine)
        place = shift + stop if start < stop else place


@compiled
def find_cells(metric, a, first, rows, x, y, z, count, later, pairs, space, marks):
    """Write the azimuth cells of pairs; make the terms of those that are too near to a limit -1, and count them."""
    cell, unsure, east, north, margin = (
        marks.cell, marks.unsure, marks.towards_east, marks.towards_north, marks.margin,
    )  # fmt: skip
    _directions(metric, a.x, a.y, a.z, first, rows, x, y, z, count, later, space.lag, east, north, margin)
    for j in range(pairs):
        # Azimuths of half a turn: from 0 to 180 degrees.
        sign = _MINUS if east[j] < _ZERO or (east[j] == _ZERO and north[j] < _ZERO) else _PLUS
        east[j], north[j], cell[j], unsure[j] = sign * east[j], sign * north[j], 0, 0
    for k in range(marks.east.shape[0]):
        cosine, sine = np.float32(marks.east[k]), np.float32(marks.north[k])
        for j in range(pairs):
            beyond = east[j] * cosine - north[j] * sine
            cell[j] += np.int32(beyond >= _ZERO)
            unsure[j] |= np.int32(not abs(beyond) > margin[j])
    odd, term = 0, space.term
    for j in range(pairs):
        odd += unsure[j]
        term[j] = -1.0 if unsure[j] else term[j]
    return odd


@compiled
def add_classes(first, rows, column, count, later, space, marks):
    """Add pairs to the sums of their class and interval."""
    lag, term, interval, cell, sums = space.lag, space.term, space.interval, marks.cell, marks.sums
    class_a, class_b, weight_a, weight_b = marks.class_a, marks.class_b, marks.weight_a, marks.weight_b
    intervals, celled, cells, place = marks.intervals, marks.east.shape[0] > 0, marks.east.shape[0], 0
    for i in range(rows):
        of_row, weight_of_row = class_a[first + i], weight_a[first + i]
        for j in range(later * (i + 1), count):
            other = column[j]
            number = of_row + class_b[other]
            if celled:
                number = cell[place] if cell[place] < cells else 0
            weight = weight_of_row * weight_b[other]
            at = np.uint64(_COLUMNS * (number * intervals + interval[place]))
            s0, s1, s2, s3 = sums[at], sums[at + np.uint64(1)], sums[at + np.uint64(2)], sums[at + np.uint64(3)]
            sums[at], sums[at + np.uint64(1)] = s0 + weight * lag[place], s1 + weight * term[place]
            sums[at + np.uint64(2)], sums[at + np.uint64(3)] = s2 + weight, s3 + 1.0
            place += 1
