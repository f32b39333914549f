"""What is wrong with coordinates, and which rows can be placed on Earth all the same."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import as_real_array
from variogeo._land import land_shares
from variogeo._lonlat import check_no_frame, check_order, check_precision
from variogeo._suspicions import look_like_degrees_as_metres, look_like_radians
from variogeo.checkup._findings import DROP_THEM, Finding, about_rows, counted

_LARGEST_METRES = 2.1e7
"""Half of the Earth's circumference, where projected coordinates end; in 1e-7 degrees it is two degrees."""


def coordinates(lonlat: Any) -> NDArray[Any]:
    """Return coordinates as an (n, 2) array of numbers, masked ones as NaN; refuse what has not this shape."""
    check_no_frame(lonlat, name="lonlat")
    check_order(lonlat, name="lonlat")
    array = numbers(lonlat, "lonlat")
    if array.ndim != 2 or array.shape[1] != 2:
        msg = f"Invalid lonlat of shape {array.shape}. Must be (n, 2): longitude, latitude in degrees. Stack the two."
        raise ValueError(msg)
    check_precision(lonlat, array, name="lonlat")
    return array


def numbers(values: Any, name: str) -> NDArray[Any]:
    """Return values as an array of numbers, with NaN where they are masked."""
    if isinstance(values, np.ma.MaskedArray) and values.dtype.kind in "iuf":
        kept: Any = values if values.dtype.kind == "f" else values.astype(np.float64)
        return kept.filled(np.nan)
    return as_real_array(values, name=name)


def coordinate_findings(
    lonlat: NDArray[Any], *, known: bool, check_land: bool
) -> tuple[list[Finding], NDArray[np.bool_]]:
    """Return what is found, and which rows (n,) have a longitude and a latitude; they may be ``known`` as degrees."""
    degrees = lonlat.astype(np.float64)
    finite = np.asarray(np.isfinite(degrees).all(axis=1))
    magnitude = np.where(finite[:, None], np.abs(degrees), 0.0)
    placed = finite & (magnitude[:, 0] <= 360) & (magnitude[:, 1] <= 90)
    found = _missing(np.flatnonzero(~finite)) + _out_of_bounds(magnitude)
    found += _null_island(degrees, placed)
    if np.count_nonzero(placed) == np.count_nonzero(finite):
        found += _metres(degrees[placed]) if known else _radians(degrees[placed])
        found += _swapped(degrees[placed]) if check_land else []
    return found, placed


def _missing(rows: NDArray[np.intp]) -> list[Finding]:
    """Say which rows have no coordinates."""
    if not rows.size:
        return []
    text = (
        f"{counted(len(rows), 'row')} without finite coordinates, {about_rows(rows)}. Every point needs a place. "
        f"{DROP_THEM}"
    )
    return [Finding("error", "missing coordinates", text, rows)]


def _out_of_bounds(magnitude: NDArray[np.float64]) -> list[Finding]:
    """Say which rows are no degrees: projected, E7, swapped or simply too large."""
    largest = magnitude.max(axis=0, initial=0.0)
    if largest.max() > 1000:
        rows = np.flatnonzero(magnitude.max(axis=1) > 1000)
        is_e7 = largest.max() > _LARGEST_METRES and (largest <= (3.6e9, 9e8)).all() and (magnitude % 1 == 0).all()
        kind = "E7 integers" if is_e7 else "Projected metres"
        cure = 'Pass units="e7" to variogeo.io.points_from_arrays.' if is_e7 else "Pass a GeoDataFrame with its CRS."
        text = f"Coordinates up to {largest.max():.6g}, {about_rows(rows)}, are not degrees. {kind}? {cure}"
        return [Finding("error", "not degrees", text, rows)]
    found = []
    if largest[1] > 90:
        rows = np.flatnonzero(magnitude[:, 1] > 90)
        text = (
            f"Latitudes up to {largest[1]:.6g}, {about_rows(rows)}. Latitude is the second column and ends at 90. "
            "Are the columns swapped? Then pass lonlat[:, ::-1]."
        )
        found.append(Finding("error", "latitude beyond 90", text, rows))
    if largest[0] > 360:
        rows = np.flatnonzero(magnitude[:, 0] > 360)
        text = (
            f"Longitudes up to {largest[0]:.6g}, {about_rows(rows)}. Must lie in -180..180 or 0..360 degrees. "
            "Correct or drop them."
        )
        found.append(Finding("error", "longitude beyond 360", text, rows))
    return found


def _null_island(degrees: NDArray[np.float64], placed: NDArray[np.bool_]) -> list[Finding]:
    """Say which rows are exactly (0, 0), which is how many programs write that they know no place."""
    rows = np.flatnonzero(placed & (degrees == 0).all(axis=1))
    if not rows.size:
        return []
    text = (
        f"{counted(len(rows), 'row')} at longitude 0, latitude 0 exactly, {about_rows(rows)}. That is in the sea, and "
        "often stands for an unknown place. Drop them if so."
    )
    return [Finding("warning", "null island", text, rows)]


def _metres(degrees: NDArray[np.float64]) -> list[Finding]:
    """Say that degrees seem to have been taken for metres."""
    if not look_like_degrees_as_metres(degrees):
        return []
    text = (
        "All points lie within 400 m of longitude 0, latitude 0. Were they degrees in a CRS of metres? Then say "
        'so: gdf.set_crs("EPSG:4326", allow_override=True).'
    )
    return [Finding("warning", "degrees as metres", text)]


def _radians(degrees: NDArray[np.float64]) -> list[Finding]:
    """Say that coordinates seem to be radians."""
    if not look_like_radians(degrees):
        return []
    longitude, latitude = np.abs(degrees).max(axis=0)
    text = (
        f"All longitudes lie within {longitude:.3g} and all latitudes within {latitude:.3g}. As degrees this is the "
        'sea off Ghana: radians? Then pass units="rad" to variogeo.io.points_from_arrays.'
    )
    return [Finding("warning", "radians", text)]


def _swapped(degrees: NDArray[np.float64]) -> list[Finding]:
    """Say that columns seem to be swapped: the points are on land if they are, and at sea if not."""
    shares = land_shares(degrees)
    if shares is None or not shares.suspicious:
        return []
    text = (
        f"{shares.given:.0%} of the points lie on land, with the columns swapped {shares.swapped:.0%}. Longitude is "
        "the first column. If they are swapped pass lonlat[:, ::-1], else check_land=False."
    )
    return [Finding("warning", "swapped columns", text)]
