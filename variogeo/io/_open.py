"""The door for Parquet larger than memory: `open_points`."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from variogeo._checks import DataError, checked_path
from variogeo._files import EXPORT_POINTS, check_no_code, existing_file, naming
from variogeo._geometry import PointOf
from variogeo._label_codes import joined_labels, label_array
from variogeo._missing import Dequantize, Missing
from variogeo._parquet_rows import ParquetRows
from variogeo._points import PointEmbeddings
from variogeo.io._finish import RawPoints, finished
from variogeo.io._places import read_places
from variogeo.io._read import said_units
from variogeo.io._tables import PARQUET, Table, same_crs
from variogeo.io._units import Units
from variogeo.io._wanted import Wanted

_PARQUET = re.compile(r"\.(geo)?(parquet|parq|pq)(\.(gz|gzip|zip|zst|zstd|bz2|xz|lz4|br|snappy))?$")
"""Names of Parquet, with endings such as .pq and .parquet.gz that are refused lest their rows be left out unseen."""


def open_points(
    path: str | os.PathLike[str],
    *,
    embedding: str | Sequence[str] | None = None,
    lon: str | None = None,
    lat: str | None = None,
    point: PointOf | None = None,
    group: str | None = None,
    units: Units | None = None,
    missing: Missing = "refuse",
    dequantize: Dequantize | None = None,
    model_id: str | None = None,
    check_land: bool = True,
) -> PointEmbeddings:
    """Return the points of Parquet files, with embeddings that are read row group by row group.

    For tables larger than memory: `variogeo.empirical_variogram` takes the embeddings as they come.

    Parameters
    ----------
    path : path
        A GeoParquet or Parquet file, or a folder of them and of such folders: parts of one table, in the order of their
        paths. Columns that only the names of folders hold (``year=2021``) are not made.
    embedding, lon, lat, point, group, units, dequantize, model_id, check_land
        As in `read_points`. To run in other processes, ``dequantize`` must be a function of a module.
    missing : {"refuse", "drop"}
        As in `points_from_arrays`; but ``"refuse"`` looks at the places and the counts of entries only, and leaves the
        vectors to the function that reads them, while ``"drop"`` reads all of them once.

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
        For arguments that contradict each other.

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
    wanted = Wanted(embedding, lon, lat, point, group, units, missing, dequantize)
    files = _parts(checked_path(path))
    tables: list[Table] = []
    for file in files:
        with naming(file):
            tables.append(Table.of(file))
    with naming(files[0]):
        columns = wanted.columns(tables[0].names)
    rows = ParquetRows.of(files, columns)
    _check_one_crs(tables)
    parts, labels = [], []
    for table in tables:
        with naming(table.file):
            parts.append(read_places(table, wanted))
            if group is not None:
                labels.append(label_array(table.labels(group), len(parts[-1][0]), name="groups"))
    lonlat, crs = np.concatenate([places for places, _ in parts]), parts[0][1]
    groups = joined_labels(labels) if labels else None
    raw = RawPoints(lonlat, rows, groups, crs, said_units(crs, wanted), columns.title)
    with naming(path):
        return finished(raw, missing=missing, model_id=model_id, check_land=check_land, lazy=missing == "refuse")


def _parts(path: Path) -> list[Path]:
    """Return the files of a table: the file itself, or those of a folder by name."""
    if not path.is_dir():
        file = existing_file(path)
        check_no_code(file, export=EXPORT_POINTS)
        if file.suffix.lower() not in PARQUET:
            msg = f"{file} ends in {file.suffix!r}. Must be Parquet (.parquet, .geoparquet) or a folder of it."
            raise DataError(msg)
        return [file]
    inside = sorted(path.rglob("*"))
    if linked := [one for one in inside if one.is_symlink() and one.is_dir()]:
        msg = f"{linked[0]} is a link to a folder, which is not followed. Move the folder itself there."
        raise DataError(msg)
    files = [file for file in inside if _is_part(file.relative_to(path)) and not file.is_dir()]
    if not files:
        msg = f"{path} is a folder without .parquet or .geoparquet files. Must hold at least one."
        raise DataError(msg)
    for file in files:
        if file.suffix.lower() not in PARQUET:
            msg = f"{file} is Parquet of another ending. Rename it to .parquet, or take it out of the folder."
            raise DataError(msg)
        existing_file(file)
    return files


def _is_part(file: Path) -> bool:
    """Whether a file of a folder is Parquet by its name; those that begin with . or _ are for programs."""
    return bool(_PARQUET.search(file.name.lower())) and not any(part.startswith((".", "_")) for part in file.parts)


def _check_one_crs(tables: list[Table]) -> None:
    """Refuse parts whose coordinates are of different kinds."""
    first = None
    for k, table in enumerate(tables):
        with naming(table.file):
            crs = table.crs()
            first = crs if k == 0 else first
            if table.has_geometry() != tables[0].has_geometry():
                msg = f"Only one of it and {tables[0].file} has a geometry. Parts of one table must be alike."
                raise DataError(msg)
            if not same_crs(first, crs):
                msg = (
                    f"Its geometry has another CRS than the one in {tables[0].file}. Parts of one table must be alike: "
                    "convert one with to_crs and write it again."
                )
                raise DataError(msg)
