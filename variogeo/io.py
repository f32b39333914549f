"""Read points with embeddings: tables at once, tables larger than memory by row groups, and memory maps."""

import operator
import os
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from variogeo._checks import DataError, check_choice, check_float_dtype, check_lonlat, check_same_length, check_values
from variogeo._columns import crs_of, read_geometry, read_numbers, read_schema, stacked
from variogeo._files import check_filled, check_magic, check_named, existing_file, naming, reading
from variogeo._geometry import PointOf
from variogeo._mapped import is_npy, mapped_npy, mapped_raw
from variogeo._parquet_rows import ParquetRows
from variogeo._points import PointEmbeddings

__all__ = ["open_embeddings", "open_points", "read_points"]

_PARQUET = (".parquet", ".geoparquet")


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
        For a file that is not what its name says or is damaged, a missing column, null, ragged or
        non-finite embeddings, coordinates that are none.

    Notes
    -----
    npz files carry checksums. Parquet files do when written with ``write_page_checksum=True``; without
    them a flipped bit among the numbers can stay unseen.

    See Also
    --------
    open_points : the same for a table larger than memory.
    """
    file = existing_file(path)
    suffix = file.suffix.lower()
    if suffix not in (*_PARQUET, ".npz"):
        msg = f"{file} ends in {file.suffix!r}. Must be GeoParquet (.parquet, .geoparquet) or .npz."
        raise DataError(msg)
    if point is not None:
        check_choice(point, PointOf, name="point")
    with naming(file):
        lonlat, embeddings = (_read_npz if suffix == ".npz" else _read_geoparquet)(file, embedding, point)
        places = check_lonlat(lonlat)
        vectors = check_values(embeddings, dissimilarity="cosine", name=f"column {embedding!r}")
        check_same_length(places, vectors, names=("lonlat", f"column {embedding!r}"), item="photo")
        check_filled(places)
    return PointEmbeddings(places, vectors)


def open_points(
    path: str | os.PathLike[str],
    *,
    embedding: str,
    lon: str | None = None,
    lat: str | None = None,
    point: PointOf | None = None,
) -> PointEmbeddings:
    """Return the points of Parquet files, with embeddings that are read row group by row group.

    For tables larger than memory: `variogeo.empirical_variogram` takes the embeddings as they come.

    Parameters
    ----------
    path : path
        A GeoParquet or Parquet file, or a folder of them: parts of one table, in the order of their names.
    embedding : str
        Name of the column with one list of float16, float32 or float64 per point.
    lon, lat : str, optional
        Names of the columns of longitude and latitude, degrees, WGS84, of plain Parquet.
    point : {None, "representative"}
        How polygons become points; see `variogeo.interop.lonlat_from_geodataframe`.

    Returns
    -------
    PointEmbeddings
        ``lonlat`` is read; ``embeddings`` stays in the files. It has ``shape`` and ``dtype``, and its
        slices ``embeddings[start:stop]`` are arrays.

    Raises
    ------
    DataError
        For what `read_points` refuses, and for parts that differ in width, dtype or CRS. A damaged,
        null or ragged row group beyond the first one may be found only when it is read, and a file
        that changes in the meantime is refused then.
    ValueError
        For ``lon`` without ``lat``, and for ``lon`` and ``lat`` of a file that has a geometry.

    Notes
    -----
    Memory holds two row groups, and one more for each thread that reads. Write them of some thousand rows
    (``row_group_size=8192``), sorted by place, because row groups that reach all over the Earth leave no pair of
    them to be skipped or summed as a whole; and with checksums (``write_page_checksum=True``).

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import pyarrow as pa, pyarrow.parquet as pq
    >>> table = pa.table({"x": [8.0, 9.0], "y": [50.0, 51.0], "clip": [[1.0, 0.0], [0.6, 0.8]]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pq.write_table(table, Path(folder) / "photos.parquet", row_group_size=1)
    ...     lonlat, embeddings = open_points(folder, embedding="clip", lon="x", lat="y")
    ...     print(embeddings.shape, embeddings[1:])
    (2, 2) [[0.6 0.8]]
    """
    columns = _checked_columns(lon, lat, point)
    files = _parts(Path(path))
    rows = ParquetRows.of(files, embedding)
    schemas = [read_schema(file) for file in files]
    with naming(files[0]):
        crs = crs_of(schemas[0])
    for file, schema in zip(files, schemas, strict=True):
        with naming(file):
            if crs_of(schema) != crs:
                msg = f"Its geometry has another CRS than the one in {files[0]}. Parts of one table must be alike."
                raise DataError(msg)
    places = np.concatenate([_read_places(*part, columns, point) for part in zip(files, schemas, strict=True)])
    check_same_length(places, rows, names=("lonlat", f"column {embedding!r}"), item="photo")
    return PointEmbeddings(places, cast("NDArray[np.floating[Any]]", rows))


def open_embeddings(
    path: str | os.PathLike[str], *, shape: tuple[int, int] | None = None, dtype: DTypeLike | None = None
) -> "np.memmap[Any, Any]":
    """Return the embeddings of a raw binary or npy file as a read-only memory map.

    Parameters
    ----------
    path : path
        ``.npy``, or a file that holds the numbers, row after row, and nothing else (``.bin``, ``.f32``, ...).
    shape : (n, d), optional
        Needed for raw binary. For npy the header says it, and must agree when it is given.
    dtype : dtype, optional
        As ``shape``: float16, float32 or float64, such as ``"float32"`` or ``"<f4"``.

    Returns
    -------
    numpy.memmap
        (n, d); the numbers are read when they are used.

    Raises
    ------
    DataError
        When the bytes of the file are not exactly those of the numbers: it is truncated, or the shape
        or dtype is another. For npy of objects, of integers, or stored column by column.
    ValueError
        For raw binary without shape or dtype.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "clip.f32"
    ...     np.eye(3, 2, dtype="float32").tofile(path)
    ...     embeddings = open_embeddings(path, shape=(3, 2), dtype="float32")
    ...     print(embeddings.shape, embeddings[0])
    ...     del embeddings
    (3, 2) [1. 0.]
    """
    file = existing_file(path)
    if file.suffix.lower() in (*_PARQUET, ".npz"):
        msg = f"{file} ends in {file.suffix!r}, which is no array as it lies in memory. Use read_points or open_points."
        raise DataError(msg)
    sizes = None if shape is None else _checked_shape(shape)
    kind = None if dtype is None else _checked_dtype(dtype)
    with naming(file):
        if is_npy(file):
            return mapped_npy(file, sizes, kind)
        if sizes is not None and kind is not None:
            return mapped_raw(file, sizes, kind)
    msg = f"{file} is raw binary, which does not say what it holds. Pass shape=(n, d) and dtype='float32'."
    raise ValueError(msg)


def _checked_columns(lon: str | None, lat: str | None, point: PointOf | None) -> tuple[str, str] | None:
    """Return the names of the columns of the places, or None for a geometry."""
    if point is not None:
        check_choice(point, PointOf, name="point")
    if lon is None and lat is None:
        return None
    if lon is None or lat is None or lon == lat:
        msg = f"Invalid lon {lon!r} with lat {lat!r}. Name two columns, or neither for GeoParquet."
        raise ValueError(msg)
    if point is not None:
        msg = f"Invalid point {point!r} with lon and lat. Columns of numbers hold points already."
        raise ValueError(msg)
    return lon, lat


def _parts(path: Path) -> list[Path]:
    """Return the files of a table: the file itself, or those of a folder by name."""
    if not path.is_dir():
        file = existing_file(path)
        if file.suffix.lower() not in _PARQUET:
            msg = f"{file} ends in {file.suffix!r}. Must be Parquet (.parquet, .geoparquet) or a folder of it."
            raise DataError(msg)
        return [file]
    files = [
        file for file in path.iterdir() if file.suffix.lower() in _PARQUET and not file.name.startswith((".", "_"))
    ]
    if not files:
        msg = f"{path} is a folder without .parquet or .geoparquet files."
        raise DataError(msg)
    return sorted(files)


def _read_places(
    file: Path, schema: Any, columns: tuple[str, str] | None, point: PointOf | None
) -> NDArray[np.float64]:
    """Return the checked longitude and latitude of one file."""
    if columns is not None and b"geo" in (schema.metadata or {}):
        msg = f"Invalid lon {columns[0]!r}. {file} is GeoParquet, whose geometry says where: leave lon and lat out."
        raise ValueError(msg)
    with naming(file):
        if columns is None:
            cure = "Name those of longitude and latitude: lon=, lat=."
            return check_lonlat(read_geometry(file, schema, point, cure=cure))
        return check_lonlat(read_numbers(file, schema, columns))


def _checked_shape(shape: Any) -> tuple[int, int]:
    """Return a shape of two positive whole numbers."""
    try:
        n, width = (operator.index(size) for size in shape)
    except (TypeError, ValueError):
        n = width = 0
    if min(n, width) < 1:
        msg = f"Invalid shape {shape!r}. Must be (n, d): rows and entries of a row."
        raise ValueError(msg)
    return n, width


def _checked_dtype(dtype: Any) -> np.dtype[Any]:
    """Return a dtype of floats."""
    try:
        kind = np.dtype(dtype)
    except TypeError:
        msg = f"Invalid dtype {dtype!r}. Must be float16, float32 or float64."
        raise TypeError(msg) from None
    check_float_dtype(kind, name="embeddings")
    return kind


def _read_geoparquet(file: Path, embedding: str, point: PointOf | None) -> tuple[Any, Any]:
    """Return coordinates and embeddings of a GeoParquet file."""
    import pyarrow.parquet as pq

    schema = read_schema(file)
    cure = "Write it with GeoDataFrame.to_parquet, pass arrays, or use open_points with lon= and lat=."
    lonlat = read_geometry(file, schema, point, cure=cure)
    check_named(embedding, schema.names, "column")
    with reading("GeoParquet"):
        column = pq.read_table(file, columns=[embedding], page_checksum_verification=True).column(embedding)
    check_filled(column)
    return lonlat, stacked(column, embedding)


def _read_npz(file: Path, embedding: str, point: PointOf | None) -> tuple[Any, Any]:
    """Return coordinates and embeddings of an npz file; nothing is unpickled."""
    if point is not None:
        msg = f"Invalid point {point!r}. An npz file holds points already."
        raise ValueError(msg)
    check_magic(file, b"PK", "npz")
    cure = "Truncated or damaged? variogeo never unpickles; save plain float arrays."
    # numpy leaves a file that it opened itself open when the archive is damaged.
    with reading("npz", cure), file.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
        names = archive.files
        arrays = {name: archive[name] for name in ("lonlat", embedding) if name in names}
    for name in ("lonlat", embedding):
        check_named(name, names, "array")
    return arrays["lonlat"], arrays[embedding]
