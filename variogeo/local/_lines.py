"""Geodesics as lines on a map: dense, and cut where the map ends."""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

_STEP = 100.0
"""Distance (km) of the points of a line."""

_FINEST = 0.1
"""Likewise (km) near a pole and across the antimeridian."""

_TURN = 10.0
"""Change of longitude (degrees) between two points, above which more are put between them."""


def geodesic_line(a: NDArray[np.float64], b: NDArray[np.float64]) -> Any:
    """Return the WGS84 geodesic between two places as a LineString, or as a MultiLineString cut at 180 degrees.

    A line over a pole is cut there, too: it leaves the map at one longitude and comes back at another.
    """
    from shapely import LineString, MultiLineString

    parts = [LineString(part) for part in _parts(_dense(a, b))]
    return parts[0] if len(parts) == 1 else MultiLineString(parts)


def _dense(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return points of a geodesic, ends included, closer where longitudes turn fast or pass 180 degrees."""
    from pyproj import Geod

    geod = Geod(ellps="WGS84")
    azimuth, _, metres = geod.inv(*a, *b)
    length = metres / 1000.0
    along = np.linspace(0.0, length, max(2, int(np.ceil(length / _STEP)) + 1))
    while True:
        rest = np.ones(len(along))
        longitude, latitude, _ = geod.fwd(a[0] * rest, a[1] * rest, azimuth * rest, along * 1000.0)
        # One spelling of the edge of the map, so that a line along it stays on one side.
        places = np.column_stack([np.where(np.abs(longitude) > 180.0 - 1e-9, -180.0, longitude), latitude])
        places[0], places[-1] = a, b
        step, turn = np.diff(along), np.diff(places[:, 0])
        coarse = (step > _FINEST) & (np.abs(turn) > _TURN)
        if not coarse.any():
            return places
        along = np.sort(np.concatenate([along, (along[:-1] + step / 2)[coarse]]))


def _parts(places: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return the pieces of a line between which it leaves the map on one side and comes back on another."""
    parts, part = [], [places[0]]
    for here, there in pairwise(places):
        turn = (there[0] - here[0] + 180.0) % 360.0 - 180.0
        if abs(turn) > _TURN:
            pole = np.copysign(90.0, here[1])
            leave, back = np.array([here[0], pole]), np.array([there[0], pole])
        elif abs(there[0] - here[0]) > 180.0:
            side = np.copysign(180.0, here[0])
            share = (side - here[0]) / turn if turn else 0.0
            latitude = here[1] + share * (there[1] - here[1])
            leave, back = np.array([side, latitude]), np.array([-side, latitude])
        else:
            part.append(there)
            continue
        parts.append([*part, leave])
        part = [back, there]
    parts.append(part)
    lines = [np.array(part) for part in parts]
    # What is left of a line that starts or ends on the edge of the map is a point.
    return [line for line in lines if (line != line[0]).any()]
