"""Prepare the points of a block for the compiled loops."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from variogeo._distances import SpherePoints
from variogeo._engine._blocks import LEAF
from variogeo._engine._terms import Terms
from variogeo._engine.cpu._compiled import METRICS
from variogeo._engine.cpu._nodes import Nodes, Standing, nodes_of, standing_of
from variogeo._engine.cpu._products import quartets_of


class Points(NamedTuple):
    """Some points: coordinates as three arrays, factors of the products, half of their squares.

    Attributes
    ----------
    x, y, z : (m,) float array
    factors : (m, d) array
        Filled up with rows of zeros to whole leaves.
    half_squares : (m,) float array
    quartet_sums, quartet_half_squares : (m // 4, d) and (m // 4,) array
        Sums of both over four points; none where nothing is summed.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    z: NDArray[np.float64]
    factors: NDArray[np.floating]
    half_squares: NDArray[np.float64]
    quartet_sums: NDArray[np.floating]
    quartet_half_squares: NDArray[np.float64]


class Side(NamedTuple):
    """A block as one side of a task: its points in spatial order, their tree, and what stands for its nodes in lags."""

    points: Points
    nodes: Nodes
    standing: Standing


def side_of(points: SpherePoints, terms: Terms, rows: NDArray[np.intp], *, summed: bool) -> Side:
    """Return a block of points with their tree, whose nodes are summed or not."""
    x, y, z = np.ascontiguousarray(points.unit[rows].T)
    factors, half_squares = terms.factors(rows, multiple=LEAF)
    quartets = quartets_of(factors, half_squares if summed else half_squares[:0])
    block = Points(x, y, z, factors, half_squares, *quartets)
    nodes = nodes_of(METRICS[points.metric], block, points.lonlat[rows], summed)
    return Side(block, nodes, standing_of(block, nodes, summed))
