"""Longitude and latitude of the geometries of a GeoDataFrame."""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import check_choice, listed_rows

if TYPE_CHECKING:
    import geopandas as gpd

PointOf = Literal["representative"]


def lonlat_from_geodataframe(gdf: "gpd.GeoDataFrame", *, point: PointOf | None = None) -> NDArray[np.float64]:
    """Return the (n, 2) longitude and latitude in degrees, WGS84, of the rows of a GeoDataFrame.

    Parameters
    ----------
    gdf : geopandas.GeoDataFrame
        Point geometries with a CRS; any CRS is converted to EPSG:4326.
    point : {None, "representative"}
        ``"representative"`` takes a point inside each polygon or on each line (shapely's
        ``representative_point``, in longitude and latitude). Without it only points are accepted.

    Raises
    ------
    ValueError
        Without a CRS or a geometry, for missing geometries or other kinds, for coordinates that do not convert,
        and for polygons wider than 180 degrees (across the antimeridian, where no planar point in
        the polygon is right).

    See Also
    --------
    variogeo.io.points_from_geodataframe : places and embeddings together.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from shapely import Point
    >>> from variogeo.interop import lonlat_from_geodataframe
    >>> lonlat_from_geodataframe(gpd.GeoDataFrame(geometry=[Point(8, 50)], crs="EPSG:4326"))
    array([[ 8., 50.]])
    """
    check_geodataframe(gdf)
    lonlat = places_of(gdf.geometry, point)
    absent = np.flatnonzero(np.isnan(lonlat).any(axis=1))
    if absent.size:
        msg = f"geometry is missing or empty in {absent.size} rows: {listed_rows(absent)}. Drop them first."
        raise ValueError(msg)
    return lonlat


def check_geodataframe(gdf: Any) -> None:
    """Refuse anything but a GeoDataFrame with an active geometry."""
    import geopandas as gpd

    if not isinstance(gdf, gpd.GeoDataFrame):
        msg = f"Invalid gdf of type {type(gdf).__name__}. Must be a GeoDataFrame with a CRS."
        raise TypeError(msg)
    if gdf.active_geometry_name not in gdf.columns:
        msg = 'gdf has no geometry that is active. Must have one: gdf.set_geometry("column") says which it is.'
        raise ValueError(msg)


def places_of(geometry: "gpd.GeoSeries", point: PointOf | None) -> NDArray[np.float64]:
    """Return longitude and latitude of each geometry, NaN where it is missing or empty."""
    from pyproj.exceptions import ProjError

    if point is not None:
        check_choice(point, PointOf, name="point")
    if geometry.crs is None:
        msg = 'The GeoDataFrame has no CRS. Say what its numbers are, e.g. gdf.set_crs("EPSG:4326").'
        raise ValueError(msg)
    if geometry.crs.is_geocentric and not geometry.has_z[~(geometry.isna() | geometry.is_empty)].all():
        msg = (
            f"CRS {geometry.crs.name!r} measures x, y and z from the middle of the Earth, but geometry has no z. Give "
            "it one, or say what its numbers are with set_crs(..., allow_override=True)."
        )
        raise ValueError(msg)
    lonlat = np.full((len(geometry), 2), np.nan)
    present = np.flatnonzero(~(geometry.isna() | geometry.is_empty | _nowhere(geometry)))
    try:
        degrees = geometry.iloc[present].to_crs("EPSG:4326")
    except ProjError as error:
        msg = f"geometry does not convert to EPSG:4326 from CRS {geometry.crs.name!r}: {error} Is its CRS right?"
        raise ValueError(msg) from None
    if (degrees.geom_type != "Point").any():
        degrees = _points_of(degrees, point, present)
    found = np.column_stack([degrees.x.to_numpy(), degrees.y.to_numpy()])
    bad = present[np.flatnonzero(~np.isfinite(found).all(axis=1))]
    if bad.size:
        msg = f"geometry does not convert to EPSG:4326 in {bad.size} rows: {listed_rows(bad)}. Is its CRS right?"
        raise ValueError(msg)
    lonlat[present] = found
    return lonlat


def _nowhere(geometry: "gpd.GeoSeries") -> NDArray[np.bool_]:
    """Return which rows are points at NaN or infinity, which points_from_xy makes of gaps: they are not empty."""
    import shapely

    shapes = geometry.to_numpy()
    points = np.flatnonzero((shapely.get_type_id(shapes) == shapely.GeometryType.POINT) & ~shapely.is_empty(shapes))
    nowhere = np.zeros(len(shapes), bool)
    nowhere[points] = ~np.isfinite(shapely.get_coordinates(shapes[points])).all(axis=1)
    return nowhere


def nearest_of_boxes(geometry: "gpd.GeoSeries", lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the place (n, 2) of the box of each geometry, in degrees, that is nearest to a place of its own."""
    box = geometry.to_crs("EPSG:4326").bounds.to_numpy()
    longitude, latitude = lonlat.T
    # By whole turns to the side where the box is: it may lie in 0..360 or reach beyond 180.
    turns = np.round((longitude - (box[:, 0] + box[:, 2]) / 2) / 360)
    turned = np.column_stack([longitude - 360 * turns, latitude])
    return np.clip(turned, box[:, :2], box[:, 2:])


def all_points(geometry: "gpd.GeoSeries") -> bool:
    """Whether every geometry that is there is a point."""
    kinds = geometry.geom_type
    return bool(((kinds == "Point") | kinds.isna()).all())


def crs_name(crs: Any) -> str:
    """Return how a CRS is called: by its authority, else by its name."""
    authority = crs.to_authority()
    return ":".join(authority) if authority else str(crs.name)


def _points_of(degrees: "gpd.GeoSeries", point: PointOf | None, rows: NDArray[np.intp]) -> "gpd.GeoSeries":
    """Return one point per geometry, in the way the user chose."""
    counts = ", ".join(f"{count} {kind}" for kind, count in degrees.geom_type.value_counts().items())
    if point is None:
        msg = f'geometry holds {counts}. Must be points; pass point="representative" (--point on the command line).'
        raise ValueError(msg)
    import shapely

    # Of the parts: what is split at the antimeridian has some on both sides of it.
    parts, owner = shapely.get_parts(degrees.to_numpy(), return_index=True)
    west, _, east, _ = shapely.bounds(parts).T
    wide = rows[np.unique(owner[east - west > 180])]
    if wide.size:
        msg = (
            f"geometry is wider than 180 degrees in {wide.size} rows: {listed_rows(wide)}. Across the antimeridian? "
            "Split it there, or pass your own points."
        )
        raise ValueError(msg)
    return degrees.representative_point()
