"""Columns of Parquet files as arrays: lists of numbers, numbers side by side, and vectors batch by batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import DataError, check_float_dtype, listed_rows
from variogeo._files import DAMAGED, check_declared, check_magic, check_named, reading
from variogeo._missing import DROP_CURE, Dequantize, Missing, as_vectors, refuse_absent, with_nan

_BATCH = 4096
"""Rows that are decoded at once: 8 MB of 512 float32."""


@dataclass(frozen=True)
class EmbeddingColumns:
    """The columns that hold the embeddings, and how they are read.

    Attributes
    ----------
    names : tuple of str
        One column of lists, or one column of numbers for each entry.
    listed : bool
        Whether it is a column of lists.
    missing : {"refuse", "drop"}
        Null rows and null entries are refused, or come as rows of NaN.
    dequantize : callable, optional
        From integers to floats.
    """

    names: tuple[str, ...]
    listed: bool
    missing: Missing = "refuse"
    dequantize: Dequantize | None = None

    @property
    def title(self) -> str:
        """What to call it in a message."""
        return f"column {self.names[0]!r}" if self.listed else f"columns {self.names[0]!r} to {self.names[-1]!r}"

    def stored_dtype(self, schema: Any) -> np.dtype[Any]:
        """Return the dtype of the numbers as they are stored; columns of another type are refused."""
        for name in self.names:
            check_named(name, schema.names, "column")
        if self.listed:
            dtype = list_dtype(schema.field(self.names[0]).type, self.names[0])
        else:
            dtypes = {number_dtype(schema.field(name).type, name): name for name in self.names}
            if len(dtypes) > 1:
                found = " and ".join(f"{dtype} in {name!r}" for dtype, name in list(dtypes.items())[:2])
                msg = f"{self.title} are of different types: {found}. Must be alike."
                raise DataError(msg)
            dtype = next(iter(dtypes))
        if self.dequantize is None:
            check_float_dtype(dtype, name=self.title)
        return dtype

    def rows(self, table: Any, *, first: int = 0, width: int | None = None) -> NDArray[Any]:
        """Return the rows of an Arrow table as floats (n, d); where rows are dropped, those that are null are NaN.

        ``first`` is the number of the first row in the file, ``width`` the length of the rows before. Without a row to
        tell the width, d is 0.
        """
        if self.listed:
            values, absent = stacked(
                table.column(self.names[0]), self.names[0], first=first, width=width, missing=self.missing
            )
        else:
            values, absent = side_by_side(table, self.names, first=first, missing=self.missing)
        vectors = as_vectors(values, self.dequantize, name=self.title) if values.shape[1] else values
        return with_nan(vectors, absent)


def open_parquet(file: Path, **options: Any) -> Any:
    """Return an open Parquet file that checks its pages and holds back nothing in memory."""
    import pyarrow.parquet as pq

    return pq.ParquetFile(file, pre_buffer=False, page_checksum_verification=True, **options)


def read_schema(file: Path) -> Any:
    """Return the Arrow schema of a Parquet file."""
    import pyarrow.parquet as pq

    check_magic(file, b"PAR1", "Parquet")
    with reading("Parquet"):
        return pq.read_schema(file)


def read_columns(file: Path, names: Sequence[str]) -> Any:
    """Return some columns of a Parquet file as an Arrow table; they are small beside the embeddings."""
    with reading("Parquet"), open_parquet(file) as parquet:
        table = parquet.read(columns=list(names))
        return table.select(list(names))


def read_vectors(file: Path, columns: EmbeddingColumns) -> NDArray[Any]:
    """Return all vectors of a Parquet file, decoded batch by batch into one array."""
    import pyarrow as pa

    found: NDArray[Any] | None = None
    start = 0
    with reading("Parquet"):
        parquet = open_parquet(file)
    with parquet:
        stored = columns.stored_dtype(parquet.schema_arrow)
        count = parquet.metadata.num_rows
        check_declared(sum(entries_of_groups(parquet, columns)) * stored.itemsize, file)
        batches = parquet.iter_batches(_BATCH, columns=list(columns.names), use_threads=False)
        while True:
            with reading("Parquet"):
                batch = next(batches, None)
                table = None if batch is None else pa.Table.from_batches([batch])
            if table is None:
                break
            width = None if found is None else found.shape[1]
            rows = columns.rows(table, first=start, width=width)
            if found is None and rows.shape[1]:
                check_declared(count * rows.shape[1] * rows.itemsize, file)
                found = np.empty((count, rows.shape[1]), rows.dtype)
                found[:start] = np.nan
            if start + len(rows) > count:
                break
            if found is not None:
                found[start : start + len(rows)] = rows
            start += len(rows)
    if start != count or table is not None:
        msg = f"It has other rows than its footer says, {count}. {DAMAGED}"
        raise DataError(msg)
    if count and found is None:
        msg = f"{columns.title} has no entries in any row. Must be embeddings."
        raise DataError(msg)
    return np.empty((0, 1)) if found is None else found


def number_dtype(kind: Any, name: str) -> np.dtype[Any]:
    """Return the numpy dtype of an Arrow type of numbers; other types are refused."""
    import pyarrow as pa

    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
        msg = f"Column {name!r} is of type {kind}. Must be numbers: convert it and write the file again."
        raise DataError(msg)
    return np.dtype(kind.to_pandas_dtype())


def list_dtype(kind: Any, name: str) -> np.dtype[Any]:
    """Return the numpy dtype of the numbers in an Arrow list type; other types are refused."""
    import pyarrow as pa

    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if not is_list or not (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)):
        msg = f"Column {name!r} is of type {kind}. Must be a list of floats, one embedding per row."
        raise DataError(msg)
    return np.dtype(kind.value_type.to_pandas_dtype())


def stacked(
    column: Any, name: str, *, first: int = 0, width: int | None = None, missing: Missing = "refuse"
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return an Arrow list column as an (n, d) array, and which rows are absent, of which the entries are zeros.

    Ragged rows are refused, as are null rows and null entries unless they are to be dropped.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    dtype = list_dtype(column.type, name)
    array = column.combine_chunks()
    absent = array.is_null().to_numpy(zero_copy_only=False).copy()
    if missing == "refuse":
        refuse_absent(absent, f"Column {name!r} is null", first=first)
    present = np.flatnonzero(~absent)
    # The entries of a null row are not those of a list, and flatten leaves them out: all after them would move up.
    lists = array.filter(pa.array(~absent)) if absent.any() else array
    lengths = pc.call_function("list_value_length", [lists]).to_numpy(zero_copy_only=False)
    width = int(lengths[0]) if width is None and len(lengths) else width or 0
    odd = np.flatnonzero(lengths != width)
    if odd.size:
        row, start = int(odd[0]), "row 0" if missing == "refuse" else "its first vector"
        msg = (
            f"Column {name!r} has {width} entries in {start} but {lengths[row]} in row {first + present[row]}. "
            "Must be equal."
        )
        raise DataError(msg)
    flat = lists.flatten()
    if flat.null_count:
        holes = np.unique(np.flatnonzero(flat.is_null().to_numpy(zero_copy_only=False)) // width)
        if missing == "refuse":
            rows = first + present[holes]
            msg = f"Column {name!r} has null entries inside {len(rows)} rows: {listed_rows(rows)}. {DROP_CURE}"
            raise DataError(msg)
        absent[present[holes]] = True
        flat = flat.fill_null(0)
    numbers = flat.to_numpy(zero_copy_only=False).reshape(len(lists), width)
    if len(present) == len(absent):
        return numbers, absent
    whole = np.zeros((len(absent), width), dtype)
    whole[present] = numbers
    return whole, absent


def side_by_side(
    table: Any, names: Sequence[str], *, first: int = 0, missing: Missing = "refuse"
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return columns of numbers as an (n, d) array, and which rows have a null; nulls are refused or become zeros."""
    absent = np.zeros(len(table), bool)
    values = np.empty((len(table), len(names)), number_dtype(table.column(names[0]).type, names[0]))
    for k, name in enumerate(names):
        column = table.column(name)
        if column.null_count:
            null = column.is_null().to_numpy(zero_copy_only=False)
            if missing == "refuse":
                refuse_absent(null, f"Column {name!r} is null", first=first)
            absent |= null
            column = column.fill_null(0)
        values[:, k] = column.to_numpy()
    return values, absent


def entries_of_groups(parquet: Any, columns: EmbeddingColumns) -> list[int]:
    """Return how many entries the footer of an open file says that the columns have in each row group.

    A row of each group is read first. What is wrong with a chunk is an error then, while pyarrow would end the process
    where the metadata of a damaged chunk are asked for at once.
    """
    metadata, names = parquet.metadata, list(columns.names)
    entries: list[int] = []
    with reading("Parquet"):
        inside = [k for k in range(metadata.num_columns) if is_inside(metadata.schema.column(k), columns)]
        for number in range(metadata.num_row_groups):
            next(parquet.iter_batches(1, row_groups=[number], columns=names, use_threads=False), None)
            group = metadata.row_group(number)
            entries.append(sum(group.column(k).num_values for k in inside))
    return entries


def is_inside(leaf: Any, columns: EmbeddingColumns) -> bool:
    """Whether a leaf of a Parquet schema holds entries of the columns: ``name.list.element``, or ``name`` itself."""
    if not columns.listed:
        return leaf.path in columns.names and leaf.max_repetition_level == 0
    name = columns.names[0]
    below = leaf.path.removeprefix(f"{name}.")
    return below != leaf.path and below.count(".") <= 1 and leaf.max_repetition_level == 1
