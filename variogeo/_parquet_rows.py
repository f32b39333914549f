"""ParquetRows: embeddings that stay in Parquet files and are read row group by row group."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import DataError
from variogeo._columns import EmbeddingColumns, entries_of_groups, open_parquet, read_schema
from variogeo._files import DAMAGED, check_declared, check_filled, naming, reading

_CACHED_GROUPS = 2
_LARGEST_GROUP = 2**30
"""Bytes of a decoded row group that is still read at once."""


class _Group(NamedTuple):
    """A row group: its number in the file, its first row there, its rows and their numbers."""

    number: int
    first: int
    rows: int
    entries: int


class _Seen(NamedTuple):
    """What a file was when it was opened: one that differs is another one."""

    size: int
    mtime_ns: int
    footer: str


@dataclass(frozen=True)
class _Part:
    """One Parquet file with vectors of one width."""

    path: Path
    seen: _Seen
    groups: tuple[_Group, ...]
    width: int
    dtype: np.dtype[Any]


class ParquetRows:
    """Vectors in Parquet files as the rows of an (n, d) array that is not read at once.

    A `variogeo._rows.RowSource`: ``rows[start:stop]`` and ``rows[numbers]`` return arrays. Two decoded
    row groups are kept. Several threads may ask, and other processes, which open the files by path.

    Attributes
    ----------
    shape : (n, d)
    dtype : numpy.dtype
        float16, float32 or float64, as stored or as de-quantised.
    group_starts : (groups + 1,) int array
        First row of each row group, then ``n``.
    """

    def __init__(self, parts: tuple[_Part, ...], columns: EmbeddingColumns) -> None:
        self.columns = columns
        self._parts = parts
        self._groups = [(part, group) for part in parts for group in part.groups]
        counts = [group.rows for _, group in self._groups]
        self.group_starts: NDArray[np.int64] = np.cumsum([0, *counts], dtype=np.int64)
        self.group_starts.setflags(write=False)
        self.ndim = 2
        self.shape = (sum(counts), parts[0].width)
        self.dtype = parts[0].dtype
        self._lock = threading.Lock()
        self._decoded: OrderedDict[int, _Decoded] = OrderedDict()
        self._metadata: dict[Path, Any] = {}

    @classmethod
    def of(cls, files: Sequence[Path], columns: EmbeddingColumns) -> "ParquetRows":
        """Return the rows of files that are parts of one table, after a look at the footers and first row groups.

        Raises
        ------
        DataError
            Here for what these show; when rows are read for a damaged, null or ragged row group, and
            for a file that is no longer the one that was opened.
        """
        parts: list[_Part] = []
        for file in files:
            with naming(file):
                parts.append(_opened(file.absolute(), columns))
            _check_alike(parts[0], parts[-1], columns)
        return cls(tuple(parts), columns)

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.shape[0]

    def __repr__(self) -> str:
        """Return where the rows come from and what they are."""
        first, more = str(self._parts[0].path), len(self._parts) - 1
        where = f"{first!r} and {more} more" if more else repr(first)
        shape, groups = f"{self.shape} {self.dtype}", len(self._groups)
        return f"<ParquetRows of {self.columns.title} in {where}: {shape}, {groups} row groups>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what another process needs: what the files were, not their rows."""
        return ParquetRows, (self._parts, self.columns)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Refuse to become an array: that would read everything."""
        msg = f"{self!r} is read in blocks. Take rows[start:stop], or read it at once with variogeo.io.read_points."
        raise TypeError(msg)

    def __getitem__(self, rows: "slice | NDArray[np.integer[Any]]") -> NDArray[Any]:
        """Return the rows of a slice or of a 1-D integer array, in that order."""
        wanted = self._numbers(rows)
        group = np.searchsorted(self.group_starts, wanted, side="right") - 1
        by_group = np.argsort(group, kind="stable")
        touched, starts = np.unique(group[by_group], return_index=True)
        if len(touched) == 1:
            return self._rows_of(touched[0])[wanted - self.group_starts[touched[0]]]
        found = np.empty((len(wanted), self.shape[1]), self.dtype)
        for k, places in zip(touched, np.split(by_group, starts[1:]), strict=False):
            found[places] = self._rows_of(k)[wanted[places] - self.group_starts[k]]
        return found

    def _numbers(self, rows: Any) -> NDArray[np.int64]:
        """Return the row numbers that are asked for."""
        if isinstance(rows, slice):
            return np.arange(*rows.indices(len(self)))
        numbers = np.asarray(rows)
        if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
            msg = f"Invalid rows of shape {numbers.shape} and dtype {numbers.dtype}. Must be a slice or 1-D integers."
            raise TypeError(msg)
        if numbers.size and (numbers.min() < 0 or numbers.max() >= len(self)):
            msg = f"Invalid rows from {numbers.min()} to {numbers.max()}. Must lie in 0..{len(self) - 1}."
            raise IndexError(msg)
        return numbers.astype(np.int64)

    def _rows_of(self, k: int) -> NDArray[Any]:
        """Return the rows of one row group; a second thread waits for the first that decodes it."""
        with self._lock:
            decoded = self._decoded.setdefault(k, _Decoded())
            self._decoded.move_to_end(k)
            while len(self._decoded) > _CACHED_GROUPS:
                self._decoded.popitem(last=False)
        with decoded.lock:
            if decoded.rows is None:
                decoded.rows = self._decode(k)
            return decoded.rows

    def _decode(self, k: int) -> NDArray[Any]:
        """Read one row group of a file that is still the one that was opened."""
        import pyarrow.parquet as pq

        part, group = self._groups[k]
        with naming(f"{part.path}, row group {group.number}"):
            _check_unchanged(part)
            if part.path not in self._metadata:
                with reading("Parquet"):
                    metadata = pq.read_metadata(part.path)
                _check_same(part.seen, _seen(part.path))
                self._metadata[part.path] = metadata
            rows = _read_group(part.path, self._metadata[part.path], self.columns, group, width=part.width)
            if rows.dtype != part.dtype:
                msg = f"Invalid dequantize: it made {rows.dtype} here and {part.dtype} before. Must be alike."
                raise DataError(msg)
            _check_unchanged(part)
        return rows


class _Decoded:
    """The rows of one row group, once a thread has decoded them."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.rows: NDArray[Any] | None = None


def _opened(path: Path, columns: EmbeddingColumns) -> _Part:
    """Return a file after its schema, its footer and its first row group have been checked."""
    import pyarrow.parquet as pq

    schema = read_schema(path)
    seen = _seen(path)
    stored = columns.stored_dtype(schema)
    with reading("Parquet"):
        metadata = pq.read_metadata(path)
    groups = _groups_of(path, metadata, columns)
    check_filled(groups)
    for group in groups:
        _check_size(group, stored)
    check_declared(sum(group.entries for group in groups) * stored.itemsize, path)
    vectors = _first_vectors(path, metadata, columns, groups)
    width = vectors.shape[1]
    for group in groups:
        if columns.missing == "refuse" and group.entries != group.rows * width:
            _read_group(path, metadata, columns, group, width=width)  # names the rows that are null or ragged
            msg = f"Row group {group.number} has {group.rows} rows of {width} but {group.entries} entries. {DAMAGED}"
            raise DataError(msg)
    return _Part(path, seen, groups, width, vectors.dtype)


def _first_vectors(path: Path, metadata: Any, columns: EmbeddingColumns, groups: tuple[_Group, ...]) -> NDArray[Any]:
    """Return the rows of the first row group with entries: the first one, unless rows may be missing."""
    for group in groups:
        vectors = _read_group(path, metadata, columns, group)
        if vectors.shape[1]:
            return vectors
        if columns.missing == "refuse":
            break
    msg = f"{columns.title} has no entries in row 0. Must be embeddings."
    raise DataError(msg[0].upper() + msg[1:])


def _groups_of(path: Path, metadata: Any, columns: EmbeddingColumns) -> tuple[_Group, ...]:
    """Return the row groups that have rows."""
    with reading("Parquet"):
        rows = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
        parquet = open_parquet(path, metadata=metadata)
    with parquet:
        entries = entries_of_groups(parquet, columns)
    if min(rows, default=0) < 0 or sum(rows) != metadata.num_rows:
        msg = f"Its row groups have {sum(rows)} rows, but its footer says {metadata.num_rows}. {DAMAGED}"
        raise DataError(msg)
    firsts = np.cumsum([0, *rows]).tolist()
    return tuple(_Group(k, firsts[k], rows[k], entries[k]) for k in range(len(rows)) if rows[k])


def _read_group(
    path: Path, metadata: Any, columns: EmbeddingColumns, group: _Group, *, width: int | None = None
) -> NDArray[Any]:
    """Return the rows of one row group as an array."""
    with reading("Parquet"), open_parquet(path, metadata=metadata) as parquet:
        table = parquet.read_row_group(group.number, columns=list(columns.names), use_threads=False)
    if len(table) != group.rows:
        msg = f"Row group {group.number} has {len(table)} rows, but the footer says {group.rows}. {DAMAGED}"
        raise DataError(msg)
    return columns.rows(table, first=group.first, width=width)


def _check_size(group: _Group, dtype: np.dtype[Any]) -> None:
    """Refuse a row group that is too large to be read at once."""
    size = max(group.rows, group.entries) * dtype.itemsize
    if size > _LARGEST_GROUP:
        msg = (
            f"Row group {group.number} has {group.rows} rows, which take {size / 2**30:.1f} GB. A row group is read at "
            f"once and may take {_LARGEST_GROUP / 2**30:g} GB. Write the file again with row_group_size=8192."
        )
        raise DataError(msg)


def _check_alike(first: _Part, other: _Part, columns: EmbeddingColumns) -> None:
    """Refuse parts of different width or dtype."""
    if (first.width, first.dtype) != (other.width, other.dtype):
        msg = (
            f"{columns.title} has {first.width} entries of {first.dtype} in {first.path} "
            f"but {other.width} of {other.dtype} in {other.path}. Parts of one table must be alike."
        )
        raise DataError(msg[0].upper() + msg[1:])


def _seen(path: Path) -> _Seen:
    """Return what a Parquet file is now: size, time of change and sha256 of its footer."""
    size, mtime_ns = _stamp(path)
    with path.open("rb") as stream:
        stream.seek(max(0, size - 8))
        tail = stream.read()
        length = int.from_bytes(tail[:4], "little") + 8
        stream.seek(max(0, size - length))
        footer = stream.read()
    return _Seen(size, mtime_ns, hashlib.sha256(footer).hexdigest())


def _stamp(path: Path) -> tuple[int, int]:
    """Return the size and time of change of a file."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _check_unchanged(part: _Part) -> None:
    """Refuse a file whose size or time of change differ; whole footers are compared once a process."""
    if not part.path.is_file():
        msg = "It is gone. It was there when it was opened."
        raise DataError(msg)
    _check_same(part.seen[:2], _stamp(part.path))


def _check_same(then: tuple[Any, ...], now: tuple[Any, ...]) -> None:
    """Refuse a file that is no longer what it was."""
    if then != now:
        msg = "It was changed, replaced or copied since it was opened: its size, time or footer differs. Open it again."
        raise DataError(msg)
