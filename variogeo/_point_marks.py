"""From labels and weights of points, as users bring them, to the marks of a run."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import as_real_array, listed_rows
from variogeo._engine import Marks
from variogeo._label_codes import complete_codes, label_codes

MOST_PATCHES = 500
"""A jackknife needs dozens; sums are kept for each pair of patches."""


def marks_of(count: int, *, patches: Any, exclude: Any, weights: Any) -> Marks:
    """Return the marks of ``count`` points."""
    given: dict[str, Any] = {}
    if patches is not None:
        given["patch"] = _patches(complete_codes(patches, count, name="patches"))
    if exclude is not None:
        given["group"] = group_numbers(exclude, count)
    if weights is not None:
        given["weight"] = checked_weights(weights, count)
    return Marks(**given)


def group_numbers(exclude: Any, count: int) -> NDArray[np.intp]:
    """Return the number of the group of each of ``count`` points; points without a label are groups of their own."""
    names, codes = label_codes(exclude, count, name="exclude")
    alone = codes < 0
    return np.where(alone, len(names) + np.cumsum(alone), codes)


def _patches(patch: NDArray[np.intp]) -> NDArray[np.intp]:
    """Refuse too few or too many patches."""
    count = int(patch.max()) + 1 if len(patch) else 0
    if not 2 <= count <= MOST_PATCHES:
        msg = (
            f"Invalid patches: {count} different labels. Must be 2 to {MOST_PATCHES}; "
            "variogeo.inference.kmeans_patches(lonlat, 50) makes some."
        )
        raise ValueError(msg)
    return patch


def checked_weights(weights: Any, count: int) -> NDArray[np.float64]:
    """Return weights, or refuse any that are not positive."""
    column = as_real_array(weights, name="weights").astype(np.float64)
    if column.shape != (count,):
        msg = f"Invalid weights of shape {column.shape}. Must be ({count},): one number per point."
        raise ValueError(msg)
    bad = np.flatnonzero(~(np.isfinite(column) & (column > 0)))
    if bad.size:
        msg = f"weights has numbers that are not positive in {bad.size} rows: {listed_rows(bad)}. Drop these points."
        raise ValueError(msg)
    if not 1e-100 < column.min() <= column.max() < 1e100:
        msg = f"weights go from {column.min():.3g} to {column.max():.3g}. Divide them by their mean."
        raise ValueError(msg)
    return column
