"""The sums over the pairs of two blocks: what a task is, on the CPU."""

import numpy as np
from numpy.typing import NDArray

from variogeo._distances import SpherePoints
from variogeo._engine._blocks import LEAF
from variogeo._engine._sums import LagSums
from variogeo._engine._terms import Terms
from variogeo._engine.cpu._compiled import METRICS
from variogeo._engine.cpu._dual import add_wholes, visit
from variogeo._engine.cpu._gathered import COLUMNS, LEAVES, add_gathered, nothing_gathered
from variogeo._engine.cpu._lag_sums import add_lags
from variogeo._engine.cpu._moments import no_moments, sums_of_moments
from variogeo._engine.cpu._nodes import Nodes
from variogeo._engine.cpu._settle import Settled
from variogeo._engine.cpu._sides import BlockSide
from variogeo._engine.cpu._sorting import scratch, space_apart
from variogeo._engine.cpu._zones import zones_of
from variogeo._lags import LagBins

_DEEPEST = 4096


def block_sums(
    points: SpherePoints,
    terms: Terms,
    bins: LagBins,
    rows: tuple[NDArray[np.intp], NDArray[np.intp]],
    sides: tuple[BlockSide, BlockSide],
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
    (side_a, a, stand_a), (side_b, b, stand_b) = sides
    same, metric = side_a is side_b, METRICS[points.metric]
    gathered, space = nothing_gathered(terms.precision), scratch(LEAF * COLUMNS)
    bits, touched = np.zeros(len(b.start), np.int64), np.empty(len(b.start), np.int64)
    whole = np.empty((2 * LEAVES * len(b.start) if summed else 0, 3), np.int32)
    stack, apart = np.empty((_DEEPEST, 2), np.int64), space_apart(LEAVES * LEAF * len(rows[1]))
    for group in _groups(a):
        wholes, touches = visit(metric, group, a, b, same, summed, zones, bits, touched, whole, stack)
        if wholes:
            add_wholes(a, b, whole, wholes, moments)
            add_lags(metric, a, stand_a, b, stand_b, whole, wholes, moments, stack)
        left = add_gathered(
            metric, a.start[group], side_a, side_b, same, bits, touched, touches, zones, moments, spread, gathered,
            space, apart,
        )  # fmt: skip
        if left:
            settled.add(*apart.rows(left, *rows))
    return sums_of_moments(moments, zones, terms, bins) + settled.total(moments.waiting)


def _groups(nodes: Nodes) -> NDArray[np.intp]:
    """Return the largest nodes of at most `LEAVES` leaves."""
    small = nodes.stop - nodes.start <= LEAVES * LEAF
    # A parent stands before its halves: small nodes whose parent is not small start a group.
    parent_small = np.zeros(len(small), dtype=bool)
    inner = np.flatnonzero((nodes.second > 0) & small)
    parent_small[inner + 1] = True
    parent_small[nodes.second[inner]] = True
    return np.flatnonzero(small & ~parent_small)
