"""Coordinates in degrees, from the unit they come in; warnings for what looks like another unit or order."""

import warnings
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import as_real_array, check_choice, listed_rows
from variogeo._land import land_shares
from variogeo._lonlat import check_no_frame, check_order, check_precision
from variogeo._missing import unmasked, with_nan
from variogeo._suspicions import look_like_degrees_as_metres, look_like_radians

Units = Literal["deg", "rad", "e7"]
"""Degrees, radians, or whole numbers of 1e-7 degrees."""

_ROUNDING = 1e-6
"""Radians by which a pole in float32 may lie beyond pi / 2."""


def in_degrees(lonlat: Any, units: Units | None, *, name: str = "lonlat") -> NDArray[np.float64]:
    """Return coordinates (n, 2) as a new float64 array in degrees, NaN where they are masked."""
    if units is not None:
        check_choice(units, Units, name="units")
    check_no_frame(lonlat, name=name)
    check_order(lonlat, name=name)
    given, absent = unmasked(lonlat, name)
    array = as_real_array(given, name=name)
    if array.ndim != 2 or array.shape[1] != 2:
        msg = f"Invalid {name} of shape {array.shape}. Must be (n, 2): longitude, latitude."
        raise ValueError(msg)
    check_precision(lonlat, array, name=name)
    numbers = with_nan(array.astype(np.float64), absent)
    if units == "rad":
        return _from_radians(numbers, name)
    return _from_e7(numbers, name) if units == "e7" else numbers


def warn_of_looks(
    lonlat: NDArray[np.float64], units: Units | None, crs: str | None, *, check_land: bool, stacklevel: int
) -> None:
    """Warn of degrees that look like radians, or by their CRS like metres, and of columns that look swapped."""
    if crs is not None and look_like_degrees_as_metres(lonlat):
        msg = (
            f"All {len(lonlat)} points lie within 400 m of longitude 0, latitude 0. Were they degrees in a CRS of "
            'metres? Then say so: gdf.set_crs("EPSG:4326", allow_override=True).'
        )
        warnings.warn(msg, UserWarning, stacklevel=stacklevel + 1)
        return
    if units is None and look_like_radians(lonlat):
        msg = (
            f"All {len(lonlat)} points lie within pi degrees of longitude and pi / 2 of latitude. Radians? Pass "
            'units="rad", or units="deg" to say that they are degrees.'
        )
        warnings.warn(msg, UserWarning, stacklevel=stacklevel + 1)
        return
    shares = land_shares(lonlat) if check_land else None
    if shares is not None and shares.suspicious:
        msg = (
            f"{shares.given:.0%} of the points lie on land, but {shares.swapped:.0%} would with longitude and latitude "
            "swapped. Longitude is the first column; are the columns swapped? check_land=False if they are right."
        )
        warnings.warn(msg, UserWarning, stacklevel=stacklevel + 1)


def _from_radians(radians: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    """Return radians as degrees; what lies beyond is refused."""
    beyond = np.abs(radians) > (2 * np.pi + _ROUNDING, np.pi / 2 + _ROUNDING)
    rows = np.flatnonzero((beyond & np.isfinite(radians)).any(axis=1))
    if rows.size:
        msg = (
            f"{name} has coordinates beyond 2 pi or latitudes beyond pi / 2 in {rows.size} rows: {listed_rows(rows)}. "
            'Radians are smaller; are these degrees, or the columns swapped? Pass units="deg" for degrees.'
        )
        raise ValueError(msg)
    degrees = np.degrees(radians)
    latitude = degrees[:, 1]
    degrees[:, 1] = np.where(np.isfinite(latitude), np.clip(latitude, -90, 90), latitude)
    return degrees


def _from_e7(numbers: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    """Return whole numbers of 1e-7 degrees as degrees."""
    rows = np.flatnonzero((np.isfinite(numbers) & (numbers % 1 != 0)).any(axis=1))
    if rows.size:
        msg = (
            f'{name} has decimals in {rows.size} rows: {listed_rows(rows)}. With units="e7" they must be whole numbers '
            'of 1e-7 degrees; pass units="deg" for degrees.'
        )
        raise ValueError(msg)
    return numbers / 1e7
