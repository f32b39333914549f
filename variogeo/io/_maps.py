"""Embeddings where they lie: `open_embeddings`."""

import operator
import os
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from variogeo._checks import DataError, check_float_dtype
from variogeo._files import EXPORT_POINTS, check_no_code, existing_file, naming
from variogeo._mapped import is_npy, mapped_npy, mapped_raw
from variogeo.io._tables import PARQUET


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
    check_no_code(file, export=EXPORT_POINTS, raw=True)
    if file.suffix.lower() in (*PARQUET, ".npz"):
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
