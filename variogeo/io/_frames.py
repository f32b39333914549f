"""The door for a GeoDataFrame: `points_from_geodataframe`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import as_real_array, check_choice, listed_rows
from variogeo._columns import stacked
from variogeo._files import check_named
from variogeo._geometry import PointOf, check_geodataframe, crs_name, places_of
from variogeo._missing import DROP_CURE, Dequantize, Missing, as_vectors, with_nan
from variogeo._points import PointEmbeddings
from variogeo.io._arrays import check_one_kind
from variogeo.io._finish import RawPoints, finished
from variogeo.io._names import embedding_names, place_candidates
from variogeo.io._places import check_agreement

if TYPE_CHECKING:
    import geopandas as gpd


def points_from_geodataframe(
    gdf: "gpd.GeoDataFrame",
    *,
    embedding: str | Sequence[str] | None = None,
    point: PointOf | None = None,
    group: str | None = None,
    missing: Missing = "refuse",
    dequantize: Dequantize | None = None,
    model_id: str | None = None,
    check_land: bool = True,
) -> PointEmbeddings:
    """Return the points of a GeoDataFrame with the embeddings in its columns.

    Parameters
    ----------
    gdf : geopandas.GeoDataFrame
        With a CRS, which is converted to longitude and latitude and recorded.
    embedding : str or sequence of str, optional
        Name of the column with one list or array per row; or names of columns of numbers, one for each entry. By
        default the only one called ``embedding`` or ``embeddings``.
    point : {None, "representative"}
        How polygons become points; see `variogeo.interop.lonlat_from_geodataframe`.
    group : str, optional
        Name of the column of labels, such as ``sequence``.
    missing, dequantize, model_id, check_land
        As in `points_from_arrays`. Null and empty geometries, and null vectors, are missing too.

    Returns
    -------
    PointEmbeddings
        ``dropped`` holds positions of rows, not labels of the index.

    Raises
    ------
    ValueError
        Without a CRS, for geometries that are no points without ``point``, for what `points_from_arrays` refuses, for
        ragged columns, and where columns of longitude and latitude disagree with point geometries by more than 1 km.
    TypeError
        For anything but a GeoDataFrame, and for columns that hold no numbers.

    Examples
    --------
    >>> import geopandas as gpd
    >>> table = {"embedding": [[1.0, 0.0], None, [0.6, 0.8]]}
    >>> gdf = gpd.GeoDataFrame(table, geometry=gpd.points_from_xy([8, 9, 10], [50, 51, 52]), crs="EPSG:4326")
    >>> points_from_geodataframe(gdf, missing="drop")
    <PointEmbeddings: 2 points, embeddings (2, 2) float64, crs='EPSG:4326', 1 rows dropped>
    """
    check_choice(missing, Missing, name="missing")
    check_geodataframe(gdf)
    names = [name for name in gdf.columns if isinstance(name, str)]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        msg = f"gdf has more than one column {doubled[0]!r}. Rename one."
        raise ValueError(msg)
    chosen = embedding_names(embedding, names, "column")
    if group is not None:
        check_named(group, names, "column")
    groups = None if group is None else gdf[group]
    lonlat = places_of(gdf.geometry, point)
    for pair in place_candidates(names):
        check_agreement(gdf.geometry, lonlat, (gdf[name] for name in pair), pair)
    if embedding is None or isinstance(embedding, str):
        title = f"column {chosen[0]!r}"
        values, absent = _stacked_lists(gdf[chosen[0]], chosen[0], missing)
    else:
        title = f"columns {chosen[0]!r} to {chosen[-1]!r}"
        columns = [_column_of(gdf, name) for name in chosen]
        check_one_kind([column for column, _ in columns], title)
        values = np.column_stack([column for column, _ in columns])
        absent = np.any([null for _, null in columns], axis=0)
        if missing == "refuse":
            _refuse_null(absent, title)
    vectors = with_nan(as_vectors(values, dequantize, name=title), absent)
    raw = RawPoints(lonlat, vectors, groups, crs_name(gdf.geometry.crs), "deg", title)
    return finished(raw, missing=missing, model_id=model_id, check_land=check_land)


def _stacked_lists(series: Any, name: str, missing: Missing) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return a column of lists as an (n, d) array, and which rows are absent, of which the entries are zeros."""
    import pandas as pd

    if isinstance(series.dtype, pd.ArrowDtype):
        import pyarrow as pa

        return stacked(pa.chunked_array([pa.array(series.array)]), name, missing=missing)
    if series.dtype != object and len(series):  # a column of no rows is of any type
        msg = f"Column {name!r} is of type {series.dtype}. Must be lists or arrays of floats, one embedding per row."
        raise TypeError(msg)
    absent = np.array([np.ma.is_masked(row) or (np.ndim(row) == 0 and pd.isna(row)) for row in series], dtype=bool)
    if missing == "refuse":
        _refuse_null(absent, f"Column {name!r}")
    rows = [as_real_array(row, name=f"column {name!r}, row {k}") for k, row in enumerate(series) if not absent[k]]
    present = np.flatnonzero(~absent)
    odd = next((k for k, row in enumerate(rows) if row.ndim != 1 or row.shape != rows[0].shape or not row.size), None)
    if odd is not None:
        msg = (
            f"Column {name!r} has {_entries(rows[0])} in row {present[0]} but {_entries(rows[odd])} in row "
            f"{present[odd]}. Must be equal, and at least one."
        )
        raise ValueError(msg)
    # A list may hold a whole vector of 1 and 0, written without a point.
    typed = [row for row, k in zip(rows, present, strict=True) if isinstance(series.iloc[k], np.ndarray)]
    check_one_kind(typed, f"The rows of column {name!r}")
    width, dtype = (len(rows[0]), np.result_type(*rows)) if rows else (1, np.dtype(np.float64))
    values = np.zeros((len(series), width), dtype)
    values[present] = np.array(rows, dtype).reshape(len(rows), width)
    return values, absent


def _entries(row: NDArray[Any]) -> str:
    """Return what a row holds, in words."""
    return f"{len(row)} entries" if row.ndim == 1 else f"shape {row.shape}"


def _column_of(gdf: Any, name: str) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return a column of numbers, and which rows are null, of which the numbers are zeros or NaN."""
    series = gdf[name]
    null = series.isna().to_numpy()
    if series.dtype.kind not in "iuf":
        msg = (
            f"Column {name!r} is of type {series.dtype}. Must be numbers: convert it, e.g. gdf[{name!r}].astype(float)."
        )
        raise TypeError(msg)
    # A column of pandas' own nullable integers has no NaN.
    return series.fillna(0).to_numpy(dtype=_stored_dtype(series)), null


def _stored_dtype(series: Any) -> np.dtype[Any]:
    """Return the dtype of the numbers of a column, be it one of pandas' own: nullable, of Arrow, sparse."""
    dtype = series.dtype
    return np.dtype(getattr(dtype, "numpy_dtype", getattr(dtype, "subtype", dtype)))


def _refuse_null(absent: NDArray[np.bool_], title: str) -> None:
    """Refuse null rows."""
    if absent.any():
        rows = np.flatnonzero(absent)
        msg = f"{title} is null in {len(rows)} rows: {listed_rows(rows)}. {DROP_CURE}"
        raise ValueError(msg)
