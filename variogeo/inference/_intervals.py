"""Limits of intervals: of positive quantities, from Student's distribution."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import check_number


def on_log_scale(value: Any, error: Any, t: Any) -> NDArray[np.float64]:
    """Return ``value exp(-+ t error / value)`` in two columns: limits of a positive quantity, 0 where it is 0."""
    value = np.asarray(value, dtype=np.float64)
    width = np.minimum(t * np.where(value > 0, error / np.where(value > 0, value, 1.0), 0.0), 700.0)
    return np.stack([value * np.exp(-width), value * np.exp(width)], axis=-1)


def student_quantile(probability: float, freedom: Any) -> NDArray[np.float64]:
    """Return the quantile of Student's distribution."""
    from scipy.special import stdtrit

    return np.asarray(stdtrit(freedom, probability))


def check_level(level: Any) -> float:
    """Return the level of a band as a number between 0 and 1, or refuse it."""
    number = check_number(level, name="level", above=0.0)
    if number >= 1:
        msg = f"Invalid level '{number}'. Must be between 0 and 1, e.g. 0.95."
        raise ValueError(msg)
    return number
