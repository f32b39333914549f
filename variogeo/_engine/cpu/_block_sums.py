"""The sums over the pairs of two blocks: what a task is, on the CPU."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from variogeo._distances import SpherePoints
from variogeo._engine._blocks import LEAF
from variogeo._engine._sums import LagSums
from variogeo._engine._terms import Terms
from variogeo._engine.cpu._compiled import METRICS, compiled
from variogeo._engine.cpu._dual import add_wholes, visit
from variogeo._engine.cpu._gathered import LEAVES, Gathered, add_gathered, nothing_gathered
from variogeo._engine.cpu._lag_sums import add_lags
from variogeo._engine.cpu._moments import no_moments, sums_of_moments
from variogeo._engine.cpu._nodes import Nodes
from variogeo._engine.cpu._settle import Settled
from variogeo._engine.cpu._sides import Side
from variogeo._engine.cpu._sorting import space_apart
from variogeo._engine.cpu._zones import zones_of
from variogeo._lags import LagBins

_DEEPEST = 4096

_APART = 2**16
"""Pairs that are set apart before they are settled."""


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
    settled = Settled(points, terms, bins, spread=spread, zero_lag=not summed)
    groups, done = _groups(sides[0].nodes), 0
    # In one group every pair may be set apart.
    largest, nodes_b = LEAVES * LEAF * len(rows[1]), len(sides[1].nodes.start)
    apart = space_apart(largest + _APART)
    space = Space(
        nothing_gathered(terms.precision),
        np.zeros(nodes_b, np.int64),
        np.empty(nodes_b, np.int64),
        np.empty((2 * LEAVES * nodes_b if summed else 0, 3), np.int32),
        np.empty((_DEEPEST, 2), np.int64),
    )
    while done < len(groups):
        done, left = _add_groups(
            METRICS[points.metric], groups, done, *sides, sides[0] is sides[1], summed, spread, zones, moments, space,
            apart, len(apart.i) - largest,
        )  # fmt: skip
        settled.add(*apart.rows(left, *rows))
    return sums_of_moments(moments, zones, terms, bins) + settled.total(moments.waiting)


@compiled
def _add_groups(metric, groups, done, side_a, side_b, same, summed, spread, zones, moments, space, apart, most):
    """Add the pairs of the groups from ``done`` on, until more than ``most`` pairs are set apart.

    Returns the groups done, and the number of pairs set apart.
    """
    left = 0
    while done < groups.shape[0] and left <= most:
        group = groups[done]
        wholes, touches = visit(
            metric, group, side_a.nodes, side_b.nodes, same, summed, zones, space.bits, space.touched, space.whole,
            space.stack,
        )  # fmt: skip
        if wholes:
            add_wholes(side_a.nodes, side_b.nodes, space.whole, wholes, moments)
            add_lags(metric, side_a, side_b, space.whole, wholes, moments, space.stack)
        left = add_gathered(
            metric, side_a.nodes.start[group], side_a.points, side_b.points, same, summed, space.bits, space.touched,
            touches, zones, moments, spread, space.gathered, apart, left,
        )  # fmt: skip
        done += 1
    return done, left


def _groups(nodes: Nodes) -> NDArray[np.intp]:
    """Return the largest nodes of at most `LEAVES` leaves."""
    small = nodes.stop - nodes.start <= LEAVES * LEAF
    # A parent stands before its halves: small nodes whose parent is not small start a group.
    parent_small = np.zeros(len(small), dtype=bool)
    inner = np.flatnonzero((nodes.second > 0) & small)
    parent_small[inner + 1] = True
    parent_small[nodes.second[inner]] = True
    return np.flatnonzero(small & ~parent_small)
