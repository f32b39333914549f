"""Read tables of points with embeddings: GeoParquet and npz."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from variogeo._checks import DataError, check_choice, check_lonlat, check_same_length, check_values, listed_rows
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
        For a file that is not what its name says or is damaged, a missing column, null, ragged or
        non-finite embeddings, coordinates that are none.

    Notes
    -----
    npz files carry checksums. Parquet files do when written with ``write_page_checksum=True``; without
    them a flipped bit among the numbers can stay unseen.
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
    if point is not None:
        check_choice(point, PointOf, name="point")
    try:
        lonlat, embeddings = reader(file, embedding, point)
        places = check_lonlat(lonlat)
        vectors = check_values(embeddings, dissimilarity="cosine", name=f"column {embedding!r}")
        check_same_length(places, vectors, names=("lonlat", f"column {embedding!r}"), item="photo")
        _check_filled(places)
    except (ValueError, TypeError) as error:
        msg = f"{file}: {error}"
        raise DataError(msg) from None
    return PointEmbeddings(places, vectors)


def _read_geoparquet(file: Path, embedding: str, point: PointOf | None) -> tuple[Any, Any]:
    """Return coordinates and embeddings of a GeoParquet file."""
    import json

    import geopandas as gpd
    import pyarrow.parquet as pq

    _check_magic(file, b"PAR1", "Parquet")
    with _reading("GeoParquet", "Truncated or damaged? Write it again."):
        schema = pq.read_schema(file)
    if b"geo" not in (schema.metadata or {}):
        msg = (
            f"Parquet without GeoParquet metadata; its columns are {_listed(schema.names)}. "
            "Write it with GeoDataFrame.to_parquet, or pass arrays."
        )
        raise DataError(msg)
    _check_named(embedding, schema.names, "column")
    with _reading("GeoParquet", "Truncated or damaged? Write it again."):
        primary = json.loads(schema.metadata[b"geo"])["primary_column"]
        geometry = gpd.read_parquet(file, columns=[primary], page_checksum_verification=True)
        column = pq.read_table(file, columns=[embedding], page_checksum_verification=True).column(embedding)
    _check_filled(column)
    return lonlat_from_geodataframe(geometry, point=point), _stacked(column, embedding)


def _stacked(column: Any, name: str) -> Any:
    """Return an Arrow list column as an (n, d) array; null rows and ragged rows are refused."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if not is_list or not (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)):
        msg = f"Column {name!r} is of type {kind}. Must be a list of floats, one embedding per row."
        raise DataError(msg)
    array = column.combine_chunks()
    if array.null_count:
        rows = np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))
        msg = f"Column {name!r} is null in {array.null_count} rows: {listed_rows(rows)}. Drop these rows first."
        raise DataError(msg)
    lengths = pc.call_function("list_value_length", [array]).to_numpy(zero_copy_only=False)
    if (lengths != lengths[0]).any():
        odd = int(np.flatnonzero(lengths != lengths[0])[0])
        msg = f"Column {name!r} has {lengths[0]} entries in row 0 but {lengths[odd]} in row {odd}. Must be equal."
        raise DataError(msg)
    flat = array.flatten()
    if flat.null_count:
        entries = np.flatnonzero(flat.is_null().to_numpy(zero_copy_only=False))
        rows = np.unique(entries // lengths[0])
        msg = f"Column {name!r} has null entries inside {len(rows)} rows: {listed_rows(rows)}. Drop these rows first."
        raise DataError(msg)
    return flat.to_numpy(zero_copy_only=False).reshape(len(array), -1)


def _read_npz(file: Path, embedding: str, point: PointOf | None) -> tuple[Any, Any]:
    """Return coordinates and embeddings of an npz file; nothing is unpickled."""
    if point is not None:
        msg = f"Invalid point {point!r}. An npz file holds points already."
        raise ValueError(msg)
    _check_magic(file, b"PK", "npz")
    cure = "Truncated or damaged? variogeo never unpickles; save plain float arrays."
    # numpy leaves a file that it opened itself open when the archive is damaged.
    with _reading("npz", cure), file.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
        names = archive.files
        arrays = {name: archive[name] for name in ("lonlat", embedding) if name in names}
    for name in ("lonlat", embedding):
        _check_named(name, names, "array")
    return arrays["lonlat"], arrays[embedding]


@contextmanager
def _reading(kind: str, cure: str) -> Iterator[None]:
    """Raise a DataError for whatever a reader of another package raises on damaged bytes."""
    try:
        yield
    except Exception as error:
        msg = f"It cannot be read as {kind}: {error}. {cure}"
        raise DataError(msg) from None


def _check_magic(file: Path, magic: bytes, kind: str) -> None:
    """Refuse a file that is not what its name says."""
    with file.open("rb") as stream:
        start = stream.read(len(magic))
    if start != magic:
        msg = f"It is named like {kind} but does not start like it. Is it another kind of file, or empty?"
        raise DataError(msg)


def _check_named(name: str, names: list[str], what: str) -> None:
    """Refuse a column or array that is not there."""
    if name not in names:
        msg = f"It has no {what} {name!r}. It has {_listed(names)}."
        raise DataError(msg)


def _check_filled(rows: Any) -> None:
    """Refuse a table without rows."""
    if not len(rows):
        msg = "It has no rows."
        raise DataError(msg)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
