"""From the integers of a publisher to its floats, where the formula is published."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_NO_DATA = -128


def dequantize_alphaearth(values: NDArray[Any]) -> NDArray[np.float32]:
    r"""Return the floats of AlphaEarth Foundations' Satellite Embedding files, which hold int8.

    .. math:: x = \mathrm{sign}(v) \, (v / 127.5)^2, \qquad v = -128: \text{no data}

    Parameters
    ----------
    values : (n, 64) int8 array
        Bands A00 to A63 as they are stored in the files of the Google Cloud bucket or of Source Cooperative.

    Returns
    -------
    (n, 64) float32 array
        Of length 1 up to the rounding of the quantisation; NaN where there is no data.

    Raises
    ------
    TypeError
        For anything but int8.

    Notes
    -----
    For these files only. Exports from Earth Engine are floats already, and other publishers scale the same bands
    linearly: take the formula of the one that you have the files from. A wrong formula changes every dissimilarity, and
    nothing shows it but the lengths: those of this one are 1.

    References
    ----------
    .. [1] Google, "AlphaEarth Foundations GCS data": De-quantization.
       developers.google.com/earth-engine/guides/aef_on_gcs_readme

    Examples
    --------
    >>> import numpy as np
    >>> dequantize_alphaearth(np.array([[-127, 0, 51], [-128, -128, -128]], np.int8)).round(3)
    array([[-0.992,  0.   ,  0.16 ],
           [   nan,    nan,    nan]], dtype=float32)
    """
    stored = np.asarray(values)
    if stored.dtype != np.int8:
        msg = f"Invalid values of dtype {stored.dtype}. Must be int8, as the files hold them."
        raise TypeError(msg)
    numbers = stored.astype(np.float32)
    floats = np.sign(numbers) * (numbers / np.float32(127.5)) ** 2
    floats[stored == _NO_DATA] = np.nan
    return floats
