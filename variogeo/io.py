"""Read tables of points with embeddings: GeoParquet and npz."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from variogeo._checks import DataError, check_lonlat, check_same_length, check_values, listed_rows
from variogeo._geometry import PointOf, lonlat_from_geodataframe
from variogeo._points import PointEmbeddings

__all__ = ["read_points"]


def read_points(path: str | os.PathLike[str], *, embedding: str, point: PointOf | None = None) -> PointEmbeddings:
    """Return the points and embeddings of a GeoParquet or npz file.

    Parameters
    ----------
    path : path
        GeoParquet (``.parquet``, ``.geoparquet``) with a CRS and a list column of embeddings; or
        ``.npz`` with an array ``lonlat`` (n, 2) in degrees and an array of embeddings.
    embedding : str
        Name of the column or array with one embedding per point.
    point : {None, "representative"}
        How polygons become points; see `variogeo.interop.lonlat_from_geodataframe`.

    Returns
    -------
    PointEmbeddings

    Raises
    ------
    DataError
        For a file that is not what its name says, a missing column, null or ragged embeddings.
    """
    file = Path(path)
    if not file.is_file():
        msg = f"{file} is not a file."
        raise FileNotFoundError(msg)
    readers = {".parquet": _read_geoparquet, ".geoparquet": _read_geoparquet, ".npz": _read_npz}
    reader = readers.get(file.suffix.lower())
    if reader is None:
        msg = f"{file} ends in {file.suffix!r}. Must be GeoParquet (.parquet, .geoparquet) or .npz."
        raise DataError(msg)
    lonlat, embeddings = reader(file, embedding, point)
    places = check_lonlat(lonlat)
    vectors = check_values(embeddings, dissimilarity="cosine", name=f"column {embedding!r}")
    check_same_length(places, vectors, names=("lonlat", f"column {embedding!r}"), item="photo")
    return PointEmbeddings(places, vectors)


def _read_geoparquet(file: Path, embedding: str, point: PointOf | None) -> tuple[Any, Any]:
    """Return coordinates and embeddings of a GeoParquet file."""
    import geopandas as gpd
    import pyarrow as pa
    import pyarrow.parquet as pq

    _check_magic(file, b"PAR1", "Parquet")
    try:
        schema = pq.read_schema(file)
        if b"geo" not in (schema.metadata or {}):
            msg = (
                f"{file} is Parquet without GeoParquet metadata; its columns are {_listed(schema.names)}. "
                "Write it with GeoDataFrame.to_parquet, or pass arrays."
            )
            raise DataError(msg)
        _check_named(embedding, schema.names, file, "column")
        geometry = gpd.read_parquet(file, columns=[_geometry_name(schema.metadata[b"geo"])])
        column = pq.read_table(file, columns=[embedding]).column(embedding)
    except (pa.ArrowException, OSError) as error:
        msg = f"{file} cannot be read as GeoParquet: {error}. Truncated or damaged? Write it again."
        raise DataError(msg) from None
    return lonlat_from_geodataframe(geometry, point=point), _stacked(column, embedding)


def _geometry_name(metadata: bytes) -> str:
    """Return the name of the primary geometry column."""
    import json

    return json.loads(metadata)["primary_column"]


def _stacked(column: Any, name: str) -> Any:
    """Return an Arrow list column as an (n, d) array; null rows and ragged rows are refused."""
    import pyarrow as pa

    kind = column.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
        msg = f"Column {name!r} is of type {kind}. Must be a list of floats, one embedding per row."
        raise DataError(msg)
    array = column.combine_chunks()
    if array.null_count:
        rows = np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))
        msg = f"Column {name!r} is null in {array.null_count} rows: {listed_rows(rows)}. Drop these rows first."
        raise DataError(msg)
    import pyarrow.compute as pc

    lengths = pc.call_function("list_value_length", [array]).to_numpy(zero_copy_only=False)
    if len(lengths) and (lengths != lengths[0]).any():
        odd = int(np.flatnonzero(lengths != lengths[0])[0])
        msg = f"Column {name!r} has {lengths[0]} entries in row 0 but {lengths[odd]} in row {odd}. Must be equal."
        raise DataError(msg)
    flat = array.flatten()
    if flat.null_count:
        msg = f"Column {name!r} has {flat.null_count} null entries inside its embeddings. Drop these rows first."
        raise DataError(msg)
    return flat.to_numpy(zero_copy_only=False).reshape(len(array), -1)


def _read_npz(file: Path, embedding: str, point: PointOf | None) -> tuple[Any, Any]:
    """Return coordinates and embeddings of an npz file; nothing is unpickled."""
    import zipfile

    if point is not None:
        msg = f"Invalid point {point!r} for {file}. An npz file holds points already."
        raise ValueError(msg)
    _check_magic(file, b"PK", "npz")
    try:
        with np.load(file, allow_pickle=False) as archive:
            for name in ("lonlat", embedding):
                _check_named(name, archive.files, file, "array")
            return archive["lonlat"], archive[embedding]
    except DataError:
        raise
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        msg = f"{file} cannot be read as npz: {error}. variogeo never unpickles; save plain float arrays."
        raise DataError(msg) from None


def _check_magic(file: Path, magic: bytes, kind: str) -> None:
    """Refuse a file that is not what its name says."""
    with file.open("rb") as stream:
        start = stream.read(len(magic))
    if start != magic:
        msg = f"{file} is named like {kind} but does not start like it. Is it another kind of file, or empty?"
        raise DataError(msg)


def _check_named(name: str, names: list[str], file: Path, what: str) -> None:
    """Refuse a column or array that is not there."""
    if name not in names:
        msg = f"{file} has no {what} {name!r}. It has {_listed(names)}."
        raise DataError(msg)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
