"""Prepare the points of a block for an engine."""

import numpy as np
from numpy.typing import NDArray

from variogeo._distances import SpherePoints
from variogeo._engine._blocks import LEAF
from variogeo._engine._terms import Terms
from variogeo._engine.cpu._compiled import METRICS
from variogeo._engine.cpu._nodes import Nodes, Standing, nodes_of, standing_of
from variogeo._engine.cpu._tiles import Side


def side_of(points: SpherePoints, terms: Terms, rows: NDArray[np.intp], *, multiple: int = 1) -> Side:
    """Return some points as one side of tiles, their factors filled up to a multiple of rows."""
    x, y, z = np.ascontiguousarray(points.unit[rows].T)
    return Side(x, y, z, *terms.factors(rows, multiple=multiple))


def tree_side_of(points: SpherePoints, terms: Terms, rows: NDArray[np.intp]) -> tuple[Side, Nodes, Standing]:
    """Return some points, in spatial order, with their tree and what stands for its nodes."""
    side = side_of(points, terms, rows, multiple=LEAF)
    nodes = nodes_of(METRICS[points.metric], side, points.lonlat[rows])
    return side, nodes, standing_of(side, nodes)
