"""Parcel: a job on its way to other processes, its large arrays mapped from files and not copied."""

import dataclasses
import mmap
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import DataError
from variogeo._engine._job import Job
from variogeo._rows import RowSource

_LARGE = 2**16
"""Bytes from which an array goes through a file; smaller ones travel with each task."""

_ALIGNMENT = 64
"""Bytes of a cache line, at whose multiples arrays begin."""

_WRITTEN_AT_ONCE = 2**24


class Parcel:
    """A job without its memory maps, which the receiver opens again.

    Parameters
    ----------
    content : Job
        With a `Mapped` in the place of each array that lies in a file.
    """

    def __init__(self, content: Any) -> None:
        self._content = content
        self._job: Any = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Parcel, (self._content,)

    def job(self) -> Job:
        """Return the job, the same object each time."""
        if self._job is None:
            self._job = _replaced(self._content, lambda leaf: leaf.open() if isinstance(leaf, Mapped) else leaf)
        return self._job


@dataclasses.dataclass(frozen=True)
class Mapped:
    """Where an array lies in a file.

    Attributes
    ----------
    path : str
    least_bytes : int
        The file is at least as long.
    offset : int
        Position of the first entry.
    shape, strides : tuple of int
    dtype : numpy.dtype
    """

    path: str
    least_bytes: int
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: np.dtype[Any]

    def open(self) -> NDArray[Any]:
        """Return the array as a read-only memory map."""
        whole = np.memmap(self.path, np.uint8, "r")
        if len(whole) < self.least_bytes:
            msg = (
                f"{self.path} has {len(whole)} bytes, but had {self.least_bytes} when the run began: it was cut short. "
                "Write it again and start anew."
            )
            raise DataError(msg)
        return np.ndarray(self.shape, self.dtype, buffer=whole, offset=self.offset, strides=self.strides)


def packed(job: Job) -> Parcel:
    """Return a parcel whose memory maps stay on disk and whose other arrays travel with it."""
    return Parcel(_replaced(job, _unmapped))


def packed_into(job: Job, file: Path) -> Parcel:
    """Return a parcel whose other large arrays are written to ``file``, once each."""
    written: dict[int, Mapped] = {}
    with file.open("wb") as stream:

        def replace(leaf: Any) -> Any:
            leaf = _unmapped(leaf)
            if not _is_large(leaf):
                return leaf
            if id(leaf) not in written:
                written[id(leaf)] = _write(leaf, stream, str(file))
            return written[id(leaf)]

        return Parcel(_replaced(job, replace))


def _is_large(leaf: Any) -> bool:
    """Whether a leaf is an array that goes through a file."""
    return isinstance(leaf, np.ndarray) and leaf.nbytes >= _LARGE


def _write(array: NDArray[Any], stream: BinaryIO, path: str) -> Mapped:
    """Append an array in C order, block by block, and return where it lies."""
    offset = stream.tell()
    rows = max(1, _WRITTEN_AT_ONCE // array[:1].nbytes)
    for start in range(0, len(array), rows):
        stream.write(array[start : start + rows].tobytes())
    stop = stream.tell()
    stream.write(bytes(-array.nbytes % _ALIGNMENT))
    strides = np.empty((1, *array.shape[1:]), array.dtype).strides
    return Mapped(path, stop, offset, array.shape, strides, array.dtype)


def _replaced(value: Any, leaf: Callable[[Any], Any]) -> Any:
    """Return a value with ``leaf`` applied to whatever is not one of the engine's own frozen values.

    Made without the constructors: their checks were passed, and stand-ins would not pass them. Attributes that
    are no fields, such as caches, are not copied. A row source travels as it says itself.
    """
    if not dataclasses.is_dataclass(value) or isinstance(value, (Mapped, RowSource)):
        return leaf(value)
    twin = object.__new__(type(value))
    for field in dataclasses.fields(value):
        object.__setattr__(twin, field.name, _replaced(getattr(value, field.name), leaf))
    return twin


def _unmapped(leaf: Any) -> Any:
    """Return where an array lies in a file if it is a view of a memory map; any other leaf as it is."""
    base = leaf
    while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
        base = base.base
    # Of mode "c" the changes are in memory only.
    if not isinstance(base, np.memmap) or base.filename is None or base.mode == "c" or not leaf.size:
        return leaf
    # A view inherits the offset of the whole map: its own place follows from the addresses.
    mapping = np.frombuffer(base._mmap, np.uint8)  # type: ignore[attr-defined]
    inside = leaf.__array_interface__["data"][0] - mapping.__array_interface__["data"][0]
    offset = base.offset - base.offset % mmap.ALLOCATIONGRANULARITY + inside
    file = Path(base.filename)
    return Mapped(str(file), file.stat().st_size, offset, leaf.shape, leaf.strides, leaf.dtype)
