"""Spatial weights of libpysal from a fitted model."""

import importlib
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from variogeo._checks import check_choice, check_number
from variogeo._distances import EARTH_RADIUS, HALF_GREAT_CIRCLE, lag_of_pairs, prepare_points
from variogeo._lonlat import check_lonlat
from variogeo._model import VariogramModel

Kernel = Literal["correlogram", "binary"]

_MOST_LINKS = 2e7
"""Neighbours of all points together, at up to 180 bytes each in libpysal's dictionaries: 3.6 GB."""


def to_libpysal(
    lonlat: Any, model: VariogramModel, *, threshold: float | None = None, kernel: Kernel = "correlogram"
) -> Any:
    r"""Return libpysal's spatial weights of points: neighbours within the range, weighted by the fitted correlogram.

    .. math:: w_{ij} = \rho(h_{ij}) \;\text{ or }\; 1 \quad \text{for } j \ne i,\; h_{ij} \le \text{threshold}

    Parameters
    ----------
    lonlat : (n, 2) float array, degrees
        Longitude then latitude, WGS84.
    model : VariogramModel
        A fitted model, e.g. ``fit_variogram(...).model``.
    threshold : float, km, optional
        The longest lag of neighbours, along a sphere of 6371.0088 km. By default the effective range of the model.
    kernel : {"correlogram", "binary"}
        What a neighbour weighs: the correlation of the model at its lag, or 1.

    Returns
    -------
    libpysal.weights.W
        With the row numbers as ids, in their order, not standardised. For `esda`: ``esda.Moran(column, weights)``.

    Raises
    ------
    ImportError
        Without libpysal.
    TypeError
        For a model that is none.
    ValueError
        For coordinates that are not degrees, a threshold that is not positive, a model without partial sill, which
        has no correlation at any lag, and more than 20 million neighbours.

    Notes
    -----
    Points at one place are neighbours with weight 1; no point is its own. Neighbours whose correlation is 0, beyond
    the range of a spherical model, are left out. Points without neighbours are islands: they have an empty list and
    cause no warning. A ``W`` and no ``Graph``, because ``esda.Geary`` 2.9 fails on a graph with islands;
    ``libpysal.graph.Graph.from_W(weights)`` makes one.

    Examples
    --------
    >>> from variogeo import Spherical
    >>> from variogeo.interop import to_libpysal
    >>> model = Spherical(nugget=0.0, partial_sill=1.0, effective_range=400.0)
    >>> weights = to_libpysal([[0.0, 0.0], [0.0, 1.0], [0.0, 90.0]], model)
    >>> weights.neighbors
    {0: [1], 1: [0], 2: []}
    >>> round(weights.weights[0][0], 3)
    0.594
    """
    places = check_lonlat(lonlat)
    check_choice(kernel, Kernel, name="kernel")
    if not isinstance(model, VariogramModel):
        msg = f"Invalid model of type {type(model).__name__}. Must be a variogram model, e.g. fit_variogram(...).model."
        raise TypeError(msg)
    if model.partial_sill == 0:
        msg = "Invalid model with partial_sill '0.0'. It has no correlation at any lag, so no point has neighbours."
        raise ValueError(msg)
    reach = model.effective_range if threshold is None else threshold
    reach = min(check_number(reach, name="threshold", above=0.0, unit="km"), HALF_GREAT_CIRCLE)
    if not len(places):
        msg = "lonlat has 0 rows. Weights need at least one point."
        raise ValueError(msg)
    weights = _libpysal()
    first, second, lag = _links(places, reach)
    weight = model.correlogram(lag) if kernel == "correlogram" else np.ones(len(lag))
    chosen = np.flatnonzero(weight > 0)
    ends = np.searchsorted(first[chosen], np.arange(1, len(places)))
    parts = (np.split(column[chosen], ends) for column in (second, weight))
    neighbours, strengths = ({row: part.tolist() for row, part in enumerate(column)} for column in parts)
    return weights.W(neighbours, strengths, id_order=list(range(len(places))), silence_warnings=True)


def _links(places: NDArray[np.float64], reach: float) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Return the ordered pairs of points within a lag, by first and second row, and their lags."""
    from scipy.spatial import KDTree

    points = prepare_points(places, "great_circle")
    tree = KDTree(points.unit)
    # A little further than the chord of the reach, which the exact lag then decides.
    chord = 2 * np.sin(reach / (2 * EARTH_RADIUS)) * (1 + 1e-9) + 1e-12
    number = int(tree.count_neighbors(tree, chord)) - len(places)
    if number > _MOST_LINKS:
        msg = (
            f"{number:.2g} neighbours within {reach:g} km are more than {_MOST_LINKS:.0g}. Pass a shorter threshold, "
            "or some of the points."
        )
        raise ValueError(msg)
    pairs = tree.query_pairs(chord, output_type="ndarray")
    first, second = np.concatenate([pairs, pairs[:, ::-1]]).T
    lag = lag_of_pairs(points, first, second)
    inside = np.flatnonzero(lag <= reach)
    order = inside[np.lexsort((second[inside], first[inside]))]
    return first[order], second[order], lag[order]


def _libpysal() -> Any:
    """Return libpysal's weights, or say how to install them."""
    try:
        return importlib.import_module("libpysal.weights")
    except ImportError:
        msg = "libpysal is not installed. Its extra: pip install 'variogeo[pysal]' (in a checkout '.[pysal]')."
        raise ImportError(msg) from None
