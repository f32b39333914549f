"""Caps: spherical bounds of groups of points, and the smallest lag between two of them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from variogeo._distances import EARTH_RADIUS, WGS84_FLATTENING, WGS84_SEMI_MAJOR, Metric


class Cap(NamedTuple):
    """All points within an arc ``radius`` of the unit vector ``centre``."""

    centre: NDArray[np.float64]
    radius: float


def cap_of(x: NDArray[np.float64], y: NDArray[np.float64], z: NDArray[np.float64]) -> Cap:
    """Return a cap that holds all points."""
    unit = np.column_stack([x, y, z])
    mean = unit.mean(axis=0)
    length = float(np.linalg.norm(mean))
    # Points all around the globe have no middle: any one will do.
    centre = mean / length if length > 1e-6 else unit[0]
    chord = np.sqrt(np.max(np.einsum("ij,ij->i", unit - centre, unit - centre)))
    return Cap(centre, 2 * np.arcsin(min(1.0, chord / 2)) + 1e-9)


def smallest_lag(a: Cap, b: Cap, metric: Metric) -> float:
    """Return a lag (km) that no pair of one cap with the other undercuts.

    On the sphere of reduced latitudes a step of the ellipsoid is between its semi-minor and its semi-major axis
    times the arc, so a geodesic is at least the semi-minor axis times the arc.
    """
    chord = float(np.linalg.norm(a.centre - b.centre))
    arc = max(0.0, 2 * np.arcsin(min(1.0, chord / 2)) - a.radius - b.radius - 1e-9)
    if metric == "chord":
        return 2 * EARTH_RADIUS * float(np.sin(arc / 2))
    return arc * (WGS84_SEMI_MAJOR * (1 - WGS84_FLATTENING) if metric == "geodesic" else EARTH_RADIUS)
