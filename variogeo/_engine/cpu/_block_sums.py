"""The sums over the pairs of two blocks: what a task is, on the CPU."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from variogeo._distances import SpherePoints
from variogeo._engine._blocks import LEAF
from variogeo._engine._marks import Marks
from variogeo._engine._sums import LagSums
from variogeo._engine._terms import Terms
from variogeo._engine.cpu._compiled import METRICS, compiled
from variogeo._engine.cpu._dual import add_wholes, visit
from variogeo._engine.cpu._gathered import COLUMNS, LEAVES, Gathered, add_gathered, nothing_gathered
from variogeo._engine.cpu._lag_sums import add_lags
from variogeo._engine.cpu._marked import class_sums, marked
from variogeo._engine.cpu._moments import no_moments, sums_of_moments
from variogeo._engine.cpu._nodes import Nodes
from variogeo._engine.cpu._settle import Settled
from variogeo._engine.cpu._sides import Side
from variogeo._engine.cpu._sorting import space_apart
from variogeo._engine.cpu._zones import zones_of
from variogeo._lags import LagBins

_DEEPEST = 4096

_APART = 2**18
"""Pairs for which there is room before those set apart are settled."""


_LEAST_ROOM = 16
"""Leaves with which a group goes on."""


class Space(NamedTuple):
    """What the way through two blocks writes to.

    Attributes
    ----------
    gathered : Gathered
    bits, touched, whole, stack : int arrays
        See `visit`.
    """

    gathered: Gathered
    bits: NDArray[np.int64]
    touched: NDArray[np.int64]
    whole: NDArray[np.int32]
    stack: NDArray[np.int64]


def block_sums(
    points: SpherePoints,
    terms: Terms,
    bins: LagBins,
    rows: tuple[NDArray[np.intp], NDArray[np.intp]],
    sides: tuple[Side, Side],
    marks: Marks,
    *,
    spread: bool,
    summed: bool,
) -> LagSums:
    """Return the sums over all pairs of two blocks, or within one when both are the same.

    With ``summed`` parts of the Earth are taken as a whole where all their lags fall in one bin, which leaves no
    spread. Pairs at zero lag are left out then: `zero_lag_sums` has them in closed form.
    """
    zones = zones_of(bins, points.metric)
    moments = no_moments(zones, terms, spread=spread)
    settled = Settled(points, terms, bins, marks, spread=spread, zero_lag=not summed)
    marks_here = marked(marks, rows, zones, LEAF * COLUMNS)
    groups, nodes_b = _groups(sides[0].nodes), len(sides[1].nodes.start)
    apart, progress = space_apart(_APART), np.zeros(3, np.int64)
    space = Space(
        nothing_gathered(terms.precision),
        np.zeros(nodes_b, np.int64),
        np.empty(nodes_b, np.int64),
        np.empty((2 * LEAVES * nodes_b if summed else 0, 3), np.int32),
        np.empty((_DEEPEST, 2), np.int64),
    )
    while progress[0] < len(groups):
        left = _add_groups(
            METRICS[points.metric], groups, progress, *sides, sides[0] is sides[1], summed, spread, zones, moments,
            marks_here, space, apart,
        )  # fmt: skip
        settled.add(*apart.rows(int(left), *rows))
    sums = sums_of_moments(moments, zones, terms, bins)
    return replace(sums, classes=class_sums(marks_here, marks, rows, zones, terms)) + settled.total(moments.waiting)


@compiled
def _add_groups(metric, groups, progress, side_a, side_b, same, summed, spread, zones, moments, marks, space, apart):
    """Add the pairs of the groups, until there is no room for more pairs set apart; return how many there are.

    ``progress`` holds how many groups are done, and of the next one how many of how many leaves that it touches.
    """
    # Not a literal, for which everything would be compiled once more.
    left = np.int64(0)
    while progress[0] < groups.shape[0]:
        # Every pair may have to be set apart.
        room = (apart.i.shape[0] - left) // (LEAVES * LEAF**2)
        if room < _LEAST_ROOM:
            return left
        group, done, touches = groups[progress[0]], progress[1], progress[2]
        if done == 0:
            wholes, touches = visit(
                metric, group, side_a.nodes, side_b.nodes, same, summed, zones, space.bits, space.touched, space.whole,
                space.stack,
            )  # fmt: skip
            if wholes:
                add_wholes(side_a.nodes, side_b.nodes, space.whole, wholes, moments)
                add_lags(metric, side_a, side_b, space.whole, wholes, moments, space.stack)
        stop = min(touches, done + room)
        left = add_gathered(
            metric, side_a.nodes.start[group], side_a.points, side_b.points, same, summed, space.bits, space.touched,
            done, stop, zones, moments, marks, spread, space.gathered, apart, left,
        )  # fmt: skip
        if stop < touches:
            progress[1], progress[2] = stop, touches
        else:
            progress[0], progress[1] = progress[0] + 1, 0
    return left


def _groups(nodes: Nodes) -> NDArray[np.intp]:
    """Return the largest nodes of at most `LEAVES` leaves."""
    small = nodes.stop - nodes.start <= LEAVES * LEAF
    # A parent stands before its halves: small nodes whose parent is not small start a group.
    parent_small = np.zeros(len(small), dtype=bool)
    inner = np.flatnonzero((nodes.second > 0) & small)
    parent_small[inner + 1] = True
    parent_small[nodes.second[inner]] = True
    return np.flatnonzero(small & ~parent_small)
