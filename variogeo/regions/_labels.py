"""Labels of points by where they are: the polygon they lie in, or their band of latitude."""

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import as_real_array, listed_rows
from variogeo._label_codes import label_array
from variogeo._lonlat import check_lonlat

if TYPE_CHECKING:
    import geopandas as gpd

_MAP_END = 1e-9
"""Degrees within which an edge is a whole turn."""

_FURTHEST = 540.0
"""Degrees of longitude: a turn beyond the map to either side."""


def labels_in_polygons(lonlat: Any, polygons: "gpd.GeoDataFrame", column: str) -> NDArray[np.str_]:
    """Return for each point the label of the polygon that it lies in, ``""`` outside all.

    Parameters
    ----------
    lonlat : (n, 2) float array, degrees
        Longitude then latitude, WGS84.
    polygons : geopandas.GeoDataFrame
        Polygons with a CRS, which is converted to EPSG:4326. Several rows may have one label.
    column : str
        The column of ``polygons`` that holds the labels, which are taken as text.

    Returns
    -------
    (n,) array of str

    Raises
    ------
    ValueError
        Without a CRS, for coordinates that do not convert, for missing, broken or other geometries, for missing labels
        and columns, and for points within polygons of two labels; the message names the rows.
    TypeError
        For anything but a GeoDataFrame.

    Notes
    -----
    A point on a border that polygons share gets the label of the first of them, in the order of their rows; one that
    lies within another gets that one's. Corners are converted and edges are straight in longitude and latitude.
    Polygons in longitude and latitude that cross the antimeridian must be split there, or go on beyond 180 degrees
    (170..190): from 170 to -170 is the long way round. Projected ones that cross it are refused.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from shapely import box
    >>> from variogeo.regions import labels_in_polygons
    >>> countries = gpd.GeoDataFrame({"name": ["west", "east"]}, geometry=[box(0, 40, 5, 50), box(5, 40, 10, 50)],
    ...                              crs="EPSG:4326")
    >>> labels_in_polygons([[2.0, 45.0], [7.0, 45.0], [5.0, 45.0], [20.0, 45.0]], countries, "name")
    array(['west', 'east', 'west', ''], dtype='<U4')
    """
    import geopandas as gpd

    places = check_lonlat(lonlat)
    labels, geometry = checked_polygons(polygons, column)
    points = _spellings(places, geometry.total_bounds)
    names, code = np.unique(labels, return_inverse=True)
    frame = gpd.GeoDataFrame({"polygon": np.arange(len(labels))}, geometry=geometry.to_numpy(), crs="EPSG:4326")
    out = np.full(len(places), "", dtype=names.dtype)
    for predicate in ("intersects", "within"):
        joined = gpd.sjoin(points, frame, predicate=predicate)
        row, polygon = joined["row"].to_numpy(), joined["polygon"].to_numpy()
        if predicate == "within":
            _check_disjoint(row, code[polygon], column)
        # Later writes win: those of the first polygon, and last of all that of one which a point lies within.
        order = np.argsort(-polygon, kind="stable")
        out[row[order]] = names[code[polygon[order]]]
    return out


def _check_disjoint(row: NDArray[np.intp], code: NDArray[np.intp], column: str) -> None:
    """Refuse points within polygons of several labels."""
    distinct = np.unique(np.column_stack([row, code]), axis=0)[:, 0]
    rows = np.unique(distinct[1:][np.diff(distinct) == 0])
    if rows.size:
        msg = (
            f"polygons overlap: lonlat has {rows.size} rows within polygons of more than one {column}: "
            f"{listed_rows(rows)}. Make them disjoint, or give them one label."
        )
        raise ValueError(msg)


def latitude_bands(lonlat: Any, edges: Sequence[float]) -> NDArray[np.str_]:
    """Return for each point the band of latitude that it lies in, such as ``"30..60"``; ``""`` outside all.

    Parameters
    ----------
    lonlat : (n, 2) float array, degrees
        Longitude then latitude, WGS84.
    edges : (bands + 1,) float array, degrees
        Strictly increasing, -90 to 90.

    Returns
    -------
    (n,) array of str

    Raises
    ------
    ValueError
        For edges that do not increase or lie outside -90..90.

    Notes
    -----
    Bands are ``(low, high]``, as lag bins are; the first one holds its lower edge as well, so that bands from -90 to
    90 hold both poles.

    Examples
    --------
    >>> latitude_bands([[8.0, -90.0], [8.0, 30.0], [8.0, 50.0]], [-90, 0, 30, 60])
    array(['-90..0', '0..30', '30..60'], dtype='<U6')
    """
    latitude = check_lonlat(lonlat)[:, 1]
    limits = as_real_array(edges, name="edges").astype(np.float64) + 0.0
    if limits.ndim != 1 or len(limits) < 2:
        msg = f"Invalid edges of shape {limits.shape}. Must be (bands + 1,) with at least two."
        raise ValueError(msg)
    if not (np.isfinite(limits).all() and (np.diff(limits) > 0).all() and np.abs(limits).max() <= 90):
        msg = f"Invalid edges {limits.tolist()}. Must increase strictly, from -90 to 90 degrees."
        raise ValueError(msg)
    shown = [_short(limit) for limit in limits]
    names = np.array(["", *(f"{low}..{high}" for low, high in itertools.pairwise(shown)), ""])
    band = np.searchsorted(limits, latitude, side="left")
    band[latitude == limits[0]] = 1
    return names[band]


def _short(limit: float) -> str:
    """Return a number as short as it can be told from others."""
    short = f"{limit:g}"
    return short if float(short) == limit else repr(float(limit))


def _spellings(places: NDArray[np.float64], bounds: NDArray[np.float64]) -> "gpd.GeoDataFrame":
    """Return the points, again a turn to the east and to the west where these lie within the bounds of the polygons."""
    import geopandas as gpd

    longitude, latitude = places.T
    rows, turned = [np.arange(len(places))], [longitude]
    for turn in (-360.0, 360.0):
        inside = np.flatnonzero((longitude + turn >= bounds[0]) & (longitude + turn <= bounds[2]))
        rows.append(inside)
        turned.append(longitude[inside] + turn)
    row = np.concatenate(rows)
    points = gpd.points_from_xy(np.concatenate(turned), latitude[row])
    return gpd.GeoDataFrame({"row": row}, geometry=points, crs="EPSG:4326")


def checked_polygons(polygons: Any, column: str) -> tuple[list[str], "gpd.GeoSeries"]:
    """Return the labels and the geometries in degrees, or refuse them."""
    import geopandas as gpd

    if not isinstance(polygons, gpd.GeoDataFrame):
        msg = f"Invalid polygons of type {type(polygons).__name__}. Must be a GeoDataFrame with a CRS."
        raise TypeError(msg)
    if column not in polygons.columns:
        listed = ", ".join(repr(name) for name in polygons.columns)
        msg = f"Invalid column {column!r}. Must be one of {listed}."
        raise ValueError(msg)
    if polygons.crs is None:
        msg = 'polygons has no CRS. Say what its numbers are, e.g. polygons.set_crs("EPSG:4326").'
        raise ValueError(msg)
    if not len(polygons):
        msg = "polygons has 0 rows. It needs at least one."
        raise ValueError(msg)
    array = label_array(polygons[column], len(polygons), name=f"column {column!r}")
    labels = ["" if missing else str(label) for label, missing in zip(array, polygons[column].isna(), strict=True)]
    given = polygons.geometry
    _refuse(~given.geom_type.isin(["Polygon", "MultiPolygon"]), "is no polygon", "Drop these rows.")
    _refuse(given.is_empty | ~given.is_valid, "is empty or crosses itself", "Mend it with make_valid().")
    _refuse(np.array([not label for label in labels]), f"has no {column}", "Drop these rows, or name them.")
    return labels, _in_degrees(given, polygons.crs)


def _in_degrees(given: "gpd.GeoSeries", crs: Any) -> "gpd.GeoSeries":
    """Return polygons in longitude and latitude, or refuse those that have none."""
    import shapely
    from pyproj.exceptions import ProjError

    try:
        degrees = given.to_crs("EPSG:4326")
    except ProjError as error:
        msg = f"polygons do not convert to EPSG:4326 from CRS {crs.name!r}: {error}. Is the CRS right?"
        raise ValueError(msg) from None
    parts, row = shapely.get_parts(degrees.to_numpy(), return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    corners, ring = shapely.get_coordinates(rings, return_index=True)
    row = row[part[ring]]
    outside = ~(np.isfinite(corners) & (np.abs(corners) <= (_FURTHEST, 90.0))).all(axis=1)
    _refuse(np.bincount(row[outside], minlength=1), "has corners that are no degrees", "Is the CRS right?")
    # Between neighbours on a map that does not end there, the longitude jumps by a turn.
    jump = (np.abs(np.diff(corners[:, 0])) > 180) & (np.diff(ring) == 0)
    if not crs.is_geographic:
        cure = "Split it there, and pass it in longitude and latitude."
        _refuse(np.bincount(row[1:][jump], minlength=1), "reaches across the antimeridian or a pole", cure)
    # A whole turn can go one way only: along the edge of the map.
    jump &= np.abs(np.abs(np.diff(corners[:, 0])) - 360) > _MAP_END
    cure = "Split it at the antimeridian if it reaches across; else add corners, polygons.segmentize(90)."
    _refuse(np.bincount(row[1:][jump], minlength=1), "has an edge of more than 180 degrees", cure)
    return degrees


def _refuse(bad: Any, what: str, cure: str) -> None:
    """Refuse polygons of which some rows are bad."""
    rows = np.flatnonzero(np.asarray(bad))
    if rows.size:
        msg = f"polygons {what} in {rows.size} rows: {listed_rows(rows)}. {cure}"
        raise ValueError(msg)
