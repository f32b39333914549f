"""Where the points of a table are: its geometry or its columns, which must not disagree."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import DataError
from variogeo._distances import lag_along
from variogeo._files import reading
from variogeo._geometry import all_points, crs_name, nearest_of_boxes, places_of
from variogeo._lonlat import check_lonlat
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
        if units not in (None, "deg"):
            msg = f"Invalid units {units!r}. It has a geometry, which is in its CRS. Leave them out."
            raise DataError(msg)
        if geometry.crs is None:
            msg = (
                f"Its geometry {geometry.name!r} says that its CRS is not known. Say what its numbers are and write it "
                'again: geopandas.read_parquet(file).set_crs("EPSG:4326").to_parquet(file). Or name columns of '
                "longitude and latitude, if it has some: lon=, lat=."
            )
            raise DataError(msg)
        lonlat = places_of(geometry, point)
        for pair in place_candidates(table.names):
            columns = table.read(*pair)
            with reading("Parquet"):
                series = [columns.column(name).to_pandas() for name in pair]
            check_agreement(geometry, lonlat, series, pair)
        return lonlat, crs_name(geometry.crs)
    lonlat = in_degrees(table.numbers(named), units)
    # Named beside polygons they may be anywhere, such as the camera of a footprint.
    if geometry.crs is not None and all_points(geometry):
        _check_near(places_of(geometry, None), geometry, lonlat, named)
    return lonlat, None


def check_agreement(geometry: Any, lonlat: NDArray[np.float64], columns: Iterable[Any], pair: tuple[str, str]) -> None:
    """Refuse columns of numbers, or of texts of numbers, that say another place than the geometry of the same row.

    ``lonlat`` are the places of the geometry; beside polygons and lines the columns may say any place of their box.
    """
    _check_near(lonlat, geometry, np.column_stack([_as_numbers(column) for column in columns]), pair)


def _as_numbers(column: Any) -> NDArray[np.float64]:
    """Return what a column of pandas says in numbers, NaN where it says none."""
    import pandas as pd

    if column.dtype.kind in "iuf":
        return column.to_numpy(np.float64, na_value=np.nan)
    texts = column.astype(str).str.replace(",", ".").str.strip("° ")
    numbers: Any = pd.to_numeric(texts, errors="coerce")
    return numbers.to_numpy(np.float64)


def _check_near(
    lonlat: NDArray[np.float64], geometry: Any, numbers: NDArray[np.float64], pair: tuple[str, str]
) -> None:
    """Refuse numbers that say another place than the geometry of the same row."""
    if not all_points(geometry):
        lonlat = nearest_of_boxes(geometry, numbers)
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
