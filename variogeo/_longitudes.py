"""Where longitudes begin and end, so that maps of points on both sides of the antimeridian need not go all round."""

import numpy as np
from numpy.typing import NDArray

_ALL_ROUND = 180.0
"""Degrees from which points are all round the Earth: the shortest line between two of them may leave their arc."""


def covering_arc(longitude: NDArray[np.float64]) -> tuple[float, float]:
    """Return where longitudes (n,) of -180..180 degrees begin and end, going east; the first is larger across 180."""
    ordered = np.unique(longitude)
    # The arc begins after the widest gap that holds no point.
    gaps = np.diff(ordered, append=ordered[0] + 360.0)
    widest = int(np.argmax(gaps))
    west, east = float(ordered[(widest + 1) % len(ordered)]), float(ordered[widest])
    if west > east and 360.0 - (west - east) >= _ALL_ROUND:
        return float(ordered[0]), float(ordered[-1])
    return west, east


def western_edge(longitude: NDArray[np.float64]) -> float:
    """Return the longitude at which a map of such points is cut open: -180, or opposite their middle across 180."""
    if not len(longitude):
        return -180.0
    west, east = covering_arc(longitude)
    return -180.0 if west <= east else (west + east) / 2.0


def turned(longitude: NDArray[np.float64], west: float) -> NDArray[np.float64]:
    """Return longitudes of -180..180 degrees on a map that is cut open at ``west``: those before it lie beyond 180."""
    return np.where(longitude < west, longitude + 360.0, longitude)
