"""Memory maps of embeddings in raw binary and npy files, after a check that every number is there."""

from pathlib import Path
from typing import Any

import numpy as np

from variogeo._checks import DataError, check_float_dtype
from variogeo._files import check_magic, reading, starts_with

_NPY = b"\x93NUMPY"
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def is_npy(file: Path) -> bool:
    """Whether a file is npy by its name or its first bytes."""
    return file.suffix.lower() == ".npy" or starts_with(file, _NPY)


def mapped_raw(file: Path, shape: tuple[int, int], dtype: np.dtype[Any]) -> "np.memmap[Any, Any]":
    """Return a map of a file that holds the numbers, row after row, and nothing else."""
    _check_bytes(file, shape, dtype, header=0)
    return np.memmap(file, dtype, "r", shape=shape)


def mapped_npy(
    file: Path, shape: tuple[int, int] | None, dtype: np.dtype[Any] | None, *, integers: bool = False
) -> "np.memmap[Any, Any]":
    """Return a map of the array of an npy file, which must be what the caller expects of it."""
    check_magic(file, _NPY, "npy")
    with reading("npy", "Truncated or damaged? Save it again."), file.open("rb") as stream:
        version = np.lib.format.read_magic(stream)
        found_shape, by_column, found_dtype = _HEADERS[version](stream)
        header = stream.tell()
    if found_dtype.hasobject:
        msg = "It holds Python objects. variogeo never unpickles; save plain float arrays."
        raise DataError(msg)
    if not (integers and found_dtype.kind in "iu"):
        check_float_dtype(found_dtype, name="array")
    if len(found_shape) != 2 or min(found_shape) < 1:
        msg = f"Invalid array of shape {found_shape}. Must be (n, d) embeddings, with rows."
        raise DataError(msg)
    if by_column:
        msg = (
            "It is stored column by column (Fortran order), so each row lies all over the file. "
            "Save it by rows: np.save(path, np.ascontiguousarray(array))."
        )
        raise DataError(msg)
    for name, expected, found in (("shape", shape, found_shape), ("dtype", dtype, found_dtype)):
        if expected is not None and expected != found:
            msg = f"Its header says {name} {found}, not {expected}. Leave {name} out to take it as it is."
            raise DataError(msg)
    _check_bytes(file, found_shape, found_dtype, header=header)
    return np.memmap(file, found_dtype, "r", offset=header, shape=found_shape)


def _check_bytes(file: Path, shape: tuple[int, int], dtype: np.dtype[Any], *, header: int) -> None:
    """Refuse a file that is shorter or longer than its numbers."""
    size, row = file.stat().st_size, shape[1] * dtype.itemsize
    if size == header + shape[0] * row:
        return
    rows, rest = divmod(max(0, size - header), row)
    fits = f"Rows of {shape[1]} {dtype.name} would be n = {rows}" + (f" and {rest} bytes more." if rest else ".")
    others = [
        other
        for other in ("float16", "float32", "float64")
        if shape[0] * shape[1] * np.dtype(other).itemsize == size - header
    ]
    if others:
        fits += f" The shape is right for {others[0]}."
    msg = (
        f"It has {size} bytes, but shape {shape} of {dtype.name} takes {header + shape[0] * row}"
        f"{f' with its header of {header}' if header else ''}. {fits} Truncated, or another shape or dtype?"
    )
    raise DataError(msg)
