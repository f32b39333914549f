"""Labels of points, of any type, as numbers."""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import listed_rows
from variogeo._namespace import to_numpy

_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def label_codes(labels: Any, count: int, *, name: str) -> tuple[tuple[str, ...], NDArray[np.intp]]:
    """Return the distinct labels as text, and for each of ``count`` points which one it has, or -1 for none.

    Labels are equal when their text is. None, NaN and "" are no label. Labels that begin with a number come first, in
    the order of these numbers, then all others by the alphabet.
    """
    import pandas as pd

    given = to_numpy(labels)
    if isinstance(given, str):
        msg = f"Invalid {name} {given!r}: a text. Pass the column itself, e.g. table[{given!r}]."
        raise TypeError(msg)
    shape = np.shape(given)
    if len(shape) != 1:
        msg = f"Invalid {name} of shape {shape}. Must be (n,): one label per point."
        raise ValueError(msg)
    if shape[0] != count:
        msg = f"{name} has {shape[0]} rows but lonlat has {count}. One row per point in both."
        raise ValueError(msg)
    try:
        codes, values = pd.factorize(pd.Series(given))
    except TypeError:
        msg = f"Invalid {name}: it holds lists or tables. Must be one number or text for each point."
        raise TypeError(msg) from None
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


def _by_number(text: str) -> tuple[float, str]:
    """Return the key by which labels are sorted."""
    number = _NUMBER.match(text)
    return (float(number.group()) if number else np.inf), text
