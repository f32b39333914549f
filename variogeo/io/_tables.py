"""Tables in files, Parquet or csv: their column names, some of their columns, and their geometry."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import DataError
from variogeo._columns import open_parquet, read_columns, read_schema, side_by_side
from variogeo._files import check_declared, check_filled, check_named, reading
from variogeo._label_codes import arrow_labels
from variogeo._lonlat import check_precision

if TYPE_CHECKING:
    import geopandas as gpd

PARQUET = (".parquet", ".geoparquet")
_CRS84 = "OGC:CRS84"
"""The CRS where a file says none: of GeoParquet as of Parquet's own geometries."""


@dataclass(frozen=True)
class Table:
    """A table in a file, of which columns are read when they are asked for."""

    file: Path
    schema: Any
    held: Any = None
    """The whole table of a csv file, which cannot be read by columns."""

    @classmethod
    def of(cls, file: Path) -> "Table":
        """Return a Parquet or csv file after a look at its schema."""
        if file.suffix.lower() in PARQUET:
            return cls(file, read_schema(file))
        if file.suffix.lower() == ".csv":
            held = _read_csv(file)
            return cls(file, held.schema, held)
        msg = f"It ends in {file.suffix!r}. Must be Parquet (.parquet, .geoparquet) or .csv."
        raise DataError(msg)

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return list(self.schema.names)

    def read(self, *names: str) -> Any:
        """Return some columns as an Arrow table."""
        for name in names:
            check_named(name, self.names, "column")
        return read_columns(self.file, names) if self.held is None else self.held.select(list(names))

    def numbers(self, names: tuple[str, ...]) -> NDArray[np.float64]:
        """Return columns of numbers side by side, (n, len(names)); NaN where one is null."""
        table = self.read(*names)
        columns = [side_by_side(table, (name,), missing="drop") for name in names]
        for (values, _), name in zip(columns, names, strict=True):
            check_precision(values, values, name=f"column {name!r}")
        return np.column_stack([np.where(absent, np.nan, values[:, 0]) for values, absent in columns])

    def labels(self, name: str) -> NDArray[Any]:
        """Return a column of labels, of any type, but of csv as the text that stands there; None or NaN where null."""
        column = self.read(name).column(name)
        if self.held is not None:
            return _texts_of_csv(self.file, name, column)
        with reading("a column of labels", "Name a column of text or numbers."):
            return arrow_labels(column)

    def geometry(self) -> "gpd.GeoSeries | None":
        """Return the geometry: of GeoParquet by its metadata, else the only one by its Parquet type, else None."""
        if self.held is not None:
            return None
        if b"geo" in (self.schema.metadata or {}):
            return _described_geometry(self.file, self.schema)
        return _native_geometry(self)

    def has_geometry(self) -> bool:
        """Whether there is a geometry, of GeoParquet or by a Parquet type."""
        return self.held is None and (b"geo" in (self.schema.metadata or {}) or bool(_native_columns(self.file)))

    def crs(self) -> Any:
        """Return the CRS of the geometry as the file says it; None where it is not known, or without a geometry."""
        if b"geo" not in (self.schema.metadata or {}):
            found = _native_columns(self.file)
            if not found:
                return None
            with reading("Parquet with a geometry"):
                return _known_crs(next(iter(found.values())), self.schema)
        with reading("GeoParquet"):
            geo = json.loads(self.schema.metadata[b"geo"])
            return geo["columns"][geo["primary_column"]].get("crs", _CRS84)


def same_crs(one: Any, other: Any) -> bool:
    """Whether two CRS, as files say them, are one: left unsaid or spelled out, and longitude first in any case."""
    import pyproj

    if one == other or one is None or other is None:
        return one == other
    with reading("GeoParquet", "Is its CRS one?"):
        first, second = (pyproj.CRS.from_user_input(crs) for crs in (one, other))
        return first.equals(second, ignore_axis_order=True)


def _read_csv(file: Path) -> Any:
    """Return a csv file as an Arrow table."""
    from pyarrow import csv

    with reading("csv", "Must have one line of column names, then one line per point."):
        table = csv.read_csv(file)
    if table.num_columns == 1 and any(mark in table.column_names[0] for mark in ";\t|"):
        msg = f"It has one column, {table.column_names[0]!r}. Write it again with commas between its columns."
        raise DataError(msg)
    check_filled(table)
    doubled = sorted({name for name in table.column_names if table.column_names.count(name) > 1})
    if doubled:
        msg = f"It has more than one column {doubled[0]!r}. Rename one."
        raise DataError(msg)
    return table


def _texts_of_csv(file: Path, name: str, column: Any) -> NDArray[Any]:
    """Return a column of a csv file as text, None where it was read as missing: as numbers 007 and 7 would be one."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv

    if pa.types.is_binary(column.type):
        msg = f"Column {name!r} is not UTF-8. Write the file again as UTF-8."
        raise DataError(msg)
    if pa.types.is_string(column.type):
        return column.to_numpy()
    as_text = csv.ConvertOptions(include_columns=[name], column_types={name: pa.string()})
    with reading("csv", "Was it changed while it was read? Read it again."):
        texts = csv.read_csv(file, convert_options=as_text).column(name)
        return pc.call_function("if_else", [column.is_valid(), texts, pa.scalar(None, pa.string())]).to_numpy()


def _described_geometry(file: Path, schema: Any) -> "gpd.GeoSeries":
    """Return the primary geometry of GeoParquet."""
    import geopandas as gpd

    with reading("GeoParquet"):
        primary = json.loads(schema.metadata[b"geo"])["primary_column"]
        frame = gpd.read_parquet(file, columns=[primary], page_checksum_verification=True)
    return frame.geometry


def _native_columns(file: Path) -> dict[str, str]:
    """Return the columns of Parquet's own types of geometry, with their CRS. Needs pyarrow 21; older ones see none."""
    found: dict[str, str] = {}
    with reading("Parquet"), open_parquet(file) as parquet:
        leaves = [parquet.schema.column(k) for k in range(len(parquet.schema))]
        for leaf in leaves:
            if leaf.logical_type.type in ("GEOMETRY", "GEOGRAPHY"):
                found[leaf.path] = json.loads(leaf.logical_type.to_json()).get("crs") or _CRS84
    return found


def _native_geometry(table: Table) -> "gpd.GeoSeries | None":
    """Return the only column of Parquet's own type GEOMETRY or GEOGRAPHY."""
    import geopandas as gpd
    import shapely

    columns = _native_columns(table.file)
    if not columns:
        return None
    if len(columns) > 1:
        msg = f"It has {len(columns)} geometries: {', '.join(columns)}. Keep one, or name columns: lon=, lat=."
        raise DataError(msg)
    name, crs = next(iter(columns.items()))
    raw = table.read(name).column(name)
    check_declared(raw.nbytes, table.file)
    with reading("Parquet with a geometry"):
        return gpd.GeoSeries(shapely.from_wkb(raw.to_numpy()), crs=_known_crs(crs, table.schema))


def _known_crs(text: str, schema: Any) -> Any:
    """Return the CRS that a Parquet geometry names: PROJJSON, a code, or the place of PROJJSON in the file."""
    import pyproj

    kind, _, rest = text.partition(":")
    if kind == "projjson":
        text = schema.metadata[rest.encode()].decode()
    if kind == "srid":
        text = f"EPSG:{rest}"
    return pyproj.CRS.from_user_input(f"EPSG:{text}" if text.isdigit() else text)
