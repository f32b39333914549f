"""Labels of points, of any type, as one array and as numbers."""

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import listed_rows
from variogeo._missing import unmasked

_NUMBER = re.compile(r"-?\d+(\.\d+)?")

_BITS = {"torch.bfloat16": 8}
"""Of a whole number in floats that numpy does not have; they come as float32."""

_MOST_BITS = 53
"""A long double has more, but pandas tells labels apart as float64."""


def label_array(labels: Any, count: int, *, name: str) -> NDArray[Any]:
    """Return one label for each of ``count`` points as a new array, in which whole numbers are no floats.

    Masked ones are None. Lists, infinite numbers, and floats that are so large that whole numbers which differ may be
    one float are refused.
    """
    is_arrow = _package_of(labels) == "pyarrow" and hasattr(labels, "null_count")  # a column, and no table
    given, absent = unmasked(arrow_labels(labels) if is_arrow else labels, name)
    if isinstance(given, str):
        msg = f"Invalid {name} {given!r}: a text. Pass the column itself, e.g. table[{given!r}]."
        raise TypeError(msg)
    array, bits = _as_array(given)
    bits = min(bits, _BITS.get(str(getattr(labels, "dtype", "")), bits))
    if array.ndim != 1:
        msg = f"Invalid {name} of shape {array.shape}. Must be (n,): one label per point."
        raise ValueError(msg)
    if len(array) != count:
        msg = f"{name} has {len(array)} rows but lonlat has {count}. One row per point in both."
        raise ValueError(msg)
    if absent is not None and absent.any():
        array = array.astype(object)
        array[absent] = None
    _check_labels(array, name)
    _check_told_apart(array, bits, name)
    return array


def arrow_labels(column: Any) -> NDArray[Any]:
    """Return an Arrow column as labels that stay what they are beside nulls."""
    import pyarrow as pa

    # Arrow's own conversion gives a null category the label of the last one, and makes floats of whole numbers.
    plain = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
    if plain.null_count and pa.types.is_integer(plain.type):
        return np.array(plain.to_pylist(), object)
    return plain.to_numpy(zero_copy_only=False)


def joined_labels(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return the labels of several tables in one array; those of different kinds stay what they are.

    Whole numbers that became floats in a table with gaps are whole again beside a table in which they are.
    """
    if len({part.dtype.kind for part in parts}) == 1:
        return np.concatenate(parts)
    if any(_holds_integers(part) for part in parts):
        parts = [_as_integers(part) if part.dtype.kind == "f" else part for part in parts]
    return np.concatenate([part.astype(object) for part in parts])


def _holds_integers(part: NDArray[Any]) -> bool:
    """Whether there are whole numbers among the labels."""
    return part.dtype.kind in "iu" or (part.dtype == object and any(type(label) is int for label in part))


def _as_integers(part: NDArray[Any]) -> NDArray[Any]:
    """Return floats that are whole or missing as whole numbers and None, others as they are."""
    known = ~np.isnan(part)
    if (part[known] % 1 != 0).any():
        return part
    labels = np.full(len(part), None, object)
    labels[known] = part[known].astype(np.int64)
    return labels


def label_codes(labels: Any, count: int, *, name: str) -> tuple[tuple[str, ...], NDArray[np.intp]]:
    """Return the distinct labels as text, and for each of ``count`` points which one it has, or -1 for none.

    Labels are equal when their text is. None, NaN and "" are no label. Labels that begin with a number come first, in
    the order of these numbers, then all others by the alphabet.
    """
    import pandas as pd

    series = pd.Series(label_array(labels, count, name=name))
    # Labels of several types are compared as texts from the start: 1, 1.0 and True are equal, their texts are not.
    if series.dtype == object and len({type(label) for label in series}) > 1:
        series = series.map(str, na_action="ignore")
    codes, values = pd.factorize(series)
    texts = [str(value) for value in values]
    names = tuple(sorted({text for text in texts if text}, key=_by_number))
    position = {text: k for k, text in enumerate(names)}
    # The last entry is that of code -1, which pandas gives to None and NaN.
    return names, np.array([*(position.get(text, -1) for text in texts), -1], dtype=np.intp)[codes]


def complete_codes(labels: Any, count: int, *, name: str) -> NDArray[np.intp]:
    """Return which label each of ``count`` points has, or refuse points without one."""
    _, codes = label_codes(labels, count, name=name)
    missing = np.flatnonzero(codes < 0)
    if missing.size:
        msg = f"{name} is missing in {missing.size} rows: {listed_rows(missing)}. Drop them, or give each a label."
        raise ValueError(msg)
    return codes


def _as_array(given: Any) -> tuple[NDArray[Any], int]:
    """Return labels as a new native array, and how many bits their floats keep of a whole number."""
    dtype = getattr(given, "dtype", None)
    if isinstance(given, list | tuple):
        array = _of_list(given)
    else:
        # numpy alone would make floats of pandas' own whole numbers and categories beside missing ones.
        array = np.array(given.astype(object) if _package_of(dtype) == "pandas" else given)
    dtype = getattr(getattr(dtype, "categories", None), "dtype", dtype)
    stored = getattr(dtype, "numpy_dtype", dtype if isinstance(dtype, np.dtype) else array.dtype)
    bits = min(int(np.finfo(stored).nmant) + 1, _MOST_BITS) if stored.kind == "f" else _MOST_BITS
    return array.astype(array.dtype.newbyteorder("="), copy=False), bits


def _package_of(value: Any) -> str:
    """Return the name of the package that made the class of a value."""
    return type(value).__module__.partition(".")[0]


def _of_list(given: Sequence[Any]) -> NDArray[Any]:
    """Return a list as an array, of objects where numpy would make floats or texts of other things."""
    objects = np.fromiter(given, object, count=len(given))
    try:
        array = np.array(given)
    except ValueError:  # lists of different lengths
        return objects
    kinds = {type(entry) for entry in given}
    alike = len(kinds) == 1 and issubclass(kinds.pop(), float | np.floating | str)
    return objects if array.ndim == 1 and array.dtype.kind in "fU" and not alike else array


def _check_labels(labels: NDArray[Any], name: str) -> None:
    """Refuse labels that are several things each, or no number."""
    kind = labels.dtype.kind
    objects = labels if kind == "O" else ()
    if kind == "V" or any(one.__hash__ is None for one in {type(label) for label in objects}):
        msg = f"Invalid {name}: it holds lists or tables. Must be one number or text for each point."
        raise TypeError(msg)
    endless = np.isinf(labels) if kind == "f" else [isinstance(one, float) and math.isinf(one) for one in objects]
    if rows := np.flatnonzero(endless).tolist():
        msg = f"Invalid {name}: infinite in {len(rows)} rows: {listed_rows(rows)}. Give them a label, or None for none."
        raise ValueError(msg)


def _check_told_apart(labels: NDArray[Any], bits: int, name: str) -> None:
    """Refuse labels that are so large that a float stands for more than one whole number."""
    if labels.dtype.kind == "f":
        rows = np.flatnonzero(np.abs(labels) >= 2.0**bits)
    elif labels.dtype.kind == "O":
        floats = [k for k, label in enumerate(labels) if isinstance(label, float | np.floating)]
        bits = min([bits, *({int(np.finfo(type(labels[k])).nmant) + 1 for k in floats})])
        rows = np.array([k for k in floats if abs(labels[k]) >= 2.0**bits], np.intp)
    else:
        return
    if rows.size:
        msg = (
            f"Invalid {name}: floats of 2^{bits} and more in {rows.size} rows: {listed_rows(rows)}. Whole numbers that "
            "differ may be one float there, as they are where a column with gaps was read as floats. Pass whole "
            'numbers or text; pandas keeps them beside gaps with dtype "Int64" or "string".'
        )
        raise ValueError(msg)


def _by_number(text: str) -> tuple[float, str]:
    """Return the key by which labels are sorted."""
    number = _NUMBER.match(text)
    return (float(number.group()) if number else np.inf), text
