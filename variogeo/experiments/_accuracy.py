"""The accuracy of several predictions side by side, and how well their difference is known."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from variogeo.evaluation import geoscores
from variogeo.evaluation._figures import figures_of
from variogeo.experiments._blocks import block_interval


def accuracy_table(predictions: Mapping[str, Any], true: Any) -> str:
    """Return a text table with one column per prediction.

    Parameters
    ----------
    predictions : mapping of str to (n, 2) float array, degrees
        Predicted positions by the name of their column.
    true : (n, 2) float array, degrees
        True positions.

    Examples
    --------
    >>> print(accuracy_table({"plain": [[0, 0], [0, 0]]}, [[0, 0], [0, 9]]))
                             plain
    within 1 km (%)           50.0
    within 25 km (%)          50.0
    within 200 km (%)         50.0
    within 750 km (%)         50.0
    within 2500 km (%)       100.0
    median error (km)        497.6
    mean error (km)          497.6
    GeoScore                3783.4
    """
    columns = [figures_of(predicted, true) for predicted in predictions.values()]
    lines = [" " * 20 + "".join(f"{name:>10}" for name in predictions)]
    lines += [f"{name:20}" + "".join(f"{column[name]:10.1f}" for column in columns) for name in columns[0]]
    return "\n".join(lines)


def geoscore_difference(
    predicted: Any, baseline: Any, true: Any, blocks: npt.NDArray[np.intp]
) -> tuple[float, float, float]:
    """Return the difference in GeoScore to a baseline, with its 95 % interval over blocks.

    Parameters
    ----------
    predicted, baseline, true : (n, 2) float array, degrees
        Positions of the same photos.
    blocks : (n,) int array
        Block of every photo, see `spatial_blocks`.

    Returns
    -------
    difference, low, high : float
        Points of 5000. The interval tells about other places, not about other seeds.
    """
    scores = geoscores(predicted, true) - geoscores(baseline, true)
    return (float(scores.mean()), *block_interval(scores, blocks))
