"""Rows that are read when they are asked for: what a row source is, and reading it in blocks."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

BLOCK_BYTES = 2**22
"""Bytes of a block: small beside the 16 MB that a check of rows may take."""


@runtime_checkable
class RowSource(Protocol):
    """Embeddings (n, d) that are not an array in memory: what the verbs take in the place of one.

    Attributes
    ----------
    shape : (n, d)
    dtype : numpy.dtype
        Floating; what the rows are stored as and returned as.
    ndim : int
        Always 2.
    group_starts : (groups + 1,) int array
        First row of each group of rows that is cheap to read together, then ``n``; increasing.

    Notes
    -----
    ``source[start:stop]`` and ``source[rows]``, for a 1-D integer array, return a new array. Several
    threads may ask at the same time. An array and a memory map are no row sources: they have no
    ``group_starts``.
    """

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    ndim: int
    group_starts: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of rows."""
        ...

    def __getitem__(self, rows: "slice | NDArray[np.integer[Any]]", /) -> NDArray[Any]:
        """Return rows as an array of their own."""
        ...


def row_blocks(values: Any, *, most_bytes: int = BLOCK_BYTES) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield all rows in order, as their first row number and a block of at most ``most_bytes`` (or one row).

    No block of a row source reaches into a second group.
    """
    width = values.shape[1] if values.ndim == 2 else 1
    step = max(1, most_bytes // (width * values.dtype.itemsize))
    starts = values.group_starts if isinstance(values, RowSource) else (0, len(values))
    for low, high in itertools.pairwise(map(int, starts)):
        for start in range(low, high, step):
            yield start, values[start : min(start + step, high)]


@dataclass(frozen=True, eq=False)
class SomeRows:
    """Some rows of a memory map or a row source, read when they are asked for: a row source itself.

    Attributes
    ----------
    source : memory map or row source
        Of embeddings.
    rows : (m,) int array
        Increasing.
    """

    source: Any
    rows: NDArray[np.intp]

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows, and entries of a row."""
        return len(self.rows), self.source.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the entries."""
        return self.source.dtype

    @property
    def ndim(self) -> int:
        """Always 2."""
        return 2

    @property
    def group_starts(self) -> NDArray[np.int64]:
        """First row of each group of the source that any rows are of, then their number."""
        if not isinstance(self.source, RowSource):
            return np.array([0, len(self.rows)])
        return np.unique(np.searchsorted(self.rows, self.source.group_starts))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, wanted: "slice | NDArray[np.integer[Any]]") -> NDArray[Any]:
        return np.asarray(self.source[self.rows[wanted]])


def some_rows(values: Any, rows: NDArray[np.intp]) -> Any:
    """Return some rows of values: of an array as an array, of what lies in a file as a row source."""
    in_file = isinstance(values, RowSource) or (isinstance(values, np.memmap) and values.ndim == 2)
    return SomeRows(values, rows) if in_file else values[rows]
