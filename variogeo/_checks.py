"""Checks of arguments: what is wrong, in which rows, and what to do instead."""

from collections.abc import Iterable
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from variogeo._namespace import to_numpy

Dissimilarity = Literal["cosine", "half_squared"]

LARGEST_SCALAR = 1e75
"""The sums hold the square of a squared difference, which stays finite up to here."""

_ROWS_PER_CHECK = 4096


class DataError(ValueError):
    """A file or table whose content cannot be used; the message names the cause and the cure."""


def check_choice(value: Any, choices: Any, *, name: str) -> None:
    """Refuse a ``value`` that is not a member of the Literal ``choices``."""
    members = get_args(choices)
    if value not in members:
        listed = ", ".join(repr(member) for member in members)
        msg = f"Invalid {name} {value!r}. Must be one of {listed}."
        raise ValueError(msg)


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
    if not np.isfinite(number):
        msg = f"Invalid {name} '{number}'. Must be finite{suffix}."
        raise ValueError(msg)
    if above is not None and not number > above:
        msg = f"Invalid {name} '{number}'. Must be greater than {above:g}{suffix}."
        raise ValueError(msg)
    if at_least is not None and not number >= at_least:
        msg = f"Invalid {name} '{number}'. Must be at least {at_least:g}{suffix}."
        raise ValueError(msg)
    return number


def listed_rows(rows: Iterable[int], *, most: int = 5) -> str:
    """Return the first row numbers as text: ``"3, 7, 9 (and 2 more)"``."""
    numbers = [int(row) for row in rows]
    more = f" (and {len(numbers) - most} more)" if len(numbers) > most else ""
    return ", ".join(map(str, numbers[:most])) + more


def as_real_array(values: Any, *, name: str) -> NDArray[Any]:
    """Return ``values`` as a numpy array of integers or floats in native byte order."""
    values = to_numpy(values)
    if isinstance(values, np.ma.MaskedArray) and np.ma.getmaskarray(values).any():
        rows = np.unique(np.nonzero(np.ma.getmaskarray(values))[0])
        msg = f"{name} is masked in {len(rows)} rows: {listed_rows(rows)}. Drop these rows first."
        raise ValueError(msg)
    try:
        array = np.asarray(values)
    except ValueError:
        msg = f"Invalid {name}: {_first_odd_row(values)}. Every row must have the same length."
        raise ValueError(msg) from None
    if array.dtype.kind not in "iuf":
        msg = (
            f"Invalid {name} of dtype {array.dtype}. Must be real numbers; "
            "convert with np.stack(column) or .astype(float) after looking at the values."
        )
        raise TypeError(msg)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _first_odd_row(rows: Any) -> str:
    """Return which of the ragged ``rows`` differs first, in words."""
    shapes = [np.asarray(row, dtype=object).shape for row in rows]
    odd = next((row for row, shape in enumerate(shapes) if shape != shapes[0]), None)
    return f"row {odd} has shape {shapes[odd]} but row 0 has {shapes[0]}" if odd else "its rows are ragged inside"


def check_lonlat(lonlat: Any, *, name: str = "lonlat") -> NDArray[np.float64]:
    """Return a new (n, 2) float64 array of longitude in [-180, 180] and latitude, or refuse it."""
    if type(lonlat).__module__.startswith("geopandas"):
        msg = f"Invalid {name} of type {type(lonlat).__name__}. Convert it: variogeo.interop.lonlat_from_geodataframe."
        raise TypeError(msg)
    array = as_real_array(lonlat, name=name)
    if array.ndim != 2 or array.shape[1] != 2:
        msg = f"Invalid {name} of shape {array.shape}. Must be (n, 2): longitude, latitude in degrees."
        raise ValueError(msg)
    degrees = array.astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(degrees).all(axis=1))
    if bad.size:
        msg = f"{name} has NaN or infinite coordinates in {bad.size} rows: {listed_rows(bad)}. Drop them first."
        raise ValueError(msg)
    _check_degrees(degrees, name)
    degrees[:, 0] = _wrapped(degrees[:, 0])
    return degrees


def _check_degrees(degrees: NDArray[np.float64], name: str) -> None:
    """Refuse coordinates that cannot be longitude and latitude in degrees."""
    if not len(degrees):
        return
    largest = np.abs(degrees).max(axis=0)
    if largest.max() > 1000:
        msg = (
            f"{name} has coordinates up to {largest.max():.6g}, which are not degrees. Projected metres? "
            "Pass a GeoDataFrame with its CRS to variogeo.interop.lonlat_from_geodataframe."
        )
        raise ValueError(msg)
    if largest[1] > 90:
        rows = np.flatnonzero(np.abs(degrees[:, 1]) > 90)
        msg = (
            f"{name} has latitudes up to {largest[1]:.6g} (rows {listed_rows(rows)}). "
            "Latitude is the second column; are the columns swapped?"
        )
        raise ValueError(msg)
    if largest[0] > 360:
        rows = np.flatnonzero(np.abs(degrees[:, 0]) > 360)
        msg = (
            f"{name} has longitudes up to {largest[0]:.6g} (rows {listed_rows(rows)}). "
            "Must lie in -180..180 or 0..360 degrees."
        )
        raise ValueError(msg)


def _wrapped(longitude: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return longitudes in [-180, 180]; values inside stay as they are, to the last bit."""
    longitude = np.where(longitude > 180, longitude - 360, longitude)
    return np.where(longitude < -180, longitude + 360, longitude)


def check_same_length(first: Any, second: Any, *, names: tuple[str, str], item: str) -> None:
    """Refuse two arrays with different numbers of rows."""
    if len(first) != len(second):
        msg = f"{names[1]} has {len(second)} rows but {names[0]} has {len(first)}. One row per {item} in both."
        raise ValueError(msg)


def check_values(values: Any, *, dissimilarity: Dissimilarity, name: str = "values") -> NDArray[Any]:
    """Return embeddings (n, d) or scalars (n,) as a real array that fits the dissimilarity.

    The dtype stays; float16 memory maps are read in blocks and not copied.
    """
    array = as_real_array(values, name=name)
    if array.ndim not in (1, 2) or (array.ndim == 2 and array.shape[1] == 0):
        msg = f"Invalid {name} of shape {array.shape}. Must be (n, d) embeddings or (n,) scalars."
        raise ValueError(msg)
    if dissimilarity == "cosine" and array.ndim == 1:
        msg = (
            f"Invalid {name} of shape {array.shape}. The cosine dissimilarity needs (n, d) embeddings; "
            'for scalars pass dissimilarity="half_squared".'
        )
        raise ValueError(msg)
    if array.ndim == 2 and array.dtype.kind != "f":
        msg = (
            f"Invalid {name} of dtype {array.dtype}. Integer embeddings are quantised: "
            "de-quantise them to floats first, with the formula of their publisher."
        )
        raise TypeError(msg)
    _check_rows(array, name=name, zero_allowed=dissimilarity != "cosine")
    return array


def _check_rows(array: NDArray[Any], *, name: str, zero_allowed: bool) -> None:
    """Refuse rows with NaN or infinity and, unless allowed, rows of zeros; reads block by block."""
    broken: list[int] = []
    zero: list[int] = []
    large: list[int] = []
    for start in range(0, len(array), _ROWS_PER_CHECK):
        block = array[start : start + _ROWS_PER_CHECK].reshape(-1, array.shape[1] if array.ndim == 2 else 1)
        broken.extend(start + np.flatnonzero(~np.isfinite(block).all(axis=1)))
        zero.extend(start + np.flatnonzero(~block.any(axis=1)))
        large.extend(start + np.flatnonzero(np.abs(block).max(axis=1).astype(np.float64) > LARGEST_SCALAR))
    if broken:
        msg = f"{name} has NaN or infinite entries in {len(broken)} rows: {listed_rows(broken)}. Drop them first."
        raise ValueError(msg)
    if large and zero_allowed:
        msg = (
            f"{name} has entries beyond {LARGEST_SCALAR:g} in {len(large)} rows: {listed_rows(large)}. "
            "Their fourth powers overflow: divide them by a common scale."
        )
        raise ValueError(msg)
    if zero and not zero_allowed:
        msg = (
            f"{name} has {len(zero)} zero vectors, which have no direction: rows {listed_rows(zero)}. "
            'Drop them, or pass dissimilarity="half_squared".'
        )
        raise ValueError(msg)
