"""Holm's adjustment of p-values for their number."""

import numpy as np
from numpy.typing import NDArray


def holm(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return p-values adjusted by Holm's steps (1979), of any shape; NaN are no tests and stay."""
    flat = p_values.ravel()
    order = np.argsort(flat, kind="stable")[: np.isfinite(flat).sum()]
    steps = np.arange(len(order), 0, -1) * flat[order]
    adjusted = np.full(flat.shape, np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted.reshape(p_values.shape)
