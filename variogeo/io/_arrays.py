"""The door for arrays: `points_from_arrays`."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from variogeo._checks import check_choice, values_in_place
from variogeo._missing import Dequantize, Missing, as_vectors, unmasked, with_nan
from variogeo._points import PointEmbeddings
from variogeo.io._finish import RawPoints, finished
from variogeo.io._units import Units, in_degrees


def points_from_arrays(
    lonlat: Any,
    embeddings: Any,
    *,
    units: Units | None = None,
    missing: Missing = "refuse",
    dequantize: Dequantize | None = None,
    groups: Any = None,
    model_id: str | None = None,
    check_land: bool = True,
) -> PointEmbeddings:
    """Return points with embeddings from arrays, tensors or memory maps, after a look at every row.

    Parameters
    ----------
    lonlat : (n, 2) array or tensor
        Longitude then latitude, WGS84; longitudes of -180..180 and 0..360 are both accepted.
    embeddings : (n, d) array, tensor, memory map or row source
        One row per point. float16, float32 and float64 stay what they are, bfloat16 becomes float32. A memory map of
        floats is read in blocks and stays in its file.
    units : {"deg", "rad", "e7"}, optional
        Of the coordinates: degrees, radians, or whole numbers of 1e-7 degrees. By default degrees, with a warning
        where all of ten or more points would make sense as radians.
    missing : {"refuse", "drop"}
        What becomes of rows whose place or vector is NaN, infinite, masked, without data by ``dequantize``, or a
        vector of zeros, which has no direction: an error with the row numbers, or left out and listed in ``dropped``.
    dequantize : callable, optional
        For integer embeddings, which are refused without it: from the (n, d) integers to floats, NaN where there is no
        data, such as `dequantize_alphaearth`.
    groups : (n,) array, optional
        A label per point, such as the sequence that a photo belongs to.
    model_id : str, optional
        Name of the model that made the embeddings.
    check_land : bool
        Warn where the points would lie on land if longitude and latitude were swapped, and do not as they are.

    Returns
    -------
    PointEmbeddings

    Raises
    ------
    ValueError
        For coordinates that are none, different numbers of rows, missing rows and zero vectors, with their numbers.
    TypeError
        For arrays that do not hold real numbers, and integers without ``dequantize``.

    Warns
    -----
    UserWarning
        For coordinates that look like radians or swapped columns, and where one in a hundred rows repeats another.

    Examples
    --------
    >>> import numpy as np
    >>> lonlat = np.array([[8.0, 50.0], [np.nan, 50.0], [9.0, 51.0]])
    >>> points = points_from_arrays(lonlat, np.eye(3), missing="drop", model_id="clip-vit-l-14")
    >>> points.embeddings
    array([[1., 0., 0.],
           [0., 0., 1.]])
    >>> points.dropped
    (1,)
    """
    check_choice(missing, Missing, name="missing")
    raw = raw_arrays(lonlat, embeddings, units=units, dequantize=dequantize, groups=groups)
    return finished(raw, missing=missing, model_id=model_id, check_land=check_land)


def raw_arrays(
    lonlat: Any, embeddings: Any, *, units: Units | None, dequantize: Dequantize | None, groups: Any = None
) -> RawPoints:
    """Return checked arrays, NaN where they are masked."""
    places = in_degrees(lonlat, units)
    vectors = vectors_of(embeddings, dequantize)
    return RawPoints(places, vectors, groups, units=units)


def vectors_of(embeddings: Any, dequantize: Dequantize | None, *, name: str = "embeddings") -> Any:
    """Return embeddings as (n, d) floats, NaN where they are masked; memory maps and row sources as they are."""
    given, absent = unmasked(embeddings, name)
    array = values_in_place(given, name)
    if array.ndim != 2 or array.shape[1] == 0:
        msg = f"Invalid {name} of shape {tuple(array.shape)}. Must be (n, d): one row per point."
        raise ValueError(msg)
    return with_nan(as_vectors(array, dequantize, name=name), absent)


def check_one_kind(arrays: Sequence[NDArray[Any]], title: str) -> None:
    """Refuse integers beside floats, which would become floats without the formula of their publisher."""
    kinds = {array.dtype.kind == "f": array.dtype for array in arrays}
    if len(kinds) > 1:
        msg = f"{title} are of different types: {kinds[True]} and {kinds[False]}. Must be alike."
        raise TypeError(msg)
