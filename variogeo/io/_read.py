"""The door for files that fit into memory: `read_points`."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import DataError
from variogeo._columns import EmbeddingColumns, read_vectors
from variogeo._files import EXPORT_POINTS, check_filled, check_no_code, existing_file, naming
from variogeo._geometry import PointOf
from variogeo._lonlat import check_precision
from variogeo._mapped import mapped_npy
from variogeo._missing import Dequantize, Missing
from variogeo._points import PointEmbeddings
from variogeo.io._arrays import check_one_kind, vectors_of
from variogeo.io._finish import RawPoints, finished
from variogeo.io._names import embedding_names, only_pair, place_candidates
from variogeo.io._npz import names_in, read_arrays
from variogeo.io._places import read_places
from variogeo.io._tables import PARQUET, Table
from variogeo.io._units import Units, in_degrees
from variogeo.io._wanted import Wanted


def read_points(
    path: str | os.PathLike[str],
    *,
    embedding: str | Sequence[str] | None = None,
    lon: str | None = None,
    lat: str | None = None,
    point: PointOf | None = None,
    group: str | None = None,
    table: str | os.PathLike[str] | None = None,
    units: Units | None = None,
    missing: Missing = "refuse",
    dequantize: Dequantize | None = None,
    model_id: str | None = None,
    check_land: bool = True,
) -> PointEmbeddings:
    """Return the points and embeddings of a file.

    Parameters
    ----------
    path : path
        Parquet or GeoParquet (``.parquet``, ``.geoparquet``); ``.npz`` with an array ``lonlat`` (n, 2), or two of
        longitude and latitude, and one of embeddings; or ``.npy`` of embeddings beside a ``table``.
    embedding : str or sequence of str, optional
        Name of the column of lists, or of the array, with one embedding per point; or names of columns of numbers,
        one for each entry, such as ``[f"A{k:02}" for k in range(64)]``. By default the only one called ``embedding``
        or ``embeddings``.
    lon, lat : str, optional
        Names of the columns of longitude and latitude, WGS84. By default the geometry, else the only pair that is
        called ``lon, lat``, ``lng, lat``, ``long, lat``, ``longitude, latitude``, ``centre_lon, centre_lat``,
        ``center_lon, center_lat`` or ``decimallongitude, decimallatitude``, in any case.
    point : {None, "representative"}
        How polygons become points; see `variogeo.interop.lonlat_from_geodataframe`.
    group : str, optional
        Name of the column of labels, such as ``sequence``.
    table : path, optional
        For ``.npy``: Parquet or csv with the places, row by row those of the embeddings.
    units, missing, dequantize, model_id, check_land
        As in `points_from_arrays`; ``units`` are those of columns, a geometry has its CRS.

    Returns
    -------
    PointEmbeddings
        In memory; the embeddings of ``.npy`` stay in their file as a memory map.

    Raises
    ------
    DataError
        For a file that is not what its name says or is damaged, holds Python objects, or says that it holds far more
        than it can; a missing column, or two that could be meant; null, ragged, non-finite and zero embeddings;
        coordinates that are none, or that disagree with the geometry by more than a kilometre.
    ValueError
        For arguments that contradict each other.

    Warns
    -----
    UserWarning
        As `points_from_arrays`.

    Notes
    -----
    npz files carry checksums. Parquet files do when written with ``write_page_checksum=True``, but for their footer,
    which holds the CRS; without them a flipped bit among the numbers can stay unseen, as it can in npy and csv. Parquet
    is decoded batch by batch into the array that is returned: nothing else of its size is held.

    See Also
    --------
    open_points : the same for Parquet larger than memory.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "photos.npz"
    ...     np.savez(path, lon=[8.0, 9.0], lat=[50.0, 51.0], embedding=np.eye(2), sequence=["a", "b"])
    ...     points = read_points(path, group="sequence")
    >>> points.lonlat.tolist(), points.groups.tolist()
    ([[8.0, 50.0], [9.0, 51.0]], ['a', 'b'])
    """
    wanted = Wanted(embedding, lon, lat, point, group, units, missing, dequantize)
    raw = raw_points(path, table, wanted)
    with naming(path):
        return finished(raw, missing=missing, model_id=model_id, check_land=check_land)


def raw_points(path: str | os.PathLike[str], table: str | os.PathLike[str] | None, wanted: Wanted) -> RawPoints:
    """Return the rows of a file before any is refused or dropped for its numbers."""
    file = existing_file(path)
    check_no_code(file, export=EXPORT_POINTS)
    suffix = file.suffix.lower()
    if table is not None and suffix != ".npy":
        msg = f"Invalid table {str(table)!r} for {file.name}, which holds its own places. Leave it out."
        raise ValueError(msg)
    with naming(file):
        if suffix in PARQUET:
            raw = _raw_parquet(Table.of(file), wanted)
        elif suffix == ".npz":
            raw = _raw_npz(file, wanted)
        elif suffix == ".npy":
            raw = _raw_npy(file, table, wanted)
        else:
            msg = (
                f"It ends in {file.suffix!r}. Must be Parquet (.parquet, .geoparquet), .npz, or .npy with table=. Read "
                "other tables with geopandas or pandas, then points_from_geodataframe or points_from_arrays."
            )
            raise DataError(msg)
        check_filled(raw.lonlat)
    return raw


def _raw_parquet(table: Table, wanted: Wanted) -> RawPoints:
    """Return what a Parquet file holds."""
    columns = wanted.columns(table.names)
    lonlat, crs = read_places(table, wanted)
    check_filled(lonlat)  # a table without rows has no types of columns either
    groups = None if wanted.group is None else table.labels(wanted.group)
    return RawPoints(lonlat, read_vectors(table.file, columns), groups, crs, said_units(crs, wanted), columns.title)


def said_units(crs: str | None, wanted: Wanted) -> Units | None:
    """Return what the coordinates are known to be in: a geometry has its CRS."""
    return wanted.units if crs is None else "deg"


def _raw_npz(file: Path, wanted: Wanted) -> RawPoints:
    """Return what an npz file holds."""
    if wanted.point is not None:
        msg = f"Invalid point {wanted.point!r}. An npz file holds points already."
        raise ValueError(msg)
    known, group = names_in(file), wanted.group
    named = embedding_names(wanted.embedding, known, "array")
    if wanted.named is None and "lonlat" in known and (pairs := place_candidates(known)):
        msg = (
            f"It has lonlat and {', '.join(pairs[0])}. Name those that count, lon= and lat=, or leave one of them out."
        )
        raise DataError(msg)
    places: tuple[str, ...] = wanted.named or (
        ("lonlat",) if "lonlat" in known else only_pair(known, otherwise="It has no array 'lonlat'", what="array")
    )
    arrays = read_arrays(file, [*places, *named, *([] if group is None else [group])])
    for name in places:
        check_precision(arrays[name], arrays[name], name=f"array {name!r}")
    lonlat = arrays["lonlat"] if len(places) == 1 else _side_by_side(arrays, places)
    title = EmbeddingColumns(named, wanted.listed).title
    check_one_kind([arrays[name] for name in named], title)
    vectors = arrays[named[0]] if wanted.listed else _side_by_side(arrays, named)
    return RawPoints(
        in_degrees(lonlat, wanted.units),
        vectors_of(vectors, wanted.dequantize, name=title),
        None if group is None else arrays[group],
        units=wanted.units,
        title=title,
    )


def _side_by_side(arrays: dict[str, NDArray[Any]], names: Sequence[str]) -> NDArray[Any]:
    """Return arrays of one number per point as columns."""
    count = arrays[names[0]].shape[:1]
    for name in names:
        if arrays[name].shape != count:
            msg = f"Invalid array {name!r} of shape {arrays[name].shape}. Must be (n,): one number per point."
            raise DataError(msg)
    return np.column_stack([arrays[name] for name in names])


def _raw_npy(file: Path, table: str | os.PathLike[str] | None, wanted: Wanted) -> RawPoints:
    """Return the embeddings of an npy file with the places of a table beside it."""
    if wanted.embedding is not None:
        msg = f"Invalid embedding {wanted.embedding!r}. An npy file holds one array, which has no name."
        raise ValueError(msg)
    if table is None:
        msg = 'It holds embeddings without places. Pass the file of the places, row by row: table="photos.csv".'
        raise DataError(msg)
    vectors = mapped_npy(file, None, None, integers=wanted.dequantize is not None)
    beside = existing_file(table)
    check_no_code(beside, export=EXPORT_POINTS)
    with naming(beside):
        places = Table.of(beside)
        lonlat, crs = read_places(places, wanted)
        groups = None if wanted.group is None else places.labels(wanted.group)
    if len(lonlat) != len(vectors):
        msg = f"It has {len(vectors)} rows but {beside} has {len(lonlat)}. One row per photo in both."
        raise DataError(msg)
    return RawPoints(lonlat, vectors_of(vectors, wanted.dequantize), groups, crs, said_units(crs, wanted))
