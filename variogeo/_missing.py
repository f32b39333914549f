"""Entries that are masked, null or quantised: which rows have no vector, and floats of the others."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import check_float_dtype, listed_rows
from variogeo._namespace import to_numpy

Missing = Literal["refuse", "drop"]
"""What becomes of rows without a place or without a vector."""

Dequantize = Callable[[NDArray[Any]], NDArray[Any]]
"""From the integers that are stored to floats, NaN where they say that there is no data."""

DROP_CURE = 'Drop these rows, or pass missing="drop".'


def unmasked(values: Any, name: str) -> tuple[Any, NDArray[np.bool_] | None]:
    """Return what lies under a mask, and in which rows any of it is masked; other values as they are, and None."""
    given = to_numpy(values, name)
    if not isinstance(given, np.ma.MaskedArray):
        return given, None
    mask = np.atleast_1d(np.ma.getmaskarray(given))
    absent = np.asarray(mask.any(axis=tuple(range(1, mask.ndim))))
    return np.asarray(given.data), absent


def refuse_absent(absent: NDArray[np.bool_], what: str, *, first: int = 0) -> None:
    """Refuse rows of which a part is missing; ``first`` is the number of the first of them."""
    if absent.any():
        rows = first + np.flatnonzero(absent)
        msg = f"{what} in {len(rows)} rows: {listed_rows(rows)}. {DROP_CURE}"
        raise ValueError(msg)


def with_nan(values: NDArray[Any], absent: NDArray[np.bool_] | None) -> NDArray[Any]:
    """Return floats with NaN in absent rows: a copy where there are any, so that the caller's stay."""
    if absent is None or not absent.any():
        return values
    filled = np.array(values)
    filled[absent] = np.nan
    return filled


def as_vectors(values: NDArray[Any], dequantize: Dequantize | None, *, name: str) -> NDArray[Any]:
    """Return stored numbers as floats: floats as they are, integers by the function that the user gave for them."""
    if dequantize is None:
        check_float_dtype(values.dtype, name=name)
        return values
    if not callable(dequantize):
        msg = f"Invalid dequantize of type {type(dequantize).__name__}. Must be a function of an (n, d) integer array."
        raise TypeError(msg)
    if values.dtype.kind not in "iu":
        msg = f"Invalid dequantize for {name} of dtype {values.dtype}, which holds no integers. Leave it out."
        raise ValueError(msg)
    locked = values.view()
    locked.setflags(write=False)
    floats = np.asarray(to_numpy(dequantize(locked), "dequantize"))
    if floats.dtype.kind != "f" or floats.shape != values.shape:
        msg = (
            f"Invalid dequantize: it made {floats.shape} {floats.dtype} of {values.shape} {values.dtype}. "
            "Must return floats of the same shape."
        )
        raise ValueError(msg)
    return floats
