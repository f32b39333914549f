"""Where the points of a table are: its geometry or its columns, which must not disagree."""

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import DataError, check_lonlat
from variogeo._distances import lag_along
from variogeo._geometry import all_points, crs_name, places_of
from variogeo.io._names import only_pair, place_candidates
from variogeo.io._tables import Table
from variogeo.io._units import in_degrees
from variogeo.io._wanted import Wanted

_LARGEST_GAP = 1.0
"""Kilometres between a geometry and columns of two decimals, rounded up."""


def read_places(table: Table, wanted: Wanted) -> tuple[NDArray[np.float64], str | None]:
    """Return longitude and latitude, NaN where there is no place, and the name of the CRS that they come from."""
    geometry, named, point, units = table.geometry(), wanted.named, wanted.point, wanted.units
    if geometry is None:
        if point is not None:
            msg = f"Invalid point {point!r}. It has no geometry; columns of numbers hold points already."
            raise DataError(msg)
        kind = "Parquet without GeoParquet metadata" if table.held is None else "No columns are known as places"
        pair = named or only_pair(table.names, otherwise=kind)
        return in_degrees(table.numbers(pair), units), None
    if named is None:
        lonlat = places_of(geometry, point)
        if all_points(geometry):
            for pair in place_candidates(table.names):
                check_agreement(lonlat, table.numbers(pair), pair)
        return lonlat, crs_name(geometry.crs)
    lonlat = in_degrees(table.numbers(named), units)
    if geometry.crs is not None and all_points(geometry):
        check_agreement(places_of(geometry, None), lonlat, named)
    return lonlat, None


def check_agreement(lonlat: NDArray[np.float64], numbers: NDArray[np.float64], pair: tuple[str, str]) -> None:
    """Refuse columns that say another place than the geometry of the same row."""
    both = np.flatnonzero(np.isfinite(lonlat).all(axis=1) & np.isfinite(numbers).all(axis=1))
    if not both.size:
        return
    cure = f"Which is right? Leave out the columns {pair[0]!r} and {pair[1]!r}, or the geometry."
    degrees = numbers[both]
    if (np.abs(degrees) > (360, 90)).any():
        row = both[np.flatnonzero((np.abs(degrees) > (360, 90)).any(axis=1))[0]]
        msg = f"Columns {pair[0]!r} and {pair[1]!r} are no degrees in row {row}, but it has a geometry too. {cure}"
        raise DataError(msg)
    gap = lag_along(check_lonlat(lonlat[both]), check_lonlat(degrees), "great_circle")
    if gap.max() > _LARGEST_GAP:
        msg = (
            f"Columns {pair[0]!r} and {pair[1]!r} are up to {gap.max():.4g} km from the geometry, most in row "
            f"{both[gap.argmax()]}, and more than {_LARGEST_GAP:g} km in {(gap > _LARGEST_GAP).sum()} rows. {cure}"
        )
        raise DataError(msg)
