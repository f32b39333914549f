"""The nearest named place of a point: its name, its distance and the direction from it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import check_same_length, listed_rows
from variogeo._distances import lag_along, one_spelling, prepare_points
from variogeo._geometry import lonlat_from_geodataframe
from variogeo._lonlat import check_lonlat

COMPASS = ("north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west")
"""Eight directions, clockwise from north."""


@dataclass(frozen=True, eq=False)
class NearestPlaces:
    """Of each point the nearest place.

    Attributes
    ----------
    name : list of str
        Name of the nearest place.
    lag : list of float, km
        Great-circle distance to it.
    direction : list of str
        Where the point lies, seen from the place: the start of the great circle; of a point at the place "north".
    """

    name: list[str]
    lag: list[float]
    direction: list[str]


def nearest_places(lonlat: NDArray[np.float64], places: Any) -> NearestPlaces:
    """Return the nearest of the ``places`` of each checked point; of several at one position the first."""
    from scipy.spatial import KDTree

    names, positions = _names_and_positions(places)
    positions, rows = np.unique(one_spelling(positions), axis=0, return_index=True)
    unit, place_unit = (prepare_points(points, "great_circle").unit for points in (lonlat, positions))
    # The chord rises with the arc, so the nearest through the Earth is the nearest along it.
    nearest = np.asarray(KDTree(place_unit).query(unit)[1], dtype=np.intp)
    here = positions[nearest]
    octant = np.round(_azimuth(here, unit) / 45.0).astype(np.int64) % len(COMPASS)
    return NearestPlaces(
        name=[names[row] for row in rows[nearest].tolist()],
        lag=lag_along(here, lonlat, "great_circle").tolist(),
        direction=[COMPASS[number] for number in octant.tolist()],
    )


def _azimuth(here: NDArray[np.float64], unit: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the azimuth at ``here`` of the great circle to a unit vector, degrees clockwise from north."""
    longitude, latitude = np.radians(here).T
    x, y, z = unit.T
    east = y * np.cos(longitude) - x * np.sin(longitude)
    north = z * np.cos(latitude) - np.sin(latitude) * (x * np.cos(longitude) + y * np.sin(longitude))
    azimuth = np.degrees(np.arctan2(east, north))
    # From a pole there is one way only.
    return np.where(here[:, 1] == 90.0, 180.0, np.where(here[:, 1] == -90.0, 0.0, azimuth))


def _names_and_positions(places: Any) -> tuple[list[str], NDArray[np.float64]]:
    """Return the names and the checked lonlat of a table of places."""
    if type(places).__module__.startswith("geopandas"):
        if "name" not in places.columns:
            listed = ", ".join(repr(column) for column in places.columns)
            msg = f"places has no column 'name', but {listed}. Rename one: places.rename(columns={{...: 'name'}})."
            raise ValueError(msg)
        names, positions = places["name"].tolist(), lonlat_from_geodataframe(places, point="representative")
    elif isinstance(places, tuple) and len(places) == 2:
        names, positions = list(places[0]), places[1]
    else:
        msg = (
            f"Invalid places of type {type(places).__name__}. Must be a GeoDataFrame with a column 'name', or a tuple "
            "(names, lonlat)."
        )
        raise TypeError(msg)
    positions = check_lonlat(positions, name="the lonlat of places")
    check_same_length(names, positions, names=("the names of places", "the lonlat of places"), item="place")
    nameless = [row for row, name in enumerate(names) if not isinstance(name, str) or not name.strip()]
    if nameless:
        msg = f"places has no name in {len(nameless)} rows: {listed_rows(nameless)}. Drop them or name them (str)."
        raise ValueError(msg)
    if not names:
        msg = "places is empty. Must hold one place at least."
        raise ValueError(msg)
    return [str(name) for name in names], positions
