"""row_mean_one: log-weights whose mean weight per row is 1."""

import math
from typing import Any

import numpy as np

from variogeo._namespace import array_namespace, as_floats, as_type, is_torch


def row_mean_one(log_weight: Any, is_negative: Any = None) -> Any:
    r"""Return log-weights shifted so that the mean weight over the negatives of each row is 1.

    .. math:: \log w_{ij} - \log \frac{1}{|N_i|} \sum_{k \in N_i} w_{ik}, \qquad j \in N_i

    with the negatives ``N_i`` of row i that are left, those with a finite log-weight.

    A mean weight other than 1 moves all negatives against the positive, as another temperature would. A scheme
    with the mean weight 6 is then compared with a baseline of another temperature, and a gain may be that of the
    temperature. With a mean of 1 a scheme only says how the negatives share the denominator among them.

    Parameters
    ----------
    log_weight : (..., M) array or tensor
        The last axis holds the candidates of a row.
    is_negative : (..., M) bool array or tensor, optional
        Which entries are negatives; all by default. The others, such as the positive, stay as they are and do not
        count.

    Returns
    -------
    (..., M) array or tensor
        A new one, of the same dtype. -inf stays -inf, NaN stays NaN; neither counts. A row without negatives stays
        as it is.

    Raises
    ------
    ValueError
        For a single number, which has no rows.
    TypeError
        For an `is_negative` that is not bool: numbers would be taken for weights or columns.

    Notes
    -----
    The largest log-weight of a row is subtracted first, so no exponential overflows. With most negatives masked the few
    that are left have a mean weight of 1 and not the weight of all: the loss of such a row is smaller.

    Examples
    --------
    >>> import numpy as np
    >>> from variogeo import row_mean_one
    >>> log_weight = np.array([[0.0, np.log(3.0), 0.0, -np.inf]])
    >>> np.exp(row_mean_one(log_weight))
    array([[0.6, 1.8, 0.6, 0. ]])
    >>> np.exp(row_mean_one(log_weight, np.array([[False, True, True, True]])))
    array([[1. , 1.5, 0.5, 0. ]])
    """
    given = as_floats(log_weight)
    if given.ndim == 0:
        msg = "Invalid log_weight without axes. Must be (..., M): the last axis holds the candidates of a row."
        raise ValueError(msg)
    xp = array_namespace(given)
    # Half precision cannot count the candidates of a long row.
    log_weight = given if given.dtype in (xp.float32, xp.float64) else as_type(given, xp.float32)
    left = xp.isfinite(log_weight)
    if is_negative is not None:
        left = left & _mask(is_negative, log_weight)
    largest = xp.amax(xp.where(left, log_weight, -math.inf), axis=-1, keepdims=True)
    largest = xp.where(xp.isfinite(largest), largest, 0.0)
    # What is not left is lowered to 0 before the exponential, which would overflow on +inf even where it is not taken.
    scaled = xp.exp(xp.where(left, log_weight - largest, 0.0))
    # Counted as floats of the same dtype: whole numbers would make float64 of float32.
    count = xp.sum(xp.where(left, xp.ones_like(log_weight), 0.0), axis=-1, keepdims=True)
    total = xp.sum(xp.where(left, scaled, 0.0), axis=-1, keepdims=True)
    mean = xp.where(count > 0, total, 1.0) / xp.clip(count, 1.0, None)
    return as_type(xp.where(left, log_weight - largest - xp.log(mean), log_weight), given.dtype)


def _mask(is_negative: Any, log_weight: Any) -> Any:
    """Return a mask of the type of the log-weights, or refuse what is none."""
    if not is_torch(log_weight):
        is_negative = np.asarray(is_negative)
    elif not is_torch(is_negative):
        msg = f"Invalid is_negative of type {type(is_negative).__name__} for a tensor. Must be a bool tensor."
        raise TypeError(msg)
    if is_negative.dtype != array_namespace(log_weight).bool:
        msg = f"Invalid is_negative of {is_negative.dtype}. Must be bool, one per log-weight: True for negatives."
        raise TypeError(msg)
    return is_negative
