"""Columns of Parquet files as arrays: lists of numbers, numbers, and the places of points."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import DataError, listed_rows
from variogeo._files import check_magic, check_named, listed_names, reading
from variogeo._geometry import PointOf, lonlat_from_geodataframe


def read_schema(file: Path) -> Any:
    """Return the Arrow schema of a Parquet file."""
    import pyarrow.parquet as pq

    check_magic(file, b"PAR1", "Parquet")
    with reading("Parquet"):
        return pq.read_schema(file)


def read_geometry(file: Path, schema: Any, point: PointOf | None, *, cure: str) -> NDArray[np.float64]:
    """Return longitude and latitude from the primary geometry of a GeoParquet file."""
    import geopandas as gpd

    if b"geo" not in (schema.metadata or {}):
        msg = f"Parquet without GeoParquet metadata; its columns are {listed_names(schema.names)}. {cure}"
        raise DataError(msg)
    with reading("GeoParquet"):
        primary = json.loads(schema.metadata[b"geo"])["primary_column"]
        geometry = gpd.read_parquet(file, columns=[primary], page_checksum_verification=True)
    return lonlat_from_geodataframe(geometry, point=point)


def crs_of(schema: Any) -> Any:
    """Return the CRS of the primary geometry as its metadata say it, or None for plain Parquet."""
    if b"geo" not in (schema.metadata or {}):
        return None
    with reading("GeoParquet"):
        geo = json.loads(schema.metadata[b"geo"])
        # The default of the GeoParquet specification.
        return geo["columns"][geo["primary_column"]].get("crs", "OGC:CRS84")


def read_numbers(file: Path, schema: Any, names: tuple[str, ...]) -> NDArray[np.float64]:
    """Return columns of numbers side by side, (n, len(names)); nulls are refused."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for name in names:
        check_named(name, schema.names, "column")
    with reading("Parquet"), pq.ParquetFile(file, page_checksum_verification=True) as parquet:
        table = parquet.read(columns=list(names))
        columns = [table.column(name) for name in names]
    for name, column in zip(names, columns, strict=True):
        if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
            msg = f"Column {name!r} is of type {column.type}. Must be numbers: degrees."
            raise DataError(msg)
        _check_no_null(column, name, 0)
    return np.column_stack([column.to_numpy().astype(np.float64) for column in columns])


def list_dtype(kind: Any, name: str) -> np.dtype[Any]:
    """Return the numpy dtype of the numbers in an Arrow list type; other types are refused."""
    import pyarrow as pa

    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if not is_list or not (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)):
        msg = f"Column {name!r} is of type {kind}. Must be a list of floats, one embedding per row."
        raise DataError(msg)
    return np.dtype(kind.value_type.to_pandas_dtype())


def stacked(column: Any, name: str, *, first: int = 0, width: int | None = None) -> NDArray[Any]:
    """Return an Arrow list column as an (n, d) array; null rows and ragged rows are refused.

    ``first`` is the number of its first row in the file, ``width`` the length of the file's row 0.
    """
    import pyarrow.compute as pc

    list_dtype(column.type, name)
    array = column.combine_chunks()
    _check_no_null(array, name, first)
    lengths = pc.call_function("list_value_length", [array]).to_numpy(zero_copy_only=False)
    width = int(lengths[0]) if width is None else width
    odd = np.flatnonzero(lengths != width)
    if odd.size:
        row = int(odd[0])
        msg = f"Column {name!r} has {width} entries in row 0 but {lengths[row]} in row {first + row}. Must be equal."
        raise DataError(msg)
    flat = array.flatten()
    if flat.null_count:
        entries = np.flatnonzero(flat.is_null().to_numpy(zero_copy_only=False))
        rows = first + np.unique(entries // width)
        msg = f"Column {name!r} has null entries inside {len(rows)} rows: {listed_rows(rows)}. Drop these rows first."
        raise DataError(msg)
    return flat.to_numpy(zero_copy_only=False).reshape(len(array), width)


def _check_no_null(array: Any, name: str, first: int) -> None:
    """Refuse an Arrow array with null rows."""
    if array.null_count:
        rows = first + np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))
        msg = f"Column {name!r} is null in {array.null_count} rows: {listed_rows(rows)}. Drop these rows first."
        raise DataError(msg)
