"""Checks of arguments: what is wrong, in which rows, and what to do instead."""

import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from variogeo._namespace import is_torch, to_numpy
from variogeo._rows import RowSource, row_blocks

Dissimilarity = Literal["cosine", "half_squared"]
"""What whole parts, residuals and curves are made of: both are half a squared difference."""

AnyDissimilarity = Literal["cosine", "half_squared", "madogram", "rodogram"]
"""What a mean over pairs can be taken of."""

LARGEST_SCALAR = 1e75
"""The sums hold the square of a squared difference, which stays finite up to here."""

SMALLEST = float(np.finfo(np.float64).tiny)
"""Below this a number has lost digits, and one over it overflows."""


class DataError(ValueError):
    """A file or table whose content cannot be used; the message names the cause and the cure."""


def check_choice(value: Any, choices: Any, *, name: str) -> None:
    """Refuse a ``value`` that is not a member of the Literal ``choices``."""
    members = get_args(choices)
    if value not in members:
        listed = ", ".join(repr(member) for member in members)
        msg = f"Invalid {name} {value!r}. Must be one of {listed}."
        raise ValueError(msg)


def check_kinds(value: Any, kinds: Mapping[str, type], *, optional: Mapping[str, type]) -> None:
    """Refuse a value with a field of another type; an ``optional`` one may be None."""
    for name, kind in (*kinds.items(), *optional.items()):
        field = getattr(value, name)
        if not isinstance(field, kind) and not (name in optional and field is None):
            msg = f"Invalid {name} of type {type(field).__name__}. Must be {kind.__name__}."
            raise TypeError(msg)


def checked_path(path: Any, *, name: str = "path") -> Path:
    """Return a path, or refuse what is none."""
    if not isinstance(path, (str, os.PathLike)) or not str(path):
        msg = f"Invalid {name} {path!r} of type {type(path).__name__}. Must be the path of a file or folder."
        raise TypeError(msg)
    return Path(path)


def check_number(
    value: Any,
    *,
    name: str,
    above: float | None = None,
    at_least: float | None = None,
    unit: str = "",
) -> float:
    """Return ``value`` as a finite float within its bounds, or refuse it."""
    try:
        number = None if isinstance(value, (str, bytes, bool, np.bool_)) else float(value)
    except OverflowError:
        number = np.inf
    except (TypeError, ValueError):
        number = None
    if number is None:
        msg = f"Invalid {name} {value!r}. Must be a number."
        raise TypeError(msg)
    suffix = f" ({unit})" if unit else ""
    if not -math.inf < number < math.inf:
        msg = f"Invalid {name} '{number}'. Must be finite{suffix}."
        raise ValueError(msg)
    if above is not None and not number > above:
        msg = f"Invalid {name} '{number}'. Must be greater than {above:g}{suffix}."
        raise ValueError(msg)
    if at_least is not None and not number >= at_least:
        msg = f"Invalid {name} '{number}'. Must be at least {at_least:g}{suffix}."
        raise ValueError(msg)
    return number


def check_whole(value: Any, *, name: str, at_least: int) -> int:
    """Return ``value`` as a whole number within its bound, or refuse it."""
    number = check_number(value, name=name)
    if int(number) != number or number < at_least:
        msg = f"Invalid {name} '{value}'. Must be a whole number of at least {at_least}."
        raise ValueError(msg)
    return int(value)


def check_text(value: Any, *, name: str) -> None:
    """Refuse a name that is neither text nor None, or is empty."""
    if value is not None and not isinstance(value, str):
        msg = f"Invalid {name} of type {type(value).__name__}. Must be text, or None for not known."
        raise TypeError(msg)
    if value is not None and not value.strip():
        msg = f"Invalid {name} {value!r}. Must be text, or None for not known."
        raise ValueError(msg)


def listed_rows(rows: Iterable[int], *, most: int = 5) -> str:
    """Return the first row numbers as text: ``"3, 7, 9 (and 2 more)"``."""
    numbers = [int(row) for row in rows]
    more = f" (and {len(numbers) - most} more)" if len(numbers) > most else ""
    return ", ".join(map(str, numbers[:most])) + more


def as_real_array(values: Any, *, name: str) -> NDArray[Any]:
    """Return ``values`` as a numpy array of integers or floats in native byte order."""
    values = to_numpy(values, name)
    if isinstance(values, np.ma.MaskedArray) and np.ma.getmaskarray(values).any():
        rows = np.unique(np.nonzero(np.ma.getmaskarray(values))[0])
        msg = f"{name} is masked in {len(rows)} rows: {listed_rows(rows)}. Drop these rows first."
        raise ValueError(msg)
    try:
        array = np.asarray(values)
    except ValueError:
        msg = f"Invalid {name}: {_first_odd_row(values)}. Every row must have the same length."
        raise ValueError(msg) from None
    if array.dtype == object and _is_floats_and_none(array):
        array = array.astype(np.float64)  # None is NaN
    if array.dtype.kind not in "iuf":
        msg = (
            f"Invalid {name} of dtype {array.dtype}. Must be real numbers; "
            "convert with np.stack(column) or .astype(float) after looking at the values."
        )
        raise TypeError(msg)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _is_floats_and_none(array: NDArray[Any]) -> bool:
    """Whether objects are None and numbers of which numpy would have made floats."""
    kinds = {type(entry) for entry in array.flat}
    floats = (float, np.floating)
    return (
        type(None) in kinds
        and any(issubclass(kind, floats) for kind in kinds)
        and all(issubclass(kind, (*floats, int, np.integer, type(None))) and kind is not bool for kind in kinds)
    )


def _first_odd_row(rows: Any) -> str:
    """Return which of the ragged ``rows`` differs first, in words."""
    shapes = [np.asarray(row, dtype=object).shape for row in rows]
    odd = next((row for row, shape in enumerate(shapes) if shape != shapes[0]), None)
    return f"row {odd} has shape {shapes[odd]} but row 0 has {shapes[0]}" if odd else "its rows are ragged inside"


def check_same_length(first: Any, second: Any, *, names: tuple[str, str], item: str) -> None:
    """Refuse two arrays with different numbers of rows."""
    if len(first) != len(second):
        msg = f"{names[1]} has {len(second)} rows but {names[0]} has {len(first)}. One row per {item} in both."
        raise ValueError(msg)


def check_float_dtype(dtype: np.dtype[Any], *, name: str) -> None:
    """Refuse embeddings that are not floats."""
    if dtype.kind in "iu":
        msg = (
            f"Invalid {name} of dtype {dtype}. Integer embeddings are quantised: de-quantise them to floats first, "
            "with the formula of their publisher, or pass it as dequantize= to a door of variogeo.io."
        )
        raise TypeError(msg)
    if dtype.kind != "f":
        msg = f"Invalid {name} of dtype {dtype}. Must be floats: float16, float32 or float64."
        raise TypeError(msg)


def check_values(values: Any, *, dissimilarity: AnyDissimilarity, name: str = "values") -> NDArray[Any]:
    """Return embeddings (n, d) or scalars (n,) as a real array that fits the dissimilarity.

    The dtype stays. A memory map or a `RowSource` is read in blocks and comes back as it is, typed as
    the array that it stands for.
    """
    if is_torch(values) and values.device.type != "cpu":
        msg = f"Invalid {name} on device '{values.device}'. This is worked on by the CPU: pass {name}.cpu()."
        raise ValueError(msg)
    array = values_in_place(values, name)
    if array.ndim not in (1, 2) or (array.ndim == 2 and array.shape[1] == 0):
        msg = f"Invalid {name} of shape {array.shape}. Must be (n, d) embeddings or (n,) scalars."
        raise ValueError(msg)
    if dissimilarity == "cosine" and array.ndim == 1:
        msg = (
            f"Invalid {name} of shape {array.shape}. The cosine dissimilarity needs (n, d) embeddings; "
            'for scalars pass dissimilarity="half_squared".'
        )
        raise ValueError(msg)
    if array.ndim == 2:
        check_float_dtype(array.dtype, name=name)
    _check_rows(array, name=name, zero_allowed=dissimilarity != "cosine")
    return array


def check_mapped(values: Any, name: str) -> None:
    """Refuse a memory map, or a view of one, whose file is shorter by now: to read on would end the process."""
    whole = values
    while isinstance(whole, np.ndarray) and isinstance(whole.base, np.ndarray):
        whole = whole.base
    if not isinstance(whole, np.memmap) or whole.filename is None:
        return
    file, needed = Path(whole.filename), whole.offset + whole.nbytes
    if file.exists() and file.stat().st_size < needed:
        msg = (
            f"{file} has {file.stat().st_size} bytes, but had at least {needed} when {name} was opened: it was cut "
            "short. Write it again and open it anew."
        )
        raise DataError(msg)


def values_in_place(values: Any, name: str) -> NDArray[Any]:
    """Return values as an array, but a row source and a memory map of floats as they are."""
    check_mapped(values, name)
    if isinstance(values, RowSource) or (isinstance(values, np.memmap) and values.dtype.kind == "f"):
        return cast("NDArray[Any]", values)
    return as_real_array(values, name=name)


def _check_rows(array: NDArray[Any], *, name: str, zero_allowed: bool) -> None:
    """Refuse rows with NaN or infinity and, unless allowed, rows without a direction; reads block by block."""
    largest = row_magnitudes(array)
    if rows := np.flatnonzero(~np.isfinite(largest)).tolist():
        msg = f"{name} has NaN or infinite entries in {len(rows)} rows: {listed_rows(rows)}. Drop them first."
        raise ValueError(msg)
    if zero_allowed and (rows := np.flatnonzero(largest > LARGEST_SCALAR).tolist()):
        msg = (
            f"{name} has entries beyond {LARGEST_SCALAR:g} in {len(rows)} rows: {listed_rows(rows)}. "
            "Their fourth powers overflow: divide them by a common scale."
        )
        raise ValueError(msg)
    if not zero_allowed and (rows := np.flatnonzero(largest < SMALLEST).tolist()):
        msg = (
            f"{name} has {len(rows)} zero vectors, which have no direction: rows {listed_rows(rows)}. "
            f'Drop them; only with dissimilarity="half_squared" are they values. Entries below {SMALLEST:.1e} are zero.'
        )
        raise ValueError(msg)


def row_magnitudes(array: NDArray[Any]) -> NDArray[np.float64]:
    """Return the largest magnitude of each row, NaN where a row has one; reads block by block."""
    return np.concatenate([np.empty(0), *(_largest(block) for _, block in row_blocks(array))])


def _largest(block: NDArray[Any]) -> NDArray[np.float64]:
    """Return the largest magnitude of each row of a block, NaN where a row has one."""
    # numpy has no fast maximum of float16 or of swapped bytes, and the magnitudes would be one more copy.
    native = block.dtype.newbyteorder("=")
    rows = block.reshape(len(block), -1).astype(np.float32 if native == np.float16 else native, copy=False)
    with np.errstate(over="ignore"):  # a long double that float64 cannot hold is infinite
        high, low = rows.max(axis=1).astype(np.float64), rows.min(axis=1).astype(np.float64)
    return np.maximum(high, -low)
