"""Checks of coordinates: degrees, longitude first, of full precision."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import as_real_array, listed_rows


def check_no_frame(lonlat: Any, *, name: str) -> None:
    """Refuse a GeoDataFrame in the place of an array."""
    if type(lonlat).__module__.startswith("geopandas"):
        msg = (
            f"Invalid {name} of type {type(lonlat).__name__}. Must be an (n, 2) array: "
            "variogeo.interop.lonlat_from_geodataframe makes it, variogeo.io.points_from_geodataframe all at once."
        )
        raise TypeError(msg)


def check_order(lonlat: Any, *, name: str) -> None:
    """Refuse a table whose two columns are named latitude, then longitude."""
    columns = [str(column).lower() for column in getattr(lonlat, "columns", ())]
    if len(columns) == 2 and "lat" in columns[0] and "lon" in columns[1]:
        msg = f"Invalid {name} with columns {columns[0]}, {columns[1]}. Longitude is the first: turn the columns round."
        raise ValueError(msg)


def check_precision(lonlat: Any, array: NDArray[Any], *, name: str) -> None:
    """Refuse coordinates, as given and as an array, of half precision."""
    given = str(getattr(lonlat, "dtype", array.dtype))
    if array.dtype == np.float16 or given == "torch.bfloat16":
        msg = (
            f"Invalid {name} of dtype {given}: half precision moves a place by kilometres. Must be float64 or float32, "
            'or whole numbers with units="e7" in a door of variogeo.io.'
        )
        raise TypeError(msg)


def check_lonlat(lonlat: Any, *, name: str = "lonlat") -> NDArray[np.float64]:
    """Return a new (n, 2) float64 array of longitude in [-180, 180] and latitude, or refuse it."""
    check_no_frame(lonlat, name=name)
    check_order(lonlat, name=name)
    array = as_real_array(lonlat, name=name)
    if array.ndim != 2 or array.shape[1] != 2:
        msg = f"Invalid {name} of shape {array.shape}. Must be (n, 2): longitude, latitude in degrees."
        raise ValueError(msg)
    check_precision(lonlat, array, name=name)
    degrees = array.astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(degrees).all(axis=1))
    if bad.size:
        msg = f"{name} has NaN or infinite coordinates in {bad.size} rows: {listed_rows(bad)}. Drop them first."
        raise ValueError(msg)
    _check_degrees(degrees, name)
    degrees[:, 0] = _wrapped(degrees[:, 0])
    return degrees


def _check_degrees(degrees: NDArray[np.float64], name: str) -> None:
    """Refuse coordinates that cannot be longitude and latitude in degrees."""
    if not len(degrees):
        return
    largest = np.abs(degrees).max(axis=0)
    if largest.max() > 1000:
        whole = ' Whole numbers of 1e-7 degrees? Pass units="e7" to a door of variogeo.io.'
        msg = (
            f"{name} has coordinates up to {largest.max():.6g}, which are not degrees. Projected metres? "
            "Pass a GeoDataFrame with its CRS to variogeo.interop.lonlat_from_geodataframe."
            f"{whole if (degrees % 1 == 0).all() else ''}"
        )
        raise ValueError(msg)
    if largest[1] > 90:
        rows = np.flatnonzero(np.abs(degrees[:, 1]) > 90)
        msg = (
            f"{name} has latitudes up to {largest[1]:.6g} (rows {listed_rows(rows)}). "
            "Latitude is the second column; are the columns swapped?"
        )
        raise ValueError(msg)
    if largest[0] > 360:
        rows = np.flatnonzero(np.abs(degrees[:, 0]) > 360)
        msg = (
            f"{name} has longitudes up to {largest[0]:.6g} (rows {listed_rows(rows)}). "
            "Must lie in -180..180 or 0..360 degrees."
        )
        raise ValueError(msg)


def _wrapped(longitude: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return longitudes in [-180, 180]; values inside stay as they are, to the last bit."""
    longitude = np.where(longitude > 180, longitude - 360, longitude)
    return np.where(longitude < -180, longitude + 360, longitude)
